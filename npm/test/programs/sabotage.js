// The program broke what the collector stands on.
const fs = require('fs');

const what = process.argv[2];
const fail = () => { throw new Error('sabotage'); };
const acts = {
  stringify: () => { JSON.stringify = fail; },
  report: () => { process.report.getReport = fail; },
  link: () => { fs.linkSync = fail; fs.renameSync = fail; },
  open: () => { fs.openSync = fail; },
  write: () => { fs.writeSync = fail; },
  map: () => { Map.prototype.set = fail; Map.prototype.get = fail; Set.prototype.has = fail; },
  pollution: () => {
    Object.defineProperty(Object.prototype, 'polluted', { get: fail, enumerable: true, configurable: true });
    Object.prototype.inherited = 'x';
  },
  state: () => { globalThis.panicDbg = { get cds_state() { return fail(); } }; },
  frozen: () => { Object.freeze(globalThis); },
  clock: () => { performance.now = fail; Date.now = fail; },
  regexp: () => { RegExp.prototype.exec = fail; },
};
setTimeout(() => { acts[what](); throw new Error(`sabotaged ${what}`); }, 1);
