'use strict';
// A heap of the size asked for with eight million objects a gigabyte: records with a text, a list and a neighbour,
// in tables of a few thousand. Then death, or V8's own snapshot with what that took, as JSON.
//   heap.js MEGABYTES [SNAPSHOT]

const [, , megabytes, snapshot] = process.argv;
const filler = 'of the order that was placed by a customer who will not read this, but whose heap is full of such lines; '.repeat(4);

class Order {
  constructor(id, previous) {
    this.id = id;
    this.previous = id % 7 ? previous : null;
    this.text = Buffer.from(`line ${id} ${filler.slice(id % 90, id % 90 + 300)}`, 'latin1').toString('latin1');
    this.items = [id, previous, filler];
  }
}

const tables = new Map();
let previous = null;
for (let id = 0; process.memoryUsage().heapUsed < megabytes * 1024 * 1024;) {
  const table = [];
  for (let i = 0; i < 5000; i++, id++)
    table.push(previous = new Order(id, previous));
  tables.set(`table ${id}`, table);
}
globalThis.tables = tables;
if (snapshot) {
  const before = process.resourceUsage().maxRSS;
  const since = process.hrtime.bigint();
  require('v8').writeHeapSnapshot(snapshot);
  const seconds = Number(process.hrtime.bigint() - since) / 1e9;
  console.log(seconds.toFixed(3), process.resourceUsage().maxRSS - before);
} else {
  process.abort();
}
