'use strict';
// What `print --json` must say of a value, found out by reflection and by asking V8's own inspector inside the process.
// The vocabulary is docs/json/print.md; only keys that are a contract are here, so `preview` and addresses are not.

const inspector = require('inspector');
const { fileURLToPath } = require('url');
const { types } = require('util');

const ARRAY_LIMIT = 1024;
const TEXT_LIMIT = 1 << 20;
const SHORT_TEXT_LIMIT = 1024;
const BYTES_LIMIT = 4096;

const session = new inspector.Session();
session.connect();

function post(method, params) {
  let answer;
  session.post(method, params, (error, result) => {
    if (error)
      throw new Error(`${method}: ${error.message}`);
    answer = result;
  });
  return answer; // in the same thread the answer comes at once
}

// RemoteObject and internal properties ([[GeneratorLocation]] and so on).
function ask(value) {
  globalThis.__asked = value;
  const { result } = post('Runtime.evaluate', { expression: '__asked', objectGroup: 'truth' });
  delete globalThis.__asked;
  const internal = {};
  for (const p of post('Runtime.getProperties', { objectId: result.objectId, ownProperties: true }).internalProperties || [])
    internal[p.name] = p.value && (p.value.value !== undefined ? p.value.value : p.value);
  return { object: result, internal };
}

const scripts = new Map();

// Script names by id: a location from the inspector has an id only.
function collectScripts() {
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
  post('Debugger.enable', {});
  post('Debugger.disable', {});
}

function place(location) {
  if (!scripts.size)
    collectScripts();
  let script = scripts.get(location.scriptId) || null;
  if (script && script.startsWith('file://') && !script.endsWith('.mjs'))
    script = fileURLToPath(script); // the inspector makes URLs of the names of CommonJS scripts
  return { script, line: location.lineNumber + 1, column: location.columnNumber + 1 };
}

function numberText(n) {
  return Object.is(n, -0) ? '-0' : String(n);
}

const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]());
const stringIterator = Object.getPrototypeOf(''[Symbol.iterator]());

const wasmTypes = typeof WebAssembly === 'object' ? {
  module: WebAssembly.Module, instance: WebAssembly.Instance, memory: WebAssembly.Memory, table: WebAssembly.Table,
  global: WebAssembly.Global,
} : {};

function wasmType(v) {
  return Object.keys(wasmTypes).find((k) => v instanceof wasmTypes[k]) || null;
}

function isBound(v) {
  return ask(v).internal['[[TargetFunction]]'] !== undefined;
}

// Methods refuse a receiver that is not of their class, whatever its tag says.
function accepts(method, v, ...args) {
  try {
    method.call(v, ...args);
    return true;
  } catch {
    return false;
  }
}

