// A growing array in a module. Expect: variable history
'use strict';
const history = [];
class Entry {
	constructor(i) {
		this.i = i;
		this.url = `/path/${i}`;
		this.headers = { host: 'x', n: i + 0.5 };
	}
}
exports.log = (i) => history.push(new Entry(i));
for (let i = 0; i < 50000; i++) exports.log(i);
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
