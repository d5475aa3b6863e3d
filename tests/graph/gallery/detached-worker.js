// Workers that have ended stay in a table, each with what was asked of it. Expect: variable retired, 24 Worker
'use strict';
const { Worker } = require('worker_threads');
const retired = new Map();
let started = 0;
function start() {
	if (started === 24) return;
	const id = started++;
	const worker = new Worker('require("worker_threads").parentPort.once("message", () => {})', { eval: true });
	worker.task = [];
	for (let i = 0; i < 4000; i++) worker.task.push({ row: i, text: `task ${id}, row ${i}` });
	worker.on('exit', () => {
		retired.set(id, worker);
		start();
		if (retired.size === 24) setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
	});
	worker.postMessage('go');
}
for (let i = 0; i < 4; i++) start();
