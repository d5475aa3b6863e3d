'use strict';
// Programs with handlers of their own: they decide how it ends, and whether something died at all.

const assert = require('assert');
const path = require('path');
const files = require('../files');
const { both, everywhere } = require('../tiers');

const EXPECTED = {
  swallow: { status: 0, file: false },
  exit: { status: 3, file: true },
  code: { status: 4, file: true },
  later: { status: 5, file: true },
  throw: { status: 7, file: true },
};

const handlers = Object.keys(EXPECTED).flatMap((what) => everywhere(`a handler that does: ${what}`,
  async (context, kind, tier) => {
    const { directory, done } = await both(context, 'handler', { kind, tier, args: [what] });
    assert.strictEqual(done.status, EXPECTED[what].status);
    assert.match(done.stdout, /handled first/);
    if (!EXPECTED[what].file) return files.none(directory);
    assert.strictEqual(files.only(directory).Error.message, 'first');
  }, ['cjs', 'esm'], ['free', 'armed']));

module.exports = [
  ...handlers,
  ...everywhere('a handler installed before us', async (context, kind, tier) => {
    const { directory, done } = await both(context, 'handler', { kind, tier, args: ['preloaded'], before: ['preload-handler'] });
    assert.match(done.stdout, /preloaded handler: first\nwent on/);
    files.none(directory);
  }),
  ...everywhere('a capture callback', async (context, kind, tier) => {
    const { directory, done } = await both(context, 'capture-callback', { kind, tier });
    assert.match(done.stdout, /captured to the callback\nwent on/);
    files.none(directory);
  }, ['cjs']),
  ...everywhere('two hundred handled exceptions', async (context, kind, tier) => {
    const { directory, done } = await both(context, 'handler-flood', { kind, tier });
    assert.strictEqual(done.stdout.trim(), '200');
    files.none(directory);
    // at most one of them a second is collected
    const said = await context.run(path.join(directory, 'handler-flood.js'), {
      cwd: directory, env: { AUTOPSY_TIER: tier, AUTOPSY_LOG: '1' }, flags: ['--require', 'autopsy-node/register'],
    });
    const written = (said.stderr.match(/wrote/g) || []).length;
    assert.ok(written >= 1 && written <= 2 + said.ms / 1000, `${written} files in ${said.ms} ms`);
  }, ['cjs']),
  ...everywhere('two thousand rejections handled late', async (context, kind, tier) => {
    const { directory, done, bare } = await both(context, 'flood', { kind, tier });
    assert.strictEqual(done.stdout.trim(), '2000');
    files.none(directory);
    return `${done.ms} ms against ${bare.ms} ms`;
  }, ['cjs']),
];
