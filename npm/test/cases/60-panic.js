'use strict';
// node-panic's interface: the same keys, lines and exit codes, and a dump whatever the state holds.

const assert = require('assert');
const { createHash } = require('crypto');
const fs = require('fs');
const path = require('path');
const files = require('../files');

const STAMP = '\\[\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} UTC\\] CRIT   ';

async function panic(context, name, options = {}) {
  const directory = context.directory();
  const file = context.program(directory, name, options.kind);
  const done = await context.run(file, Object.assign({ cwd: directory }, options));
  const dumps = fs.readdirSync(directory).filter((entry) => /ncore\./.test(entry));
  const read = () => {
    assert.deepStrictEqual(dumps, [`ncore.${done.pid}`]);
    assert.strictEqual(fs.statSync(path.join(directory, dumps[0])).mode & 0o777, 0o600);
    const text = fs.readFileSync(path.join(directory, dumps[0]), 'utf8');
    assert.strictEqual(text.includes('\n'), false, 'one line');
    return JSON.parse(text);
  };
  return { directory, file, done, dumps, read };
}

const KEYS = ['dbg.format-version', 'init.process.argv', 'init.process.pid', 'init.process.cwd', 'init.process.env',
  'init.process.version', 'init.process.platform', 'init.time', 'init.time-ms'];
const LAST = ['panic.error', 'panic.time', 'panic.time-ms', 'panic.memusage'];

