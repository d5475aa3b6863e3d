// A worker dies in native code while the main thread waits for events.
// @flags
'use strict';
const { isMainThread, Worker } = require('worker_threads');
const { record, recordIdle, faultLibrary, truthArguments } = require('./lib');

class Task {
  constructor(name) { this.name = name; }
  run(...how) {
    for (const step of [record, process.dlopen]) step(...how);
  }
}

function work() {
  new Task('worker').run({ exports: {} }, faultLibrary);
}

if (isMainThread) {
  recordIdle();
  new Worker(__filename, { workerData: { truthArguments } });
} else {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  work();
}
