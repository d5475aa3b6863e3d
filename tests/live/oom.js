// Out of JavaScript heap.
// @flags --max-old-space-size=64
'use strict';
const { recordLoop, note } = require('./lib');

const kept = [];

function fill() {
  recordLoop();
  for (let i = 0; ; i++) { // loop begin
    kept.push({ i, text: `entry ${i}`, list: [i, i + 1, i + 2] });
  } // loop end
}

function start() {
  fill();
}

note({ verdict: { kind: 'out-of-heap' } });
setImmediate(function later() {
  start();
});
