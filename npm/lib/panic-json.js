'use strict';
// JSON.stringify for a panic: the same text for ordinary values, and something in place for each value that would have
// thrown: a BigInt, a getter or toJSON that throws, a cycle. Nothing of the program is written to.

const { types } = require('util');
const clock = require('./clock');
const safe = require('./safe');

const DEPTH = 3000;
const CIRCULAR = '<circular>';

const quote = JSON.stringify;

function problem(error) {
  let text = '';
  try { text = safe.isObject(error) ? safe.data(error, 'message') : String(error); } catch { /* hostile to the last */ }
  return quote(`<error: ${String(text).slice(0, 200)}>`);
}

class Writer {
  // limit: characters of output and milliseconds, past which values become "<truncated>": a few objects that share
  // others can be 2^60 long
  constructor(limit, milliseconds) {
    this.left = limit;
    this.deadline = clock.now() + milliseconds;
    this.steps = 0;
    this.path = new Set();
  }

  // JSON text, or undefined for what JSON leaves out (functions, undefined, symbols).
  text(holderKey, value) {
    if (this.left <= 0) return quote('<truncated>');
    try {
      return this.value(holderKey, value);
    } catch (error) {
      // also a stack overflow: costs the value that caused it
      return problem(error);
    }
  }

  scalar(text) {
    this.left -= text.length;
    if ((++this.steps & 1023) === 0 && clock.now() > this.deadline) this.left = 0;
    return text;
  }

  value(key, value) {
    if (safe.isObject(value) && typeof value.toJSON === 'function') value = value.toJSON(key);
    switch (typeof value) {
      case 'string': return this.scalar(quote(value.length > this.left ? `${value.slice(0, this.left)}<truncated>` : value));
      case 'number': case 'boolean': return this.scalar(quote(value));
      case 'bigint': return this.scalar(quote(`${value}n`));
      case 'object': return value === null ? this.scalar('null') : this.object(value);
      default: return undefined;
    }
  }

  object(value) {
    if (this.path.has(value)) return this.scalar(quote(CIRCULAR));
    if (this.path.size >= DEPTH) return this.scalar(quote('<too deep>'));
    this.path.add(value);
    try {
      if (types.isBoxedPrimitive(value)) return this.boxed(value);
      if (types.isMap(value)) return this.collection('Map', 'entries', value);
      if (types.isSet(value)) return this.collection('Set', 'values', value);
      if (types.isNativeError(value)) return this.error(value);
      return Array.isArray(value) ? this.list(value) : this.members(value, Object.keys(value), []);
    } finally {
      this.path.delete(value);
    }
  }

  boxed(value) {
    const inner = value.valueOf();
    return safe.isObject(inner) ? this.members(value, Object.keys(value), []) : this.value('', inner);
  }

  list(value) {
    const parts = [];
    for (let i = 0; i < value.length; i++) {
      if (this.left <= 0) { parts.push(quote(`<truncated: ${value.length - i} more>`)); break; }
      parts.push(this.read(value, i) || 'null');
    }
    this.left -= parts.length + 1;
    return `[${parts.join(',')}]`;
  }

  read(holder, key) {
    let value;
    try { value = holder[key]; } catch (error) { return this.scalar(problem(error)); }
    return this.text(String(key), value);
  }

  members(holder, keys, parts) {
    for (const key of keys) {
      if (this.left <= 0) { parts.push(`"<truncated>":true`); break; }
      const text = this.read(holder, key);
      if (text !== undefined) { parts.push(`${quote(key)}:${text}`); this.left -= key.length + 4; }
    }
    return `{${parts.join(',')}}`;
  }

  // As a Buffer is shown: what it is, then what is in it.
  collection(type, name, value) {
    const { items } = safe.collection(value, Infinity);
    return `{"type":"${type}","${name}":${this.list(items)}}`;
  }

  error(value) {
    const parts = ['"type":"Error"'];
    const own = new Set(Object.keys(value));
    for (const key of ['name', 'message', 'stack', 'code', 'cause', 'errors']) {
      own.delete(key);
      const text = key in value ? this.read(value, key) : undefined;
      if (text !== undefined) parts.push(`${quote(key)}:${text}`);
    }
    own.delete('type');
    return this.members(value, [...own], parts);
  }
}

module.exports = { Writer };
