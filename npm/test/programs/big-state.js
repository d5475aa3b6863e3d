const fs = require('fs');

const text = 'x'.repeat(1000);
const state = {};
for (let i = 0; i < 50; i++) state[`part${i}`] = Array.from({ length: 1000 }, (_, n) => ({ n, text: text + n }));
globalThis.panicDbg = { cds_state: Object.assign({ marker: 'small one', big: new Array(3e6).fill(7) }, state) };
const wide = {};
for (let i = 0; i < 200000; i++) wide[`key${i}`] = i;
globalThis.panicDbg.cds_state.wide = wide;
globalThis.panicDbg.cds_state.buffer = Buffer.alloc(50e6);
fs.writeFileSync('truth.json', JSON.stringify({ at: Date.now(), marker: 'small one', length: 3e6 }));
const before = process.cpuUsage();
process.on('exit', () => { const used = process.cpuUsage(before); fs.writeFileSync('cpu', String((used.user + used.system) / 1000)); });
throw new Error('with a big state');
