'use strict';
// One program run without us and with us: it must end the same way, and the crash file is what is looked at.

const assert = require('assert');
const { PACKAGE } = require('./harness');

let flags = null;

// --import is in 18.18 and later; a Node is asked once.
async function hasImport(context) {
  if (flags === null) {
    const answer = await context.spawn(context.node, ['-p', 'process.allowedNodeEnvironmentFlags.has("--import")']);
    flags = answer.stdout.trim() === 'true';
  }
  return flags;
}

async function registered(context, kind) {
  if (kind === 'esm' && await hasImport(context)) return ['--import', 'autopsy-node/register'];
  return ['--require', 'autopsy-node/register'];
}

// process ids, and the counters some warnings carry
const steady = (text, directory) => text.split(directory).join('DIR').replace(/\(node:\d+\)/g, '(node:PID)');

// An armed debugger formats a stack at the throw, not when it is printed. What Node prints from the unformatted one
// differs then, for a caught exception as for any program that reads `stack` early: the excerpt of the source above the
// stack, and the name of a method that was replaced since.
function withoutExcerpt(text) {
  const lines = text.split('\n');
  const marker = lines.findIndex((line) => /^\s*\^+$/.test(line));
  return lines.slice(marker + 1).join('\n').replace(/^(\s+at )[^(\n]*(?= \()/gm, '$1');
}

async function end(context, name, options, collected) {
  const kind = options.kind || 'cjs';
  const directory = context.directory();
  const file = context.program(directory, name, kind);
  const before = (options.before || []).flatMap((preload) => ['--require', context.program(directory, preload)]);
  const ours = collected ? await registered(context, kind) : [];
  const env = Object.assign({ AUTOPSY_TIER: options.tier || 'free' }, options.env);
  const done = await context.run(file, {
    cwd: directory, args: options.args, env, flags: [...before, ...ours, ...(options.flags || [])],
  });
  return Object.assign(done, { directory, file });
}

// What the program does alone is the same whatever our tier: it is run once for all.
const alone = new Map();

function bareEnd(context, name, options) {
  const key = JSON.stringify([name, options.kind, options.args, options.flags, options.before]);
  if (options.varies) return end(context, name, options, false);
  if (!alone.has(key)) alone.set(key, end(context, name, options, false));
  return alone.get(key);
}

// options: kind, tier, flags, args, env, before (files preloaded before us), varies, marker (what it prints once it
// is where the test wants it);
// gives { directory, bare, done }
async function both(context, name, options = {}) {
  const bare = await bareEnd(context, name, options);
  const done = await end(context, name, options, true);
  for (const { stdout, signal } of [bare, done]) {
    if (options.marker && !stdout.includes(options.marker)) context.skip(`the program itself does not get that far here: ${signal}`);
  }
  assert.strictEqual(done.status, bare.status, `exit code, stderr: ${done.stderr}`);
  assert.strictEqual(done.signal, bare.signal, 'signal');
  assert.strictEqual(steady(done.stdout, done.directory), steady(bare.stdout, bare.directory), 'stdout');
  const stderr = (end) => {
    const text = steady(end.stderr, end.directory);
    return options.tier === 'armed' ? withoutExcerpt(text) : text;
  };
  // Some programs print one of several texts by themselves (the stack of a worker's start): any of them will do.
  for (let n = 0; options.varies && n < 12 && stderr(done) !== stderr(bare); n++) {
    Object.assign(bare, await context.run(bare.file, { cwd: bare.directory, args: options.args, flags: options.flags }));
  }
  assert.strictEqual(stderr(done), stderr(bare));
  return { bare, done, directory: done.directory, file: done.file };
}

// The same case for CommonJS and ES modules, free and armed.
function everywhere(name, run, kinds = ['cjs', 'esm'], tiers = ['free', 'armed']) {
  const cases = [];
  for (const kind of kinds) {
    for (const tier of tiers) cases.push({ name: `${name}, ${kind}, ${tier}`, run: (context) => run(context, kind, tier) });
  }
  return cases;
}

module.exports = { both, everywhere, registered, PACKAGE };
