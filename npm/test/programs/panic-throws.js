const { enablePanicOnCrash } = require('autopsy-node/panic');

const what = process.argv[2];
const acts = {
  text: () => { throw 'text'; },
  undefined: () => { throw undefined; },
  null: () => { throw null; },
  object: () => { throw { code: 7 }; },
  causes: () => {
    const root = new TypeError('root');
    const middle = new Error('middle');
    Object.defineProperty(middle, 'cause', { value: root });
    const top = new RangeError('top');
    Object.defineProperty(top, 'cause', { value: middle });
    throw top;
  },
  verror: () => { const inner = new Error('inner'); const outer = new Error('outer'); outer.cause = () => inner; throw outer; },
  aggregate: () => { throw new AggregateError([new Error('one'), new Error('two')], 'many'); },
  rejection: () => { Promise.reject(new Error('rejected')); },
  hostile: () => { const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw new Error('no stack'); } }); throw e; },
  timer: () => { setTimeout(() => { throw new Error('later'); }, 1); },
};
enablePanicOnCrash();
panicDbg.set('marker', what);
acts[what]();
