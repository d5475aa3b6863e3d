'use strict';
// The lines a panic prints, as node-panic words them.

const safe = require('./safe');

const CAUSES = 20;

function stamp(date) {
  return `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

// A value that is no Error is told by its type, so that `throw 'text'` and `throw undefined` keep what was thrown.
function other(value) {
  if (!safe.isObject(value)) {
    const text = typeof value === 'symbol' ? safe.symbolText(value) : String(value);
    return `EXCEPTION: ${value === null ? 'null' : typeof value}: ${text}`;
  }
  let text;
  try { text = JSON.stringify(value); } catch { /* told without */ }
  return `EXCEPTION: ${safe.className(value)}: ${text === undefined ? '<no text>' : text.slice(0, 1000)}`;
}

function one(value) {
  try {
    if (!(value instanceof Error) && !safe.isNativeError(value)) return other(value);
    let stack = value.stack;
    // an empty or removed stack still has a name and a message
    if (typeof stack !== 'string' || stack === '') stack = Error.prototype.toString.call(value);
    return `EXCEPTION: ${safe.className(value)}: ${stack}`;
  } catch {
    return '<unknown error>';
  }
}

// What an error was caused by: the cause() of old libraries, the property of new ones, the members of an AggregateError.
function origins(error) {
  const list = [];
  try {
    const cause = typeof error.cause === 'function' ? error.cause() : error.cause;
    if (cause !== undefined && cause !== null) list.push(cause);
  } catch { /* a cause that cannot be told */ }
  try {
    if (Array.isArray(error.errors)) list.push(...error.errors.slice(0, CAUSES));
  } catch { /* the same */ }
  return list;
}

function errorText(error) {
  let text = one(error);
  const seen = new Set([error]);
  const pending = safe.isObject(error) ? origins(error) : [];
  for (let n = 0; pending.length > 0 && n < CAUSES; n++) {
    const cause = pending.shift();
    if (safe.isObject(cause) && seen.has(cause)) continue;
    seen.add(cause);
    text += `\nCaused by: ${one(cause)}`;
    if (safe.isObject(cause)) pending.unshift(...origins(cause));
  }
  return text;
}

module.exports = { stamp, errorText };
