'use strict';
// The "Paused" section. Armed: the frames V8 saw at the throw, with scopes and `this`. Free: the frames of the stack's
// text, which a reader can show the same way, without variables.

const { MISSING } = require('./bridge');

const FRAMES = 200;             // written
const OPENED = 30;              // of the program's own, with their variables

const NOTHING = { type: 'undefined' };

function ofText(error, scripts) {
  const callFrames = [];
  for (const frame of error.frames) {
    if (frame.script === null || frame.line === null) continue;
    const scriptId = scripts.idOf(frame.script);
    scripts.add(scriptId);
    callFrames.push({
      callFrameId: `text.${callFrames.length}`, functionName: frame.function,
      location: { scriptId, lineNumber: frame.line - 1, columnNumber: frame.column - 1 },
      url: scripts.urlOf(scriptId), scopeChain: [], this: NOTHING, async: frame.async,
    });
  }
  const reason = error.origin === 'unhandledRejection' ? 'promiseRejection' : 'exception';
  return [{
    callFrames, reason, data: Object.assign({}, error.value, { uncaught: true }), hitBreakpoints: [], fromText: true,
  }];
}

function ofInspector(paused, error, scripts, graph, notes) {
  let opened = 0;
  const callFrames = [];
  for (const frame of paused.callFrames.slice(0, FRAMES)) {
    const { scriptId } = frame.location;
    const url = scripts.urlOf(scriptId) || frame.url;
    scripts.add(scriptId);
    const mine = scripts.isProgram(scriptId);
    const open = mine && opened < OPENED;
    if (open) opened++;
    else if (mine) notes.unopened++;
    callFrames.push(Object.assign({}, frame, {
      url,
      scopeChain: open ? frame.scopeChain.map((scope) => ofScope(scope, graph)).filter(Boolean) : [],
      this: open ? ofThis(frame.this, graph) : NOTHING,
    }));
  }
  notes.frames += Math.max(0, paused.callFrames.length - FRAMES);
  return [{
    callFrames, reason: paused.reason, data: Object.assign({}, error.value, { uncaught: true }),
    hitBreakpoints: [],
  }];
}

function ofScope(scope, graph) {
  const value = scope.type === 'global' ? globalThis : graph.bridge.toValue(scope.object.objectId);
  if (value === MISSING) return null;
  const description = scope.object.description || 'Object';
  const object = Object.assign({}, graph.remote(value, 0), { className: 'Object', description });
  return Object.assign({}, scope, { object });
}

function ofThis(remote, graph) {
  if (!remote.objectId) return remote;
  const value = graph.bridge.toValue(remote.objectId);
  return value === MISSING ? NOTHING : graph.remote(value, 1);
}

module.exports = { ofText, ofInspector };
