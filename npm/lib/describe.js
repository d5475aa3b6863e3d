'use strict';
// A value as the inspector protocol's RemoteObject, as V8 itself would describe it, without its id.

const safe = require('./safe');
const { types } = safe;

const FUNCTION_TEXT = 200;      // a description, not a listing: sources are in Scripts
const ERROR_TEXT = 16 * 1024;

function cut(text, limit) {
  return text.length > limit ? text.slice(0, limit) : text;
}

function number(value) {
  if (Object.is(value, -0)) return { type: 'number', unserializableValue: '-0', description: '-0' };
  if (!Number.isFinite(value)) return { type: 'number', unserializableValue: String(value), description: String(value) };
  return { type: 'number', value, description: String(value) };
}

function primitive(value, mask, limit) {
  switch (typeof value) {
    case 'undefined': return { type: 'undefined' };
    case 'boolean': return { type: 'boolean', value };
    case 'number': return number(value);
    case 'bigint': {
      const text = cut(`${value}n`, limit);
      return { type: 'bigint', unserializableValue: text, description: text };
    }
    case 'symbol': return { type: 'symbol', description: cut(safe.symbolText(value), limit) };
    case 'string': {
      const remote = { type: 'string', value: mask.text(cut(value, limit)) };
      if (value.length > limit) remote.truncated = { length: value.length };
      return remote;
    }
    default: return { type: 'object', subtype: 'null', value: null };
  }
}

function errorText(error) {
  const stack = safe.stackOf(error);
  if (stack) return stack;
  const message = safe.data(error, 'message');
  const name = safe.data(error, 'name');
  return [name, message].filter((part) => typeof part === 'string' && part !== '').join(': ') || 'Error';
}

// subtype and description of everything that is not a plain object
const KINDS = [
  [Array.isArray, (o, name) => ['array', `${name}(${o.length})`]],
  [types.isMap, (o, name) => ['map', `${name}(${safe.collection(o, 0).size})`]],
  [types.isSet, (o, name) => ['set', `${name}(${safe.collection(o, 0).size})`]],
  [safe.isError, (o) => ['error', errorText(o)]],
  [types.isDate, (o) => ['date', safe.dateText(o)]],
  [types.isRegExp, (o) => ['regexp', safe.regexpText(o)]],
  [types.isPromise, (o, name) => ['promise', name]],
  [types.isTypedArray, (o, name) => ['typedarray', `${name}(${safe.typedLength(o)})`]],
  [types.isArrayBuffer, (o, name) => ['arraybuffer', `${name}(${safe.bufferLength(o)})`]],
  [types.isDataView, (o, name) => ['dataview', `${name}(${safe.viewLength(o)})`]],
  [types.isWeakMap, (o, name) => ['weakmap', name]],
  [types.isWeakSet, (o, name) => ['weakset', name]],
  [types.isGeneratorObject, (o, name) => ['generator', name]],
  [types.isMapIterator, () => ['iterator', 'Map Iterator']],
  [types.isSetIterator, () => ['iterator', 'Set Iterator']],
];

function object(value, mask) {
  const className = safe.className(value);
  if (safe.isProxy(value)) {
    const description = typeof value === 'function' ? 'Proxy(Function)' : 'Proxy(Object)';
    return { type: typeof value, subtype: 'proxy', className, description };
  }
  if (typeof value === 'function') {
    return { type: 'function', className, description: mask.text(mask.source(cut(safe.functionText(value), FUNCTION_TEXT))) };
  }
  for (const [is, kind] of KINDS) {
    if (is(value)) {
      const [subtype, text] = kind(value, className);
      return { type: 'object', subtype, className, description: mask.text(cut(text, ERROR_TEXT)) };
    }
  }
  return { type: 'object', className, description: className };
}

module.exports = { primitive, object, number };
