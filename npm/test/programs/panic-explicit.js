const { panic } = require('autopsy-node/panic');

const keys = [panicDbg.add('req', { n: 1 }), panicDbg.add('req', { n: 2 })];
panicDbg.remove('req1');
keys.push(panicDbg.add('req', { n: 3 }));
panicDbg.set('keys', keys);
panicDbg.set('keys', { replaced: keys });
panicDbg.set('hasOwnProperty', 'a name like another');
const held = { changes: 'before' };
panicDbg.set('held', held);
held.changes = 'after';
if (process.argv[2] === 'error') panic('with an error', new TypeError('the error'));
panic('panicked on command');
