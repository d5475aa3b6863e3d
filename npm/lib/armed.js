'use strict';
// The armed tier: an inspector session on the program's own thread, open from the start, told of every throw that V8
// predicts to be uncaught. The prediction can be wrong, so a pause only keeps V8's account of the frames (scopes by
// reference); it is read if the crash is confirmed and dropped otherwise.
//
// Same thread and not a worker: a worker costs 14 MB, must read everything inside every pause, mistaken ones too, makes
// Node 16 wait for it at exit, and Node 16 and 18 give it no unhandled rejections. Measured on all of 16 to 26.

const { Bridge } = require('./bridge');
const safe = require('./safe');

const KEEP = 8;                 // pauses
const FORGET_MS = 1000;
const PER_WINDOW = 50;          // pauses within FORGET_MS; more than that and a program that throws a lot would crawl

class Armed {
  constructor() {
    const { Session } = require('inspector');
    this.session = new Session();
    this.session.connect();
    this.bridge = new Bridge(this.session);
    this.scripts = new Map();
    this.kept = [];
    this.seen = 0;
    this.skipping = false;
    this.timer = null;
    this.session.on('Debugger.scriptParsed', ({ params }) => { this.scripts.set(params.scriptId, params); });
    this.session.on('Debugger.scriptFailedToParse', () => {});
    this.session.on('Debugger.paused', ({ params }) => this.paused(params));
    this.bridge.call('Debugger.enable', { maxScriptsCacheSize: 10000000 });
    this.pauseOn('uncaught');
  }

  pauseOn(state) {
    this.bridge.call('Debugger.setPauseOnExceptions', { state });
  }

  paused(params) {
    if (params.reason !== 'exception' && params.reason !== 'promiseRejection') return;
    try {
      this.seen++;
      if (this.seen > PER_WINDOW) {
        this.skipping = true;
        this.pauseOn('none');
        return;
      }
      this.kept.push(params);
      if (this.kept.length > KEEP) this.kept.shift();
    } finally {
      // The one timer also bounds how long a mistaken pause keeps the program's objects alive.
      if (this.timer === null) {
        this.timer = setTimeout(() => this.forget(), FORGET_MS);
        this.timer.unref();
      }
    }
  }

  forget() {
    this.timer = null;
    this.kept = [];
    this.bridge.call('Runtime.releaseObjectGroup', { objectGroup: 'backtrace' });
    this.seen = 0;
    if (this.skipping) {
      this.skipping = false;
      this.pauseOn('uncaught');
    }
  }

  // The pause at which `error` was thrown, the earliest if it was thrown again on its way.
  find(error) {
    if (safe.isObject(error)) {
      for (const params of this.kept) {
        if (params.data.objectId && this.bridge.toValue(params.data.objectId) === error) return params;
      }
      // Node wraps a rejection whose reason is no Error.
      if (safe.data(error, 'code') !== 'ERR_UNHANDLED_REJECTION') return null;
    }
    const last = this.kept[this.kept.length - 1];
    return last !== undefined && (!last.data.objectId || last.reason === 'promiseRejection') ? last : null;
  }
}

module.exports = { Armed };
