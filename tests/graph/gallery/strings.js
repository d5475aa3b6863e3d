// The same text, parsed anew each time. Expect: variable labels, same text
'use strict';
const labels = [];
exports.add = () => labels.push(Buffer.from('the quick brown fox jumps over the lazy dog '.repeat(4)).toString());
for (let i = 0; i < 60000; i++) exports.add();
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
