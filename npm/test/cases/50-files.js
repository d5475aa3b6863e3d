'use strict';
// Where the file goes, who may read it, what it may tell, and that it costs nothing before.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const files = require('../files');
const { both, everywhere, registered, PACKAGE } = require('../tiers');

async function crashIn(context, name, options = {}) {
  const directory = context.directory();
  const file = context.program(directory, name);
  if (options.prepare) options.prepare(directory);
  const done = await context.run(file, Object.assign({ cwd: directory, flags: await registered(context, 'cjs') }, options));
  return { directory, done };
}

function text(directory) {
  return fs.readFileSync(path.join(directory, files.list(directory)[0]), 'utf8');
}

const SECRET_ENV = { DB_PASSWORD: 'hunter2-env', REDIS_URL: 'redis://:hunter2-redis@host', PLAIN_SETTING: 'plain-value' };
const SECRET_ARGS = ['--auth-token', 'hunter2-arg', '--password=hunter2-arg2'];

const secrets = ['free', 'armed'].map((tier) => ({
  name: `secrets are masked, ${tier}`,
  run: async (context) => {
    const options = { env: Object.assign({ AUTOPSY_TIER: tier }, SECRET_ENV), args: SECRET_ARGS };
    const shown = await crashIn(context, 'secrets', Object.assign({}, options, {
      env: Object.assign({ AUTOPSY_SHOW_SECRETS: '1' }, options.env),
    }));
    const open = new Set(text(shown.directory).match(/hunter2-\w+/g));
    // the control: unmasked they are all there
    const wanted = ['env', 'redis', 'arg', 'arg2', 'property', 'apikey', 'url', 'header', 'map', 'message', 'text', 'error', 'state'];
    for (const which of wanted) assert.ok(open.has(`hunter2-${which}`), `unmasked: no hunter2-${which}`);
    if (tier === 'armed') assert.ok(open.has('hunter2-argument4') || open.has('hunter2-argument5'), 'unmasked: no argument');
    const masked = await crashIn(context, 'secrets', options);
    const crash = files.only(masked.directory);
    // In a source only what is written after a secret's name is known to be one.
    const sources = Object.values(crash.Scripts).map((script) => script.source).join('\n');
    for (const which of ['local', 'property', 'apikey', 'url', 'error', 'message']) assert.ok(!sources.includes(`hunter2-${which}`), which);
    assert.ok(sources.includes('Ada Lovelace'));
    const rest = JSON.stringify(Object.assign({}, crash, { Scripts: null }));
    assert.deepStrictEqual(rest.match(/hunter2-\w+/g), null);
    assert.match(rest, /plain-value/);
    assert.strictEqual(/Ada Lovelace/.test(rest), true);
    assert.strictEqual(crash.Report.environmentVariables.DB_PASSWORD, '<masked>');
    assert.strictEqual(crash.Report.environmentVariables.REDIS_URL, 'redis://:<masked>@host');
    // masking moved no column
    const frame = crash.Paused[0].callFrames[0];
    const line = crash.Scripts[frame.location.scriptId].source.split('\n')[frame.location.lineNumber];
    assert.match(line.slice(frame.location.columnNumber), tier === 'armed' ? /^throw error/ : /^new Error/);
  },
}));

