#!/usr/bin/env node
'use strict';
// Lets every truth program die once on one Node, and compares what the tool says of the core with what the program wrote.
//
//   run.js --autopsy FILE --tools DIR --node FILE --label NAME [--only NAME[,NAME]] [--method HOW] [--keep] [--mini]
//
// --mini: the stack, name for name and value for value, has to come out of the minicore of that core as well.
// DIR holds mkcore and fault.so. A program says in its head how it wants to run:
//   // @flags --some-flag          flags for Node
//   // @kill SIGABRT 300           signal from outside, so many milliseconds after its truth is written
//   // @variant NAME: --flags      one run per variant, with these flags added
//   // @needs WORD                 run only where the flag or major holds: `flag --maglev`, `major 20`
// Every check prints one line; the last line is the sum. Exit status: 0, 1 if a check failed, 77 if none could run.

const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const options = { keep: false, mini: false };
for (let i = 2; i < process.argv.length; i++) {
  const name = process.argv[i].replace(/^--/, '');
  if (name === 'keep' || name === 'mini')
    options[name] = true;
  else
    options[name] = process.argv[++i];
}
for (const name of ['autopsy', 'tools', 'node', 'label']) {
  if (!options[name]) {
    console.error(`run.js: --${name} is missing`);
    process.exit(64);
  }
}
const autopsy = path.resolve(options.autopsy);
const mkcore = path.resolve(options.tools, 'mkcore');
const faultLibrary = path.resolve(options.tools, 'fault.so');
const signals = os.constants.signals;
const count = { passed: 0, failed: 0, skipped: 0 };

function passed(name) {
  count.passed++;
  console.log(`ok    ${options.label} ${name}`);
}

function failed(name, why) {
  count.failed++;
  console.log(`FAIL  ${options.label} ${name}: ${why}`);
}

function skipped(name, why) {
  count.skipped++;
  console.log(`skip  ${options.label} ${name}: ${why}`);
}

// One check: the function gives the reason of failure, or nothing.
function check(name, test) {
  let why;
  try {
    why = test();
  } catch (e) {
    why = e.stack;
  }
  if (why)
    failed(name, why);
  else
    passed(name);
}

// ---- programs ----

function programs() {
  const list = [];
  for (const file of fs.readdirSync(__dirname).sort()) {
    if (!/\.m?js$/.test(file))
      continue;
    const head = fs.readFileSync(path.join(__dirname, file), 'utf8').split('\n').filter((l) => /^\uFEFF?\/\/ @/.test(l))
      .map((l) => l.trim().replace(/^\uFEFF?\/\/ @/, ''));
    if (!head.length)
      continue;
    const all = (word) => head.filter((l) => l.split(' ')[0] === word).map((l) => l.slice(word.length).trim());
    const flags = all('flags').join(' ').split(' ').filter(Boolean);
    const kill = all('kill').map((l) => l.split(' '))[0];
    const variants = all('variant').map((l) => /^(\S+):\s*(.*)$/.exec(l));
    const base = { file: path.join(__dirname, file), kill, needs: all('needs') };
    const name = file.replace(/\.js$/, '');
    if (!variants.length)
      list.push({ ...base, name, flags });
    for (const [, variant, more] of variants)
      list.push({ ...base, name: `${name}/${variant}`, flags: [...flags, ...more.split(' ').filter(Boolean)] });
  }
  return list;
}

const version = spawnSync(options.node, ['--version'], { encoding: 'utf8' });
if (version.status !== 0) {
  console.error(`run.js: ${options.node} does not run: ${version.stderr || version.error}`);
  process.exit(2);
}
const major = Number(/^v(\d+)/.exec(version.stdout)[1]);

