/*
 * example-loop.js: example of using "ncore" tool to generate a node core
 */

require('autopsy-node/panic');

function func()
{
	for (let ii = 0; ; ii++)
		panicDbg.set('func-iter', ii);
}

console.log('starting infinite loop; use "ncore" tool to generate core');
func();
