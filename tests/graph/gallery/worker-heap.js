// The leak is in a worker's heap, which only a core holds. Expect: variable backlog of this file
'use strict';
const { Worker, isMainThread, parentPort } = require('worker_threads');
const backlog = [];
exports.receive = (message) => backlog.push({ message, text: `message ${message}` });
if (isMainThread) {
	// Later: the worker's collector may still be busy.
	new Worker(__filename).on('message', () => setTimeout(() => require('v8').writeHeapSnapshot(process.argv[2]), 100));
} else {
	for (let i = 0; i < 50000; i++) exports.receive(i);
	parentPort.on('message', exports.receive); // it stays
	parentPort.postMessage('full');
}