// The flag it lacks, if it does.
function lacksFlag(flag) {
  const r = spawnSync(options.node, [flag, '-e', '0'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  return r.status !== 0 || /cannot|not supported|was disabled/i.test(r.stderr);
}

// gdb reads all of the gigabytes that V8 only reserves around WebAssembly's memories, minutes of zeros.
const forGdb = ['--disable-wasm-trap-handler'].filter((flag) => options.method === 'gdb' && !lacksFlag(flag));

// Why a program does not apply to this Node, or nothing.
function missing(program) {
  for (const need of program.needs) {
    const [kind, what] = need.split(' ');
    if (kind === 'major' && major < Number(what))
      return `needs Node ${what}`;
  }
  for (const flag of program.flags) {
    if (lacksFlag(flag))
      return `this Node has no ${flag}`;
  }
  return undefined;
}

// ---- comparing ----

function show(v) {
  const text = JSON.stringify(v);
  return text === undefined ? 'nothing' : text.length > 300 ? `${text.slice(0, 300)}...` : text;
}

// The first place where `actual` does not have what `expected` lists, or nothing. Keys that only `actual` has are fine.
function difference(expected, actual, where) {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual))
      return `${where}: ${show(actual)} is not a list`;
    if (actual.length !== expected.length)
      return `${where}: ${actual.length} items, truth is ${expected.length}`;
    for (let i = 0; i < expected.length; i++) {
      const d = difference(expected[i], actual[i], `${where}[${i}]`);
      if (d)
        return d;
    }
    return undefined;
  }
  if (expected !== null && typeof expected === 'object') {
    if (actual === null || typeof actual !== 'object')
      return `${where}: ${show(actual)}, truth is ${show(expected)}`;
    for (const [key, value] of Object.entries(expected)) {
      let d;
      if (key === 'properties')
        d = propertyDifference(value, expected.privates || [], actual.properties, `${where}.properties`);
      else if (key !== 'privates')
        d = difference(value, actual[key], `${where}.${key}`);
      if (d)
        return d;
    }
    return undefined;
  }
  if (typeof expected === 'string' && typeof actual === 'string' && expected !== actual) {
    let i = 0;
    while (expected[i] === actual[i])
      i++;
    const cut = (s) => JSON.stringify(s.slice(Math.max(0, i - 20), i + 80));
    return `${where}: differs at ${i}: ${cut(actual)}, truth is ${cut(expected)}`;
  }
  return Object.is(expected, actual) ? undefined : `${where}: ${show(actual)}, truth is ${show(expected)}`;
}

// Own properties: the same ones, whatever the order. Two private names may be spelt alike, so each is used once.
// What V8 computes (`computed`) may come as `native`: then its value, where the tool gives one, has to be right.
function propertyDifference(expected, privates, actual, where) {
  if (!Array.isArray(actual))
    return `${where}: ${show(actual)} is not a list`;
  const left = actual.filter((p) => p.kind !== 'native' || expected.some((e) => e.name === p.name && e.symbol === p.symbol));
  for (const e of [...expected, ...privates]) {
    const same = left.filter((p) => p.name === e.name && p.symbol === e.symbol && p.private === e.private);
    if (!same.length)
      return `${where}: no ${e.name}`;
    const { computed, ...data } = e;
    const wanted = (p) => !computed || p.kind !== 'native' ? data :
      { name: e.name, ...(p.value && e.value && { value: e.value }) };
    const fits = same.find((p) => !difference(wanted(p), p, ''));
    if (!fits)
      return difference(wanted(same[0]), same[0], `${where}.${e.name}`);
    left.splice(left.indexOf(fits), 1);
  }
  return left.length ? `${where}: ${left.map((p) => p.name).join(', ')} should not be there` : undefined;
}

const place = (f) => `${f.function} ${f.script}:${f.line}:${f.column}`;

function frameCount(truth, actual) {
  return truth.length === actual.length ? undefined :
    `${actual.length} frames, truth is ${truth.length}:\n  ${actual.map(place).join('\n  ')}\ntruth:\n  ${truth.map(place).join('\n  ')}`;
}

function positions(truth, actual) {
  for (let i = 0; i < truth.length && i < actual.length; i++) {
    const t = truth[i];
    const a = actual[i];
    const inLoop = t.line_from && a.line >= t.line_from && a.line <= t.line_to;
    if (a.script !== t.script || (t.line_from ? !inLoop : a.line !== t.line || a.column !== t.column))
      return `frame ${i}: ${place(a)}, truth is ${t.line_from ? `lines ${t.line_from} to ${t.line_to}` : place(t)}`;
  }
  return frameCount(truth, actual);
}

function names(truth, actual) {
  for (let i = 0; i < truth.length && i < actual.length; i++) {
    if (actual[i].function !== truth[i].function)
      return `frame ${i}: ${show(actual[i].function)}, truth is ${show(truth[i].function)} (${place(truth[i])})`;
  }
  return frameCount(truth, actual);
}

