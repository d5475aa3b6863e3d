'use strict';
// usage: crash.js NODE AUTOPSY MKCORE [WORD]: every case, or those whose name has WORD.

const assert = require('assert');
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const zlib = require('zlib');

const [node, autopsy, mkcore] = process.argv.slice(2, 5).map((file) => path.resolve(file));
const word = process.argv[5] || '';
const NPM = path.join(__dirname, '../../npm');
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-crash-'));
const cases = [];
const test = (name, run) => cases.push({ name, run });

class Skip extends Error {}

function folder() {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(root, 'run-')));
  fs.mkdirSync(path.join(directory, 'node_modules'));
  fs.symlinkSync(NPM, path.join(directory, 'node_modules/autopsy-node'));
  return directory;
}

// The answers of the tool to the commands, in order.
function ask(file, ...commands) {
  const args = [file, '--json', ...commands.flatMap((command) => ['-e', command])];
  const done = spawnSync(autopsy, args, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 30000, input: '' });
  assert.strictEqual(done.signal, null, `${args.join(' ')}: ${done.stderr}`);
  const answers = done.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.strictEqual(answers.length, commands.length, done.stderr);
  return answers;
}

function data(file, ...commands) {
  return ask(file, ...commands).map((answer, i) => {
    assert.ok(answer.data, `${commands[i]}: ${JSON.stringify(answer.error)}`);
    return answer.data;
  });
}

// Runs the program to its death; { file, truth }.
function die(tier, { args = [], module = false, preload = [] } = {}) {
  const directory = folder();
  let source = fs.readFileSync(path.join(__dirname, 'program.js'), 'utf8');
  if (module) {
    source = source.replace("'use strict';\nconst fs = require('fs');", "import fs from 'fs';\nconst __filename = new URL(import.meta.url).pathname;");
  }
  const program = path.join(directory, module ? 'program.mjs' : 'program.js');
  fs.writeFileSync(program, source);
  const done = spawnSync(node, [...preload.flatMap((p) => ['--require', p]), '--require', 'autopsy-node/register', program, ...args],
    { cwd: directory, encoding: 'utf8', timeout: 30000, env: { ...process.env, AUTOPSY_TIER: tier } });
  const name = fs.readdirSync(directory).find((entry) => entry.startsWith('crash.'));
  assert.ok(name, `no crash file: ${done.stderr}`);
  return { directory, program, file: path.join(directory, name), truth: JSON.parse(fs.readFileSync(path.join(directory, 'truth.json'), 'utf8')) };
}

function stackFrames(text) {
  return text.split('\n').slice(1).filter((line) => !line.startsWith('    at async ')).map((line) => {
    const found = /^ {4}at (?:(.*) \()?(.*?):(\d+):(\d+)\)?$/.exec(line);
    return found && { function: found[1] || '', script: found[2], line: +found[3], column: +found[4] };
  }).filter(Boolean);
}

const brief = ({ function: name, script, line, column }) => ({ function: name, script, line, column });

function checkValues(file, checks) {
  data(file, ...checks.map((check) => `print ${check.path}`)).forEach((value, i) => {
    const check = checks[i];
    assert.strictEqual(value.type, check.type, check.path);
    if (check.type === 'string') assert.strictEqual(value.length, check.length, check.path);
    assert.strictEqual(value.text, check.text, check.path);
  });
}

function checkError(file, truth) {
  const [error, report, cause] = data(file, 'print error', 'report', 'print error.cause');
  assert.deepStrictEqual([error.type, error.constructor, error.name, error.message], ['error', 'TypeError', 'TypeError', 'no air']);
  assert.strictEqual(error.stack, truth.stack);
  assert.strictEqual(error.properties.find((p) => p.name === 'code').value.text, 'E_AIR');
  assert.deepStrictEqual([cause.type, cause.name, cause.message], ['error', 'RangeError', 'root']);
  assert.deepStrictEqual(report.verdict.causes, ['RangeError: root']);
  assert.strictEqual(report.verdict.text, 'TypeError: no air');
  assert.strictEqual(report.verdict.certainty, 'certain');
  return report;
}