async function auto(context, kind) {
  const { done, directory, file, read } = await panic(context, 'panic-auto', { kind });
  assert.strictEqual(done.status, 1);
  assert.strictEqual(done.stdout, '');
  const lines = done.stderr.split('\n').filter((line) => line.startsWith('['));
  assert.strictEqual(lines.length, 3);
  assert.match(lines[0], new RegExp(`^${STAMP}PANIC: panic due to uncaught exception: EXCEPTION: TypeError: TypeError: Cannot read prop`));
  assert.match(lines[1], new RegExp(`^${STAMP}writing core dump to ${fs.realpathSync(directory)}/ncore\\.${done.pid}$`));
  assert.match(lines[2], new RegExp(`^${STAMP}finished writing core dump$`));
  const dump = read();
  assert.deepStrictEqual(Object.keys(dump), [...KEYS, 'func1.arg', 'func2.arg', ...LAST]);
  assert.strictEqual(dump['dbg.format-version'], '0.1');
  assert.strictEqual(dump['init.process.pid'], done.pid);
  assert.strictEqual(dump['init.process.argv'][1], fs.realpathSync(file));
  assert.strictEqual(dump['func1.arg'], 10);
  assert.strictEqual(dump['func2.arg'], 20);
  assert.strictEqual(new Date(dump['panic.time']).getTime(), dump['panic.time-ms']);
  assert.ok(dump['panic.memusage'].rss > 1e6);
  // the text of the error is what was printed
  assert.ok(done.stderr.includes(`PANIC: panic due to uncaught exception: ${dump['panic.error']}\n`));
  assert.match(dump['panic.error'], /at func2 \([^\n]*:10:15\)\n\s+at func1 \(/);
}

async function explicit(context) {
  const { done, read } = await panic(context, 'panic-explicit');
  assert.strictEqual(done.status, 1);
  const dump = read();
  assert.match(dump['panic.error'], /^EXCEPTION: Error: Error: panicked on command\n/);
  assert.match(done.stderr, /PANIC: explicit panic: EXCEPTION: Error: Error: panicked on command\n/);
  assert.deepStrictEqual(dump.keys, { replaced: ['req1', 'req2', 'req3'] });
  assert.deepStrictEqual([dump.req1, dump.req2, dump.req3], [undefined, { n: 2 }, { n: 3 }]);
  assert.deepStrictEqual(dump.held, { changes: 'after' });
  const other = await panic(context, 'panic-explicit', { args: ['error'] });
  assert.match(other.done.stderr, /PANIC: with an error: EXCEPTION: TypeError: TypeError: the error\n/);
}

async function odd(context) {
  const { done, read } = await panic(context, 'panic-odd');
  assert.strictEqual(done.status, 1, done.stderr);
  // nothing was written into the program's objects
  assert.deepStrictEqual(JSON.parse(done.stdout), { keys: 1, bottom: 0, ring: ['name', 'self', 'list'] });
  const dump = read();
  assert.strictEqual(dump.bigint, '12345678901234567890n');
  assert.deepStrictEqual(dump.inner, { n: '1n', after: 'kept' });
  assert.deepStrictEqual(dump.getter, { boom: '<error: no reading>', after: 'kept' });
  assert.deepStrictEqual(dump.frozen, { name: 'ring', self: '<circular>', list: ['<circular>', { back: '<circular>' }] });
  assert.deepStrictEqual(dump.twice, [{ shared: true }, { shared: true }]);
  assert.deepStrictEqual(dump.map, { type: 'Map', entries: [['k', { v: '1n' }], [{ shared: true }, 'by object']] });
  assert.deepStrictEqual(dump.set, { type: 'Set', values: [1, 'two', { shared: true }] });
  assert.deepStrictEqual([dump.error.type, dump.error.message, dump.error.extra], ['Error', 'outer', { x: 1 }]);
  assert.match(dump.error.stack, /^Error: outer\n/);
  assert.strictEqual(dump.tojson, '<error: no json>');
  assert.strictEqual(dump.hook, 'hooked hook');
  assert.strictEqual(dump.proxy, '<error: no keys>');
  assert.deepStrictEqual(dump.panics, { again: '<error: panic while panicking>' });
  assert.deepStrictEqual(dump.bare, { a: 1 });
  let depth = 0;
  let at = dump.deep;
  for (; at !== null && typeof at === 'object'; at = at.deep) depth++;
  assert.ok(depth > 100, `${depth} levels of the deep one`);
  assert.match(at, /^<(?:too deep|error: Maximum call stack)/);
  assert.strictEqual('symbol' in dump || 'function' in dump, false);
  assert.strictEqual(dump.last, 'still here');
  assert.match(dump.live, /no state/);
  assert.match(dump['panic.error'], /^EXCEPTION: Error: Error: odd/);
}

const THROWN = {
  text: /^EXCEPTION: string: text$/,
  undefined: /^EXCEPTION: undefined: undefined$/,
  null: /^EXCEPTION: null: null$/,
  object: /^EXCEPTION: Object: \{"code":7\}$/,
  causes: /^EXCEPTION: RangeError: RangeError: top\n[^]*\nCaused by: EXCEPTION: Error: Error: middle\n[^]*\nCaused by: EXCEPTION: TypeError: TypeError: root\n/,
  verror: /^EXCEPTION: Error: Error: outer\n[^]*\nCaused by: EXCEPTION: Error: Error: inner\n/,
  aggregate: /^EXCEPTION: AggregateError: AggregateError: many\n[^]*\nCaused by: EXCEPTION: Error: Error: one\n[^]*\nCaused by: EXCEPTION: Error: Error: two\n/,
  rejection: /^EXCEPTION: Error: Error: rejected\n/,
  hostile: /^<unknown error>$/,
  timer: /^EXCEPTION: Error: Error: later\n/,
};

const thrown = Object.keys(THROWN).map((what) => ({
  name: `panic: ${what}`,
  run: async (context) => {
    const { done, read } = await panic(context, 'panic-throws', { args: [what] });
    assert.strictEqual(done.status, 1);
    assert.match(done.stderr, /PANIC: panic due to uncaught exception: /);
    const dump = read();
    assert.strictEqual(dump.marker, what);
    assert.match(dump['panic.error'], THROWN[what]);
    const causes = (dump['panic.error'].match(/Caused by/g) || []).length;
    assert.strictEqual(causes, { causes: 2, verror: 1, aggregate: 2 }[what] || 0, 'each cause once');
  },
}));

async function secrets(context) {
  const env = { DB_PASSWORD: 'hunter2-env', PLAIN: 'plain' };
  const masked = await panic(context, 'panic-auto', { env, args: ['{}', '--token', 'hunter2-arg'] });
  const dump = masked.read();
  assert.deepStrictEqual([dump['init.process.env'].DB_PASSWORD, dump['init.process.env'].PLAIN], ['<masked>', 'plain']);
  assert.deepStrictEqual(dump['init.process.argv'].slice(2), ['{}', '--token', '<masked>']);
  const shown = (await panic(context, 'panic-auto', { env, args: ['{"maskSecrets":false}'] })).read();
  assert.strictEqual(shown['init.process.env'].DB_PASSWORD, 'hunter2-env');
}

async function ends(context) {
  const skipped = await panic(context, 'panic-auto', { args: ['{"skipDump":true}'] });
  assert.deepStrictEqual([skipped.done.status, skipped.dumps], [1, []]);
  assert.strictEqual(skipped.done.stderr.split('\n').filter((line) => line.startsWith('[')).length, 1);
  const aborted = await panic(context, 'panic-auto', { args: ['{"abortOnPanic":true}'] });
  assert.strictEqual(aborted.done.signal, 'SIGABRT');
  assert.strictEqual(aborted.read()['func2.arg'], 20);
}

async function elsewhere(context) {
  const directory = context.directory();
  const file = context.program(directory, 'panic-explicit');
  if (!fs.existsSync('/proc/1')) context.skip('no /proc');
  const done = await context.run(file, { cwd: '/proc/1', env: { TMPDIR: directory } });
  assert.strictEqual(done.status, 1);
  assert.match(done.stderr, /writing core dump to \/proc\/1\/ncore[^]*could not write there[^]*finished writing core dump/);
  assert.deepStrictEqual(JSON.parse(fs.readFileSync(path.join(directory, `ncore.${done.pid}`), 'utf8')).req2, { n: 2 });
}

async function plain(context) {
  const { directory, done } = await panic(context, 'panic-plain');
  assert.strictEqual(done.status, 0, done.stderr);
  const text = (name) => fs.readFileSync(path.join(directory, name), 'utf8');
  assert.strictEqual(text('saved.json'), text('truth.json').replace(/^$/, ''));
  assert.strictEqual(text('dump.json'), text('truth.json'));
}

async function big(context) {
  const { directory, done, read } = await panic(context, 'panic-big');
  const dump = read();
  const hash = createHash('sha256').update(JSON.stringify(dump.state)).digest('hex');
  assert.strictEqual(hash, files.truth(directory).hash);
  const blown = await panic(context, 'panic-big', { args: ['blowup'], env: { AUTOPSY_PANIC_MS: '300' } });
  assert.strictEqual(blown.done.status, 1);
  const cut = blown.read();
  assert.match(cut['panic.error'], /Error: big\n/);
  assert.strictEqual(cut.after, 'still here');
  assert.match(JSON.stringify(cut.blowup), /<truncated/);
  assert.ok(blown.done.ms < 25000, `${blown.done.ms} ms`);
  return `${done.ms} ms`;
}

async function together(context) {
  const { directory, done, read } = await panic(context, 'panic-auto', { flags: ['--require', 'autopsy-node/register'] });
  assert.strictEqual(done.status, 1);
  assert.strictEqual(read()['func2.arg'], 20);
  const crash = files.only(directory);
  assert.strictEqual(crash.State['func1.arg'].value, 10);
  assert.strictEqual(crash.Error.name, 'TypeError');
}

module.exports = [
  { name: 'panic on a crash, cjs', run: (context) => auto(context, 'cjs') },
  { name: 'panic on a crash, esm', run: (context) => auto(context, 'esm') },
  { name: 'explicit panic, set, add and remove', run: explicit },
  { name: 'a dump whatever the state holds', run: odd },
  ...thrown,
  { name: 'panic masks the environment and the command line', run: secrets },
  { name: 'skipDump and abortOnPanic', run: ends },
  { name: 'panic where it cannot write', run: elsewhere },
  { name: 'ordinary values are written as JSON.stringify does', run: plain },
  { name: 'panic with 50 MB of state', run: big },
  { name: 'panic and register together', run: together },
];
