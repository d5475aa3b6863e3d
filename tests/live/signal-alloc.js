// SIGABRT sent from outside while the program allocates, and collects.
// @kill SIGABRT 400
'use strict';
const { recordLoop } = require('./lib');

let ring = [];

function churn() {
  recordLoop();
  for (let i = 0; ; i++) { // loop begin
    ring[i % 10000] = { i, next: ring[(i * 7) % 10000] && { i }, text: `x${i}` };
    if (i % 1e6 === 0)
      ring = [];
  } // loop end
}

setImmediate(() => churn());
