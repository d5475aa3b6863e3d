const { panic } = require('autopsy-node/panic');
const fs = require('fs');
const { createHash } = require('crypto');

const state = Array.from({ length: 50000 }, (_, n) => ({ n, text: 'x'.repeat(1000) + n }));
fs.writeFileSync('truth.json', JSON.stringify({ hash: createHash('sha256').update(JSON.stringify(state)).digest('hex') }));
panicDbg.set('state', state);
let blowup = [1];
for (let i = 0; i < 60; i++) blowup = [blowup, blowup];
if (process.argv[2] === 'blowup') panicDbg.set('blowup', blowup);
panicDbg.set('after', 'still here');
panic('big');
