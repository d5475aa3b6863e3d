'use strict';
// Compares `autopsy CORE --json -e objects` with V8's own heap snapshot of the same moment, name by name.
//   truth-check.js AUTOPSY CORE SNAPSHOT COUNTS [-v]
// Differences that are known and explained (docs/heap-truth.md) have a bound; everything else fails.

const { spawnSync } = require('child_process');
const fs = require('fs');

const [autopsy, core, snapshotFile, countsFile, verbose] = process.argv.slice(2);

function run(command) {
  const r = spawnSync(autopsy, [core, '--json', '-e', command], { encoding: 'utf8', maxBuffer: 1 << 30 });
  if (r.status > 1)
    throw new Error(`autopsy -e ${command}: ${r.status} ${r.stderr}`);
  return JSON.parse(r.stdout);
}

const snapshot = JSON.parse(fs.readFileSync(snapshotFile, 'utf8'));
const own = JSON.parse(fs.readFileSync(countsFile, 'utf8'));
const { node_fields: fields, node_types: [types] } = snapshot.snapshot.meta;
const [T, N, S] = ['type', 'name', 'self_size'].map((f) => fields.indexOf(f));

const theirs = { names: new Map(), kinds: new Map() };
const ours = { names: new Map(), kinds: new Map() };

function add(map, key, count, bytes) {
  const sum = map.get(key) || { count: 0, bytes: 0 };
  sum.count += count;
  sum.bytes += bytes;
  map.set(key, sum);
}

let total = 0;
for (let i = 0; i < snapshot.nodes.length; i += fields.length) {
  const type = types[snapshot.nodes[i + T]];
  const name = snapshot.strings[snapshot.nodes[i + N]];
  const bytes = snapshot.nodes[i + S];
  if (type === 'hidden' && name === 'private symbol')
    add(theirs.kinds, '(symbol)', 1, bytes);
  if (type === 'hidden' && name === 'system / JSProxy') {
    add(theirs.names, 'Proxy', 1, bytes);
    add(theirs.kinds, '(all objects)', 1, bytes);
  }
  if (type === 'synthetic' || type === 'native' || type === 'code' || type === 'object shape' || type === 'hidden' || type === 'array')
    continue;
  if (type === 'object' && name === 'system / Context') {
    add(theirs.kinds, name, 1, bytes);
  } else if (type === 'object') {
    add(theirs.names, name, 1, bytes);
    add(theirs.kinds, '(all objects)', 1, bytes);
  } else if (type === 'regexp') {
    add(theirs.names, 'RegExp', 1, bytes);
    add(theirs.kinds, '(all objects)', 1, bytes);
  } else {
    add(theirs.kinds, `(${type})`, 1, bytes);
  }
  total++;
}

const objects = run('objects').data;
for (const g of objects.groups) {
  if (g.internal || g.constructor === '(array)')
    continue;
  if (g.constructor.startsWith('(') || g.constructor === 'system / Context') {
    add(ours.kinds, g.constructor, g.count, g.self_bytes);
  } else {
    add(ours.names, g.constructor, g.count, g.self_bytes);
    add(ours.kinds, '(all objects)', g.count, g.self_bytes);
  }
}

let bad = 0;
const rows = [];

// What is made between V8's snapshot and the core: see docs/heap-truth.md.
const SLACK = 3;

function compare(what, a, b, bytesToo, ignoreCount) {
  const x = a || { count: 0, bytes: 0 };
  const y = b || { count: 0, bytes: 0 };
  const allowed = what in own ? 0 : SLACK;
  const ok = (ignoreCount || Math.abs(x.count - y.count) <= allowed) &&
    (!bytesToo || x.count !== y.count || x.bytes === y.bytes);
  if (!ok)
    bad++;
  if (!ok || verbose || x.count !== y.count)
    rows.push(`${ok ? '    ' : 'FAIL'} ${what.padEnd(36)} ${String(x.count).padStart(7)} ${String(y.count).padStart(7)} ${String(x.bytes).padStart(9)} ${String(y.bytes).padStart(9)}`);
}

