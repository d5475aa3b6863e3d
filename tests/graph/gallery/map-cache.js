// A cache without a limit. Expect: variable cache, 40000 Session
'use strict';
const cache = new Map();
class Session {
	constructor(id) {
		this.id = id;
		this.user = { name: `user-${id}`, roles: ['a', 'b', 'c', 'd'] };
	}
}
exports.get = (id) => {
	if (!cache.has(id)) cache.set(id, new Session(id));
	return cache.get(id);
};
for (let i = 0; i < 40000; i++) exports.get(i);
setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
