'use strict';
// node-panic's whole interface: a program that used `panic` changes only the name it requires.

const fs = require('fs');
const path = require('path');
const files = require('./lib/files');
const { caDebugState, pieces, options } = require('./lib/panic-state');
const { stamp, errorText } = require('./lib/panic-text');

let skipDump = false;
let abort = false;
let listening = false;
let panicking = false;

function log(message) {
  const line = `[${stamp(new Date())}] CRIT   ${message}\n`;
  try {
    process.stderr.write(line);
  } catch {
    try { fs.writeSync(2, line); } catch { /* no stderr at all */ }
  }
}

function logError(message, error) {
  const text = errorText(error);
  log(`${message}: ${text}`);
  return text;
}

// Where a dump may go, best first: a program that cannot write where it runs still leaves one.
function places() {
  const list = [];
  if (process.env.AUTOPSY_CRASH_DIR) list.push(path.resolve(process.env.AUTOPSY_CRASH_DIR));
  try { list.push(process.cwd()); } catch { /* removed under us */ }
  list.push(require('os').tmpdir());
  return list;
}

function save(filename) {
  const directory = path.dirname(filename);
  return files.replace(directory, path.basename(filename), pieces(globalThis.panicDbg.cds_state));
}

function saveSomewhere(name) {
  let failure;
  for (const directory of places()) {
    log(`writing core dump to ${directory}/${name}`);
    try {
      save(path.join(directory, name));
      log('finished writing core dump');
      return;
    } catch (error) {
      failure = error;
      log(`could not write there: ${error && error.message}`);
    }
  }
  throw failure;
}

function end() {
  if (!abort) process.exit(1);
  try { process.abort(); } catch { /* not in a worker thread */ }
  for (;;) process.kill(process.pid, 'SIGABRT');
}

function die(title, error) {
  // A getter or a hook of the program that panics while its value is written costs that value.
  if (panicking) throw new Error('panic while panicking');
  panicking = true;
  try {
    const when = new Date();
    const message = logError(`PANIC: ${title}`, error);
    const debug = globalThis.panicDbg;
    debug.set('panic.error', message);
    debug.set('panic.time', when);
    debug.set('panic.time-ms', when.getTime());
    debug.set('panic.memusage', process.memoryUsage());
    if (!skipDump) saveSomewhere(`ncore.${process.pid}`);
  } catch (problem) {
    logError('error during panic', problem);
  }
  end();
}

function caPanic(title, error) {
  if (!error) die('explicit panic', new Error(title));
  else die(title, error);
}

function enablePanicOnCrash(wanted) {
  if (wanted && wanted.abortOnPanic) abort = true;
  if (wanted && wanted.skipDump) skipDump = true;
  if (wanted && wanted.maskSecrets === false) options.maskSecrets = false;
  if (listening) return;
  listening = true;
  // Not caPanic: `throw undefined` is a crash, not an explicit panic.
  process.on('uncaughtException', (error) => die('panic due to uncaught exception', error));
}

if (!globalThis.panicDbg) globalThis.panicDbg = new caDebugState();

// For ncore, which reaches a process from outside.
globalThis.caPanic = caPanic;

exports.enablePanicOnCrash = enablePanicOnCrash;
exports.panic = caPanic;
exports.caPanicSave = (filename) => { save(path.resolve(filename)); };
exports.caDebugState = caDebugState;