function typeOf(v) {
  if (v === null)
    return 'null';
  if (typeof v !== 'object' && typeof v !== 'function')
    return typeof v;
  if (types.isProxy(v))
    return 'proxy';
  if (typeof v === 'function') {
    if (isBound(v))
      return 'bound-function';
    return /^class\b/.test(Function.prototype.toString.call(v)) ? 'class' : 'function';
  }
  if (v === globalThis)
    return 'global';
  if (Array.isArray(v))
    return 'array';
  if (types.isModuleNamespaceObject(v))
    return 'module';
  if (types.isMap(v)) return 'map';
  if (types.isSet(v)) return 'set';
  if (types.isWeakMap(v)) return 'weakmap';
  if (types.isWeakSet(v)) return 'weakset';
  if (types.isPromise(v)) return 'promise';
  if (types.isDate(v)) return 'date';
  if (types.isRegExp(v)) return 'regexp';
  if (types.isNativeError(v)) return 'error';
  if (types.isGeneratorObject(v))
    return Object.prototype.toString.call(v) === '[object AsyncGenerator]' ? 'async-generator' : 'generator';
  if (types.isArgumentsObject(v)) return 'arguments';
  if (types.isBoxedPrimitive(v)) return 'boxed';
  if (Buffer.isBuffer(v)) return 'buffer';
  if (types.isTypedArray(v)) return 'typedarray';
  if (types.isDataView(v)) return 'dataview';
  if (types.isArrayBuffer(v)) return 'arraybuffer';
  if (types.isSharedArrayBuffer(v)) return 'sharedarraybuffer';
  if (types.isMapIterator(v) || types.isSetIterator(v)) return 'iterator';
  if (Object.getPrototypeOf(v) === arrayIterator || Object.getPrototypeOf(v) === stringIterator) return 'iterator';
  if (accepts(WeakRef.prototype.deref, v)) return 'weakref';
  if (accepts(FinalizationRegistry.prototype.unregister, v, {})) return 'finalization-registry';
  if (wasmType(v)) return 'wasm';
  if (/^\[object Intl\./.test(Object.prototype.toString.call(v))) return 'api';
  return 'object';
}

function isPrototype(v) {
  const d = Object.getOwnPropertyDescriptor(v, 'constructor');
  return d !== undefined && typeof d.value === 'function' && !isBound(d.value) && d.value.prototype === v;
}

function constructorOf(v) {
  if (isPrototype(v)) {
    const up = Object.getPrototypeOf(v);
    return up === null ? 'Object' : up.constructor.name;
  }
  return ask(v).object.className;
}

function text(v, limit) {
  switch (typeof v) {
  case 'number': return { text: numberText(v) };
  case 'string': return { text: v.slice(0, limit), length: v.length, truncated: v.length > limit };
  case 'symbol': return { text: v.description === undefined ? null : v.description };
  default: return { text: String(v) };
  }
}

function short(v) {
  const type = typeOf(v);
  if (v === null || (typeof v !== 'object' && typeof v !== 'function'))
    return { type, constructor: null, ...text(v, SHORT_TEXT_LIMIT) };
  return type === 'proxy' ? { type } : { type, constructor: constructorOf(v) };
}

function keyName(key) {
  if (typeof key === 'string')
    return key;
  return key.description === undefined ? 'Symbol()' : `Symbol(${key.description})`;
}

const indexKey = (key) => typeof key === 'string' && /^(0|[1-9]\d*)$/.test(key) && Number(key) < 2 ** 32 - 1;

// What V8 computes for some objects of the type and holds for others: `kind` may then be `native`, without a value.
const native = {
  array: ['length'], function: ['length', 'name', 'prototype', 'arguments', 'caller'],
  class: ['length', 'name', 'prototype'], 'bound-function': ['length', 'name'], error: ['stack'],
  boxed: ['length'], arguments: [Symbol.iterator], object: ['stack'],
};

function properties(v, type) {
  const computed = native[type] || [];
  const list = [];
  for (const key of Reflect.ownKeys(v)) {
    const d = Object.getOwnPropertyDescriptor(v, key);
    if (indexKey(key) && !(d.get || d.set))
      continue;
    const accessor = Boolean(d.get || d.set);
    list.push({
      name: keyName(key), symbol: typeof key === 'symbol', private: false, enumerable: d.enumerable,
      configurable: d.configurable, ...(computed.includes(key) && { computed: true }),
      ...(accessor ?
        { kind: 'accessor', value: null, getter: d.get ? short(d.get) : null, setter: d.set ? short(d.set) : null } :
        { writable: d.writable, value: short(d.value) }),
    });
  }
  return list;
}

function elements(v) {
  const list = [];
  for (const key of Reflect.ownKeys(v)) {
    if (!indexKey(key))
      break; // index keys come first
    const d = Object.getOwnPropertyDescriptor(v, key);
    list.push({ index: Number(key), value: d.get || d.set ? null : short(d.value) });
  }
  return list;
}

function integrity(v) {
  return Object.isFrozen(v) ? 'frozen' : Object.isSealed(v) ? 'sealed' : Object.isExtensible(v) ? 'extensible' :
    'non-extensible';
}

function hex(buffer, offset, length) {
  return length === 0 ? '' : Buffer.from(buffer, offset, Math.min(length, BYTES_LIMIT)).toString('hex');
}

function functionKind(v, source) {
  if (/\[native code\]/.test(source))
    return 'builtin';
  const name = Object.getPrototypeOf(v).constructor.name;
  const generator = /Generator/.test(name);
  const async = /Async/.test(name);
  if (!generator && /^(async\s*)?(\([^)]*\)|\w+)\s*=>/.test(source))
    return async ? 'async-arrow' : 'arrow';
  const method = !/^(async\s+)?function\b/.test(source);
  const kind = `${async ? 'async' : ''}${generator ? `${async ? '-' : ''}generator` : ''}`;
  if (method && /^(static\s+)?[gs]et\s/.test(source))
    return source.replace(/^static\s+/, '').startsWith('get') ? 'getter' : 'setter';
  if (method)
    return kind ? `${kind}-method` : 'method';
  return kind || 'normal';
}

