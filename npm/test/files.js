'use strict';
// What every crash file must satisfy, and how the old format's readers look things up in one.

const assert = require('assert');
const fs = require('fs');
const path = require('path');

const NAME = /^crash\.(\d+)\.(\d+)(\.\d+)?\.json$/;

function list(directory) {
  const names = fs.readdirSync(directory);
  assert.deepStrictEqual(names.filter((name) => name.includes('.tmp-')), [], 'a temporary file was left');
  return names.filter((name) => NAME.test(name)).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

// Every object of the protocol in a tree, with what it stands in.
function visit(node, see) {
  if (node === null || typeof node !== 'object') return;
  see(node);
  for (const key of Object.keys(node)) visit(node[key], see);
}

function check(crash) {
  for (const key of ['Paused', 'RemoteObjects', 'Scripts', 'Report', 'Error', 'State', 'Process', 'Truncated', 'Tool']) {
    assert.ok(key in crash, `no ${key}`);
  }
  assert.strictEqual(crash.Version, 1);
  const referred = new Set();
  visit(crash, (node) => {
    if (typeof node.objectId === 'string') {
      referred.add(node.objectId);
      assert.ok(Array.isArray((crash.RemoteObjects[node.objectId] || {}).result), `objectId ${node.objectId} dangles`);
    }
  });
  for (const id of Object.keys(crash.RemoteObjects)) assert.ok(referred.has(id), `nothing refers to object ${id}`);
  for (const pause of crash.Paused) {
    for (const frame of pause.callFrames) assert.ok(crash.Scripts[frame.location.scriptId], 'frame without its script');
  }
  return crash;
}

function read(directory, name) {
  const file = path.join(directory, name);
  assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600, 'mode');
  return check(JSON.parse(fs.readFileSync(file, 'utf8')));
}

// The one crash file of a directory.
function only(directory) {
  const names = list(directory);
  assert.strictEqual(names.length, 1, `expected one crash file, found ${names.join(' ') || 'none'}`);
  return read(directory, names[0]);
}

function none(directory) {
  assert.deepStrictEqual(list(directory), [], 'a crash file was left');
}

// Milliseconds of CPU from the throw to the end, as the program measured: the clock says more of a busy machine.
const cpu = (directory) => Math.round(Number(fs.readFileSync(path.join(directory, 'cpu'), 'utf8')));

const truth = (directory) => JSON.parse(fs.readFileSync(path.join(directory, 'truth.json'), 'utf8'));

// The properties of a RemoteObject by name, as a reader of either format finds them.
function members(crash, remote) {
  const found = {};
  const entry = crash.RemoteObjects[remote.objectId];
  for (const item of entry.result) if (item.value) found[item.name] = item.value;
  for (const item of entry.internalProperties || []) found[item.name] = item.value;
  for (const item of entry.privateProperties || []) found[item.name] = item.value;
  return found;
}

const scope = (crash, frame, type) => members(crash, frame.scopeChain.find((item) => item.type === type).object);

// A RemoteObject as the JSON of the value it stands for.
function plain(crash, remote) {
  if (remote.type === 'undefined') return undefined;
  if (remote.unserializableValue !== undefined) return remote.unserializableValue;
  if (!remote.objectId) return 'value' in remote ? remote.value : remote.description;
  const names = members(crash, remote);
  if (remote.subtype === 'array') {
    const values = [];
    for (let i = 0; i < names.length.value; i++) values.push(plain(crash, names[i]));
    return values;
  }
  const object = {};
  for (const item of crash.RemoteObjects[remote.objectId].result) {
    if (item.enumerable && item.value) object[item.name] = plain(crash, item.value);
  }
  return object;
}

module.exports = { list, read, only, none, check, cpu, truth, members, scope, plain };
