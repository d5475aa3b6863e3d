// A worker dies in native code while the main thread is in a loop of its own.
// @flags
'use strict';
const { isMainThread, Worker } = require('worker_threads');
const fs = require('fs');
const { record, recordLoop, faultLibrary, truthFile, truthArguments } = require('./lib');

function busy() {
  let x = 0;
  recordLoop();
  for (;;) { // loop begin
    x = (x * 31 + 7) % 1000003;
  } // loop end
}

function inWorker(...how) {
  for (const step of [record, process.dlopen]) step(...how);
}

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

if (isMainThread) {
  new Worker(__filename, { workerData: { truthArguments } });
  busy();
} else {
  while (!fs.existsSync(truthFile) || !fs.readFileSync(truthFile, 'utf8').endsWith('\n'))
    pause(10);
  pause(100);
  [1].forEach(() => inWorker({ exports: {} }, faultLibrary));
}
