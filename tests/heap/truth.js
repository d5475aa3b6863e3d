'use strict';
// Sixty classes and every kind of heap object, V8's own heap snapshot of them, and death at once.
//   truth.js SNAPSHOT_FILE COUNTS_FILE
// Written for every Node from 16 on.

const fs = require('fs');
const v8 = require('v8');

const counts = {};
const kept = (globalThis.kept = []);

function keep(name, object) {
  counts[name] = (counts[name] || 0) + 1;
  kept.push(object);
  return object;
}

const classes = [];
for (let i = 0; i < 20; i++) {
  const base = eval(`(class Base${i} { constructor(n) { this.n = n; this.text = 'text ' + n; } method() { return this.n; } })`);
  const derived = eval(`(class Derived${i} extends base { constructor(n) { super(n); this.extra = { n }; } })`);
  const field = eval(`(class Field${i} { #secret = 1; list = [1, 2, 3]; constructor(n) { this['dynamic' + n % 3] = n; } get secret() { return this.#secret; } })`);
  classes.push(base, derived, field);
}
classes.forEach((c, i) => {
  for (let n = 0; n < 5 + i; n++)
    keep(c.name, new c(n));
});

function Legacy(x) {
  this.x = x;
}
for (let i = 0; i < 42; i++)
  keep('Legacy', new Legacy(i * 0.5));
class MyMap extends Map {}
class MyArray extends Array {}
class MyError extends Error {}
class MyPromise extends Promise {}
for (let i = 0; i < 11; i++) {
  keep('MyMap', new MyMap([[i, `value ${i}`]]));
  keep('MyArray', MyArray.of(i, i + 1));
  keep('MyError', new MyError(`error ${i}`));
  keep('MyPromise', new MyPromise(() => {}));
}
class Tagged {
  get [Symbol.toStringTag]() {
    return 'NotUsed';
  }
}
for (let i = 0; i < 7; i++)
  keep('Tagged', new Tagged());
// Objects that are hash tables, and without a constructor.
for (let i = 0; i < 13; i++) {
  const o = new (class Deleted { constructor() { for (let k = 0; k < 40; k++) this[`k${k}`] = k; } })();
  delete o.k3;
  keep('Deleted', o);
  kept.push(Object.assign(Object.create(null), { i }));
}
// Every other kind.
const text = 'a long enough text to be sliced and joined '.repeat(4);
for (let i = 0; i < 30; i++) {
  kept.push(
    new Map([[i, i], [{ i }, [i]]]), new Set([i, `${i}`]), new WeakMap([[kept, i]]), new WeakSet([kept]),
    new Date(i), new RegExp(`x${i}`), Symbol(`symbol ${i}`), BigInt(i) << 70n, i + 0.5, [i, i + 0.25], [i, , i],
    new Uint8Array(i), Buffer.from(`buffer ${i}`), new ArrayBuffer(64 * i), new DataView(new ArrayBuffer(8)),
    new Proxy({}, {}), Object(i), Object(`s${i}`), Object(Symbol('boxed')), function named() { return i; }, () => i,
    async () => i, function* () { yield i; }, (function* () { yield i; })(), Math.max.bind(null, i),
    Promise.resolve(i), new WeakRef(kept), text.slice(i, i + 60), text + i, `two byte € ${i}`, new Error(`e${i}`),
    new TypeError(`t${i}`), { [i]: i, 1000000: i }, Object.freeze({ i }), (function () { return arguments; })(i),
    new Function(`return ${i}`), new URL(`http://host/${i}`), new (require('events'))());
}
kept.push(fs.createReadStream('/dev/null', { autoClose: false }));

fs.writeFileSync(process.argv[3], JSON.stringify(counts));
class Orphan {
  constructor(i) {
    this.i = i;
    this.list = [i, i];
    this.closure = () => i;
  }
}
v8.writeHeapSnapshot(process.argv[2]);
// Dead, and too little for a collection: what V8's snapshot cannot know, and nobody may count.
(function () {
  for (let i = 0; i < 1000; i++)
    new Orphan(i);
})();
process.abort();
