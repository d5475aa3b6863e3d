// Fills the heap up to `left` MiB below its limit, then throws; or throws out of a full heap for good.
const fs = require('fs');
const v8 = require('v8');

const half = process.argv[2] === 'half';
const left = Number(process.argv[2]) * 1024 * 1024;
const keep = [];
const room = () => { const heap = v8.getHeapStatistics(); return heap.heap_size_limit - heap.used_heap_size; };

// Few large arrays: the heap gets full, not exhausted by collecting it.
while (half ? keep.length < 200 : room() > left + 600 * 1024) keep.push(new Array(65536).fill(keep.length + 0.5));
globalThis.panicDbg = { cds_state: { keep } };
fs.writeSync(1, 'full\n'); // before this the program died by itself
throw new Error(`with little left, ${keep.length > 0}`);
