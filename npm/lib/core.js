'use strict';
// A core of the dying process, made by the native tool if AUTOPSY_CORE asks for it: the heap beside the crash file.

const fs = require('fs');

const LIMIT_MS = 60000;

function takeCore(tool, file) {
  const { spawnSync } = require('child_process');
  // stdio ignored: the program's output stays its own
  const done = spawnSync(tool, ['snapshot', String(process.pid), '-o', file], {
    stdio: 'ignore', timeout: LIMIT_MS, killSignal: 'SIGKILL',
    env: Object.assign({}, process.env, { NODE_OPTIONS: '' }),
  });
  if (done.error) return { file: null, error: done.error.message };
  if (done.status !== 0) return { file: null, error: `${tool} ended with ${done.signal || done.status}` };
  return fs.existsSync(file) ? { file, error: null } : { file: null, error: `${tool} made no file` };
}

module.exports = { takeCore };
