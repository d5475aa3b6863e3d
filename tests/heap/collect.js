'use strict';
// Keeps the collector busy until it is stopped: survivors of every age, an old space full of holes that is worth
// compacting, strings, maps and closures among them. With an argument the same goes on in that many workers.
// With a second argument the main thread dies after so many rounds.
//   collect.js [WORKERS [ROUNDS]]

const v8 = require('v8');
const { Worker, isMainThread, workerData } = require('worker_threads');

// V8 renamed it; what it does not know it only says.
for (const flag of ['--always-compact', '--compact-on-every-full-gc'])
  v8.setFlagsFromString(flag);
v8.setFlagsFromString('--expose-gc');
const gc = require('vm').runInNewContext('gc');

class Entry {
  constructor(i) {
    this.i = i;
    this.text = `entry ${i}`;
    this.list = [i, { i }];
    this.f = () => i;
  }
}

class Kept extends Array {}
const kept = (globalThis.kept = new Kept());
const map = (globalThis.map = new Map());

function round(r) {
  for (let i = 0; i < 20000; i++) {
    const e = new Entry(i);
    kept[(r * 7919 + i * 31) % 60000] = e; // old array, young objects
    if (i % 16 === 0)
      map.set(`key ${i}`, e);
    if (i % 5 === 0)
      e.more = new Float64Array(i % 64);
  }
}

if (isMainThread) {
  for (let i = 0; i < Number(process.argv[2] || 0); i++)
    new Worker(__filename, { workerData: i });
}
for (let r = 0; ; r++) {
  if (isMainThread && process.argv[3] && r >= Number(process.argv[3]))
    process.abort();
  round(r);
  if (r % 8 === 7)
    gc();
}
