'use strict';
// What is thrown and what is in reach, however odd: read without running the program's code.

const assert = require('assert');
const files = require('../files');
const { both, everywhere } = require('../tiers');

const THROWN = {
  null: (value) => assert.deepStrictEqual([value.subtype, value.value], ['null', null]),
  symbol: (value) => assert.strictEqual(value.description, 'Symbol(thrown)'),
  bigint: (value) => assert.strictEqual(value.unserializableValue, '10n'),
  plain: (value, crash) => assert.deepStrictEqual(files.plain(crash, value), { code: 7, inner: { a: 1 } }),
  frozen: (value, crash) => assert.strictEqual(crash.Error.message, 'frozen'),
  nostack: (value, crash) => assert.deepStrictEqual([crash.Error.message, crash.Error.stack], ['no stack', null]),
  function: (value) => assert.strictEqual(value.type, 'function'),
};

const thrown = Object.keys(THROWN).flatMap((what) => everywhere(`throw ${what}`, async (context, kind, tier) => {
  const { directory } = await both(context, 'throw-proxy', { kind, tier, args: [what] });
  const crash = files.only(directory);
  THROWN[what](crash.Error.value, crash);
  assert.strictEqual(crash.Paused[0].data.type, crash.Error.value.type);
}, ['cjs']));

module.exports = [
  ...thrown,
  ...everywhere('throw text', async (context, kind, tier) => {
    const { directory } = await both(context, 'text', { kind, tier });
    const crash = files.only(directory);
    assert.strictEqual(crash.Error.value.value, 'just a text');
    assert.match(crash.Report.javascriptStack.message, /just a text/);
  }),
  ...everywhere('reject with text', async (context, kind, tier) => {
    const { directory, file } = await both(context, 'reject-text', { kind, tier });
    const crash = files.only(directory);
    assert.match(crash.Error.message, /rejected text/);
    if (tier === 'free') return;
    const frame = crash.Paused[0].callFrames[0];
    assert.deepStrictEqual([frame.url, frame.functionName], [`file://${file}`, 'reject']);
    assert.strictEqual(files.scope(crash, frame, 'local').word.value, 'text');
  }),
  ...everywhere('getters, traps and hooks are not run', async (context, kind, tier) => {
    const { directory, done } = await both(context, 'hostile', { kind, tier });
    assert.match(done.stdout, /touched 0 3/);
    const crash = files.only(directory);
    assert.strictEqual(crash.Error.message, 'hostile');
    const own = crash.RemoteObjects[crash.Error.value.objectId].result;
    assert.strictEqual(own.find((item) => item.name === 'trap').get.type, 'function', 'an accessor is shown as one');
    const ring = files.members(crash, files.members(crash, crash.Error.value).ring);
    assert.strictEqual(ring.error.objectId, crash.Error.value.objectId, 'a cycle is a reference');
  }),
  ...everywhere('causes', async (context, kind, tier) => {
    const { directory } = await both(context, 'causes', { kind, tier });
    const crash = files.only(directory);
    const truth = files.truth(directory);
    assert.strictEqual(crash.Error.stack, truth.top);
    assert.deepStrictEqual(crash.Error.causes.map((cause) => [cause.of, cause.relation, cause.message]),
      [[-1, 'errors[0]', 'middle'], [-1, 'errors[1]', 'left'], [-1, 'errors[2]', null], [0, 'cause', 'root']]);
    assert.strictEqual(crash.Error.causes[3].stack, truth.root);
    assert.strictEqual(crash.Error.causes[3].code, 'E_ROOT');
    assert.strictEqual(crash.Error.causes[2].value.value, 'text');
  }),
  ...everywhere('globals, promises and proxies', async (context, kind, tier) => {
    const { directory, file } = await both(context, 'globals', { kind, tier });
    const crash = files.only(directory);
    const truth = files.truth(directory);
    const frames = crash.Paused[0].callFrames.filter((frame) => frame.url === `file://${file}`).slice(0, 3);
    assert.deepStrictEqual(frames.map((frame) => frame.functionName), truth.frames);
    const held = frames.map((frame) => files.scope(crash, frame, 'local').held.objectId);
    assert.deepStrictEqual(held, [held[0], held[0], held[0]], 'one object in three frames');
    const globals = frames.map((frame) => frame.scopeChain.find((scope) => scope.type === 'global').object.objectId);
    assert.deepStrictEqual(globals, [globals[0], globals[0], globals[0]], 'one global object');
    const global = files.members(crash, frames[0].scopeChain.find((scope) => scope.type === 'global').object);
    assert.strictEqual(files.members(crash, global.mine).word.value, truth.word);
    const [two, done, pending, proxy] = Object.values(files.members(crash, files.scope(crash, frames[0], 'local').a));
    assert.strictEqual(files.members(crash, two).again.objectId, held[0]);
    assert.strictEqual(files.members(crash, done)['[[PromiseState]]'].value, 'fulfilled');
    assert.strictEqual(files.members(crash, files.members(crash, done)['[[PromiseResult]]']).settled.value, 'yes');
    assert.strictEqual(files.members(crash, pending)['[[PromiseState]]'].value, 'pending');
    assert.strictEqual(files.members(crash, files.members(crash, proxy)['[[Target]]']).behind.value, 'the proxy');
  }, ['cjs', 'esm'], ['armed']),
  ...everywhere('a stack overflow', async (context, kind, tier) => {
    const { directory } = await both(context, 'recursion', { kind, tier });
    const crash = files.only(directory);
    assert.match(crash.Error.message, /call stack/);
    assert.strictEqual(crash.Paused[0].callFrames[0].functionName, 'down');
  }),
];