function tiers(truth, actual) {
  for (let i = 0; i < truth.length && i < actual.length; i++) {
    const t = truth[i];
    const a = actual[i];
    if ((t.tier && a.tier !== t.tier) || (t.inlined !== undefined && a.inlined !== t.inlined))
      return `frame ${i} ${t.function}: ${a.tier} inlined ${a.inlined}, truth is ${t.tier} inlined ${t.inlined}`;
  }
  return undefined;
}

// Builtins that V8 shows between two JavaScript frames must be there, under a name that has theirs in it: `Array.map` may
// be `ArrayMap` or `ArrayPrototypeMap`.
function builtins(truth, actual) {
  const gaps = (list) => {
    const out = [[]];
    for (const f of list) {
      if (f.kind === 'js')
        out.push([]);
      else if (f.kind === 'builtin')
        out[out.length - 1].push(f);
    }
    return out;
  };
  const got = gaps(actual);
  return gaps(truth).map((gap, i) => {
    const missed = gap.find((t) => !(got[i] || []).some((f) =>
      String(f.function).toLowerCase().includes(t.function.split(/[. ]/).pop().toLowerCase())));
    return missed && `before frame ${i}: ${show((got[i] || []).map((f) => f.function))}, truth is ${missed.function}`;
  }).find(Boolean);
}

// ---- the tool ----

// The JSON envelopes of one run of the tool, one per command.
function ask(core, commands) {
  const args = [core, '--json', ...commands.flatMap((c) => ['-e', c])];
  const r = spawnSync(autopsy, args, { encoding: 'utf8', maxBuffer: 1 << 30, timeout: 120000 });
  if (r.error)
    throw new Error(`${autopsy}: ${r.error.message}`);
  const lines = r.stdout.split('\n').filter(Boolean);
  let envelopes;
  try {
    envelopes = lines.map((l) => JSON.parse(l));
  } catch (e) {
    throw new Error(`not JSON: ${e.message}: ${r.stdout.slice(0, 300)}`);
  }
  return { status: r.status === null ? r.signal : r.status, stderr: r.stderr.trim(), envelopes };
}

function stackChecks(name, truth, bt) {
  const threads = truth.filter((t) => t.thread).map((t) => t.thread);
  for (const thread of threads) {
    const title = threads.length > 1 ? `${name} ${thread.role}` : name;
    const found = bt.threads.filter((t) => t.role === thread.role);
    const js = thread.frames.filter((f) => f.kind === 'js');
    const async = thread.frames.filter((f) => f.kind === 'async');
    const actual = found.length ? found[0].frames : [];
    check(`${title} positions`, () => {
      if (found.length > 1)
        return `${found.length} threads with the role ${thread.role}`;
      if (!found.length && js.length)
        return `no thread with the role ${thread.role}`;
      return positions(js, actual.filter((f) => f.kind === 'js'));
    });
    if (js.length)
      check(`${title} names`, () => names(js, actual.filter((f) => f.kind === 'js')));
    if (thread.frames.some((f) => f.kind === 'builtin'))
      check(`${title} builtins`, () => builtins(thread.frames, actual));
    if (async.length) {
      check(`${title} async positions`, () => positions(async, actual.filter((f) => f.kind === 'async')));
      check(`${title} async names`, () => names(async, actual.filter((f) => f.kind === 'async')));
    }
    if (js.some((f) => f.tier))
      check(`${title} tiers`, () => tiers(js, actual.filter((f) => f.kind === 'js')));
  }
  for (const { native } of truth.filter((t) => t.native)) {
    check(`${name} native frame`, () => {
      const all = bt.threads.flatMap((t) => t.frames).filter((f) => f.kind === 'native');
      return all.some((f) => f.symbol === native) ? undefined : `no native frame ${native}`;
    });
  }
}

function valueChecks(name, truth, core, bt) {
  const { function: where, argument, truths } = truth.find((t) => t.values).values;
  const frame = bt.threads.flatMap((t) => t.frames).find((f) => f.function === where);
  const value = frame && (frame.arguments || []).find((a) => a.name === argument);
  check(`${name} argument`, () => value && value.value && value.value.address ? undefined :
    `no argument ${argument} with an address in ${show(frame)}`);
  if (!value || !value.value || !value.value.address)
    return;
  const { envelopes, stderr } = ask(core, truths.map((t) => `print ${value.value.address} ${t.path}`));
  check(`${name} answers`, () => envelopes.length === truths.length ? undefined :
    `${envelopes.length} answers to ${truths.length} commands; ${stderr.slice(-300)}`);
  if (envelopes.length !== truths.length)
    return;
  truths.forEach((t, i) => {
    const { data, error } = envelopes[i];
    check(`${name} ${t.path}`, () => {
      if (t.error)
        return data === null && error ? undefined : `${show(data)}, truth is an error`;
      return data ? difference(t.expect, data, '') : `error ${show(error)}`;
    });
  });
}

