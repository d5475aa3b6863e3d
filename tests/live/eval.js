// Code from strings: direct and indirect eval, Function, vm, with and without a name.
// @flags
'use strict';
const vm = require('vm');
const { record } = require('./lib');

globalThis.finish = () => {
  for (const step of [record, process.abort]) step();
};

function direct(f) {
  return eval(`
    f();
  `);
}

function indirect() {
  return (0, eval)(`function inEval() {
  return globalThis.fromFunction();
}
inEval()`);
}

globalThis.fromFunction = new Function('a', 'return globalThis.named(a);');

globalThis.named = () => (0, eval)('(function inNamed() { return globalThis.inVm(); })()\n//# sourceURL=virtual/named.js');

globalThis.inVm = () => vm.runInThisContext('  globalThis.inContext()', { filename: '/virtual/vm.js', lineOffset: 10, columnOffset: 4 });

globalThis.inContext = function inContext() {
  const context = vm.createContext({ call: () => globalThis.nested() });
  return new vm.Script('\n\nfunction other() { return call(); } other()', { filename: 'other context.js' }).runInContext(context);
};

globalThis.nested = () => eval("eval('eval(\"globalThis.finish()\")')");

direct(() => indirect());
