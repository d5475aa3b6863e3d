// Nothing leaks: `suspects` has to say so.
'use strict';
const settings = { name: 'healthy', port: 8080, features: ['a', 'b', 'c'] };
exports.settings = settings;
const seen = new Map();
for (let i = 0; i < 100; i++) seen.set(i, { at: i });
exports.seen = seen;
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
