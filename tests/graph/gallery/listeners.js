// Each request adds a listener and none is removed. Expect: variable bus, (closure) made with onEvent
'use strict';
const { EventEmitter } = require('events');
const bus = new EventEmitter();
bus.setMaxListeners(0);
function request(id) {
	const body = new Array(20).fill(id + 0.5);
	bus.on('change', function onEvent() {
		return body.length;
	});
}
for (let i = 0; i < 30000; i++) request(i);
exports.bus = () => bus;
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
