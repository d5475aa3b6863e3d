'use strict';
// The armed tier: an inspector session on the program's own thread, open from the start, told of throws. Whether one
// will be caught is not known then, so a pause only keeps V8's account of the frames (scopes by reference); it is read
// if the crash is confirmed and dropped otherwise.
//
// V8's prediction "uncaught" misses what is thrown again, and everything below the top-level await of an ES module. So
// all throws pause, until too many did in a second; then the predicted ones; then none, until the second is over.
//
// Same thread and not a worker: a worker costs 14 MB, must read everything inside every pause, mistaken ones too, makes
// Node 16 wait for it at exit, and Node 16 and 18 give it no unhandled rejections. Measured on all of 16 to 26.

const { Bridge } = require('./bridge');
const safe = require('./safe');

const KEEP = 16;                // pauses
const FORGET_MS = 1000;
// A pause costs about a millisecond: these bound what a program pays that throws a lot. Loading modules throws too.
const ALL = 20;
const ALL_AT_START = 100;
const PREDICTED = 30;           // after those

class Armed {
  constructor() {
    const { Session } = require('inspector');
    this.session = new Session();
    this.session.connect();
    this.bridge = new Bridge(this.session);
    this.scripts = new Map();
    this.kept = [];
    this.seen = 0;
    this.all = ALL_AT_START;
    this.skipping = false;
    this.timer = null;
    this.session.on('Debugger.scriptParsed', ({ params }) => { this.scripts.set(params.scriptId, params); });
    this.session.on('Debugger.scriptFailedToParse', () => {});
    this.session.on('Debugger.paused', ({ params }) => this.paused(params));
    this.bridge.call('Debugger.enable', { maxScriptsCacheSize: 10000000 });
    this.pauseOn('all');
  }

  pauseOn(state) {
    this.bridge.call('Debugger.setPauseOnExceptions', { state });
  }

  paused(params) {
    // With a debugger V8 lets a full heap grow to four times its limit. The program must end where it would have.
    if (params.reason === 'OOM') this.bridge.call('Debugger.disable');
    if (params.reason !== 'exception' && params.reason !== 'promiseRejection') return;
    this.kept.push(params);
    if (this.kept.length > KEEP) this.kept.shift();
    this.seen++;
    if (this.seen === this.all) this.pauseOn('uncaught');
    if (this.seen === this.all + PREDICTED) {
      this.skipping = true;
      this.pauseOn('none');
    }
    // The one timer also bounds how long a pause keeps the program's objects alive.
    if (this.timer !== null) return;
    this.timer = setTimeout(() => this.forget(), FORGET_MS);
    this.timer.unref();
  }

  forget() {
    this.timer = null;
    this.kept = [];
    this.bridge.call('Runtime.releaseObjectGroup', { objectGroup: 'backtrace' });
    if (this.seen >= this.all) this.pauseOn('all');
    this.seen = 0;
    this.all = ALL;
    this.skipping = false;
  }

  // Whether a frame is the program's; Node throws again what it awaited, from frames of its own alone.
  ofProgram({ callFrames }) {
    return callFrames.some(({ location }) => {
      const params = this.scripts.get(location.scriptId);
      return params !== undefined && !params.url.startsWith('node:');
    });
  }

  // The pause at which `error` was thrown, the earliest if it was thrown again on its way.
  find(error) {
    const kept = this.kept.filter((params) => this.ofProgram(params));
    // Node wraps a rejection whose reason is no Error, and may throw the wrapper in turn.
    const wrapped = safe.isObject(error) && safe.data(error, 'code') === 'ERR_UNHANDLED_REJECTION';
    if (wrapped || !safe.isObject(error)) {
      for (let i = kept.length - 1; i >= 0; i--) {
        const { data, reason } = kept[i];
        if (!data.objectId || data.type === 'symbol') {
          if (wrapped ? reason === 'promiseRejection' : data.type === typeof error) return kept[i];
        }
      }
    }
    if (!safe.isObject(error)) return null;
    return kept.find(({ data }) => data.objectId && this.bridge.toValue(data.objectId) === error) || null;
  }
}

module.exports = { Armed };
