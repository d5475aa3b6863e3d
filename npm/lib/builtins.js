'use strict';
// What belongs to Node and not to the program: walking it would fill the file with `fs` and `Object.prototype`.

const { ownKeys, getOwnPropertyDescriptor, isObject } = require('./safe');

const prototypes = new Set([Function.prototype]);
const globals = new Set(ownKeys(globalThis));

// At load, before the program adds its own: the prototypes of everything global, without running lazy getters.
for (const name of globals) {
  const descriptor = getOwnPropertyDescriptor(globalThis, name);
  const value = descriptor && descriptor.value;
  if (typeof value !== 'function') continue;
  const prototype = getOwnPropertyDescriptor(value, 'prototype');
  if (prototype && isObject(prototype.value)) prototypes.add(prototype.value);
}
for (const sample of [async () => {}, function* () {}, async function* () {}, [][Symbol.iterator](), new Map().entries(),
  new Set().values(), Uint8Array.prototype]) {
  for (let at = Object.getPrototypeOf(sample); at !== null; at = Object.getPrototypeOf(at)) prototypes.add(at);
}

// The exports of the builtin modules loaded so far, by name. Asking for one that is not loaded would load it, and some
// say so on stderr: hence the list, and the exceptions.
function modules() {
  const found = new Map();
  const loaded = new Set();
  for (const line of process.moduleLoadList || []) {
    const match = /^(?:NativeModule|Internal Module|Builtin) ([a-z_/0-9]+)$/.exec(line);
    if (match) loaded.add(match[1]);
  }
  for (const name of require('module').builtinModules) {
    if (!loaded.has(name) || name.startsWith('_') || name === 'punycode' || name === 'sys') continue;
    try {
      const value = require(name);
      if (isObject(value)) found.set(value, name);
    } catch { /* not for us */ }
  }
  return found;
}

module.exports = { prototypes, globals, modules };