for (const module of [false, true]) {
  const kind = module ? 'module' : 'commonjs';

  test(`free ${kind}`, () => {
    const { file, truth } = die('free', { module });
    const report = checkError(file, truth);
    // The body of a module runs inside a promise.
    assert.ok(module || report.verdict.kind === 'uncaught-error');
    const [bt] = data(file, 'bt');
    assert.deepStrictEqual(bt.threads[0].frames.filter((f) => f.kind === 'js').map(brief), stackFrames(truth.stack));
    const [locals, scope] = ask(file, 'locals', 'scope');
    for (const answer of [locals, scope]) assert.match(answer.error.hint, /AUTOPSY_TIER=armed/);
  });

  test(`armed ${kind}`, () => {
    const { file, truth, program } = die('armed', { module });
    checkError(file, truth);
    const [bt, locals, scope, source, fn, long, info] = data(file, 'bt', 'locals', 'scope', 'source', 'scope fn', 'print long', 'info');
    const frames = bt.threads[0].frames;
    // frame 0 of the text is make(): the error was made there and thrown a frame below
    const told = stackFrames(truth.stack).slice(1);
    assert.deepStrictEqual(frames.slice(1, 3).map(brief), told.slice(1, 3));
    assert.deepStrictEqual([frames[0].script, frames[0].line], [module ? `file://${program}` : program, truth.throwLine]);
    assert.match(frames[0].function, /bark$/);
    assert.strictEqual(frames[0].user_code, true);
    assert.strictEqual(frames[0].receiver.constructor, 'Dog');
    checkValues(file, truth.checks);
    assert.match(ask(file, 'print list[3].deep.er[1].x')[0].error.message, /left out when the file was written: depth/);
    const names = Object.fromEntries(locals.locals.map(({ name, value }) => [name, value]));
    for (const [name, type] of Object.entries(truth.kinds)) assert.strictEqual(names[name].type, type, name);
    assert.deepStrictEqual([names.password.type, /masked/.test(names.password.reason)], ['unreadable', true]);
    assert.strictEqual(scope.scopes[0].kind, 'local');
    assert.deepStrictEqual(fn.scopes[0].variables.map((v) => v.name).sort().slice(0, 2), ['list', 'volume']);
    assert.strictEqual(long.length, 5000);
    assert.strictEqual(long.text, truth.long);
    assert.match(source.lines.find((l) => l.line === source.line).text, /THROW HERE/);
    assert.strictEqual(info.cwd.value, path.dirname(program));
    const [map, set, promise] = data(file, 'print map', 'print set', 'print promise');
    assert.deepStrictEqual([map.size, map.entries[0].key.text, map.entries[1].value.text], [2, 'k', 'dog']);
    assert.strictEqual(map.entries[1].key.address, frames[0].receiver.address, 'one object, one address');
    assert.deepStrictEqual(set.entries.map((e) => e.value.text), ['1', 'two']);
    assert.deepStrictEqual([promise.state, promise.value && promise.value.text], ['fulfilled', '4']);
  });
}

test('rejection', () => {
  for (const tier of ['free', 'armed']) {
    const { file, truth } = die(tier, { args: ['reject'] });
    assert.strictEqual(checkError(file, truth).verdict.kind, 'unhandled-rejection');
  }
});

test('thrown text', () => {
  for (const tier of ['free', 'armed']) {
    const { file } = die(tier, { args: ['text'] });
    const [report, error] = data(file, 'report', 'print error');
    assert.deepStrictEqual([error.type, error.text], ['string', 'only a text']);
    assert.match(report.verdict.text, /only a text/);
  }
});

test('state', () => {
  const { file } = die('free', { preload: ['autopsy-node/panic'] });
  const [state, n, two] = data(file, 'print state', 'print state.counter.n', 'print state.counter.list[1]');
  assert.ok(state.properties.some((p) => p.name === 'counter'));
  assert.deepStrictEqual([n.text, two.text], ['41', 'two']);
});

