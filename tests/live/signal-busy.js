// SIGABRT sent from outside into a loop that never ends.
// @kill SIGABRT 300
'use strict';
const { recordLoop } = require('./lib');

function spin() {
  let x = 0;
  recordLoop();
  for (;;) { // loop begin
    x = (x * 31 + 7) % 1000003;
    if (x === -1)
      return x;
  } // loop end
}

class Job {
  run() { return spin(); }
}

new Job().run();
