// An error thrown in a worker kills the main thread. (Node never aborts in the worker itself, and a listener of the
// worker's events would be left before the abort.)
// @flags --abort-on-uncaught-exception
'use strict';
const { isMainThread, Worker } = require('worker_threads');
const { recordAt, note, truthArguments } = require('./lib');

class Pool {
  start(file) {
    this.worker = new Worker(file, { workerData: { truthArguments } });
    this.worker.on('error', (error) => setImmediate(() => this.onError(error)));
  }
  onError(error) {
    recordAt('throw'); throw error;
  }
}

function fail(message) {
  throw new RangeError(message);
}

if (isMainThread) {
  note({ verdict: { kind: 'uncaught-error', text: 'RangeError: from the worker', stack: `at fail (${__filename}:` } });
  new Pool().start(__filename);
} else {
  setTimeout(() => fail('from the worker'), 50);
}