test('compressed', () => {
  const { file } = die('free');
  const [plain] = data(file, 'bt');
  fs.writeFileSync(`${file}.gz`, zlib.gzipSync(fs.readFileSync(file)));
  assert.deepStrictEqual(data(`${file}.gz`, 'bt')[0], plain);
  if (zlib.zstdCompressSync) {
    fs.writeFileSync(`${file}.zst`, zlib.zstdCompressSync(fs.readFileSync(file)));
    assert.deepStrictEqual(data(`${file}.zst`, 'bt')[0], plain);
  }
  const [objects, registers] = ask(file, 'objects', 'registers');
  for (const answer of [objects, registers]) assert.match(answer.error.hint, /AUTOPSY_CORE=1/);
});

test('core of the same program', () => {
  const { file, directory, program } = die('free');
  const core = path.join(directory, 'core.file');
  const done = spawnSync(mkcore, ['-t', '60', '-o', core, '--', node, '--abort-on-uncaught-exception', program],
    { cwd: directory, encoding: 'utf8', timeout: 90000 });
  if (done.status === 77) throw new Skip(done.stderr.trim());
  assert.strictEqual(done.status, 0, done.stderr);
  const [bt, report] = data(file, 'bt', 'report');
  const [coreBt, coreReport] = data(core, 'bt', 'report');
  const own = (frames) => frames.filter((f) => f.user_code && f.kind === 'js').map((f) => ({ function: f.function, script: f.script, line: f.line }));
  // the crash file's begin where the error was made, the core's where it was thrown
  const native = own(coreBt.threads[0].frames);
  assert.ok(native.length >= 3);
  assert.deepStrictEqual(own(bt.threads[0].frames).slice(2), native.slice(1));
  for (const key of ['kind', 'text', 'error_name', 'error_message', 'causes']) {
    assert.deepStrictEqual(report.verdict[key], coreReport.verdict[key], key);
  }
});

// What the tool says of JSON, as the JSON it was.
function plain(value) {
  if (value.type === 'null') return null;
  if (value.type === 'boolean') return value.text === 'true';
  if (value.type === 'number') return Number(value.text);
  if (value.type === 'string') return value.truncated ? { begins: value.text } : value.text;
  const into = value.type === 'array' ? [] : {};
  for (const { index, value: v } of value.elements) into[index] = plain(v);
  for (const { name, value: v } of value.properties) into[name] = plain(v);
  return into;
}

function compare(is, should, at) {
  if (is && typeof is === 'object' && 'begins' in is) {
    assert.ok(should.startsWith(is.begins), at);
  } else if (should && typeof should === 'object') {
    assert.deepStrictEqual(Object.keys(is).sort(), Object.keys(should).sort(), at);
    for (const key of Object.keys(should)) compare(is[key], should[key], `${at}.${key}`);
  } else {
    assert.strictEqual(is, should, at);
  }
}

