'use strict';
// Reading foreign objects without running the program's code: no getter, no proxy trap, no toString, no iterator of
// theirs. The builtins are taken at load, before the program can replace them.

const { types } = require('util');

const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, apply } = Reflect;
const { isProxy, isNativeError } = types;
const errorPrototype = Error.prototype;
const functionText = Function.prototype.toString;
const getter = (object, name) => getOwnPropertyDescriptor(object, name).get;
const mapSize = getter(Map.prototype, 'size');
const setSize = getter(Set.prototype, 'size');
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const mapNext = getPrototypeOf(new Map().entries()).next;
const setNext = getPrototypeOf(new Set().values()).next;
const typedArray = getPrototypeOf(Uint8Array.prototype);
const typedLength = getter(typedArray, 'length');
const typedTag = getter(typedArray, Symbol.toStringTag);
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength');
const viewLength = getter(DataView.prototype, 'byteLength');
const dateTime = Date.prototype.getTime;
const dateText = Date.prototype.toString;
const regexpSource = getter(RegExp.prototype, 'source');
const symbolText = Symbol.prototype.toString;
const FLAGS = [['hasIndices', 'd'], ['global', 'g'], ['ignoreCase', 'i'], ['multiline', 'm'], ['dotAll', 's'],
  ['unicode', 'u'], ['unicodeSets', 'v'], ['sticky', 'y']]
  .map(([name, letter]) => [getOwnPropertyDescriptor(RegExp.prototype, name), letter])
  .filter(([descriptor]) => descriptor !== undefined);

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

// The descriptor of a property wherever it is on the chain; stops at a proxy, whose traps are the program's code.
function find(object, name) {
  for (let at = object, steps = 0; at !== null && steps < 100; at = getPrototypeOf(at), steps++) {
    if (isProxy(at)) return undefined;
    const descriptor = getOwnPropertyDescriptor(at, name);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

// A data property's value; accessors give undefined.
function data(object, name) {
  const descriptor = find(object, name);
  return descriptor && 'value' in descriptor ? descriptor.value : undefined;
}

// An error, or what was made to look like one to instanceof (an error that came from a worker, in some Nodes).
function isError(value) {
  if (!isObject(value) || isProxy(value)) return false;
  if (isNativeError(value)) return true;
  for (let at = getPrototypeOf(value), steps = 0; at !== null && steps < 100; at = getPrototypeOf(at), steps++) {
    if (at === errorPrototype) return true;
    if (isProxy(at)) return false;
  }
  return false;
}

function functionName(value) {
  if (typeof value !== 'function' || isProxy(value)) return '';
  const name = getOwnPropertyDescriptor(value, 'name');
  return name && typeof name.value === 'string' ? name.value : '';
}

function className(object) {
  if (isProxy(object)) return typeof object === 'function' ? 'Function' : 'Object';
  if (typeof object === 'function') return 'Function';
  const name = functionName(data(object, 'constructor'));
  if (name) return name;
  if (Array.isArray(object)) return 'Array';
  return isNativeError(object) ? 'Error' : 'Object';
}

const isNative = (fn) => typeof fn === 'function' && /\{ \[native code\] \}$/.test(apply(functionText, fn, []));

// The text of an error's stack. Since V8 12 `stack` is an accessor with a native getter: that one is no foreign code
// (it may format the stack, which Node does itself when it prints the error).
function stackOf(error) {
  if (!isObject(error) || isProxy(error)) return null;
  const own = getOwnPropertyDescriptor(error, 'stack') || find(error, 'stack');
  if (own === undefined) return null;
  if ('value' in own) return typeof own.value === 'string' ? own.value : null;
  if (!isNativeError(error) || !isNative(own.get)) return null;
  const text = apply(own.get, error, []);
  return typeof text === 'string' ? text : null;
}

function regexpText(value) {
  let flags = '';
  for (const [descriptor, letter] of FLAGS) if (apply(descriptor.get, value, [])) flags += letter;
  return `/${apply(regexpSource, value, [])}/${flags}`;
}

// The first `limit` entries of a Map or values of a Set, and how many there are.
function collection(object, limit) {
  const isMap = types.isMap(object);
  const size = apply(isMap ? mapSize : setSize, object, []);
  const iterator = apply(isMap ? mapEntries : setValues, object, []);
  const items = [];
  while (items.length < limit) {
    const step = apply(isMap ? mapNext : setNext, iterator, []);
    if (step.done) break;
    items.push(step.value);
  }
  return { isMap, size, items };
}

module.exports = {
  ownKeys, getOwnPropertyDescriptor, getPrototypeOf, isProxy, isNativeError, isError, isObject, isNative, types,
  find, data, className, functionName, stackOf, regexpText, collection,
  functionText: (value) => apply(functionText, value, []),
  symbolText: (value) => apply(symbolText, value, []),
  typedLength: (value) => apply(typedLength, value, []),
  typedName: (value) => apply(typedTag, value, []),
  bufferLength: (value) => apply(bufferLength, value, []),
  viewLength: (value) => apply(viewLength, value, []),
  dateText: (value) => (Number.isNaN(apply(dateTime, value, [])) ? 'Invalid Date' : apply(dateText, value, [])),
};
