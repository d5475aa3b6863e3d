// The same text as JSON.stringify for everything it can write.
const fs = require('fs');
const { caPanicSave, caDebugState } = require('autopsy-node/panic');

let seed = 42;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
const leaves = [() => random(1000), () => -0, () => 1e300, () => NaN, () => Infinity, () => null, () => undefined, () => true,
  () => 'text', () => 'quote " \\ \n \u2028 \ud83d', () => new Date(random(2e9)), () => new Date(NaN), () => /x/g, () => () => 1,
  () => Symbol('s'), () => Buffer.from('bytes'), () => new Uint8Array(3), () => new String('boxed'), () => new Number(7),
  () => new Boolean(false), () => Object.create(null), () => new (class Named { constructor() { this.a = 1; } })(),
  () => Object.defineProperty({ shown: 1 }, 'hidden', { value: 2 }), () => ({ toJSON: () => ({ from: 'hook' }) }), () => new Array(3)];
const make = (depth) => {
  const kind = depth > 0 ? random(4) : 3;
  if (kind === 0) return Array.from({ length: random(5) }, () => make(depth - 1));
  if (kind < 3) return Object.fromEntries(Array.from({ length: random(5) }, (_, i) => [`k${i}`, make(depth - 1)]));
  return leaves[random(leaves.length)]();
};
const state = { numbers: leaves.map((leaf) => leaf()) };
for (let i = 0; i < 300; i++) state[`value${i}`] = make(4);
const debug = new caDebugState();
debug.cds_state = state;
globalThis.panicDbg = debug;
fs.writeFileSync('truth.json', JSON.stringify(state));
caPanicSave('saved.json');
fs.writeFileSync('dump.json', panicDbg.dump());
