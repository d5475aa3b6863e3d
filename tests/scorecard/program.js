'use strict';
// One program for all rows of the scorecard: it plants values, writes what it planted, warms three functions up until they are
// optimised and inlined, and dies below them. argv: FILE for its truth. The objects are found again through `Scorecard`.
const fs = require('fs');
const path = require('path');
const v8 = require('v8');
const net = require('net');

const holder = new (class Scorecard {})();

// ---- values of every kind (mdb_v8's own test programs have the same ones) ----
class Menagerie {
  constructor() {
    this.a_seqstring = 'my_seqstring';
    this.a_number = 3;
    this.a_float = 4.7;
    this.a_nan = NaN;
    this.a_regexp = /animals/;
    this.a_date = new Date(Date.UTC(2010, 6, 16, 16, 46, 40));
    this.a_true = true;
    this.a_false = false;
    this.a_null = null;
    this.an_undefined = undefined;
    this.an_object = { inner: 'thing' };
    this.an_array = ['x', 7];
    this.a_function = function noise() {};
  }
}
holder.menagerie = new Menagerie();

class Zoo {
  constructor(n, drop) {
    for (let i = 0; i < n; i++)
      this[`prop_${String(i).padStart(2, '0')}`] = i % 3 === 0 ? i : i % 3 === 1 ? i + 0.5 : `value_${i}`;
    for (let i = 0; i < n && drop; i += 7)
      delete this[`prop_${String(i).padStart(2, '0')}`];
  }
}
holder.zoo = new Zoo(37, false);
holder.dropped = new Zoo(128, true);
holder.numeric = { 5: 'five', 100000: 'far', name: 'numeric keys' };

holder.arrays = {};
for (const n of [0, 1, 3, 1023, 1024, 1025, 4096, 100000])
  holder.arrays[`length_${n}`] = Array.from({ length: n }, (_, i) => `element ${i % 100}`);
holder.arrays.holes = [1, , 3];
holder.arrays.slice = [0, 1, 2, 3, 4, 5].slice(2, 5);
holder.arrays.doubles = [0.5, 1.5, 2.5];

class Private { #secret = 'kept'; has() { return this.#secret; } }
class Base { constructor() { this.kind = 'base'; } }
holder.modern = {
  map: new Map([['key', 'value']]),
  set: new Set(['member']),
  resolved: Promise.resolve('done'),
  pending: new Promise(() => {}),
  [Symbol('symbolic')]: 'under a symbol',
  bigint: 2n ** 70n,
  get getter() { return 1; },
  private: new Private(),
  proxy: new Proxy({ target: 'behind' }, {}),
  error: new RangeError('an error with a stack'),
  external: fs.readFileSync(__filename, 'latin1').slice(0, 40),
  weak: new WeakRef(holder.menagerie),
};
holder.base = new Base();
holder.plain = { plain: true };
holder.buffer = Buffer.from('xxHelloWorld');
holder.slice = holder.buffer.subarray(2, 7);

// ---- functions ----
function named() { return 'named'; }
holder.named = named;
holder.anonymous = [function () { return 'anonymous'; }][0];
holder.bound = named.bind(holder.plain, 'one', 2, holder.base, null);
function makeCounter(step) {
  let count = 41;
  return function counter() { count += step; return count; };
}
holder.counter = makeCounter(1);
holder.counter();
function outerLevel(outerValue) {
  return function middle(middleValue) {
    return function innermost() { return outerValue + middleValue; };
  };
}
holder.twoLevels = outerLevel('from outside')('from the middle');
holder.three = [1, 2, 3].map((n) => function threeOfAKind() { return n; });

// ---- many of one kind, and who holds whom ----
class Leaky { constructor(i) { this.count = i; this.myproperty = 'Hello World'; this.foo = holder.target || null; } }
class Target { constructor() { this.planted = true; } }
class Referrer {}
holder.target = new Target();
holder.leaky = [];
for (let i = 0; i < 1000; i++)
  holder.leaky.push(new Leaky(i));
holder.leaky.length = 1000;
const planted = (name) => ({ planted: name });
const targets = {};
for (const name of ['object', 'array', 'closure', 'bound', 'map', 'set', 'cycle'])
  targets[name] = planted(name);
holder.targets = targets;
holder.referrers = {
  object: Object.assign(new Referrer(), { foo: targets.object }),
  array: [0, 0, 0, targets.array],
  closure: ((captured) => function capturing() { return captured; })(targets.closure),
  bound: named.bind(null, targets.bound),
  map: new Map([['entry', targets.map]]),
  set: new Set([targets.set]),
};
targets.cycle.self = targets.cycle;
const half = 'the first half of a string that is long enough, ';
holder.strings = { half, long: 'a rather long text of which a part will be cut out and kept'.split('').join('') };
holder.strings.cons = half + String(process.argv.length).padStart(40, 'and the second half ');
holder.strings.sliced = holder.strings.long.slice(2, 40);
holder.strings.escapes = 'tab\there "quoted" \\ back\nline\u00e9';
holder.strings.pattern = 'a pattern [a-z]+ kept';
holder.regexp = new RegExp(holder.strings.pattern);
holder.handle = net.createServer(() => {});
holder.handle.listen(0, '127.0.0.1');
holder.nobody = 0x5ca1ab1e;

// ---- the stack: c <- b <- a, below three functions that were optimised ----
function hotInner(x, next) { return next(x) + 1; }
function hotMiddle(x, next) { return hotInner(x, next) + 1; }
function hotOuter(x, next) { return hotMiddle(x, next) + 1; }

function c(arg, text) {
  const error = new Error('where');
  const snapshot = process.argv[3] ? v8.writeHeapSnapshot(process.argv[3]) : null;
  fs.writeFileSync(process.argv[2], JSON.stringify({
    pid: process.pid, argv: process.argv, version: process.version, v8: process.versions.v8,
    stack: error.stack.split('\n').slice(1).map((l) => /at (?:new )?([^ ]+) \(/.exec(l)).filter(Boolean).map((m) => m[1]),
    snapshot, file: __filename, lines: fs.readFileSync(__filename, 'utf8').split('\n'),
    arrays: Object.fromEntries(Object.entries(holder.arrays).map(([k, v]) => [k, v.length])),
    dropped: Object.entries(holder.dropped), zoo: Object.entries(holder.zoo),
  }));
  process.abort(arg, text);
}
function b(arg1, text) { return c(arg1, text); }
function a(arg) { return b({ handed: arg }, 'the argument of b'); }

// The call at the bottom sees so many functions that death, one more, is nothing new to the optimised code.
const nexts = [(x) => x, (x) => x + 1, (x) => x + 2, (x) => x + 3, (x) => x + 4, (x) => x + 5, (x) => x + 6, (x) => x + 7];
let sum = 0;
for (let i = 0; i < 1e6; i++)
  sum += hotOuter(i & 7, nexts[i & 7]);
setTimeout(function timer() {
  hotOuter(sum, (x) => a(x));
}, 20);
