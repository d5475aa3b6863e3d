'use strict';
// More of the test object of values.js, which calls this: what the kinds of values do in corners.
const vm = require('vm');

module.exports = ({ add, section, short, privates, Dog, Service, counter, described, keyObject, boundThis, wasm }) => {
  class Maker { static make() { return new Error('static make'); } }
  const aliases = { orig: function orig() { return new Error('alias'); } };

  // ---- objects that V8 keeps in other ways, and prototypes ----
  section('moreObjects');
  add('privateMethods', () => new (class Priv {
    #x = 1;
    #m() {}
    get #a() { return 1; }
    static #s() {}
    use() { return [this.#m, this.#a, Priv.#s]; }
  })(), privates(['#x', 1]));
  add('tagGetter', () => new (class TagGet { get [Symbol.toStringTag]() { return 'nope'; } })());
  add('tagOnPrototype', () => {
    function T() {} T.prototype[Symbol.toStringTag] = 'FromProto';
    return new T();
  });
  add('proxyPrototype', () => Object.create(new Proxy({}, {})));
  add('dictionaryAccessors', () => {
    const o = { a: 1, get b() { return 2; }, c: 3 };
    delete o.a;
    Object.defineProperty(o, 'h', { value: 9, enumerable: false });
    return o;
  });
  add('elementAttributes', () => Object.defineProperty([1, 2, 3], 1, { value: 5, writable: false }));
  add('frozenSparse', () => {
    const a = [];
    a[100000] = 1;
    return Object.freeze(a);
  });
  add('frozenEmptyArray', () => Object.freeze([]));
  add('frozenMap', () => Object.freeze(new Map([[1, 2]])));
  add('frozenAccessor', () => Object.freeze({ get a() { return 1; } }));
  add('reflectConstruct', () => Reflect.construct(Array, [1, 2], Dog));
  add('symbolsOnly', () => ({ [Symbol('x')]: 1, [Symbol.toPrimitive]: null }));
  add('ownConstructor', () => ({ constructor: Dog }));
  add('ownConstructorText', () => ({ constructor: 'text' }));
  add('classInstanceDictionary', () => {
    const d = new Dog('x');
    delete d.legs;
    return d;
  }, privates(['#age', 3], ['#name', 'x'], ['#age', 'a private field of the same name']));
  add('functionPrototype', () => Function.prototype);
  add('objectPrototype', () => Object.prototype);
  add('arrayPrototype', () => Array.prototype);
  add('mapPrototype', () => Map.prototype);
  add('promisePrototype', () => Promise.prototype);
  add('errorPrototype', () => Error.prototype);
  add('math', () => Math);
  add('json', () => JSON);
  add('reflect', () => Reflect);
  add('numberWithProps', () => Object.assign(new Number(1), { a: 1 }));
  add('boxedEmpty', () => new String(''));
  add('boxedLong', () => new String('y'.repeat(1500)));
  add('largeIndex', () => ({ 4294967294: 1, 4294967295: 2, 4294967296: 3, 1e21: 4 }));
  add('doubleDictionary', () => {
    const o = { a: 1.5, b: 2 };
    delete o.b;
    o.c = 0.25;
    return o;
  });
  add('deepPrototype', () => Object.create(Object.create(Object.create({ x: 1 }))));
  add('getterProto', () => new (class G { get v() { return 1; } static get s() { return 2; } static t = 1; })());

  // ---- methods of classes, names that were changed ----
  section('moreFunctions');
  class Many {
    static s() {}
    static async as() {}
    static* g() {}
    static get x() { return 1; }
    static set x(v) {}
    ['a' + 'b']() {}
    [Symbol.iterator]() {}
    async* ag() {}
    field = () => this;
    static { this.block = 1; }
  }
  for (const k of ['s', 'as', 'g']) add(`static_${k}`, () => Many[k]);
  add('classWithStatics', () => Many);
  add('symbolIterator', () => Many.prototype[Symbol.iterator]);
  add('agMethod', () => Many.prototype.ag);
  add('fieldArrow', () => new Many().field, { function_kind: 'arrow' });
  add('toStringBuiltin', () => Object.prototype.toString);
  add('emptyName', () => Object.defineProperty(() => 1, 'name', { value: '' }));
  add('deletedName', () => {
    const f = function gone() {};
    delete f.name;
    return f;
  });
  add('boundClass', () => Dog.bind(null, 1));
  add('generatorInstanceProto', () => counter.prototype);
  add('asyncFnProto', () => (async () => 1));

  // ---- iterators ----
  section('moreCollections');
  add('nestedMap', () => new Map([[new Set([1]), new Map()]]));
  add('mapIterHalf', () => {
    const m = new Map([[1, 1], [2, 2], [3, 3]]);
    const it = m.values();
    it.next();
    m.delete(2);
    for (let i = 0; i < 99; i++) m.set(`q${i}`, i);
    return it;
    }, { target: { type: 'map' }
  });
  add('arrayIterDone', () => {
    const it = [1][Symbol.iterator]();
    it.next();
    it.next();
    return it;
  });
  add('typedIter', () => new Uint8Array([1, 2])[Symbol.iterator](), { target: { type: 'typedarray' } });
  add('stringIterMid', () => {
    const it = 'abc'[Symbol.iterator]();
    it.next();
    return it;
    }, { target: short('abc'), next_index: 1
  });
  add('matchAll', () => 'abc'.matchAll(/b/g), { type: 'iterator' });
  add('weakMapMany', () => {
    const w = new WeakMap();
    for (const k of [keyObject, boundThis]) w.set(k, 1);
    return w;
    }, { size: 2
  });

  // ---- errors from everywhere ----
  section('moreErrors');
  add('captured', () => {
    const o = { name: 'Plain' };
    Error.captureStackTrace(o);
    return o;
  });
  add('emptyNameError', () => Object.assign(new Error('only message'), { name: '' }));
  add('numberMessage', () => Object.assign(new Error('x'), { message: 5 }), { message: undefined });
  add('evalInEval', () => (0, eval)('eval("new Error(1)")'));
  add('evalLocal', () => eval('(function inner() { return eval("new Error(2)"); })()'));
  add('sourceURL', () => eval('new Error(3)\n//# sourceURL=named.js'));
  add('getterThrow', () => ({ get p() { return new Error('g'); } }).p);
  add('staticMake', () => Maker.make());
  add('derivedConstructor', () => new (class Sub extends Service {
    constructor() {
      super();
      this.error = new Error('d');
    }
  })().error);
  add('aliased', () => ({ other: aliases.orig }).other());
  add('computedMethod', () => ({ ['x y']() { return new Error('c'); } })['x y']());
  add('symbolMethodError', () => ({ [described]() { return new Error('s'); } })[described]());
  add('sortCallback', () => {
    let e;
    [2, 1].sort(() => { e = e || new Error('in sort'); return 0; });
    return e;
  });
  add('replaceCallback', () => {
    let e;
    'a'.replace(/a/, () => { e = new Error('r'); return ''; });
    return e;
  });
  add('arrayFrom', () => Array.from([1], () => new Error('f'))[0]);
  add('jsonReviver', () => {
    let e;
    JSON.parse('[1]', () => { e = new Error('j'); });
    return e;
  });
  add('setForEach', () => {
    let e;
    new Set([1]).forEach(() => { e = new Error('sf'); });
    return e;
  });
  add('proxyTrap', () => new Proxy({}, { get() { return new Error('trap'); } }).x);
  add('inGenerator', () => (function* gen() { yield new Error('gen'); })().next().value);
  add('fieldInit', () => new (class FI { e = new Error('field'); })().e);
  add('staticInit', () => (class SI { static e = new Error('static'); }).e);
  add('staticBlock', () => (class SB { static { this.e = new Error('block'); } }).e);
  add('numberReceiver', () => {
    Number.prototype.mk = function mk() { 'use strict'; return new Error('n'); };
    const e = (5).mk();
    delete Number.prototype.mk;
    return e;
  });
  add('stringReceiver', () => {
    String.prototype.mk = function mk() { return new Error('n'); };
    const e = 'q'.mk();
    delete String.prototype.mk;
    return e;
  });
  add('nullProtoReceiver', () => Object.assign(Object.create(null), { m() { return new Error('np'); } }).m());
  add('functionReceiver', () => {
    const f = () => 1;
    f.m = function() { return new Error('fr'); };
    return f.m();
  });
  add('arrowInObject', () => ({ a: { b: () => new Error('ab') } }).a.b());
  add('anonymousMethod', () => {
    const o = {};
    o.x = { y: function() { return new Error('xy'); } };
    return o.x.y();
  });
  add('vm', () => vm.runInNewContext('new Error("other realm")'));
  add('vmThis', () => vm.runInThisContext('(function named() { return new Error("vm"); })', { filename: 'some file.js' })());
  add('jsonSyntax', () => {
    try { JSON.parse('{'); } catch (e) { return e; }
  });
  add('recursion', () => {
    try { (function r() { r(); })(); } catch (e) { return e; }
  });
  add('newTarget', () => Reflect.construct(function Base() { return new Error('nt'); }, [], Dog));
  add('stackDeleted', () => {
    const e = new Error('gone');
    delete e.stack;
    return e;
    }, { stack: undefined
  });
  add('frozenError', () => Object.freeze(new Error('frozen')));
  add('aggregateCause', () => new AggregateError([], 'a', { cause: 1 }));
  if (typeof DOMException === 'function')
    add('domException', () => new DOMException('dom', 'AbortError'));

  // ---- bytes ----
  section('moreBinary');
  add('bufferOfBuffer', () => Buffer.from(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2));
  add('float64Sub', () => new Float64Array([1.5, 2.5]).subarray(1));
  add('dataViewEmpty', () => new DataView(new ArrayBuffer(0)));
  add('utf8Edges', () => Buffer.from([
    0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xc0, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82,
  ]));
  add('typedProps', () => Object.assign(new Uint8Array([1]), { note: 'x' }));
  add('detachedTyped', () => {
    const t = new Uint8Array(16);
    new (require('worker_threads').MessageChannel)().port1.postMessage(t, [t.buffer]);
    return t;
  });
  add('wasmExport', () => new WebAssembly.Instance(wasm).exports.add);
  add('wasmExports', () => new WebAssembly.Instance(wasm).exports);
  if (WebAssembly.Tag)
    add('wasmTag', () => new WebAssembly.Tag({ parameters: ['i32'] }), { type: 'wasm', wasm_type: 'tag' });
};

// Errors with awaiting functions below them; they take time to make, so they come in pairs.
async function inner(text) {
  await null;
  return new Error(text);
}
const middle = { async method(text) { return await inner(text); } };
async function all(text) {
  const [e] = await Promise.all([middle.method(text)]);
  return e;
}
async function* produce(text) {
  yield await inner(text);
}
async function consume(text) {
  for await (const e of produce(text))
    return e;
}
async function makePairs() {
  const pairs = {};
  for (const make of [inner, middle.method, all, consume]) {
    pairs[make.name] = [];
    for (let i = 0; i < 2; i++)
      pairs[make.name].push(await make(`in ${make.name}`));
  }
  return pairs;
}

module.exports.async = async ({ add, section }) => {
  const pairs = await makePairs();
  section('asyncErrors');
  for (const [name, pair] of Object.entries(pairs))
    add(name, () => pair.shift());
};