// What only some types have.
const more = {
  function(v) {
    const source = Function.prototype.toString.call(v);
    const where = ask(v).internal['[[FunctionLocation]]'];
    const kind = functionKind(v, source);
    const own = Object.getOwnPropertyDescriptor(v, 'name');
    return {
      function_kind: kind, ...(own && typeof own.value === 'string' ? { name: v.name } : {}),
      ...(kind === 'builtin' ? { text: null } : { text: source, script: place(where.value || where).script,
                                                  line: place(where.value || where).line,
                                                  column: place(where.value || where).column }),
    };
  },
  class(v) {
    return { function_kind: 'class-constructor', text: Function.prototype.toString.call(v) };
  },
  error: (v) => ({
    name: v.name, message: v.message, stack: v.stack, cause: Object.hasOwn(v, 'cause') ? short(v.cause) : null,
  }),
  date: (v) => ({ ms: numberText(v.getTime()), text: isNaN(v) ? 'Invalid Date' : v.toISOString() }),
  regexp: (v) => ({ source: v.source, flags: v.flags, last_index: short(v.lastIndex) }),
  map: (v) => ({ size: v.size, entries: [...v].map(([key, value]) => ({ key: short(key), value: short(value) })) }),
  set: (v) => ({ size: v.size, entries: [...v].map((value) => ({ key: null, value: short(value) })) }),
  weakref: (v) => ({ target: short(v.deref()) }),
  promise(v) {
    const { internal } = ask(v);
    const state = internal['[[PromiseState]]'];
    return { state };
  },
  generator(v) {
    const { internal } = ask(v);
    const location = internal['[[GeneratorLocation]]'];
    const state = internal['[[GeneratorState]]'];
    const at = location && (location.value || location);
    if (state === 'closed')
      return { state, script: null, line: null, column: null };
    return { state: state === 'suspended' ? undefined : state, ...(at && place(at)) };
  },
  boxed: (v) => ({ primitive: short(v.valueOf()) }),
  arraybuffer: (v) => ({
    byte_length: v.byteLength, max_byte_length: v.resizable ? v.maxByteLength : null,
    bytes_hex: hex(v, 0, v.byteLength),
  }),
  sharedarraybuffer: (v) => ({
    byte_length: v.byteLength, max_byte_length: v.growable ? v.maxByteLength : null, bytes_hex: hex(v, 0, v.byteLength),
  }),
  typedarray: (v) => ({
    array_type: v[Symbol.toStringTag], byte_length: v.byteLength, byte_offset: v.byteOffset, buffer: short(v.buffer),
  }),
  buffer: (v) => ({
    array_type: 'Uint8Array', byte_length: v.byteLength, byte_offset: v.byteOffset, buffer: short(v.buffer),
    bytes_hex: v.toString('hex', 0, BYTES_LIMIT), text: v.toString(), elements: [],
  }),
  dataview: (v) => ({ byte_length: v.byteLength, byte_offset: v.byteOffset, buffer: short(v.buffer) }),
  wasm: (v) => ({ wasm_type: wasmType(v) }),
};
more['async-generator'] = more.generator;

function full(v) {
  const type = typeOf(v);
  if (v === null || (typeof v !== 'object' && typeof v !== 'function'))
    return { type, constructor: null, ...text(v, TEXT_LIMIT) };
  if (type === 'proxy' || type === 'global' || type === 'api')
    return short(v);
  const list = type === 'buffer' ? [] : elements(v);
  const out = {
    ...short(v), properties: type === 'buffer' ? [] : properties(v, type), elements: list.slice(0, ARRAY_LIMIT),
    prototype: short(Object.getPrototypeOf(v)),
    prototype_of: isPrototype(v) ? v.constructor.name : null,
    truncated: list.length > ARRAY_LIMIT ||
      (['buffer', 'arraybuffer', 'sharedarraybuffer'].includes(type) && v.byteLength > BYTES_LIMIT),
  };
  if (['array', 'typedarray', 'buffer', 'arguments'].includes(type))
    out.length = v.length;
  if (['object', 'array', 'function', 'class', 'map', 'error'].includes(type))
    out.integrity = integrity(v);
  if (type === 'wasm' || type === 'iterator')
    delete out.properties;
  return more[type] ? { ...out, ...more[type](v) } : out;
}

function close() {
  post('Runtime.releaseObjectGroup', { objectGroup: 'truth' });
  session.disconnect();
}

module.exports = { short, full, close, numberText };