// Local variables of a frame by name. Those that the program calls certain must be there; one that is shown must be true.
function localChecks(name, truth, core, bt) {
  const frames = bt.threads[0].frames;
  for (const { function: where, certain, maybe } of truth.flatMap((t) => t.locals || [])) {
    check(`${name} locals of ${where}`, () => {
      const index = frames.findIndex((f) => f.kind === 'js' && f.function === where);
      if (index < 0)
        return `no frame ${where}`;
      const { envelopes } = ask(core, [`frame ${index}`, 'locals']);
      const data = envelopes.length === 2 && envelopes[1].data;
      if (!data)
        return `no locals: ${show(envelopes)}`;
      const found = new Map(data.locals.filter((l) => !/^r\d+$/.test(l.name)).map((l) => [l.name, l.value]));
      const optimised = !['interpreted', 'baseline'].includes(frames[index].tier);
      for (const [variable, value] of found) {
        const want = { ...certain, ...maybe }[variable];
        if (optimised && value.preview === '<optimised out>')
          continue;
        if (want === undefined)
          return `${variable} is none of its variables`;
        if (want !== null && value.preview !== want)
          return `${variable} = ${value.preview}, truth is ${want}`;
      }
      const lost = Object.keys(certain).filter((variable) => !found.has(variable));
      return lost.length && !optimised ? `without a name: ${lost.join(' ')}` : undefined;
    });
  }
}

// The instructions that V8 printed when it compiled the function: offset, bytes, name.
function bytecodeCheck(name, truth, core, output) {
  const where = truth.find((t) => t.bytecode).bytecode;
  check(`${name} instructions`, () => {
    const printed = [];
    for (const line of output.slice(output.indexOf(`function: ${where} `)).split('\n')) {
      const m = /@ +(\d+) : ((?:[0-9a-f]{2} )+) *([A-Za-z0-9]+)/.exec(line);
      if (m)
        printed.push(`${m[1]} ${m[3]}`);
      else if (line.startsWith('Constant pool'))
        break;
    }
    const text = spawnSync(autopsy, [core, '-e', 'v8 bt'], { encoding: 'utf8' }).stdout;
    const address = (new RegExp(` ${where}\\(.* fn=(0x[0-9a-f]+)`).exec(text) || [])[1];
    if (!address)
      return `no address of ${where} in ${text.slice(0, 500)}`;
    const answer = ask(core, [`${address}::v8code -d`]).envelopes[0];
    if (!answer || !answer.data || answer.data.kind !== 'bytecode')
      return show(answer);
    const { start, instructions } = answer.data;
    const named = instructions.some((i) => !i.text.startsWith('bytecode '));
    const found = instructions.map((i) => {
      const offset = Number(BigInt(i.address) - BigInt(start));
      return `${offset} ${i.text.split(' ')[0]}`;
    });
    if (!named) // a stripped library: the offsets alone
      return String(found.map(parseFloat)) === String(printed.map(parseFloat)) ? undefined : 'other offsets';
    return printed.length > 20 && String(found) === String(printed) ? undefined : `${found} instead of ${printed}`;
  });
}

function verdictCheck(name, truth, core) {
  const { verdict } = truth.find((t) => t.verdict);
  check(`${name} verdict`, () => {
    const { envelopes } = ask(core, ['report']);
    const data = envelopes.length && envelopes[0].data;
    if (!data || !data.verdict)
      return `no verdict: ${show(envelopes[0])}`;
    if (data.verdict.kind !== verdict.kind)
      return `${show(data.verdict)}, truth is ${show(verdict)}`;
    const missed = [verdict.text, verdict.signal, verdict.address].find((w) => w && !String(data.verdict.text).includes(w));
    if (missed)
      return `${show(data.verdict.text)} does not have ${show(missed)}`;
    return !verdict.stack || String(data.verdict.error_stack).includes(verdict.stack) ? undefined :
      `${show(data.verdict.error_stack)} does not have ${show(verdict.stack)}`;
  });
}

