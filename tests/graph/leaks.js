// Programs of gallery/ with what must come first in `suspects`. least: one or two may be in hand, and held by the stack, too;
// core: V8's snapshot of the main thread lacks it; none: nothing leaks.
'use strict';
module.exports = [
	['map-cache', { variable: 'cache', entries: 40000, kind: 'collection' }],
	['listeners', { variable: 'bus', origin: 'onEvent' }],
	['closure-buffer', { variable: 'content', kind: 'single' }],
	['timer', { variable: 'samples', kind: 'collection' }],
	['promise', { variable: 'ready' }],
	['strings', { variable: 'labels', text: /^the quick brown fox/ }],
	['module-array', { variable: 'history', entry: 'Entry', entries: 50000 }],
	['linked-list', { variable: 'queue', kind: 'list', entry: 'Job', entries: 80000 }],
	['timers', { entries: 20000 }],
	['detached-worker', { variable: 'retired', entry: 'Worker', least: 23, kind: 'collection' }],
	['worker-heap', { variable: 'backlog', least: 49990, core: true }],
	['external-strings', { variable: 'pages', entries: 40, outside: 44e6, core: true }],
	['healthy', { none: true }],
	['empty-table', { variable: 'slots', kind: 'single' }],
];
