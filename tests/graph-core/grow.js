'use strict';
// One heap at two times, as each of which a process dies: grow.js 1|2 TRUTH_FILE [SNAPSHOT_OF_TIME_1]
// What time 2 has more and less goes to the truth file. Nothing of it is on the stack at the end.
const fs = require('fs');
const v8 = require('v8');

class Session { constructor(i) { this.id = `session ${i}`; this.data = [i, { name: `user ${i}` }]; } }
class Job { constructor(i) { this.name = `job number ${i}`; this.next = null; } }
class Connection { constructor(i) { this.host = `host-${i}.example`; this.chunk = new Uint8Array(200); } }

const sessions = new Map(), connections = new Map(), queue = [], history = [];
const state = { listeners: [], table: {} };
let head = null, later = null, log = [];

function early() {
  for (let i = 0; i < 5000; i++) sessions.set(`key ${i}`, new Session(i));
  for (let i = 0; i < 3000; i++) connections.set(i, new Connection(i));
  for (let i = 0; i < 2000; i++) queue.push(new Job(i));
  for (let i = 0; i < 500; i++) { const job = new Job(10000 + i); job.next = head; head = job; }
  for (let i = 0; i < 100; i++) state.table[`entry ${i}`] = { of: `number ${i}` };
  for (let i = 0; i < 1500; i++) history.push({ event: `event ${i}` });
}

function late() {
  // Grown, shrunk, moved on, grown at its head, new, gone, with other values.
  for (let i = 5000; i < 9000; i++) sessions.set(`key ${i}`, new Session(i));
  for (let i = 0; i < 1000; i++) connections.delete(i);
  for (let i = 0; i < 600; i++) { queue.shift(); queue.push(new Job(20000 + i)); }
  for (let i = 0; i < 200; i++) { const job = new Job(30000 + i); job.next = head; head = job; }
  later = new Map();
  for (let i = 0; i < 800; i++) later.set(i, new Session(100000 + i));
  for (let i = 0; i < 40; i++) state.listeners.push(function listener() { return i; });
  for (let i = 0; i < 10; i++) state.table[`entry ${i}`] = { of: `another number ${i}` };
  history.length = 0;
}
globalThis.all = () => [sessions, connections, queue, head, later, state, history, log];

setTimeout(() => {
  early();
  setTimeout(() => {
    if (process.argv[4]) v8.writeHeapSnapshot(process.argv[4]);
    setTimeout(() => {
      if (process.argv[2] === '2') late();
      // Objects move.
      for (let i = 0; i < 4; i++) globalThis.gc();
      fs.writeFileSync(process.argv[3], JSON.stringify({
        sessions: { change: 'grown', entries: 4000, entry_constructor: 'Session', gone_count: 0 },
        connections: { change: 'shrunk', entries: 1000, entry_constructor: 'Connection', new_count: 0 },
        queue: { entries: 600, entry_constructor: 'Job', path: '' },
        head: { change: 'new', constructor: 'Job' },
        later: { change: 'new', entries: 800, entry_constructor: 'Session', gone_count: 0 },
        'state.listeners': { change: 'grown', entries: 40, entry_constructor: '(closure)', gone_count: 0 },
        'state.table.entry 9': { new_count: 1, gone_count: 1, resized_bytes: 0 },
        history: { change: 'shrunk', entries: 1500, entry_constructor: 'Object', new_count: 0 },
      }));
      setTimeout(() => process.abort(), 10);
    }, 10);
  }, 10);
}, 10);
