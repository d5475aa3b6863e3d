'use strict';
// What no JavaScript can read of an object but the inspector can: private members, the state of a promise, the target
// of a proxy, where a function was defined and the scopes it closed over.

const safe = require('./safe');
const { MISSING } = require('./bridge');
const { types } = safe;

const WANTED = new Set(['[[PromiseState]]', '[[PromiseResult]]', '[[Target]]', '[[Handler]]', '[[IsRevoked]]',
  '[[FunctionLocation]]', '[[TargetFunction]]', '[[BoundThis]]', '[[GeneratorState]]', '[[GeneratorFunction]]',
  '[[GeneratorReceiver]]', '[[GeneratorLocation]]']);

// Asking costs about a twentieth of a millisecond: only where there may be an answer.
function worthAsking(object, remote) {
  if (object === globalThis) return false;
  if (typeof object === 'function' || remote.subtype === 'proxy') return true;
  if (types.isPromise(object) || types.isGeneratorObject(object)) return true;
  return remote.subtype === undefined && remote.className !== 'Object' && remote.className !== 'Module';
}

// The protocol's RemoteObject turned into ours: the object behind it if it is one, else as it is.
function convert(graph, remote, depth, name) {
  if (!remote.objectId || remote.type === 'symbol') {
    if (remote.type === 'string') return graph.remote(remote.value, depth, name);
    const kept = Object.assign({}, remote);
    delete kept.objectId;
    return kept;
  }
  const value = graph.bridge.toValue(remote.objectId);
  if (value !== MISSING) return graph.remote(value, depth, name);
  const kept = Object.assign({}, remote, { truncated: 'unreadable' });
  delete kept.objectId;
  return kept;
}

// The scopes of a function, nearest first; the global one is left out, it is in every list.
function scopes(graph, list, depth) {
  const answer = graph.bridge.properties(list.objectId);
  const result = [];
  for (const item of (answer && answer.result) || []) {
    if (!/^\d+$/.test(item.name) || !item.value || !item.value.objectId) continue;
    if (/^(Global|Script)/.test(item.value.description || '')) continue;
    // V8 hands out a pair of description and object; the object is the scope.
    const pair = graph.bridge.toValue(item.value.objectId);
    const scope = pair === MISSING ? undefined : safe.data(pair, 'object');
    if (!safe.isObject(scope)) continue;
    const remote = graph.remote(scope, depth + 1);
    const named = Object.assign({}, remote, { subtype: 'internal#scope', description: item.value.description });
    result.push({ name: String(result.length), value: named, writable: false, configurable: false, enumerable: true, isOwn: true });
  }
  const remote = { type: 'object', subtype: 'internal#scopeList', className: 'Array', description: `Scopes[${result.length}]` };
  return { name: '[[Scopes]]', value: graph.synthetic(remote, result) };
}

function privates(graph, list, depth) {
  return list.map((item) => {
    const property = { name: item.name };
    if (item.value) property.value = convert(graph, item.value, depth + 1, item.name.replace(/^#/, ''));
    for (const half of ['get', 'set']) if (item[half]) property[half] = convert(graph, item[half], depth + 2);
    return property;
  });
}

// A function of Node's own closes over Node's internals.
function ofNode(graph, answer) {
  const location = (answer.internalProperties || []).find((item) => item.name === '[[FunctionLocation]]');
  const params = location && location.value && location.value.value && graph.scripts.get(location.value.value.scriptId);
  return params !== undefined && params !== null && /^node:/.test(params.url);
}

function internals(graph, object, remote, depth, entry) {
  if (!worthAsking(object, remote)) return;
  graph.asked++;
  const objectId = graph.bridge.toId(object);
  const answer = graph.bridge.properties(objectId);
  if (answer === null || ofNode(graph, answer)) return;
  for (const item of answer.internalProperties || []) {
    const list = entry.internalProperties || (entry.internalProperties = []);
    if (item.name === '[[Scopes]]' && item.value && depth <= 1) list.push(scopes(graph, item.value, depth));
    else if (WANTED.has(item.name) && item.value) {
      list.push({ name: item.name, value: convert(graph, item.value, depth + 1) });
    }
  }
  if (answer.privateProperties && answer.privateProperties.length > 0) {
    entry.privateProperties = privates(graph, answer.privateProperties, depth);
  }
}

module.exports = { internals };
