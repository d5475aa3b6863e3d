'use strict';
// node --require autopsy-node/register app.js: a crash file if the program dies of an uncaught exception.

const MARK = Symbol.for('autopsy-node.registered');

function register() {
  if (process[MARK]) return;
  Object.defineProperty(process, MARK, { value: true, configurable: true });
  const settings = require('./lib/settings').read(process.env);
  const { Monitor } = require('./lib/monitor');
  require('./lib/report').watchWorkers();
  let armed = null;
  if (settings.tier === 'armed') {
    const { Armed } = require('./lib/armed');
    armed = new Armed();
  }
  const monitor = new Monitor(settings, armed);
  process.on('uncaughtExceptionMonitor', (error, origin) => monitor.onUncaught(error, origin));
}

// A program must start as it would without us.
try {
  register();
} catch (problem) {
  if (process.env.AUTOPSY_LOG) console.error('autopsy-node: not registered: %s', problem && problem.stack);
}
