'use strict';
// Compares handles and timers of a core with two threads, by thread.  workers-check.js AUTOPSY CORE TRUTH
const { execFileSync } = require('child_process');
const fs = require('fs');
const assert = require('assert');

const [autopsy, core, truthFile] = process.argv.slice(2);
const { threads } = JSON.parse(fs.readFileSync(truthFile, 'utf8'));
const data = (command) => JSON.parse(execFileSync(autopsy, [core, '--json', '-e', command], { encoding: 'utf8' })).data;
const { handles } = data('handles');
const { timers } = data('timers');

for (const t of threads) {
  const server = handles.find((h) => h.fd === t.fd);
  assert(server && server.state === 'listening', `the server with fd ${t.fd}`);
  const own = timers.filter((x) => x.tid === server.tid);
  assert.deepStrictEqual(own.map((x) => x.place.function).sort(), [...t.timers].sort());
  assert(own.every((x) => x.due_in_ms > 1000 && x.due_in_ms <= x.after_ms), JSON.stringify(own.map((x) => x.due_in_ms)));
}
assert.strictEqual(new Set(timers.map((t) => t.tid)).size, 2);
console.log('2 threads, each with its own handles and timers');
