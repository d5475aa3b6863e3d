'use strict';
// Leaks in every way that has a pattern of its own, until memory is out.
const { EventEmitter } = require('events');

class Session {
  constructor(n) {
    this.id = `s${n}`;
    this.user = { name: `user-${n}`, at: n + 0.5 };
    this.text = `the same text for everybody, made once more: ${'x'.repeat(60)}`.split('').join('');
  }
}

const sessions = new Map();
const bus = new EventEmitter().setMaxListeners(0);
const buffers = [];
const never = [];

if (process.argv[2]) require('v8').writeHeapSnapshot(process.argv[2]);
let n = 0;
setInterval(function traffic() {
  for (let i = 0; i < 2000; i++, n++) {
    const session = new Session(n);
    sessions.set(session.id, session);
    if (n % 10 === 0)
      bus.on('change', () => session.id);
    if (n % 20 === 0)
      setTimeout(() => session, 1e8);
    if (n % 20 === 1)
      never.push((async () => { await new Promise(() => {}); return session; })());
  }
  buffers.push(Buffer.alloc(100000));
}, 1);
