// Each session starts a timer that nobody stops. Expect: pattern timers, 20000 of expire
'use strict';
class Session {
	constructor(id) {
		this.id = id;
		this.rows = new Array(20).fill(id + 0.5);
	}
}
function open(id) {
	const session = new Session(id);
	setTimeout(function expire() {
		return session.id;
	}, 3600000);
}
for (let i = 0; i < 20000; i++) open(i);
setImmediate(() => {
	require('v8').writeHeapSnapshot(process.argv[2]);
	process.exit();
});
