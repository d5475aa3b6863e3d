'use strict';
// Files that are whole or absent: a temporary name, 0600, then the real name in one step. And the removal of old ones.

const fs = require('fs');
const path = require('path');

const CRASH = /^crash\.(\d+)\.(\d+)(?:\.(\d+))?\.json$/;
const TEMPORARY = /^\.(?:crash|ncore)\..*\.tmp-(\d+)$/;
const SCAN = 20000;             // directory entries looked at; a crash must not wait for a directory of millions
const STALE_MS = 60 * 60 * 1000;

function writeAll(fd, chunks) {
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk, 'utf8');
    for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at, bytes.length - at);
  }
}

// `publish(temporary)` gives the file its real name and returns it.
function writeWhole(directory, name, chunks, publish) {
  const temporary = path.join(directory, `.${name}.tmp-${process.pid}`);
  fs.rmSync(temporary, { force: true });
  const fd = fs.openSync(temporary, 'wx', 0o600);
  try {
    try { writeAll(fd, chunks); } finally { fs.closeSync(fd); }
    return publish(temporary);
  } catch (error) {
    try { fs.unlinkSync(temporary); } catch { /* gone already */ }
    throw error;
  }
}

// crash.SECONDS.PID.json; two crashes of one process in one second (threads) get a number, none is overwritten.
function writeCrash(directory, seconds, text) {
  const base = `crash.${seconds}.${process.pid}`;
  return writeWhole(directory, `${base}.${process.hrtime.bigint()}`, [text], (temporary) => {
    for (let n = 0; n < 100; n++) {
      const file = path.join(directory, n === 0 ? `${base}.json` : `${base}.${n}.json`);
      try {
        fs.linkSync(temporary, file);
      } catch (error) {
        if (error.code === 'EEXIST') continue;
        // a file system without hard links
        if (fs.existsSync(file)) continue;
        fs.renameSync(temporary, file);
        return file;
      }
      fs.unlinkSync(temporary);
      return file;
    }
    throw new Error('too many crash files of one second');
  });
}

function replace(directory, name, chunks) {
  const file = path.join(directory, name);
  return writeWhole(directory, name, chunks, (temporary) => { fs.renameSync(temporary, file); return file; });
}

function alive(pid) {
  try { process.kill(pid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}

// Keeps the newest crash files that are ours to remove, and no temporary file of a process that died writing it.
function rotate(directory, keep) {
  const uid = process.getuid ? process.getuid() : null;
  const mine = (file) => {
    try {
      const stat = fs.lstatSync(file);
      return stat.isFile() && (uid === null || stat.uid === uid) ? stat : null;
    } catch { return null; }
  };
  const found = [];
  const entries = fs.opendirSync(directory);
  try {
    for (let i = 0, entry; i < SCAN && (entry = entries.readSync()) !== null; i++) {
      const file = path.join(directory, entry.name);
      const temporary = TEMPORARY.exec(entry.name);
      if (temporary !== null && Number(temporary[1]) !== process.pid) {
        const stat = mine(file);
        if (stat && (!alive(Number(temporary[1])) || Date.now() - stat.mtimeMs > STALE_MS)) fs.unlinkSync(file);
      }
      const crash = CRASH.exec(entry.name);
      if (crash !== null) found.push({ file, seconds: Number(crash[1]), n: Number(crash[3] || 0) });
    }
  } finally {
    entries.closeSync();
  }
  found.sort((a, b) => b.seconds - a.seconds || b.n - a.n);
  for (const { file } of found.slice(keep)) if (mine(file)) fs.unlinkSync(file);
}

module.exports = { writeCrash, replace, rotate };
