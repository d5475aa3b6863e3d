'use strict';
// One object's own properties as the protocol's getProperties result, read through descriptors alone.

const safe = require('./safe');
const { prototypes, isNodeSymbol } = require('./builtins');
const describe = require('./describe');
const { types } = safe;

function shown(key) {
  return typeof key === 'symbol' ? safe.symbolText(key) : key;
}

function one(graph, key, descriptor, depth, hideUnder) {
  const name = shown(key);
  const property = {
    name, configurable: descriptor.configurable, enumerable: descriptor.enumerable, isOwn: true,
  };
  graph.bytes += 80 + name.length;
  if ('value' in descriptor) {
    property.value = graph.remote(descriptor.value, depth + 1, hideUnder || name);
    property.writable = descriptor.writable;
  } else {
    // undefined too: the protocol shows the missing half of a pair
    property.get = graph.remote(descriptor.get, depth + 2);
    property.set = graph.remote(descriptor.set, depth + 2);
  }
  if (typeof key === 'symbol') property.symbol = describe.primitive(key, graph.mask, graph.limits.string);
  return property;
}

const element = (value) => ({ value, writable: true, configurable: true, enumerable: true });

// Asking a large array or buffer for its keys would make a string for each: the first ones are read by index.
function indexed(graph, object, length, depth) {
  const limit = Math.min(length, graph.limits.properties);
  const isArray = Array.isArray(object);
  const result = [];
  let before;
  for (let i = 0; i < limit; i++) {
    const descriptor = isArray ? safe.getOwnPropertyDescriptor(object, String(i)) : element(object[i]);
    if (descriptor === undefined) continue;
    // ["authorization", "..."]: a list of names and values in turn, as raw headers are
    const hide = typeof before === 'string' && before.length < 64 && graph.mask.secretName(before) ? before : undefined;
    result.push(one(graph, String(i), descriptor, depth, hide));
    before = descriptor.value;
  }
  const last = { value: length, writable: isArray, configurable: false, enumerable: false };
  result.push(one(graph, 'length', last, depth));
  return { result, left: length - limit };
}

function named(graph, object, depth, skipIndices) {
  const result = [];
  let left = 0;
  for (const key of safe.ownKeys(object)) {
    if (skipIndices && typeof key === 'string' && (key === 'length' || /^\d+$/.test(key))) continue;
    if (result.length >= graph.limits.properties) { left++; continue; }
    const descriptor = safe.getOwnPropertyDescriptor(object, key);
    if (descriptor === undefined) continue;
    // An error's stack is text even where V8 made it an accessor.
    if (key === 'stack' && !('value' in descriptor) && safe.isNativeError(object)) {
      const text = safe.stackOf(object);
      if (text !== null) {
        result.push(one(graph, key, { value: text, writable: true, configurable: true, enumerable: false }, depth));
        continue;
      }
    }
    result.push(one(graph, key, descriptor, depth));
  }
  return { result, left };
}

function entries(graph, object, depth) {
  const { isMap, size, items } = safe.collection(object, graph.limits.properties);
  const list = items.map((item, i) => {
    const key = isMap ? item[0] : undefined;
    const value = isMap ? item[1] : item;
    const pair = [];
    if (isMap) pair.push(plain('key', graph.remote(key, depth + 1)));
    pair.push(plain('value', graph.remote(value, depth + 1, typeof key === 'string' ? key : undefined)));
    const text = isMap ? `{${brief(pair[0].value)} => ${brief(pair[1].value)}}` : brief(pair[0].value);
    const remote = { type: 'object', subtype: 'internal#entry', className: 'Object', description: text };
    graph.bytes += 200;
    return plain(String(i), graph.synthetic(remote, pair));
  });
  list.push(plain('length', { type: 'number', value: size, description: String(size) }, false));
  const array = { type: 'object', subtype: 'array', className: 'Array', description: `Array(${size})` };
  const value = graph.synthetic(array, list);
  if (size > items.length) graph.objects[value.objectId].truncated = { reason: 'size', left: size - items.length };
  return { name: '[[Entries]]', value };
}

function plain(name, value, enumerable = true) {
  return { name, value, writable: true, configurable: true, enumerable, isOwn: true };
}

function brief(remote) {
  const text = remote.type === 'string' ? `"${remote.value}"` : remote.description || String(remote.value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

// The global object is one entry; of Node's own globals only the program's additions are news.
function ofGlobal(graph, object, depth) {
  const result = [];
  let left = 0;
  for (const key of safe.ownKeys(object)) {
    if (graph.globals.has(key) || isNodeSymbol(key) || result.length >= graph.limits.properties) { left++; continue; }
    const descriptor = safe.getOwnPropertyDescriptor(object, key);
    if (descriptor !== undefined) result.push(one(graph, key, descriptor, depth));
  }
  return { result, left };
}

function own(graph, object, depth) {
  if (safe.isProxy(object)) return { result: [], left: 0 };
  if (object === globalThis) return ofGlobal(graph, object, depth);
  if (types.isTypedArray(object)) return indexed(graph, object, safe.typedLength(object), depth);
  if (!Array.isArray(object)) return named(graph, object, depth, false);
  const array = indexed(graph, object, object.length, depth);
  // Extra names on an array are found by its keys only, which a large one must not be asked for.
  if (object.length <= 1000) array.result.push(...named(graph, object, depth, true).result);
  return array;
}

function properties(graph, object, depth) {
  const { result, left } = own(graph, object, depth);
  const entry = { result };
  if (left > 0) entry.truncated = { reason: object === globalThis ? 'builtin' : 'size', left };
  const internal = [];
  if (!safe.isProxy(object)) {
    const prototype = safe.getPrototypeOf(object);
    if (prototype !== null) internal.push({ name: '[[Prototype]]', value: ofPrototype(graph, prototype, depth) });
    if (types.isMap(object) || types.isSet(object)) internal.push(entries(graph, object, depth));
  }
  if (internal.length > 0) entry.internalProperties = internal;
  return entry;
}

function ofPrototype(graph, prototype, depth) {
  if (!prototypes.has(prototype)) return graph.remote(prototype, depth + 1);
  const remote = describe.object(prototype, graph.mask);
  remote.truncated = 'builtin';
  graph.bytes += 100;
  return remote;
}

module.exports = { properties };
