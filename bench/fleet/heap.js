'use strict';
// A heap of so many megabytes; writes the file `ready` here and waits to be killed.
//   heap.js MEGABYTES
const kept = [];
const chunk = () => Array.from({ length: 10000 }, (_, i) => ({ id: i, name: `entry ${i}`, at: { x: i * 0.5, y: -i }, tags: [i, i + 1] }));
while (process.memoryUsage().heapUsed < Number(process.argv[2]) * 1024 * 1024)
  kept.push(chunk());
require('fs').writeFileSync('ready', String(kept.length));
setInterval(function tick() { return kept.length; }, 5);
