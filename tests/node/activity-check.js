'use strict';
// Compares handles, requests, timers and promises of a core with what the program wrote.  activity-check.js AUTOPSY CORE TRUTH LABEL [-v]
const { spawnSync } = require('child_process');
const fs = require('fs');

const [autopsy, core, truthFile, label, verbose] = process.argv.slice(2);
const truth = JSON.parse(fs.readFileSync(truthFile, 'utf8'));
const stripped = label === 'debian';
let passed = 0, failed = 0;

function run(...args) {
  const r = spawnSync(autopsy, [core, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (r.status !== 0)
    throw new Error(`autopsy ${args.join(' ')}: ${r.status} ${r.stderr}`);
  return r.stdout;
}
const data = (command) => JSON.parse(run('--json', '-e', command)).data;

function equal(name, got, want) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a === b) {
    passed++;
    if (verbose)
      console.log(`ok    ${name}`);
  } else {
    failed++;
    console.log(`FAIL  ${name}: ${a} instead of ${b}`);
  }
}

const count = (list, key) => {
  const sums = {};
  for (const item of list)
    sums[key(item)] = (sums[key(item)] || 0) + 1;
  return Object.fromEntries(Object.entries(sums).sort());
};

// ---- handles ----
const { handles, total } = data('handles');
const referenced = handles.filter((h) => h.referenced);
equal('referenced handles', total.referenced, truth.all.referenced);
equal('in the order of process._getActiveHandles()', referenced.map((h) => h.owner.constructor), truth.handles.map((h) => h.owner));
referenced.forEach((h, i) => {
  const t = truth.handles[i] || {};
  equal(`handle ${i} ${t.owner}: object`, h.object.constructor, t.object);
  if ('fd' in t)
    equal(`handle ${i} ${t.owner}: fd`, h.fd, t.fd);
  if (t.state)
    equal(`handle ${i} ${t.owner}: state`, h.state, t.state);
  if (t.path)
    equal(`handle ${i} ${t.owner}: path`, h.path, t.path);
  if (t.local)
    equal(`handle ${i} ${t.owner}: local address`, h.local && h.local.address, t.local);
});
const byFd = (fd) => handles.find((h) => h.fd === fd) || {};
const { fds, endpoints: e } = truth.all;
equal('accepted socket: local', byFd(fds.accepted).local, { address: e.local, port: e.localPort });
equal('accepted socket: remote', byFd(fds.accepted).remote, { address: e.remote, port: e.remotePort });
equal('client socket: nobody asked', byFd(fds.client).remote, null);
equal('client socket: bytes not yet sent', byFd(fds.client).queued_bytes, truth.all.queued);
equal('there are some', truth.all.queued > 0, true);
equal("unref'd server", [byFd(fds.hidden).referenced, byFd(fds.hidden).state, byFd(fds.hidden).active], [false, 'listening', true]);
const child = handles.find((h) => h.kind === 'process') || {};
equal('child', [child.pid, child.command, child.owner?.constructor], [truth.all.child.pid, 'sleep', 'ChildProcess']);
equal('watched directory', handles.filter((h) => h.kind === 'fs_event').map((h) => h.path), [truth.all.dir]);
equal('watched file', handles.filter((h) => h.kind === 'fs_poll').map((h) => h.path), [truth.all.watched]);
equal('signal', handles.filter((h) => h.kind === 'signal').map((h) => h.signal), [truth.all.signal]);
equal('udp socket', byFd(fds.udp).kind, 'udp');
// A stripped library exports the tables of some classes only.
const named = handles.filter((h) => h.class !== null);
equal('classes', named.every((h) => /^node::/.test(h.class)) && named.length >= (stripped ? 1 : handles.length), true);

// ---- requests ----
const { requests } = data('requests');
equal('requests by owner', count(requests, (r) => r.owner.constructor), count(truth.requests, (r) => r.owner));
equal('in the order of process._getActiveRequests()', requests.map((r) => r.owner.constructor), truth.requests.map((r) => r.owner));
const opens = requests.filter((r) => r.operation === 'open');
equal('six files are being opened', opens.map((r) => r.path.replace(/.*\//, '')), Array(6).fill('fifo'));
equal('their callback', count(opens, (r) => `${r.place.function} ${r.place.script === truth.script}`), { 'onOpened true': 6 });
const rename = requests.find((r) => r.operation === 'rename') || {};
equal('rename', [rename.path, rename.new_path, rename.place?.function],
  [`${truth.all.dir}/watched`, `${truth.all.dir}/renamed`, 'onRenamed']);
const read = requests.find((r) => r.operation === 'read') || {};
equal('read has a descriptor', [read.fd > 2, read.kind], [true, 'fs']);
equal('hosts looked up', requests.filter((r) => r.kind === 'getaddrinfo').map((r) => r.host), ['nowhere.invalid', 'localhost']);

// ---- timers ----
const { timers } = data('timers');
const own = timers.filter((t) => t.place?.script === truth.script);
for (const t of truth.timers) {
  const got = own.find((o) => o.place.line === t.line) || {};
  equal(`timer ${t.function || 'anonymous'}`,
    { kind: got.kind, function: got.place?.function, after_ms: got.after_ms, due_in_ms: got.due_in_ms, referenced: got.referenced },
    { kind: t.kind, function: t.function, after_ms: t.after_ms, due_in_ms: t.due_in_ms, referenced: t.referenced });
}
equal('no other timers of the program', own.length, truth.timers.length);
const dues = timers.filter((t) => t.due_in_ms !== null).map((t) => t.due_in_ms);
equal('the next one first', dues, [...dues].sort((a, b) => a - b));

// ---- all together, as Node names them ----
if (truth.resources) {
  const counted = timers.filter((t) => t.referenced && t.kind !== 'immediate').length;
  equal('timers that keep it alive', counted, truth.resources.filter((r) => r === 'Timeout').length);
  const rest = truth.resources.filter((r) => r !== 'Timeout' && r !== 'Immediate').length;
  equal('handles and requests that keep it alive', total.referenced + requests.length, rest);
}

// ---- promises ----
const { groups } = data('promises');
for (const p of truth.promises) {
  const got = groups.find((g) => g.kind === p.kind && g.place?.function === p.function) || {};
  equal(`promises of ${p.function}`, [got.count, got.place?.line, got.place?.script], [p.count, p.line, truth.script]);
}

// ---- the other dialects ----
const llnode = run('-e', 'v8 getactivehandles').trim().split('\n');
equal('llnode: title', llnode[0], `Active handles: ${truth.all.referenced}`);
equal('llnode: a line each', llnode.length - 2, truth.all.referenced);
equal('llnode: requests', run('-e', 'v8 getactiverequests').split('\n')[0], `Active requests: ${truth.requests.length}`);
equal('mdb: addresses', run('-e', '::jshandles').trim().split('\n').length, truth.all.referenced);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
