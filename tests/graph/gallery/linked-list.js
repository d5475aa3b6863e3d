// A queue that is filled faster than emptied, as a linked list. Expect: variable queue, list
'use strict';
class Job {
	constructor(id, next) {
		this.text = `job ${id}`;
		this.next = next;
	}
}
const queue = { head: null };
exports.push = (id) => {
	queue.head = new Job(id, queue.head);
};
for (let i = 0; i < 80000; i++) exports.push(i);
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
