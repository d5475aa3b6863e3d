// The names of functions on the stack: every way to write one, each called by the next.
// @flags
'use strict';
const { record } = require('./lib');

const described = Symbol('described');
const bare = Symbol();
const steps = [];

function next() {
  return steps.shift()();
}

class Base {
  constructor(deep) { if (deep) next(); }
  method() { return next(); }
  static create() { return next(); }
  get value() { return next(); }
  set value(v) { next(); }
  [described]() { return next(); }
  [bare]() { return next(); }
  ['com' + 'puted']() { return next(); }
  'quoted name'() { return next(); }
  42() { return next(); }
  #hidden() { return next(); }
  callHidden() { return this.#hidden(); }
  static #secret() { return next(); }
  static callSecret() { return Base.#secret(); }
  get #inside() { return next(); }
  callInside() { return this.#inside; }
  field = () => next();
  fieldFunction = function() { return next(); };
  * items() { yield next(); }
  toString() { return String(next()); }
  static inherited() { return next(); }
}

class Derived extends Base {
  constructor() { super(true); }
  method() { return super.method(); }
}

function Old() { next(); }
Old.prototype.assigned = function() { return next(); };
Old.prototype.named = function ownName() { return next(); };
Old.statically = function() { return next(); };
Old.arrow = () => next();

const literal = {
  method() { return next(); },
  property: function() { return next(); },
  arrow: () => next(),
  get value() { return next(); },
  [described]: function() { return next(); },
  nested: { deep: { function() { return next(); } } },
};
const renamed = Object.defineProperty(() => next(), 'name', { value: 'other name' });
const alias = { alias: literal.method };
const nullObject = Object.assign(Object.create(null), { method() { return next(); } });

const base = new Base(false);
const old = Object.create(Old.prototype);
const list = [
  () => new Base(true),
  () => new Derived(),
  () => base.method(),
  () => Object.create(Derived.prototype).method(),
  () => Base.create(),
  () => Derived.inherited(),
  () => base.value,
  () => { base.value = 1; },
  () => base[described](),
  () => base[bare](),
  () => base.computed(),
  () => base['quoted name'](),
  () => base[42](),
  () => base.callHidden(),
  () => Base.callSecret(),
  () => base.callInside(),
  () => base.field(),
  () => base.fieldFunction(),
  () => [...base.items()],
  () => `${base}`,
  () => new (class { constructor() { next(); } })(),
  () => (class { static method() { return next(); } }).method(),
  () => new (class { method() { return next(); } })().method(),
  () => new Old(),
  () => old.assigned(),
  () => old.named(),
  () => Old.statically(),
  () => Old.arrow(),
  () => literal.method(),
  () => literal.property(),
  () => literal.arrow(),
  () => literal.value,
  () => literal[described](),
  () => literal.nested.deep.function(),
  () => renamed(),
  () => alias.alias(),
  () => nullObject.method(),
  () => base.method.call(undefined),
  () => base.method.call(5),
  () => base.method.call('text'),
  () => base.method.call(old),
  () => base.method.apply([1], []),
  () => base.method.bind(literal)(),
  () => Reflect.construct(Old, [], Base),
  () => Reflect.apply(literal.method, null, []),
  () => (function() { return next(); })(),
  () => (function named() { return next(); })(),
  function own() { return next(); },
  () => [1].map(() => next()),
  () => [2, 1].sort(() => { next(); return 0; }),
  () => new Map([[1, 2]]).forEach(function each() { next(); }),
  () => 'x'.replace(/x/, () => next()),
  () => JSON.parse('[1]', function reviver() { return next(); }),
  () => JSON.stringify({ toJSON() { return next(); } }),
  () => new Proxy({}, { get(target, key) { return next(); } }).anything,
  () => new Promise((resolve) => next()),
  () => ((strings, ...values) => next())`tagged ${1}`,
  () => { for (const x of { [Symbol.iterator]() { return next(); } }) return x; },
  () => ({ valueOf() { return next(); } }) + 1,
  () => Object.defineProperty({}, 'defined', { get() { return next(); } }).defined,
  () => globalThis.eval('next'.length && '(() => globalThis.truthNext())()'),
  () => [3].reduce(literal.arrow, 0),
  () => Array.from([1], literal.method),
  () => require('util').inspect({ [require('util').inspect.custom]() { return next(); } }),
];
globalThis.truthNext = next;

steps.push(...list, function last() {
  for (const step of [record, process.abort]) step();
});

// Static blocks run while the class is made.
class WithBlock {
  static { next(); }
}