const panics = [['auto'], ['explicit'], ['explicit', 'error'], ['odd'], ['throws', 'text'], ['throws', 'causes'], ['throws', 'rejection'], ['throws', 'object']];
for (const [program, ...args] of panics) {
  test(`panic ${program} ${args}`, () => {
    const directory = folder();
    const copy = path.join(directory, `panic-${program}.js`);
    fs.copyFileSync(path.join(NPM, `test/programs/panic-${program}.js`), copy);
    spawnSync(node, [copy, ...args], { cwd: directory, encoding: 'utf8', timeout: 30000 });
    const name = fs.readdirSync(directory).find((entry) => entry.startsWith('ncore.'));
    assert.ok(name, 'no dump');
    const file = path.join(directory, name);
    const dump = JSON.parse(fs.readFileSync(file, 'utf8'));
    const keys = Object.keys(dump).filter((key) => key !== 'deep');
    const [state, bt, report] = data(file, 'print state', 'bt', 'report');
    assert.deepStrictEqual(state.properties.map((p) => p.name).filter((key) => key !== 'deep'), keys);
    data(file, ...keys.map((key) => `print -d 60 -l 0 state['${key}']`)).forEach((value, i) => compare(plain(value), dump[keys[i]], keys[i]));
    const [first] = dump['panic.error'].split('\nCaused by: ');
    assert.deepStrictEqual(bt.threads[0].frames.filter((f) => f.kind === 'js').map(brief), stackFrames(first));
    assert.strictEqual(report.verdict.causes.length, dump['panic.error'].split('\nCaused by: ').length - 1);
    if (args[0] === 'causes') assert.deepStrictEqual(report.verdict.causes, ['Error: middle', 'TypeError: root']);
    if (program === 'auto') assert.match(report.verdict.text, /^TypeError: Cannot read prop/);
    if (args[0] === 'object') assert.strictEqual(report.verdict.text, 'Object: {"code":7}');
    if (stackFrames(first).length) assert.match(ask(file, 'locals')[0].error.hint, /print state/);
  });
}

const old = (name) => path.join(__dirname, 'old', name);

test('old layout of Node 10', () => {
  const [bt, locals, report, name] = data(old('node10.json'), 'bt', 'locals', 'report', 'print this.name');
  assert.deepStrictEqual(bt.threads[0].frames.map(brief), [
    { function: 'fail', script: '/app/old.js', line: 3, column: 3 }, { function: 'run', script: '/app/old.js', line: 6, column: 1 }]);
  assert.deepStrictEqual(locals.locals.map(({ name: key, value }) => [key, value.type, value.text]), [['n', 'number', '4'], ['gone', 'object', null]]);
  assert.strictEqual(name.text, 'service');
  assert.deepStrictEqual([report.verdict.kind, report.verdict.error_name, report.process.pid], ['uncaught-error', 'Error', 4242]);
  const [gone, proto, source] = data(old('node10.json'), 'print gone', 'print this', 'source');
  assert.deepStrictEqual([gone.left_out, gone.truncated, gone.properties], ['not in this file', true, []]);
  assert.strictEqual(proto.prototype.constructor, 'Service');
  assert.strictEqual(source.lines.find((line) => line.line === 3).text, "  throw new Error('old');");
});

test('old layout of Node 20', () => {
  const [bt, report, cycle] = data(old('node20.json'), 'bt', 'report', 'print loop.loop.loop');
  assert.strictEqual(bt.threads[0].frames[0].script, '/app/with space.js');
  assert.deepStrictEqual([report.verdict.kind, report.verdict.error_message], ['unhandled-rejection', null]);
  assert.strictEqual(report.process.node_version, 'v20.1.0');
  assert.strictEqual(cycle.constructor, 'Ring');
});

test('old layout, nothing in it', () => {
  const [bt, report] = data(old('empty.json'), 'bt', 'report');
  assert.deepStrictEqual(bt.threads[0].frames, []);
  assert.strictEqual(report.verdict.error, null);
});

test('other JSON', () => {
  const file = path.join(root, 'other.json');
  for (const [text, code] of [['{"a": 1}', 'unsupported'], ['{"Paused": [', 'bad-format'], ['{"Version": 2, "Paused": [], "RemoteObjects": {}}', 'unsupported'],
    [`{"Paused": ${'['.repeat(20000)}`, 'bad-format']]) {
    fs.writeFileSync(file, text);
    const [answer] = ask(file, 'bt');
    assert.strictEqual(answer.error.code, code, text.slice(0, 60));
    assert.ok(answer.error.hint);
  }
});

let failed = 0, passed = 0;
for (const { name, run } of cases.filter((one) => one.name.includes(word))) {
  try {
    run();
    passed++;
    console.log(`ok   ${name}`);
  } catch (error) {
    if (error instanceof Skip) { console.log(`skip ${name}: ${error.message}`); continue; }
    failed++;
    console.log(`FAIL ${name}: ${error.stack}`);
  }
}
fs.rmSync(root, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
