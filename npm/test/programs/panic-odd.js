const mod_panic = require('autopsy-node/panic');

const ring = { name: 'ring' };
ring.self = ring;
ring.list = [ring, { back: ring }];
const shared = { shared: true };
let deep = {};
const bottom = deep;
for (let i = 0; i < 20000; i++) deep = { deep };
let calls = 0;
const odd = {
  bigint: 12345678901234567890n,
  inner: { n: 1n, after: 'kept' },
  getter: { get boom() { throw new Error('no reading'); }, after: 'kept' },
  frozen: Object.freeze(ring),
  twice: [shared, shared],
  map: new Map([['k', { v: 1n }], [shared, 'by object']]),
  set: new Set([1, 'two', shared]),
  error: Object.assign(new Error('outer', { cause: 1 }), { extra: { x: 1 } }),
  tojson: { toJSON() { throw new Error('no json'); } },
  hook: { toJSON(key) { return `hooked ${key}`; } },
  proxy: new Proxy({}, { ownKeys() { throw new Error('no keys'); } }),
  panics: { get again() { return mod_panic.panic('again'); } },
  bare: Object.assign(Object.create(null), { a: 1 }),
  deep,
  symbol: Symbol('left out'),
  function: () => 1,
};
for (const key of Object.keys(odd)) panicDbg.set(key, odd[key]);
panicDbg.set('last', 'still here');
Object.defineProperty(panicDbg.cds_state, 'live', { get() { calls++; throw new Error('no state'); }, enumerable: true });
process.on('exit', () => { console.log(JSON.stringify({ keys: Reflect.ownKeys(shared).length, bottom: Object.keys(bottom).length, ring: Object.keys(ring) })); });
mod_panic.enablePanicOnCrash();
throw new Error('odd');
