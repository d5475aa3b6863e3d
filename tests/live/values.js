// One object that holds every kind of value, an argument of the function that dies: `dieWith(theValue)`.
// Each value is made twice by the same code: one copy goes into the object untouched, the other is looked at to find the
// truth, because looking changes values (it flattens strings, formats stacks).
// @flags
'use strict';
const path = require('path');
const { inherits, types } = require('util');
const { record, write } = require('./lib');
const describe = require('./describe');
const more = require('./values-more');

const theValue = {};
const truths = [];
let group;

// `make` gives the value; `facts` (a function of the copy, or an object) are added to what reflection finds.
function add(name, make, facts) {
  let held;
  let copy; // an array of two would turn 42 into a double
  for (let i = 0; i < 2; i++) {
    held = copy;
    copy = make();
  }
  theValue[group][name] = held;
  const expect = describe.full(copy);
  if (expect.type === 'buffer')
    expect.byte_offset = held.byteOffset; // each has its own place in the pool
  Object.assign(expect, typeof facts === 'function' ? facts(copy) : facts);
  truths.push({ path: `${group}.${name}`, expect });
}

function section(name) {
  group = name;
  theValue[name] = {};
}

const { short } = describe;
const field = (name, value) => ({
  name, symbol: false, private: true, value: short(value),
});

// ---- numbers ----
section('numbers');
for (const [name, n] of Object.entries({
  zero: 0, one: 1, minusOne: -1, smiMax: 2 ** 31 - 1, smiMin: -(2 ** 31), overSmi: 2 ** 31, minusZero: -0, nan: NaN,
  infinity: Infinity, minusInfinity: -Infinity, tenth: 0.1, sum: 0.1 + 0.2, big: 1e21, below: 999999999999999900000,
  small: 1e-7, tiny: 5e-324, huge: Number.MAX_VALUE, epsilon: Number.EPSILON, safe: Number.MAX_SAFE_INTEGER, third: 1 / 3,
  float: Math.fround(1.1), negative: -123.456,
})) add(name, () => n);
add('smi', () => 42, { representation: 'smi' });
add('heapNumber', () => 1.5, { representation: 'double' });
section('oddballs');
add('yes', () => true);
add('no', () => false);
add('nothing', () => undefined);
add('none', () => null);

// ---- bigint, symbol ----
section('bigints');
add('zero', () => 0n);
add('one', () => 1n);
add('minusOne', () => -1n);
add('word', () => 2n ** 64n - 1n);
add('overWord', () => 2n ** 64n);
add('minusOverWord', () => -(2n ** 64n) - 12345n);
add('large', () => 7n ** 1000n);
add('veryLarge', () => -(3n ** 20000n));
section('symbols');
const described = Symbol('described');
const bare = Symbol();
add('described', () => described);
add('bare', () => bare);
add('registered', () => Symbol.for('registered'));
add('wellKnown', () => Symbol.iterator);
add('twoByte', () => Symbol('σύμβολο'));

// ---- strings ----
section('strings');
let seed = 0;
const word = (s) => `${s}${seed % 1 === 0 ? '' : '!'}`; // not a constant to the compiler
add('empty', () => '');
add('char', () => 'x');
add('internalized', () => 'internalized');
add('latin1', () => 'caf\u00e9 \u00ff');
add('twoByte', () => 'ключ 鍵 \u{1f511}');
add('nul', () => 'a\0b\u0001\u001f\u007f');
add('quotes', () => '"\'`\\ \n\r\t\u2028\u2029</script>');
add('loneSurrogates', () => 'a\ud800b\udc00c\ud83d');
add('sequential', () => Buffer.from('sequential and made at run time').toString('latin1'));
add('cons', () => word('a left half that is long ') + word('and a right half'));
add('consTwoByte', () => word('a left half that is long ') + word('и правая половина'));
add('consDeep', () => {
  let s = 'start of a long rope ';
  for (let i = 0; i < 20000; i++)
    s += i % 10;
  return s;
});
add('consDeepRight', () => {
  let s = ' end of a long rope';
  for (let i = 0; i < 20000; i++)
    s = (i % 10) + s;
  return s;
});
add('sliced', () => Buffer.from('this text is the parent of a slice').toString('latin1').substring(5, 30));
add('slicedTwoByte', () => Buffer.from('этот текст будет разрезан', 'utf8').toString().substring(3, 20));
add('slicedOfCons', () => (word('a rope that is made flat ') + word('before it is cut')).slice(3, -3));
add('thin', () => {
  const s = word('a key that is put together ') + word('from two parts');
  const o = {};
  o[s] = 1; // s now points to the internalised string
  return s;
});
add('external', () => Buffer.alloc(1100000, 'external one byte ').toString('latin1'));
add('externalTwoByte', () => Buffer.alloc(2200000, Buffer.from('внешняя строка ', 'utf16le')).toString('utf16le'));
add('slicedOfExternal', () => Buffer.alloc(1100000, 'external one byte ').toString('latin1').substring(9, 60));
add('long', () => 'abcdefghij'.repeat(5000));

