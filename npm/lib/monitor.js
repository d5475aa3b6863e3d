'use strict';
// When a crash file is written. uncaughtExceptionMonitor changes nothing for the program: its handlers, its exit code
// and its output stay as they were. If it has a handler it may survive, and then nothing died: the file is written at
// once, since a handler often ends the process, taken back when the process turns out to live, and written again if
// it ends with an error soon after (a handler that first closes its connections).

const fs = require('fs');
const path = require('path');
const clock = require('./clock');
const { collect } = require('./collect');
const { takeCore } = require('./core');
const files = require('./files');
const { masker } = require('./mask');
const { none } = require('./room');

const SOON_MS = 30000;
const APART_MS = 1000;          // between two handled exceptions that are collected

class Monitor {
  constructor(settings, armed) {
    this.settings = settings;
    this.armed = armed;
    this.mask = masker(settings.showSecrets);
    this.busy = false;
    this.last = -Infinity;
    this.survived = null;       // { when, text, at } of the last handled one
    this.listening = false;
  }

  handled() {
    return process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback();
  }

  say(text) {
    if (!this.settings.log) return;
    try { fs.writeSync(2, `autopsy-node: ${text}\n`); } catch { /* nobody listens */ }
  }

  // Nothing that goes wrong here may reach the program: it would end with our error and our exit code.
  onUncaught(error, origin) {
    if (none() || this.busy) return;
    this.busy = true;
    try {
      const handled = this.handled();
      const now = clock.now();
      if (handled && now - this.last < APART_MS) return;
      this.last = now;
      this.write(error, origin, handled);
    } catch (problem) {
      this.note(problem);
    } finally {
      this.busy = false;
    }
  }

  note(problem) {
    try { this.say(`no crash file: ${problem && problem.stack}`); } catch { /* a hostile error */ }
  }

  directory() {
    return path.resolve(this.settings.directory || '.');
  }

  write(error, origin, handled) {
    const when = new Date();
    let text = collect(error, origin, this.settings, this.mask, this.armed, when, (problem) => this.note(problem));
    if (text === null) return;
    const directory = this.directory();
    const seconds = Math.floor(when.getTime() / 1000);
    if (this.settings.core !== null && !handled) text = this.withCore(text, directory, seconds);
    const file = this.publish(directory, seconds, text);
    if (handled) this.watch({ directory, seconds, text, file, at: clock.now() });
  }

  withCore(text, directory, seconds) {
    const file = path.join(directory, `crash.${seconds}.${process.pid}.core`);
    const core = takeCore(this.settings.core, file);
    return `${text.slice(0, -1)},"Core":${JSON.stringify(core)}}`;
  }

  publish(directory, seconds, text) {
    if (this.settings.directory !== null) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = files.writeCrash(directory, seconds, text);
    try { files.rotate(directory, this.settings.keep); } catch (problem) { this.note(problem); }
    this.say(`wrote ${file}`);
    return file;
  }

  watch(written) {
    this.survived = written;
    setImmediate(() => {
      if (written.file === null) return;
      try { fs.unlinkSync(written.file); } catch { /* somebody took it */ }
      written.file = null;
    });
    if (this.listening) return;
    this.listening = true;
    process.on('exit', (code) => this.onExit(code));
  }

  onExit(code) {
    const written = this.survived;
    if (written === null) return;
    this.survived = null;
    try {
      const died = code !== 0 && clock.now() - written.at < SOON_MS;
      if (died && written.file === null) this.publish(written.directory, written.seconds, written.text);
      if (!died && written.file !== null) fs.unlinkSync(written.file);
    } catch (problem) {
      this.note(problem);
    }
  }
}

module.exports = { Monitor };