module.exports = [
  ...secrets,
  {
    name: 'old files are rotated',
    run: async (context) => {
      const { directory } = await crashIn(context, 'throw', {
        env: { AUTOPSY_KEEP: '3' },
        prepare: (made) => {
          for (let i = 1; i <= 6; i++) fs.writeFileSync(path.join(made, `crash.${1000 + i}.1.json`), '{}');
          for (const name of ['crash.json', 'crash.x.1.json', 'crash.1001.1.json.bak']) fs.writeFileSync(path.join(made, name), '');
          fs.writeFileSync(path.join(made, '.crash.1.1.json.tmp-999999999'), '');
        },
      });
      const names = files.list(directory);
      assert.deepStrictEqual(names.filter((name) => name.startsWith('crash.100')), ['crash.1005.1.json', 'crash.1006.1.json']);
      assert.strictEqual(names.length, 3);
      for (const name of ['crash.json', 'crash.x.1.json', 'crash.1001.1.json.bak']) assert.ok(fs.existsSync(path.join(directory, name)), name);
    },
  },
  {
    name: 'name, time and process of the file',
    run: async (context) => {
      const before = Math.floor(Date.now() / 1000);
      const { directory, done } = await crashIn(context, 'throw');
      const [, seconds, pid] = /^crash\.(\d+)\.(\d+)\.json$/.exec(files.list(directory)[0]);
      const crash = files.only(directory);
      assert.strictEqual(Number(pid), done.pid);
      assert.ok(Number(seconds) >= before && Number(seconds) <= Date.now() / 1000);
      assert.strictEqual(Math.floor(Date.parse(crash.Time) / 1000), Number(seconds));
      assert.strictEqual(crash.Process.pid, done.pid);
      assert.strictEqual(crash.Process.cwd, fs.realpathSync(directory));
      // where the server of the old format looks
      assert.strictEqual(crash.Report.processId, done.pid);
      assert.strictEqual(Math.floor(crash.Report.dumpEventTimeStamp / 1000) >= before, true);
      assert.match(crash.Report.javascriptStack.message, /^RangeError(?: \[E_FUNDS\])?: not enough$/);
      assert.strictEqual(crash.Report.header.processId, done.pid);
    },
  },
  {
    name: 'AUTOPSY_CRASH_DIR is made and used',
    run: async (context) => {
      const place = path.join(context.root, 'made', 'here');
      const { directory } = await crashIn(context, 'throw', { env: { AUTOPSY_CRASH_DIR: place } });
      files.none(directory);
      assert.strictEqual(files.only(place).Error.code, 'E_FUNDS');
    },
  },
  {
    name: 'AUTOPSY_CORE asks the native tool',
    run: async (context) => {
      const tool = path.join(context.root, 'tool');
      fs.writeFileSync(tool, '#!/bin/sh\n[ "$1" = snapshot ] && [ "$3" = -o ] && echo "core of $2" > "$4"\necho noise\n', { mode: 0o755 });
      const { directory, done } = await crashIn(context, 'throw', { env: { AUTOPSY_CORE: tool } });
      const crash = files.only(directory);
      assert.strictEqual(fs.readFileSync(crash.Core.file, 'utf8').trim(), `core of ${done.pid}`);
      assert.strictEqual(done.stdout.includes('noise'), false);
      const missing = await crashIn(context, 'throw', { env: { AUTOPSY_CORE: '/nowhere/autopsy' } });
      assert.strictEqual(missing.done.status, 1);
      assert.match(files.only(missing.directory).Core.error, /ENOENT/);
    },
  },
  {
    name: 'the free tier loads no inspector and listens once',
    run: async (context) => {
      const free = await crashIn(context, 'idle', { env: { AUTOPSY_TIER: 'free' } });
      const armed = await crashIn(context, 'idle', { env: { AUTOPSY_TIER: 'armed' } });
      assert.deepStrictEqual(JSON.parse(free.done.stdout), { loaded: 0, handles: 0, monitors: 1 });
      assert.deepStrictEqual(JSON.parse(armed.done.stdout), { loaded: 1, handles: 0, monitors: 1 });
    },
  },
  ...['cjs', 'esm'].map((kind) => ({
    name: `the package's own names, ${kind}`,
    run: async (context) => {
      const directory = context.directory();
      const { done } = { done: await context.run(context.program(directory, 'names', kind), { cwd: directory }) };
      assert.strictEqual(done.status, 1, done.stderr);
      const { version } = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
      assert.deepStrictEqual(JSON.parse(done.stdout), {
        version, panic: ['caDebugState', 'caPanicSave', 'enablePanicOnCrash', 'panic'], same: true, kept: 'mine',
      });
      // register() called from the program does what preloading it does
      assert.strictEqual(files.only(directory).Error.message, 'after register');
    },
  })),
  ...everywhere('time from throw to the end', async (context, kind, tier) => {
    const { directory } = await both(context, 'throw', { kind, tier });
    assert.ok(files.cpu(directory) < 500, `${files.cpu(directory)} ms`);
    return `${files.cpu(directory)} ms of CPU, ${files.only(directory).Tool.milliseconds} ms by the clock`;
  }, ['cjs']),
];
