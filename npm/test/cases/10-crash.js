'use strict';
// The ways a program dies, in both module systems and both tiers, against what the program wrote before it died.

const assert = require('assert');
const fs = require('fs');
const files = require('../files');
const { both, everywhere } = require('../tiers');

// "at name (place:line:column)" of a stack's text, file: URLs and paths alike
function stackFrames(stack, file) {
  const found = [];
  for (const line of stack.split('\n')) {
    const match = /^\s+at (?:async )?(?:(.*) \()?(?:file:\/\/)?([^()]*?):(\d+):(\d+)\)?$/.exec(line);
    if (match && match[2] === file) found.push({ name: match[1] || '', line: Number(match[3]), column: Number(match[4]) });
  }
  return found;
}

const mine = (crash, file) => crash.Paused[0].callFrames.filter((frame) => frame.url === `file://${file}`);

function checkFrames(crash, truth, file, tier) {
  const expected = stackFrames(truth.stack, file);
  const frames = mine(crash, file);
  const reported = stackFrames(crash.Error.stack, file);
  assert.deepStrictEqual(reported, expected, 'Error.stack');
  assert.deepStrictEqual(crash.Error.frames.filter((frame) => frame.line !== null && (frame.script || '').endsWith(file))
    .map((frame) => [frame.line, frame.column]), expected.map((frame) => [frame.line, frame.column]), 'Error.frames');
  if (tier === 'free') {
    assert.deepStrictEqual(frames.map((frame) => [frame.location.lineNumber + 1, frame.location.columnNumber + 1]),
      expected.map((frame) => [frame.line, frame.column]));
    return frames;
  }
  // The first is where the error was thrown, the others where the next was called: those must agree to the column.
  // An awaiting caller is in the text ("at async") and not on the real stack.
  const onStack = stackFrames(truth.stack.split(/^\s+at async /m)[0], file).length;
  assert.deepStrictEqual(
    frames.slice(1, onStack).map((frame) => [frame.location.lineNumber + 1, frame.location.columnNumber + 1]),
    expected.slice(1, onStack).map((frame) => [frame.line, frame.column]));
  assert.strictEqual(frames.length, onStack);
  return frames;
}

function checkSource(crash, frame, file) {
  assert.strictEqual(crash.Scripts[frame.location.scriptId].source.includes(fs.readFileSync(file, 'utf8').trim()), true, 'source');
}

async function synchronous(context, kind, tier) {
  const { directory, file } = await both(context, 'throw', { kind, tier });
  const crash = files.only(directory);
  const truth = files.truth(directory);
  const frames = checkFrames(crash, truth, file, tier);
  checkSource(crash, frames[0], file);
  assert.strictEqual(crash.Error.message, truth.message);
  assert.strictEqual(crash.Error.code, truth.code);
  // evaluating an ES module rejects a promise
  assert.strictEqual(crash.Error.origin, kind === 'esm' ? 'unhandledRejection' : 'uncaughtException');
  assert.strictEqual(crash.Error.causes[0].message, 'why');
  const error = files.members(crash, crash.Error.value);
  assert.deepStrictEqual(files.plain(crash, error.detail), { amount: truth.amount, shared: truth.shared });
  assert.strictEqual(crash.Tool.tier, tier);
  if (tier === 'free') return;

  assert.strictEqual(frames[0].functionName, 'pay');
  assert.strictEqual(frames[1].functionName, 'settle');
  const local = files.scope(crash, frames[0], 'local');
  assert.strictEqual(local.before.value, truth.before);
  assert.strictEqual(local.amount.value, truth.amount);
  assert.strictEqual(local.error.objectId, crash.Error.value.objectId, 'the error in the scope is the one thrown');
  const self = files.members(crash, frames[0].this);
  assert.strictEqual(self.owner.value, truth.owner);
  assert.strictEqual(self['#balance'].value, truth.before, 'private member');
  const notes = files.members(crash, files.members(crash, local.notes)['[[Entries]]']);
  const second = files.members(crash, notes[1]);
  assert.strictEqual(second.key.value, 'second');
  // one object wherever it is met
  assert.strictEqual(second.value.objectId, self.shared.objectId);
  assert.strictEqual(files.members(crash, error.detail).shared.objectId, self.shared.objectId);
  assert.strictEqual(files.scope(crash, frames[1], 'local').label.value, `pay ${truth.amount}`);
  const outer = frames[0].scopeChain.filter((scope) => scope.type !== 'local').map((scope) => files.members(crash, scope.object));
  assert.ok(outer.some((names) => names.counter && names.counter.value === truth.counter), 'closed-over counter');
}

