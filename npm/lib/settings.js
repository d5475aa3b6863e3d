'use strict';
// What the environment asks for. Read once, at load: a program that clears its environment later changes nothing.

const MIB = 1024 * 1024;

function number(text, fallback, least, most) {
  const value = Number(text);
  if (text === undefined || text === '' || !Number.isFinite(value)) return fallback;
  return Math.min(most, Math.max(least, value));
}

function on(text) {
  return text !== undefined && text !== '' && text !== '0' && text !== 'false' && text !== 'no';
}

function read(env) {
  return {
    tier: env.AUTOPSY_TIER === 'armed' ? 'armed' : 'free',
    directory: env.AUTOPSY_CRASH_DIR || null,           // null: the working directory at the crash
    keep: Math.floor(number(env.AUTOPSY_KEEP, 10, 1, 100000)),
    maxBytes: number(env.AUTOPSY_MAX_BYTES, 8 * MIB, 64 * 1024, 256 * MIB),
    maxTime: number(env.AUTOPSY_MAX_MS, 2000, 50, 60000),
    panicTime: number(env.AUTOPSY_PANIC_MS, 10000, 50, 600000),
    showSecrets: on(env.AUTOPSY_SHOW_SECRETS),
    core: on(env.AUTOPSY_CORE) ? (env.AUTOPSY_CORE.includes('/') ? env.AUTOPSY_CORE : 'autopsy') : null,
    log: on(env.AUTOPSY_LOG),
  };
}

module.exports = { read };
