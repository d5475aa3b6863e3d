'use strict';
// The tests' own tests: a case that fails is counted and told, and a bad crash file is seen to be bad.

const assert = require('assert');
const files = require('../files');
const { runCases, summary } = require('../harness');

module.exports = [
  {
    name: 'the harness tells failures',
    run: async (context) => {
      const lines = [];
      const counts = await runCases([
        { name: 'good', run: () => {} },
        { name: 'bad', run: () => { assert.strictEqual(1, 2); } },
        { name: 'late', run: async () => { await null; throw new Error('late'); } },
        { name: 'skipped', run: (inner) => inner.skip('a reason') },
      ], context.node, (line) => lines.push(line));
      assert.strictEqual(summary(counts), '1 passed, 2 failed, 1 skipped');
      assert.strictEqual(lines.length, 4);
      assert.match(lines[3], /skip skipped \(a reason\)/);
    },
  },
  {
    name: 'the check of a file sees what is wrong with it',
    run: () => {
      const good = {
        Version: 1, Paused: [], RemoteObjects: { 1: { result: [] } }, Scripts: {}, Report: {}, State: null, Process: {},
        Error: { value: { type: 'object', objectId: '1' } }, Truncated: [], Tool: {},
      };
      files.check(good);
      const bad = (change) => assert.throws(() => files.check(Object.assign({}, good, change)), assert.AssertionError);
      bad({ Version: 2 });
      bad({ RemoteObjects: {} });
      bad({ RemoteObjects: { 1: { result: [] }, 2: { result: [] } } });
      bad({ Paused: [{ callFrames: [{ location: { scriptId: '9' } }] }] });
    },
  },
];