async function timer(context, kind, tier) {
  const { directory, file } = await both(context, 'timer', { kind, tier });
  const crash = files.only(directory);
  const truth = files.truth(directory);
  const frames = checkFrames(crash, truth, file, tier);
  if (tier === 'armed') assert.deepStrictEqual(files.plain(crash, files.scope(crash, frames[0], 'local').local), truth.local);
}

async function promise(context, kind, tier) {
  const { directory, file } = await both(context, 'promise', { kind, tier });
  const crash = files.only(directory);
  const truth = files.truth(directory);
  const frames = checkFrames(crash, truth, file, tier);
  assert.strictEqual(crash.Error.origin, 'unhandledRejection');
  assert.strictEqual(crash.Paused[0].reason, 'promiseRejection');
  if (tier === 'armed') assert.deepStrictEqual(files.plain(crash, files.scope(crash, frames[0], 'local').local), truth.local);
}

async function nothing(context, kind, tier) {
  const { directory, file } = await both(context, 'undefined', { kind, tier });
  const crash = files.only(directory);
  assert.strictEqual(crash.Error.value.type, 'undefined');
  assert.strictEqual(crash.Error.isError, false);
  assert.strictEqual(crash.Paused[0].data.type, 'undefined');
  if (tier === 'free') return;
  const [frame] = mine(crash, file);
  assert.strictEqual(frame.functionName, 'nothing');
  assert.strictEqual(files.scope(crash, frame, 'local').local.value, files.truth(directory).local);
}

async function worker(context, kind, tier) {
  const { directory, file } = await both(context, 'worker', { kind, tier, varies: true });
  const [first, ...others] = files.list(directory).map((name) => files.read(directory, name));
  const truth = files.truth(directory);
  assert.strictEqual(first.Process.mainThread, false);
  assert.strictEqual(first.Error.message, 'in a worker');
  const frames = checkFrames(first, truth, file, tier);
  if (tier === 'armed') assert.deepStrictEqual(files.plain(first, files.scope(first, frames[0], 'local').local), truth.local);
  // nobody listened, so the main thread died of it too
  assert.deepStrictEqual(others.map((crash) => [crash.Process.mainThread, crash.Error.message]), [[true, 'in a worker']]);
}

async function workerHandled(context, kind, tier) {
  const { directory, done } = await both(context, 'worker', { kind, tier, args: ['handled'], varies: true });
  assert.match(done.stdout, /worker said in a worker/);
  assert.strictEqual(files.only(directory).Process.mainThread, false);
}

async function caught(context, kind, tier) {
  const { directory, done } = await both(context, 'caught', { kind, tier });
  assert.strictEqual(done.stdout.trim(), '603');
  files.none(directory);
}

const MODES = { none: false, warn: false, 'warn-with-error-code': false, throw: true, strict: true };

const rejections = Object.keys(MODES).flatMap((mode) => everywhere(`a rejection, --unhandled-rejections=${mode}`,
  async (context, kind, tier) => {
    const { directory, done, file } = await both(context, 'rejection', { kind, tier, flags: [`--unhandled-rejections=${mode}`] });
    if (!MODES[mode]) {
      assert.match(done.stdout, /went on/);
      files.none(directory);
      return;
    }
    const crash = files.only(directory);
    assert.deepStrictEqual(stackFrames(crash.Error.stack, file), stackFrames(files.truth(directory).stack, file));
  }));

module.exports = [
  ...everywhere('a throw', synchronous),
  ...everywhere('a throw in a timer', timer),
  ...everywhere('a throw in a promise', promise),
  ...everywhere('throw undefined', nothing),
  ...everywhere('a worker\'s crash', worker),
  ...everywhere('a worker\'s crash that is handled', workerHandled, ['cjs']),
  ...everywhere('caught exceptions leave nothing', caught),
  ...rejections,
  ...everywhere('a rejection with a listener leaves nothing', async (context, kind, tier) => {
    const { directory, done } = await both(context, 'rejection-handled', { kind, tier });
    assert.match(done.stdout, /seen rejected\nwent on/);
    files.none(directory);
  }),
];
