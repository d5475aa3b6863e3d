// An interval collects what nobody reads. Expect: variable samples
'use strict';
function watch() {
	const samples = [];
	const timer = setInterval(function sample() {
		for (let i = 0; i < 60000; i++) samples.push({ at: i, text: `sample ${i}` });
	}, 1);
	return timer;
}
const timer = watch();
setTimeout(() => {
	require('v8').writeHeapSnapshot(process.argv[2]);
	clearInterval(timer);
}, 50);
