'use strict';
// Everything that a heap can hold, by names on one object, and V8's own snapshot of it; then death.
//   truth.js SNAPSHOT_FILE [garbage]
// Written for every Node from 16 on. With `garbage` half of the heap is dead when the process dies.

const v8 = require('v8');

class Session {
  constructor(n) {
    this.id = n;
    this.user = { name: `user ${n}`, roles: ['a', n] };
    this.socket = n % 2 ? null : Buffer.alloc(16, n);
  }
}
class Base { #secret = 1; base = { x: 1 }; get secret() { return this.#secret; } }
class Derived extends Base { static made = new Set(); constructor(n) { super(); this.own = [n]; Derived.made.add(this); } }
function Legacy(x) { this.x = x; this.self = this; }
Legacy.prototype.method = function method() { return this.x; };
const sessions = new Map();
for (let i = 0; i < 500; i++)
  sessions.set(`session ${i}`, new Session(i));
let list = null;
for (let i = 0; i < 300; i++)
  list = { next: list, value: { i } };
const weakKey = {}, weak = new WeakMap([[weakKey, { kept: new Array(20).fill({ a: 1 }) }]]);
const text = 'a text that is long enough to be cut out of and joined '.repeat(5);
const secret = Symbol('secret');
function makeCounter() { let count = { n: 0 }; const big = new Array(50).fill('big'); return function counter() { count.n++; return big; }; }
function* numbers() { const local = { deep: [1, 2, 3] }; yield local; yield 2; }
const generator = numbers();
generator.next();
async function wait() { const mine = { waiting: true }; await new Promise(() => {}); return mine; }
const shared = { shared: true };
const deleted = {};
for (let i = 0; i < 40; i++) deleted[`key ${i}`] = { i };
delete deleted['key 7'];
const frozen = Object.freeze({ list: Object.freeze([{ f: 1 }, { f: 2 }]) });
const sparse = [];
sparse[5] = { five: 5 }; sparse[100000] = { far: 1 };
const accessor = { get computed() { return shared; }, set computed(v) {}, [secret]: { hidden: 1 } };
const proto = Object.create({ inherited: { p: 1 } }, { own: { value: { o: 1 }, enumerable: false } });
const error = new TypeError('told');
error.detail = { why: [1, 2] };

const held = (globalThis.held = {
  sessions, list, weak, weakKey, shared, twice: [shared, shared], deleted, frozen, sparse, accessor, proto, error,
  derived: new Derived(1), legacy: new Legacy({ l: 1 }), counter: makeCounter(), generator, promise: wait(),
  settled: Promise.resolve({ done: [1] }), chained: new Promise(() => {}).then(() => held.list), set: new Set([{ s: 1 }, 'two', 3]),
  weakSet: new WeakSet([shared]), ref: new WeakRef(shared), registry: new FinalizationRegistry(() => {}), buffer: Buffer.alloc(100000, 1),
  small: Buffer.from('small'), array: new ArrayBuffer(5000), view: new DataView(new ArrayBuffer(64)), floats: new Float64Array(100),
  doubles: [1.5, 2.5, 3.5], mixed: [1, 1.5, 'x', { m: 1 }], holes: [, { h: 1 }, , 4], date: new Date(0), regexp: /a(b)c/g, bigint: 1n << 100n,
  symbol: secret, cut: text.slice(3, 60), joined: text + Math.random(), flat: text, wide: 'wide \u20ac'.repeat(9), bound: makeCounter.bind(shared, { b: 1 }, 2),
  arrow: () => shared, boxed: Object(5), boxedText: Object('boxed'), proxy: new Proxy({ target: 1 }, { get: () => 1 }), nul: null,
  nested: { a: { b: { c: { d: [[[{ e: 1 }]]] } } } }, args: (function () { return arguments; })({ arg: 1 }, 2), json: JSON.parse('{"a":{"b":[1,{"c":2}]}}'),
  module: require('path'), events: new (require('events'))().on('x', function handler() { return list; }), url: new URL('http://host/path?q=1'),
  iterator: sessions.values(), map: new Map([[{ k: 1 }, { v: 1 }]]), timer: setInterval(() => held, 1e6),
});
held.registry.register(shared, held.list, weakKey);
held.names = Object.keys(held);

v8.writeHeapSnapshot(process.argv[2]);
// Dead at once, and more than lives; nothing is collected any more before the end.
function waste() {
  for (let round = 0; round < 40; round++) {
    const dead = [];
    for (let i = 0; i < 600; i++) dead.push({ dead: [i], text: `dead ${i}` });
  }
}
if (process.argv[3] === 'garbage')
  waste();
process.abort();