// Since 13.6 V8 counts the text of external strings with them, and nothing for what is read-only.
const version = String(run('info').data.node_version).replace(/^v/, '');
const major = Number(version.split('.')[0]);
for (const [kind, sum] of theirs.kinds)
  compare(kind, ours.kinds.get(kind), sum, major < 24 && kind !== '(all objects)');
// To V8 a prototype is an instance of what its own toStringTag or the next constructor says, to us an object of its own
// kind: what V8's names have more, these have.
const prototypeNames = ['Object', 'BaseObject', 'Function', 'global'];
let balance = 0;
for (const name of new Set([...theirs.names.keys(), ...ours.names.keys()])) {
  compare(name, ours.names.get(name), theirs.names.get(name), name in own, prototypeNames.includes(name));
  balance += (ours.names.get(name)?.count || 0) - (theirs.names.get(name)?.count || 0);
}
if (Math.abs(balance) > SLACK) {
  rows.push(`FAIL all names together: ${balance}`);
  bad++;
}
for (const [name, count] of Object.entries(own)) {
  // V8 9.4 lets a toStringTag win over the constructor.
  if (major === 16 && (name === 'MyMap' || name === 'MyPromise'))
    continue;
  const x = objects.groups.filter((g) => g.constructor === name && g.prototype_of === null).reduce((n, g) => n + g.count, 0);
  if (x !== count) {
    rows.push(`FAIL ${name}: ${x}, the program made ${count}`);
    bad++;
  }
}
// Dead objects are no part of that; -a adds them, in groups of their own.
function count(groups, name, live) {
  return groups.filter((g) => g.constructor === name && g.live === live && g.prototype_of === null).reduce((n, g) => n + g.count, 0);
}
const all = run('objects -a').data;
const [live, dead] = [true, false].map((l) => count(all.groups, 'Orphan', l));
if (objects.groups.some((g) => g.live !== true) || live > 1 || live + dead !== 1000) {
  rows.push(`FAIL of 1000 dead objects ${dead} are dead, ${live} alive`);
  bad++;
}
const sum = (groups, l) => groups.filter((g) => g.live === l).reduce((n, g) => n + g.count, 0);
if (sum(all.groups, true) !== objects.total.count || sum(all.groups, false) !== objects.dead.count) {
  rows.push(`FAIL with -a there are ${sum(all.groups, true)} live and ${sum(all.groups, false)} dead, without ${objects.total.count} and ${objects.dead.count}`);
  bad++;
}
const heap = run('heap').data;
if (!(heap.accounted_percent > 99.99)) {
  rows.push(`FAIL accounted ${heap.accounted_percent} %`);
  bad++;
}
// For table.sh, which puts the rows of all Nodes side by side.
const table = { 'JavaScript objects': '(all objects)', closures: '(closure)', contexts: 'system / Context', strings: '(string)',
  'concatenated strings': '(concatenated string)', 'sliced strings': '(sliced string)', numbers: '(number)', BigInts: '(bigint)', symbols: '(symbol)' };
for (const [title, kind] of Object.entries(table))
  console.log(`truth|${version}|${title}|${ours.kinds.get(kind)?.count || 0}/${theirs.kinds.get(kind)?.count || 0}`);
console.log(`truth|${version}|objects of ${Object.keys(own).length} classes|${Object.values(own).reduce((n, x) => n + x, 0)}`);
console.log(`truth|${version}|accounted|${heap.accounted_percent.toFixed(3)} %`);
console.log(`Node ${major}: ${theirs.names.size} names, ${total} nodes, accounted ${heap.accounted_percent} %`);
console.log(`     ${'NAME'.padEnd(36)} ${'OURS'.padStart(7)} ${'V8'.padStart(7)} ${'BYTES'.padStart(9)} ${'V8'.padStart(9)}`);
console.log(rows.join('\n'));
console.log(bad ? `${bad} differences` : 'ok');
process.exit(bad ? 1 : 0);
