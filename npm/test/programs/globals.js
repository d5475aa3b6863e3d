const fs = require('fs');

globalThis.mine = { word: 'a global of the program' };
const one = { name: 'one' };
const two = { one, again: one };
one.two = two;
function third(a) { const held = one; const ring = [held, a]; throw new Error(`thrice ${ring.length}`); }
function second(a) { const held = one; third(a); return held; }
function first(a) { const held = one; second(a); return held; }
const done = new Promise((resolve) => { resolve({ settled: 'yes' }); });
const pending = new Promise(() => {});
const target = new Proxy({ behind: 'the proxy' }, {});
fs.writeFileSync('truth.json', JSON.stringify({ word: mine.word, frames: ['third', 'second', 'first'] })); // eslint-disable-line
Promise.all([done]).then(() => { setImmediate(() => { first([two, done, pending, target]); }); });