// ---- objects ----
section('objects');
add('empty', () => ({}));
add('plain', () => ({ a: 1, b: 'two', c: [3], d: { e: 4 }, f: null, g: undefined, h: true }));
add('doubles', () => ({ x: 0.5, y: -0, z: NaN, w: 1e300 }));
add('longText', () => ({ text: 'x'.repeat(2000) }));
add('oddKeys', () => ({ '': 1, 'a b': 2, 'é': 3, '-1': 4, '01': 5, 'Symbol(fake)': 6, '#fake': 7, '4294967295': 8 }));
add('indexKeys', () => ({ 0: 'zero', 7: 'seven', 4294967294: 'last', name: 'n' }));
add('symbolKeys', () => ({ [described]: 1, [bare]: 2, [Symbol.iterator]: null, described: 3 }));
add('outOfObject', () => {
  const o = {};
  for (let i = 0; i < 60; i++)
    o[`property${i}`] = i * 1.5;
  return o;
});
add('dictionary', () => {
  const o = { a: 1, b: 2, c: 3 };
  delete o.a;
  o.d = 'late';
  return o;
}, { mode: 'dictionary' });
add('dictionaryLarge', () => {
  const o = {};
  for (let i = 0; i < 1000; i++)
    o[`k${i}`] = i;
  for (let i = 0; i < 1000; i += 3)
    delete o[`k${i}`];
  return o;
}, { mode: 'dictionary' });
add('nullPrototype', () => Object.assign(Object.create(null), { a: 1 }));
add('nullPrototypeLiteral', () => ({ __proto__: null, a: 1 }));
add('frozen', () => Object.freeze({ a: 1, b: { c: 2 } }));
add('sealed', () => Object.seal({ a: 1 }));
add('nonExtensible', () => Object.preventExtensions({ a: 1 }));
add('frozenDictionary', () => {
  const o = { a: 1, b: 2 };
  delete o.a;
  return Object.freeze(o);
});
add('attributes', () => Object.defineProperties({}, {
  hidden: { value: 1, enumerable: false, writable: true, configurable: true },
  constant: { value: 2, enumerable: true, writable: false, configurable: true },
  fixed: { value: 3, enumerable: true, writable: true, configurable: false },
}));
add('accessors', () => ({
  get only() { return 1; },
  set sink(v) { throw new Error('called'); },
  get both() { throw new Error('called'); },
  set both(v) { throw new Error('called'); },
  get [described]() { return 2; },
}));
add('accessorElement', () => Object.defineProperty({ 1: 'one' }, 0, { get() { return 0; }, enumerable: true }));
add('cyclic', () => {
  const o = { name: 'self' };
  o.self = o;
  return o;
});
add('tagged', () => ({ [Symbol.toStringTag]: 'Tagged', a: 1 }));
add('changed', () => {
  const o = { a: 1, b: 2 };
  o.a = 'was a number';
  o.b = 2.5;
  return o;
});
add('global', () => globalThis);

