require('autopsy-node/panic');

function func() {
  for (let ii = 0; ; ii++) panicDbg.set('func-iter', ii);
}

console.log('ready');
func();
