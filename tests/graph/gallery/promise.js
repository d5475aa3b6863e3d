// Everybody waits for what never comes. Expect: variable ready
'use strict';
const ready = new Promise(() => {});
async function handle(id) {
	const body = { id, rows: new Array(20).fill(id + 0.5) };
	await ready;
	return body;
}
for (let i = 0; i < 30000; i++) handle(i);
exports.handle = handle;
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
