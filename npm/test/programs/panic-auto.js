const mod_panic = require('autopsy-node/panic');

function func1(arg1) {
  panicDbg.set('func1.arg', arg1);
  func2(arg1 + 10);
}

function func2(arg2) {
  panicDbg.set('func2.arg', arg2);
  (undefined).nonexistentMethod();
}

mod_panic.enablePanicOnCrash(process.argv[2] ? JSON.parse(process.argv[2]) : undefined);
func1(10);
console.error('cannot get here');
