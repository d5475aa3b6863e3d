'use strict';
// What belongs to Node and not to the program: walking it would fill the file with `fs` and `Object.prototype`.

const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, isObject, isProxy } = require('./safe');

const Module = module.constructor;
const prototypes = new Set([Function.prototype]);
const globals = new Set(ownKeys(globalThis));

// By name and not all globals: merely looking at some of Node's loads what they stand for.
const LANGUAGE = ['Object', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'BigInt', 'Date', 'Promise', 'RegExp', 'Error',
  'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError', 'Map', 'Set',
  'WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'ArrayBuffer', 'SharedArrayBuffer', 'DataView', 'Int8Array',
  'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array',
  'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Buffer', 'URL', 'URLSearchParams'];
for (const name of LANGUAGE) if (typeof globalThis[name] === 'function') prototypes.add(globalThis[name].prototype);
for (const sample of [async () => {}, function* () {}, async function* () {}, [][Symbol.iterator](), new Map().entries(),
  new Set().values(), Uint8Array.prototype]) {
  for (let at = Object.getPrototypeOf(sample); at !== null; at = Object.getPrototypeOf(at)) prototypes.add(at);
}

// The prototypes of what a builtin module exports: one more set of objects every Node has.
function addPrototypes(exported) {
  for (const key of ownKeys(exported)) {
    const descriptor = getOwnPropertyDescriptor(exported, key);
    const value = descriptor && descriptor.value;
    if (typeof value !== 'function') continue;
    const prototype = getOwnPropertyDescriptor(value, 'prototype');
    if (prototype && isObject(prototype.value)) prototypes.add(prototype.value);
  }
}

// The exports of the builtin modules loaded so far, by name. Asking for one that is not loaded would load it, and some
// say so on stderr: hence the list, and the exceptions.
function modules() {
  const found = new Map([[process, 'process'], [Module._cache, 'require.cache'], [process.env, 'process.env']]);
  const loaded = new Set();
  for (const line of process.moduleLoadList || []) {
    const match = /^(?:NativeModule|Internal Module|Builtin) ([a-z_/0-9]+)$/.exec(line);
    if (match) loaded.add(match[1]);
  }
  for (const name of Module.builtinModules) {
    if (!loaded.has(name) || name.startsWith('_') || name === 'punycode' || name === 'sys') continue;
    try {
      const value = require(name);
      if (!isObject(value)) continue;
      found.set(value, name);
      addPrototypes(value);
    } catch { /* not for us */ }
  }
  return found;
}

const modulePrototype = Module.prototype;

// A loaded CommonJS module: every file's variables have one, and it leads to all the others.
const isModule = (object) => !isProxy(object) && getPrototypeOf(object) === modulePrototype;

// Node's own lazily made globals
const isNodeSymbol = (key) => typeof key === 'symbol' && /^(?:undici|nodejs)\b/.test(key.description || '');

module.exports = { prototypes, globals, modules, isModule, isNodeSymbol };
