'use strict';
// A heap of the size asked for, of many small objects, held by a program that then dies a few calls deep.
//   heap.js MEGABYTES

const megabytes = Number(process.argv[2]);
const kept = [];

class Entry {
  constructor(i) {
    this.id = i;
    this.name = `entry ${i}`;
    this.position = { x: i * 0.5, y: -i };
    this.tags = [i, i + 1];
  }
}

function fill() {
  let chunk = [];
  for (let i = 0; ; i++) {
    chunk.push(new Entry(i));
    if (chunk.length === 10000) {
      kept.push(chunk);
      chunk = [];
      if (process.memoryUsage().heapUsed >= megabytes * 1024 * 1024)
        return;
    }
  }
}

function third() {
  process.abort();
}

const second = () => third();

setImmediate(function first() {
  fill();
  second();
});
