// Long texts of buffers, whose characters lie outside the heap. Expect: variable pages, 40 strings
'use strict';
const pages = [];
exports.read = (i) => pages.push(Buffer.alloc(1100000, 97 + i % 26).toString('latin1'));
for (let i = 0; i < 40; i++) exports.read(i);
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
