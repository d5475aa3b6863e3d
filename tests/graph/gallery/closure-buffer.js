// A closure keeps the whole file although it needs its length only. Expect: variable content
'use strict';
function load() {
	const content = new ArrayBuffer(64 << 20);
	return {
		size: 64 << 20,
		read: () => content.byteLength,
	};
}
const file = load();
exports.file = () => file;
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
