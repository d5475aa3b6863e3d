'use strict';
// The debug state: references to what the program wants in a dump. The class and its fields keep node-panic's names;
// native cores are searched for them.

const clock = require('./clock');
const { Writer } = require('./panic-json');
const { masker } = require('./mask');
const settings = require('./settings');

const LIMIT = 200 * 1024 * 1024;

const options = { maskSecrets: true };

function caDebugState() {
  const now = new Date();

  this.cds_state = {};
  this.cds_ids = {};

  this.set('dbg.format-version', '0.1');
  this.set('init.process.argv', process.argv);
  this.set('init.process.pid', process.pid);
  this.set('init.process.cwd', process.cwd());
  this.set('init.process.env', process.env);
  this.set('init.process.version', process.version);
  this.set('init.process.platform', process.platform);
  this.set('init.time', now);
  this.set('init.time-ms', now.getTime());
}

caDebugState.prototype.set = function (name, state) {
  // a plain assignment would take "__proto__" for the prototype
  Object.defineProperty(this.cds_state, name, { value: state, writable: true, configurable: true, enumerable: true });
};

caDebugState.prototype.add = function (name, state) {
  let n = Object.prototype.hasOwnProperty.call(this.cds_ids, name) ? this.cds_ids[name] : 1;
  while (name + n in this.cds_state) n++;
  this.cds_ids[name] = n + 1;
  this.set(name + n, state);
  return name + n;
};

caDebugState.prototype.remove = function (name) {
  delete this.cds_state[name];
};

caDebugState.prototype.dump = function () {
  return [...pieces(this.cds_state)].join('');
};

function shown(key, value) {
  if (!options.maskSecrets) return value;
  const mask = masker(false);
  if (value === process.env) return mask.env(value);
  if (key === 'init.process.argv' && Array.isArray(value)) return mask.args(value);
  return value;
}

// The dump piece by piece, a value at a time: one bad value costs only itself, so each may use half of what is left
// of the size and the time, and a little of both is always there.
function* pieces(state) {
  const heap = require('v8').getHeapStatistics();
  let size = Math.min(LIMIT, (heap.heap_size_limit - heap.used_heap_size) / 4);
  const end = clock.now() + settings.read(process.env).panicTime;
  let separator = '{';
  for (const key of Object.keys(state)) {
    let value;
    try { value = shown(key, state[key]); } catch (error) { value = `<error: ${error && error.message}>`; }
    const writer = new Writer(Math.max(size / 2, 65536), Math.max((end - clock.now()) / 2, 20));
    const text = writer.text(key, value);
    if (text === undefined) continue;
    size -= text.length;
    yield `${separator}${JSON.stringify(key)}:${text}`;
    separator = ',';
  }
  yield separator === '{' ? '{}' : '}';
}

module.exports = { caDebugState, pieces, options };
