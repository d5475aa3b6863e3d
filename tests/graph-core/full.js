// A collection grows until the heap is full: it dies in V8's code that makes it larger, which has it in hand.
// usage: full.js map|array|object
'use strict';
class Order {
	constructor(i) {
		this.id = i;
		this.lines = [i, i + 1];
		this.note = `order ${i}`;
	}
}
const add = {
	map: (() => { const byId = new Map(); return (i) => byId.set(i, new Order(i)); })(),
	array: (() => { const history = []; return (i) => history.push(new Order(i)); })(),
	object: (() => { const index = {}; return (i) => { index[`k${i}`] = new Order(i); }; })(),
}[process.argv[2]];
let i = 0;
(function pump() {
	for (let k = 0; k < 5000; k++) add(i++);
	setImmediate(pump);
})();
