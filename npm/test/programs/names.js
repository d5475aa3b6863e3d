const { version, register } = require('autopsy-node');
const mod_panic = require('autopsy-node/panic');
const fs = require('fs');

const { panic } = mod_panic;
panicDbg.set('mine', 'mine');
register();
register();
fs.writeSync(1, JSON.stringify({
  version, panic: Object.keys(mod_panic).filter((name) => !/^(default|module\.exports)$/.test(name)).sort(),
  same: globalThis.caPanic === panic, kept: panicDbg.cds_state.mine,
}));
setTimeout(() => { throw new Error('after register'); }, 1);
