'use strict';
// Opens every kind of handle, request and timer, writes down what Node itself says of them, and dies in the same turn.
//   activity.js TRUTH DIR
const net = require('net');
const fs = require('fs');
const os = require('os');
const path = require('path');
const dgram = require('dgram');
const http = require('http');
const dns = require('dns');
const { spawn, execFileSync } = require('child_process');
const { internalBinding } = require('internal/test/binding');

const [, , truthFile, dir] = process.argv;
const truth = { handles: [], requests: [], timers: [], promises: [] };
const keep = []; // so that nothing is collected before the end
const file = (name) => path.join(dir, name);

function listen(server, ...args) {
  return new Promise((resolve) => server.listen(...args, () => resolve(server)));
}

// ---- promises that wait at known places ----
const never = new Promise(() => {});
async function query(id) {
  const row = { id };
  await never; // query waits here
  return row;
}
async function outer() {
  return (await query(-1)).id; // outer waits here
}

const lines = fs.readFileSync(__filename, 'utf8').split('\n');
const lineOf = (mark) => lines.findIndex((l) => l.includes(mark) && !l.includes('lineOf')) + 1;

// ---- timers ----
function planTimers() {
  const list = [];
  const add = (kind, t, name, line, after) => list.push({ kind, t, name, line, after });
  add('interval', setInterval(function everySecond() {}, 1000), 'everySecond', 0, 1000); // timer everySecond
  add('timeout', setTimeout(function namedTimer() {}, 12345), 'namedTimer', 0, 12345); // timer namedTimer
  add('timeout', setTimeout(() => {}, 12345), '', 0, 12345); // timer anonymous
  add('timeout', setTimeout(function longOne() {}, 7654321), 'longOne', 0, 7654321); // timer longOne
  const unrefd = setTimeout(function unrefd() {}, 5000); // timer unrefd
  unrefd.unref();
  add('timeout', unrefd, 'unrefd', 0, 5000);
  const cleared = setTimeout(function cleared() {}, 4000);
  clearTimeout(cleared);
  list[0].line = lineOf('timer everySecond');
  list[1].line = lineOf('timer namedTimer');
  list[2].line = lineOf('timer anonymous');
  list[3].line = lineOf('timer longOne');
  list[4].line = lineOf('timer unrefd');
  return list;
}

// The state of a dgram.Socket hides behind a symbol.
function handleOf(owner) {
  if (!(owner instanceof dgram.Socket))
    return owner._handle || owner;
  return Object.getOwnPropertySymbols(owner).map((s) => owner[s]).find((v) => v && v.handle).handle;
}

function describe(handle, owner) {
  const row = { object: handle.constructor.name, owner: owner.constructor.name };
  if (typeof handle.fd === 'number' && handle.fd >= 0)
    row.fd = handle.fd;
  if (owner instanceof net.Server) {
    row.state = 'listening';
    const a = owner.address();
    if (typeof a === 'string')
      row.path = a;
    else
      row.local = a.address;
  }
  if (owner instanceof net.Socket && handle.constructor.name !== 'TTY')
    row.state = owner.connecting ? 'connecting' : 'open';
  return row;
}

async function main() {
  const server = await listen(net.createServer((s) => keep.push(s)), 0, '127.0.0.1');
  const unix = await listen(net.createServer(), file('sock'));
  const web = await listen(http.createServer(() => {}), 0, '::1').catch(() => null);
  const hidden = await listen(net.createServer(), 0, '127.0.0.1');
  hidden.unref();
  const client = net.connect(server.address().port, '127.0.0.1');
  await new Promise((resolve) => client.on('connect', resolve));
  while (!keep.length)
    await new Promise(setImmediate);
  const accepted = keep[0];
  const endpoints = { local: accepted.localAddress, localPort: accepted.localPort, remote: accepted.remoteAddress, remotePort: accepted.remotePort };
  // More than a socket's buffers hold: the rest stays with libuv.
  client.write(Buffer.alloc(16 << 20));
  accepted.pause();
  const udp = dgram.createSocket('udp4');
  await new Promise((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const watcher = fs.watch(dir);
  fs.writeFileSync(file('watched'), 'x');
  fs.watchFile(file('watched'), { interval: 60000 }, () => {});
  process.on('SIGUSR2', () => {});
  const child = spawn('sleep', ['1000'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const { port1, port2 } = new MessageChannel();
  port1.on('message', () => {});
  keep.push(watcher, child, port1, port2, udp, web);
  process.on('exit', () => child.kill());

  // Four threads of the pool block in open() of a FIFO that nobody writes to; the rest waits behind them.
  execFileSync('mkfifo', [file('fifo')]);
  for (let i = 0; i < 6; i++)
    fs.open(file('fifo'), 'r', function onOpened() {}); // request opened
  fs.rename(file('watched'), file('renamed'), function onRenamed() {});
  fs.read(fs.openSync(truthFile, 'w+'), Buffer.alloc(10), 0, 10, 0, function onRead() {});
  dns.lookup('nowhere.invalid', () => {});
  dns.lookup('localhost', () => {});

  for (let i = 0; i < 25; i++)
    keep.push(query(i));
  keep.push(outer());
  never.then(function afterNever() {}); // chained here
  const timers = planTimers();
  let immediates = 0;

  setImmediate(function die() {
    setImmediate(function nextOne() {}); // timer nextOne
    immediates++;
    const handles = process._getActiveHandles();
    for (const owner of handles) {
      truth.handles.push(describe(handleOf(owner), owner));
    }
    truth.all = {
      referenced: handles.length,
      fds: { udp: handleOf(udp).fd, server: server._handle.fd, client: client._handle.fd, accepted: accepted._handle.fd, hidden: hidden._handle.fd },
      child: { pid: child.pid, command: 'sleep' },
      endpoints,
      dir,
      watched: file('watched'),
      unix: file('sock'),
      queued: client.writableLength > 0 ? client._handle.writeQueueSize : 0,
      signal: os.constants.signals.SIGUSR2,
    };
    for (const r of process._getActiveRequests())
      truth.requests.push({ owner: r.constructor.name });
    truth.resources = process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : null;
    truth.promises = [
      { kind: 'async-function', function: 'query', line: lineOf('// query waits here'), count: 26 },
      { kind: 'async-function', function: 'outer', line: lineOf('// outer waits here'), count: 1 },
    ];
    const now = internalBinding('timers').getLibuvNow();
    for (const { kind, t, name, line, after } of timers) {
      truth.timers.push({ kind, function: name, line, after_ms: after, due_in_ms: t._idleStart + t._idleTimeout - now, referenced: t.hasRef() });
    }
    truth.timers.push({ kind: 'immediate', function: 'nextOne', line: lineOf('// timer nextOne'), after_ms: null, due_in_ms: null, referenced: true });
    truth.script = __filename;
    fs.writeFileSync(truthFile, JSON.stringify(truth));
    child.kill('SIGKILL');
    process.abort();
  });
}

main();
