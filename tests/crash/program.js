'use strict';
const fs = require('fs');
// Dies in bark(), and writes down before what a post-mortem must find. usage: program.js [text|reject]

const checks = [];
const note = (path, value) => checks.push({ path, type: value === null ? 'null' : typeof value, length: value && value.length,
  text: Object.is(value, -0) ? '-0' : typeof value === 'symbol' ? value.description : String(value) });

// Every primitive under a path, as the tool spells paths.
function walk(path, value, depth) {
  if (typeof value === 'function') return;
  if (value === null || typeof value !== 'object') { note(path, value); return; }
  if (depth === 0) return;
  for (const key of Object.keys(value)) walk(Array.isArray(value) ? `${path}[${key}]` : `${path}['${key}']`, value[key], depth - 1);
}

class Dog {
  #age = 3;
  constructor(name) { this.name = name; this.self = this; this.tags = ['a', , 3]; }
  get older() { return this.#age + 1; }
  bark(volume, label) {
    const flag = true, none = null, missing = undefined, big = 123456789012345678901n, nan = NaN, minus = -0, part = 3.25;
    const text = 'é\u0000 "q" \ud83d', long = 'x'.repeat(5000), sym = Symbol('mark');
    const list = [1, , 'three', { deep: { er: [1, { x: 2 }] } }];
    const map = new Map([['k', { v: 1 }], [this, 'dog']]), set = new Set([1, 'two']);
    const re = /a\/b/gi, promise = Promise.resolve(4), bytes = Buffer.from('hey');
    const fn = (a) => a + volume + list.length;
    const password = 'hunter2';
    const failure = make(process.argv[2]);
    const all = { volume, label, flag, none, missing, big, nan, minus, part, text, sym, list };
    for (const name of Object.keys(all)) walk(name, all[name], 4); // as deep as crash files go
    note('this.name', this.name);
    note('this.#age', this.#age);
    note('this.self.self.name', this.name);
    note('this.tags[2]', 3);
    const lines = fs.readFileSync(__filename, 'utf8').split('\n');
    fs.writeFileSync('truth.json', JSON.stringify({
      checks, stack: failure.stack, message: failure.message, long, throwLine: lines.findIndex((l) => l.includes('THROW' + ' HERE')) + 1,
      kinds: { map: 'map', set: 'set', re: 'regexp', promise: 'promise', bytes: 'buffer', fn: 'function', list: 'array', failure: 'error' },
    }));
    if (process.argv[2] === 'reject') { Promise.reject(failure); return [map, set, re, promise, bytes, fn, password]; }
    throw failure; // THROW HERE
  }
}

function make(kind) {
  if (kind === 'text') return 'only a text';
  const error = new TypeError('no air');
  Object.defineProperty(error, 'cause', { value: new RangeError('root'), enumerable: false, configurable: true });
  error.code = 'E_AIR';
  return error;
}

const counter = { n: 41 };
function outer(dog) {
  const kept = 'outer local';
  dog.bark(7, kept.toUpperCase());
  counter.n++;
}

if (globalThis.panicDbg) globalThis.panicDbg.set('counter', { n: 41, list: [1, 'two', null] });
outer(new Dog('Rex'));
