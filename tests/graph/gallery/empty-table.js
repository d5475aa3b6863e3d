// A table for a million, with three in it. Expect: pattern empty-table, an Array of 8 MB
'use strict';
const slots = new Array(1000000);
slots[1] = { a: 1 };
slots[500] = { a: 2 };
slots[999999] = { a: 3 };
exports.slots = () => slots;
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
