// An error nobody catches, thrown in a worker.
// @flags --abort-on-uncaught-exception
'use strict';
const { isMainThread, Worker } = require('worker_threads');
const { recordAt, recordIdle, note, truthArguments } = require('./lib');

function fail(message) {
  const error = new RangeError(message);
  recordAt('throw'); throw error;
}

if (isMainThread) {
  recordIdle();
  note({ verdict: { kind: 'uncaught-error', text: 'from the worker' } });
  new Worker(__filename, { workerData: { truthArguments } });
} else {
  setTimeout(() => fail('from the worker'), 200);
}