// ---- one program ----

// What the kernel's handler keeps of every crash, though it may not keep the core.
function miniChecks(name, truth, core) {
  const mini = `${core}.mini.zst`;
  const made = spawnSync(path.resolve(options.tools, 'mkmini'), [core, mini], { encoding: 'utf8' });
  check(`${name} minicore`, () => {
    if (made.status !== 0)
      return made.stderr;
    const facts = JSON.parse(made.stdout);
    console.log(`      ${made.stdout.trim()}`);
    return facts.stored < 5e6 ? undefined : `${facts.stored} bytes`;
  });
  if (made.status !== 0)
    return;
  const whole = ask(core, ['bt']);
  const part = ask(mini, ['bt']);
  const frames = (data) => data.threads.map((t) => ({ role: t.role, frames: t.frames.map((f) =>
    ({ ...f, receiver: undefined, arguments: undefined })) }));
  check(`${name} same stack`, () => part.envelopes[0].data ?
    difference(frames(whole.envelopes[0].data), frames(part.envelopes[0].data), 'threads') : show(part.envelopes[0]));
  if (part.envelopes[0].data)
    stackChecks(name, truth, part.envelopes[0].data);
  if (truth.some((t) => t.verdict))
    verdictCheck(name, truth, mini);
}

function run(program, dir) {
  const core = path.join(dir, 'core.of.program');
  const truthFile = path.join(dir, 'truth');
  const args = ['-d', dir, '-t', options.method === 'gdb' ? '400' : '120', '-o', core];
  if (options.method)
    args.push('-m', options.method);
  if (program.kill)
    args.push('-k', String(signals[program.kill[0]]), '-w', truthFile, '-a', program.kill[1]);
  const r = spawnSync(mkcore, [...args, '--', options.node, ...forGdb, ...program.flags, program.file, truthFile, faultLibrary],
                      { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (r.error)
    throw new Error(`${mkcore}: ${r.error.message}`);
  if (r.status === 77) {
    skipped(program.name, r.stderr.trim());
    return;
  }
  const truth = fs.existsSync(truthFile) ?
    fs.readFileSync(truthFile, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l)) : [];
  const skip = truth.find((t) => t.skip);
  if (skip) {
    skipped(program.name, skip.skip);
    return;
  }
  if (r.status !== 0 || !truth.some((t) => t.thread)) {
    failed(program.name, `the program did not die as it should (${r.status}):\n${(r.stdout + r.stderr).slice(-2000)}`);
    return;
  }
  if (options.mini) {
    miniChecks(program.name, truth, core);
    return;
  }
  let bt;
  check(`${program.name} opens`, () => {
    const { status, stderr, envelopes } = ask(core, ['bt']);
    bt = envelopes.length === 1 && envelopes[0].data;
    if (!bt)
      return `status ${status}: ${show(envelopes[0])} ${stderr.slice(-500)}`;
    return status === 0 ? undefined : `status ${status}: ${stderr.slice(-500)} ${show(envelopes[0].warnings)} ${show(envelopes[0].gaps)}`;
  });
  if (!bt)
    return;
  stackChecks(program.name, truth, bt);
  if (truth.some((t) => t.values))
    valueChecks(program.name, truth, core, bt);
  if (truth.some((t) => t.bytecode))
    bytecodeCheck(program.name, truth, core, r.stdout);
  localChecks(program.name, truth, core, bt);
  if (truth.some((t) => t.verdict))
    verdictCheck(program.name, truth, core);
}

const only = options.only && options.only.split(',');
const chosen = programs().filter((p) => !only || only.some((o) => p.name === o || p.name.startsWith(`${o}/`)));
if (!chosen.length) {
  console.error(`run.js: no program ${options.only}`);
  process.exit(64);
}
for (const program of chosen) {
  const why = missing(program);
  if (why) {
    skipped(program.name, why);
    continue;
  }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-live-'));
  try {
    run(program, dir);
  } catch (e) {
    failed(program.name, e.stack);
  } finally {
    if (options.keep)
      console.log(`kept  ${dir}`);
    else
      fs.rmSync(dir, { recursive: true, force: true });
  }
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed ? 1 : count.passed ? 0 : 77);
