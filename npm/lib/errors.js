'use strict';
// The thrown value and its causes, told in words; their properties are RemoteObjects like every other object's.

const safe = require('./safe');
const stack = require('./stack');

const CAUSES = 20;
const TEXT = 64 * 1024;

function text(value, mask) {
  return typeof value === 'string' ? mask.text(value.slice(0, TEXT)) : null;
}

function one(graph, value, depth) {
  const isObject = safe.isObject(value);
  const lines = isObject ? safe.stackOf(value) : null;
  const code = isObject ? safe.data(value, 'code') : undefined;
  return {
    value: graph.remote(value, depth),
    isError: safe.isError(value),
    name: isObject ? text(safe.data(value, 'name'), graph.mask) : null,
    message: isObject ? text(safe.data(value, 'message'), graph.mask) : null,
    code: typeof code === 'string' || typeof code === 'number' ? code : null,
    stack: text(lines, graph.mask),
    frames: stack.frames(lines),
  };
}

// [relation, value]: what an error says it came from. The function cause() of old error libraries is not called.
function origins(error) {
  if (!safe.isObject(error) || safe.isProxy(error)) return [];
  const list = [];
  const cause = safe.find(error, 'cause');
  if (cause && 'value' in cause && typeof cause.value !== 'function') list.push(['cause', cause.value]);
  // VError keeps its cause here
  const inner = safe.data(error, 'jse_cause');
  if (inner !== undefined && inner !== null) list.push(['cause', inner]);
  const errors = safe.data(error, 'errors');
  if (Array.isArray(errors) && !safe.isProxy(errors)) {
    for (let i = 0; i < Math.min(errors.length, CAUSES); i++) {
      const descriptor = safe.getOwnPropertyDescriptor(errors, String(i));
      if (descriptor && 'value' in descriptor) list.push([`errors[${i}]`, descriptor.value]);
    }
  }
  return list;
}

// `of` is an index into the list itself, -1 for the thrown value.
function causes(graph, thrown) {
  const found = [];
  const seen = new Set([thrown]);
  const pending = [[-1, thrown]];
  while (pending.length > 0) {
    const [index, error] = pending.shift();
    for (const [relation, value] of origins(error)) {
      if (found.length >= CAUSES) return found;
      if (seen.has(value)) continue;
      if (safe.isObject(value)) seen.add(value);
      found.push(Object.assign({ of: index, relation }, one(graph, value, 1)));
      pending.push([found.length - 1, value]);
    }
  }
  return found;
}

function section(graph, thrown, origin) {
  return Object.assign({ origin }, one(graph, thrown, 0), { causes: causes(graph, thrown) });
}

module.exports = { section };