// ---- classes and their instances ----
section('classes');
class Animal {
  #age = 3;
  #name;
  static count = 7;
  static #secret = 'hidden';
  constructor(name) { this.#name = name; this.legs = 4; }
  get age() { return this.#age; }
  #grow() { this.#age++; }
  speak() { this.#grow(); return `${this.#name} ${Animal.#secret}`; }
}
class Dog extends Animal {
  #age = 'a private field of the same name';
  constructor(name) { super(name); this.good = true; }
  own() { return this.#age; }
}
class Puppy extends Dog {}
function Old(x) { this.x = x; }
Old.prototype.method = function method() {};
function Older() { Old.call(this, 9); }
inherits(Older, Old);
const privates = (...list) => (v) => ({ privates: list.map(([name, value]) => field(name, value)), type: describe.full(v).type });
add('base', () => new Animal('Tom'), privates(['#age', 3], ['#name', 'Tom']));
add('derived', () => new Dog('Rex'), privates(['#age', 3], ['#name', 'Rex'], ['#age', 'a private field of the same name']));
add('derivedTwice', () => new Puppy('Pip'), privates(['#age', 3], ['#name', 'Pip'], ['#age', 'a private field of the same name']));
add('basePrototype', () => Animal.prototype);
add('derivedPrototype', () => Dog.prototype);
add('classItself', () => Animal, privates(['#secret', 'hidden']));
add('derivedClass', () => Dog);
add('emptyClass', () => Puppy);
add('oldStyle', () => new Old(5));
add('oldStyleDerived', () => new Older());
add('oldPrototype', () => Old.prototype);
add('anonymousClass', () => class { static a = 1; });
add('anonymousInstance', () => new (class { a = 1; })());
add('createdFromPrototype', () => Object.create(Dog.prototype));
add('createdFromInstance', () => Object.create({ a: 1 }, { b: { value: 2 } }));
add('extendsNull', () => class extends null { static here = 1; });
add('arraySubclass', () => new (class Stack extends Array {})(1, 2, 3));
add('mapSubclass', () => new (class Registry extends Map { extra = 1; })([['a', 1]]));
add('errorSubclass', () => new (class HttpError extends Error {
  constructor(m) { super(m); this.status = 404; }
})('not found'));

// ---- arrays ----
section('arrays');
add('empty', () => []);
add('smis', () => [1, 2, -3]);
add('doubles', () => [1.5, -0, NaN, Infinity, 3]);
add('mixed', () => [1, 'two', 3.5, null, undefined, true, {}, [1]]);
add('holes', () => [1, , 3, , ]);
add('doubleHoles', () => [1.5, , NaN, , 2.5]);
add('objectHoles', () => ['a', , {}, , ]);
add('sparse', () => {
  const a = [1, 2, 3];
  a[1000000] = 'far';
  return a;
});
add('shortened', () => {
  const a = [1, 2, 3, 4, 5];
  a.length = 2;
  return a;
});
add('preallocated', () => new Array(10));
add('maxLength', () => new Array(4294967295));
add('grown', () => {
  const a = [];
  for (let i = 0; i < 100; i++)
    a.push(i);
  return a;
});
add('long', () => Array.from({ length: 3000 }, (_, i) => i * 2));
add('longDoubles', () => Array.from({ length: 2000 }, (_, i) => i / 2));
add('named', () => Object.assign([1, 2], { extra: 'property', '-1': 'negative' }));
add('frozen', () => Object.freeze([1, 'two', 3.5]));
add('sealed', () => Object.seal([1, 'two']));
add('nonExtensible', () => Object.preventExtensions([1, 'two']));
add('nested', () => [[1, [2, [3, [4]]]]]);
add('accessorElement', () => Object.defineProperty([1, 2], 1, { get() { return 5; } }));
add('matchResult', () => /(?<first>b)(x)?/.exec('abc'));
add('literalCopy', () => [0.5, 1.5]);

// ---- functions ----
section('functions');
const holder = {
  method(a, b) { return a + b; },
  async asyncMethod() {},
  * generatorMethod() {},
  async* asyncGeneratorMethod() {},
  get value() { return 1; },
  set value(v) {},
  ['computed' + 1]() {},
  [described]() {},
  arrow: () => 1,
  'quoted name'() {},
};
add('declared', () => add);
add('expression', () => function named(a, b = 2, ...rest) { return [a, b, rest]; });
add('anonymous', () => (0, function() { return 'anonymous'; }));
add('arrow', () => (a, b) => a + b);
add('asyncArrow', () => async (a) => a);
add('async', () => async function later() {});
add('generator', () => function* count() { yield 1; });
add('asyncGenerator', () => async function* stream() { yield 1; });
for (const name of ['method', 'asyncMethod', 'generatorMethod', 'asyncGeneratorMethod', 'computed1', 'arrow', 'quoted name'])
  add(`holder_${name.replace(' ', '_')}`, () => holder[name]);
add('symbolMethod', () => holder[described]);
add('getter', () => Object.getOwnPropertyDescriptor(holder, 'value').get);
add('setter', () => Object.getOwnPropertyDescriptor(holder, 'value').set);
add('classMethod', () => Dog.prototype.own);
add('builtin', () => Math.max);
add('builtinConstructor', () => Map);
add('withProperties', () => Object.assign(function counted() {}, { calls: 3, tag: 'x' }));
add('renamed', () => Object.defineProperty(function before() {}, 'name', { value: 'after' }));
add('neverCalled', () => function neverCalled(x) {
  return x * 2;
});
add('fromConstructor', () => new Function('a', 'b', 'return a + b'));
add('closure', () => ((captured) => function closure() { return captured; })('kept'));
const boundThis = { name: 'this' };
add('bound', () => holder.method.bind(boundThis, 1, 'two'), {
  bound_target: short(holder.method), bound_this: short(boundThis), bound_arguments: [short(1), short('two')],
});
add('boundTwice', () => holder.method.bind(null, 1).bind(null, 2), () => ({
  bound_target: { type: 'bound-function' }, bound_this: short(null), bound_arguments: [short(2)],
}));
function sloppyArguments() { return arguments; }
add('argumentsStrict', () => sloppyArguments(1, 'two', {}));
add('argumentsSloppy', () => new Function('a', 'b', 'return arguments')(1, 'two', 3));
add('argumentsMapped', () => new Function('a', 'b', 'a = "changed"; const f = () => a; return arguments')(1, 'two', 3));
add('argumentsNone', () => sloppyArguments());

// ---- Map, Set, weak ----
section('collections');
const keyObject = { key: 'object' };
add('map', () => new Map([['a', 1], [keyObject, [2]], [NaN, 'nan'], [0, 'zero'], [described, null], [1n, undefined]]));
add('mapEmpty', () => new Map());
add('mapDeleted', () => {
  const m = new Map();
  for (let i = 0; i < 100; i++)
    m.set(i, `v${i}`);
  for (let i = 0; i < 100; i++) {
    if (i % 7)
      m.delete(i);
  }
  m.set('after', 1);
  return m;
});
add('mapCleared', () => {
  const m = new Map([[1, 2]]);
  m.clear();
  m.set('only', 'one');
  return m;
});
add('mapLarge', () => new Map(Array.from({ length: 900 }, (_, i) => [`key${i}`, i])));
add('mapIterated', () => {
  const m = new Map([[1, 'a'], [2, 'b'], [3, 'c']]);
  m.iterator = m.keys();
  m.iterator.next();
  for (let i = 0; i < 50; i++)
    m.set(`more${i}`, i);
  m.delete(1);
  return m;
});
add('set', () => new Set([1, 'two', keyObject, -0, undefined]));
add('setEmpty', () => new Set());
add('setDeleted', () => {
  const s = new Set(Array.from({ length: 50 }, (_, i) => i));
  for (let i = 0; i < 45; i++)
    s.delete(i);
  return s;
});
add('weakMap', () => new WeakMap([[keyObject, 'weak value']]), {
  size: 1, entries: [{ key: short(keyObject), value: short('weak value') }],
});
add('weakSet', () => new WeakSet([keyObject, boundThis]), { size: 2 });
add('weakRef', () => new WeakRef(keyObject));
add('finalizationRegistry', () => new FinalizationRegistry(() => {}));
add('mapIterator', () => {
  const i = new Map([['a', 1], ['b', 2]]).entries();
  i.next();
  return i;
}, { target: { type: 'map' } });
add('setIterator', () => new Set([1, 2]).values(), { target: { type: 'set' } });
add('arrayIterator', () => {
  const i = [1, 2, 3][Symbol.iterator]();
  i.next();
  return i;
}, { target: { type: 'array' }, next_index: 1 });
add('stringIterator', () => 'abc'[Symbol.iterator](), { target: short('abc'), next_index: 0 });

// ---- Date, RegExp, boxed ----
section('builtins');
add('date', () => new Date(1700000000123));
add('dateEpoch', () => new Date(0));
add('dateOld', () => new Date(-62198755200000));
add('dateInvalid', () => new Date(NaN));
add('dateCalled', () => {
  const d = new Date(2024, 1, 29, 12, 30);
  d.getHours();
  return d;
});
add('dateExtra', () => Object.assign(new Date(5), { note: 'x' }));
add('regexp', () => /a(b|c)+[\d/]\/"/gi);
add('regexpAllFlags', () => /x/dgimsuy);
add('regexpUsed', () => {
  const r = /o/g;
  r.exec('foo boo');
  return r;
});
add('regexpEmpty', () => new RegExp(''));
add('regexpTwoByte', () => /[а-я]+/u);
add('regexpNewline', () => new RegExp('a\nb/c'));
add('boxedNumber', () => new Number(4.5));
add('boxedString', () => new String('boxed text'));
add('boxedBoolean', () => new Boolean(false));
add('boxedSymbol', () => Object(described));
add('boxedBigInt', () => Object(123n));
add('intl', () => new Intl.NumberFormat('en'));

// ---- errors ----
section('errors');
function thrower(what) { throw what; }
class Service {
  call(e) { return this.make(e); }
  make(E) { return new E('from a method'); }
  static build(E) { return new Service().call(E); }
}
add('plain', () => new Error('message'));
add('noMessage', () => new Error());
add('stackRead', () => {
  const e = new RangeError('already read');
  e.stack.length;
  return e;
});
add('fromMethods', () => Service.build(TypeError));
add('fromConstructor', () => new (class Broken { constructor() { this.error = new SyntaxError('in constructor'); } })().error);
add('fromBuiltin', () => [1].map(() => new Error('inside map'))[0]);
add('fromEval', () => (0, eval)('new Error("inside eval")'));
add('fromFunction', () => new Function('return new EvalError("inside Function")')());
add('fromEngine', () => {
  try {
    return undefined.property;
  } catch (e) {
    return e;
  }
});
add('fromNode', () => {
  try {
    return require('fs').readFileSync('/does/not/exist');
  } catch (e) {
    return e;
  }
});
add('withCode', () => {
  try {
    return Buffer.alloc('x');
  } catch (e) {
    return e;
  }
});
add('thrown', () => {
  try {
    thrower(new Error('thrown later'));
  } catch (e) {
    return e;
  }
});
add('cause', () => new Error('outer', { cause: new TypeError('inner', { cause: 'root' }) }));
add('causeUndefined', () => new Error('outer', { cause: undefined }));
add('aggregate', () => new AggregateError([new Error('one'), 'two'], 'several'));
add('properties', () => Object.assign(new Error('with properties'), { code: 'E_CODE', detail: { a: 1 } }));
add('renamed', () => Object.assign(new Error('renamed'), { name: 'CustomName' }));
add('stackReplaced', () => Object.assign(new Error('replaced'), { stack: 'my own stack' }));
add('multiline', () => new Error('two\nlines'));
add('twoByte', () => new Error('сообщение'));
add('limited', () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 2;
  const e = Service.build(Error);
  Error.stackTraceLimit = limit;
  return e;
});
add('deep', () => (function down(n) { return n ? down(n - 1) : new Error('deep'); })(20));

// ---- Proxy ----
section('proxies');
const target = { a: 1 };
const handler = { get() { throw new Error('called'); } };
add('proxy', () => new Proxy(target, handler), { target: short(target), handler: short(handler) });
add('proxyOfFunction', () => new Proxy(thrower, {}), { target: short(thrower), handler: short({}) });
add('proxyOfArray', () => new Proxy([1, 2], {}), { target: short([]), handler: short({}) });
add('revoked', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}, { target: { type: 'null' }, handler: { type: 'null' } });

// ---- generators ----
section('generators');
function* counter(limit) {
  for (let i = 0; i < limit; i++) {
    const got = yield i;
    if (got)
      yield* [got];
  }
}
async function* ticker() {
  yield 1;
}
const started = (g, n) => {
  for (let i = 0; i < n; i++)
    g.next();
  return g;
};
add('fresh', () => counter(3), { state: 'suspended-start', function_name: 'counter' });
add('suspended', () => started(counter(3), 1), { state: 'suspended', function_name: 'counter' });
add('suspendedAgain', () => started(counter(3), 2), { state: 'suspended', function_name: 'counter' });
add('finished', () => started(counter(1), 5), { state: 'closed', function_name: 'counter' });
add('returned', () => {
  const g = counter(3);
  g.return();
  return g;
}, { state: 'closed' });
add('asyncFresh', () => ticker(), { state: 'suspended-start', function_name: 'ticker' });

// ---- binary ----
section('binary');
const bytes = [0, 1, 127, 128, 255, 10, 13, 65];
add('buffer', () => Buffer.from('héllo wörld'));
add('bufferEmpty', () => Buffer.alloc(0));
add('bufferInvalid', () => Buffer.from([0xff, 0xfe, 65, 0xc3, 0x28, 0xe2, 0x82, 0xac, 0xf0, 0x9f]));
add('bufferSlow', () => Buffer.from(Buffer.allocUnsafeSlow(300).fill('abc')));
add('bufferLarge', () => Buffer.alloc(10000, 'large '));
add('bufferSlice', () => Buffer.from('0123456789').subarray(3, 7));
for (const T of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array])
  add(T.name, () => new T(bytes));
for (const T of [Float32Array, Float64Array])
  add(T.name, () => new T([0.5, -0, NaN, Infinity, 1.1, 1e-7]));
for (const T of [BigInt64Array, BigUint64Array])
  add(T.name, () => new T([0n, 1n, 2n ** 63n, -1n]));
if (typeof Float16Array === 'function')
  add('Float16Array', () => new Float16Array([0.5, -0, NaN, Infinity, 65504]));
add('typedEmpty', () => new Uint8Array(0));
add('typedOffHeap', () => new Uint8Array(2000).fill(7));
add('typedOnBuffer', () => new Uint16Array(new Uint8Array(bytes).buffer, 2, 2));
add('typedSubclass', () => new (class Samples extends Float64Array {})([1.5]));
add('arrayBuffer', () => new Uint8Array(bytes).buffer, { detached: false });
add('arrayBufferEmpty', () => new ArrayBuffer(0), { detached: false });
add('arrayBufferLarge', () => new Uint8Array(100000).fill(0xab).buffer, { detached: false });
add('arrayBufferDetached', () => {
  const b = new ArrayBuffer(16);
  new (require('worker_threads').MessageChannel)().port1.postMessage(b, [b]);
  return b;
}, { detached: true, byte_length: 0, bytes_hex: '' });
add('shared', () => {
  const s = new SharedArrayBuffer(8);
  new Uint8Array(s).set(bytes);
  return s;
});
if (ArrayBuffer.prototype.resize) {
  add('resizable', () => {
    const b = new ArrayBuffer(4, { maxByteLength: 64 });
    new Uint8Array(b).set([1, 2, 3, 4]);
    b.resize(8);
    return b;
  }, { detached: false });
  add('lengthTracking', () => {
    const b = new ArrayBuffer(4, { maxByteLength: 64 });
    const t = new Uint8Array(b);
    t.set([1, 2, 3, 4]);
    b.resize(6);
    return t;
  });
  add('growableShared', () => {
    const s = new SharedArrayBuffer(4, { maxByteLength: 16 });
    new Uint8Array(s).set([4, 3, 2, 1]); // a page that nobody touched is not in a core
    return s;
  });
}
add('dataView', () => new DataView(new ArrayBuffer(16), 4, 8));

// ---- WebAssembly ----
section('wasm');
const wasmBytes = Buffer.from(
  '0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b', 'hex');
const code = new WebAssembly.Module(wasmBytes);
add('module', () => code);
add('instance', () => new WebAssembly.Instance(code));
add('memory', () => new WebAssembly.Memory({ initial: 1, maximum: 2 }));
add('table', () => new WebAssembly.Table({ initial: 2, element: 'anyfunc' }));
add('global', () => new WebAssembly.Global({ value: 'i32', mutable: true }, 42));

more({ add, section, short, privates, Dog, Service, counter, described, keyObject, boundThis, wasm: code });

// ---- what needs time: promises, async functions, modules ----
section('promises');
const rejection = (reason) => {
  const p = Promise.reject(reason);
  p.catch(() => {});
  return p;
};
const never = () => new Promise(() => {});
const reason = new Error('reason');
add('pending', never, { state: 'pending', value: null, awaited_by: [] });
add('fulfilled', () => Promise.resolve(42), { value: short(42), awaited_by: [] });
add('fulfilledObject', () => Promise.resolve(target), { value: short(target) });
add('rejected', () => rejection(reason), { value: short(reason), handled: true });
add('thenable', () => Promise.resolve(1).then(() => never()), { state: 'pending', value: null });
add('reactions', () => {
  const p = never();
  p.then(() => 1);
  p.then(() => 2, () => 3);
  return p;
}, { state: 'pending', awaited_by: [] });

// The place of an await, as V8 shows it in the stack of what it waits for.
async function waiter(promise) {
  const result = await promise;
  return result;
}
async function stackAfterTick() {
  await null;
  return new Error().stack;
}
async function asyncPlaces() {
  const line = (await waiter(stackAfterTick())).split('\n').find((l) => l.includes('at async waiter'));
  const [, script, row, column] = /\((.*):(\d+):(\d+)\)/.exec(line);
  const at = { function: 'waiter', script, line: Number(row), column: Number(column) };
  section('async');
  add('awaited', () => {
    const p = never();
    waiter(p);
    return p;
  }, { state: 'pending', awaited_by: [{ ...at, generator: { type: 'async-function' } }] });
  add('awaitedTwice', () => {
    const p = never();
    waiter(p);
    waiter(p);
    return p;
  }, { state: 'pending', awaited_by: [at, at] });
  add('result', () => waiter(never()), { state: 'pending', value: null });
  add('asyncGeneratorSuspended', () => {
    const g = ticker();
    g.next();
    return g;
  }, { function_name: 'ticker' });

  await more.async({ add, section });

  section('modules');
  const namespace = await import(path.join(__dirname, 'values-module.mjs'));
  add('namespace', () => namespace, { script: `file://${path.join(__dirname, 'values-module.mjs')}` });
}

function dieWith(theValue) {
  for (const step of [record, process.abort]) step(theValue);
}

// Steps down to something: what leads nowhere is an error, what leads to a value is that value.
const paths = [
  ['objects.plain.d.e', 4], ['objects.plain.c[0]', 3], ['arrays.nested[0][1][1][0]', 3], ['objects.oddKeys["a b"]', 2],
  ['objects.symbolKeys[Symbol(described)]', 1], ['classes.base.#age', 3], ['arrays.named.extra', 'property'],
  ['objects.cyclic.self.self.name', 'self'], ['objects.dictionary.d', 'late'], ['objects.indexKeys[7]', 'seven'],
];

asyncPlaces().then(() => {
  setTimeout(() => {
    for (const [p, value] of paths)
      truths.push({ path: p, expect: describe.full(value) });
    truths.push({ path: 'objects.plain.nowhere.x', error: true });
    describe.close();
    write({ values: { function: 'dieWith', argument: 'theValue', truths } });
    if (!types.isProxy(theValue.proxies.proxy))
      throw new Error('the test object is not what it should be');
    dieWith(theValue);
  }, 10);
});
