#!/usr/bin/env node
'use strict';
// The scorecard of the command language: one check or more for each of its rows, by name, on one core of one Node.
//
//   scorecard.js --autopsy FILE --tools DIR --node FILE --label NAME [--rows V | all]
//
// Most rows are asked as a program would ask mdb: lines into a pipe, each followed by a sentinel printed through the shell,
// results and messages read apart. `--rows V` leaves out the rows that need sessions of their own. Last line: the sum.

const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const options = { rows: 'all' };
for (let i = 2; i < process.argv.length; i += 2)
  options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
const autopsy = path.resolve(options.autopsy);
const tool = (name) => path.resolve(options.tools, name);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-scorecard-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
const count = { passed: 0, failed: 0 };

// A check gives what is wrong, or nothing.
async function row(name, title, test) {
  let why;
  try {
    why = await test();
  } catch (e) {
    why = e.stack;
  }
  if (why) {
    count.failed++;
    console.log(`FAIL  ${options.label} ${name} ${title}: ${why}`);
  } else {
    count.passed++;
    console.log(`ok    ${options.label} ${name} ${title}`);
  }
}

const show = (v) => JSON.stringify(v) === undefined ? 'nothing' : JSON.stringify(v).slice(0, 400);
const same = (a, b, what = '') => JSON.stringify(a) === JSON.stringify(b) ? undefined : `${what}${show(a)} instead of ${show(b)}`;
const lines = (text) => text.split('\n').filter((l) => l.length);
const holds = (text, ...patterns) => {
  const missed = patterns.find((p) => p instanceof RegExp ? !p.test(text) : !text.includes(p));
  return missed && `no ${missed} in ${show(text)}`;
};

// ---- a conversation ----

class Session {
  constructor(file, args) {
    this.child = spawn(file, args, { cwd: dir, env: { ...process.env, HOME: dir } });
    this.out = '';
    this.err = '';
    this.n = 0;
    this.child.stdout.setEncoding('utf8').on('data', (d) => { this.out += d; this.look(); });
    this.child.stderr.setEncoding('utf8').on('data', (d) => { this.err += d; this.look(); });
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve(code === null ? signal : code)));
    this.child.on('close', () => this.wait && this.wait.reject(new Error(`the tool ended: ${this.err.slice(-500)}`)));
    this.child.stdin.on('error', () => {});
  }

  look() {
    if (!this.wait || !this.out.includes(this.wait.mark) || !this.err.includes(this.wait.mark))
      return;
    const { mark, resolve } = this.wait;
    const result = { out: this.out.split(mark)[0], err: this.err.split(mark)[0] };
    this.wait = undefined;
    this.out = this.err = '';
    resolve(result);
  }

  say(line) {
    const mark = `MARK_${process.pid}_${++this.n}_END`;
    const answer = new Promise((resolve, reject) => { this.wait = { mark, resolve, reject }; });
    const timer = setTimeout(() => this.wait && this.wait.reject(new Error(`no answer to ${line}`)), 60000);
    this.child.stdin.write(`${line}\n!printf ${mark}; !printf ${mark} >&2\n`);
    return answer.finally(() => clearTimeout(timer));
  }

  // What was printed, where nothing went wrong.
  async ask(line) {
    const { out, err } = await this.say(line);
    if (err)
      throw new Error(`${line}: ${err}`);
    return out;
  }

  end() {
    this.child.stdin.end();
    return this.ended;
  }
}

// One run of the tool of its own.
function run(args, settings = {}) {
  const r = spawnSync(settings.file || autopsy, args, { encoding: 'utf8', timeout: 60000, maxBuffer: 1 << 28, input: '', cwd: dir, ...settings });
  return { status: r.status === null ? r.signal : r.status, out: r.stdout, err: r.stderr };
}

function makeCore(name, program, args = [], flags = []) {
  const core = path.join(dir, name);
  const r = spawnSync(tool('mkcore'), ['-t', '120', '-o', core, '--', options.node, ...flags, program, ...args], { encoding: 'utf8' });
  if (r.status === 77) {
    console.log(`skip  ${options.label}: ${r.stderr.trim()}`);
    process.exit(77);
  }
  if (r.status !== 0)
    throw new Error(`no core of ${program}: ${r.stderr}`);
  return core;
}

const rows = {};
require('./rows-v.js')(rows);
require('./rows-am.js')(rows);

async function main() {
  const truthFile = path.join(dir, 'truth');
  const program = path.join(__dirname, 'program.js');
  const core = makeCore('core.of.program', program, [truthFile, path.join(dir, 'heap.heapsnapshot')]);
  const truth = JSON.parse(fs.readFileSync(truthFile, 'utf8'));
  fs.symlinkSync(autopsy, path.join(dir, 'mdb'));
  const mdb = new Session(path.join(dir, 'mdb'), ['-S', core]);
  await mdb.ask('1000$w');
  await mdb.ask('::load v8.so');
  const holder = (await mdb.ask('::findjsobjects -c Scorecard')).trim();
  // The addresses of a value's members: "key": ADDRESS: ...
  const members = async (address) => Object.fromEntries(
    [...(await mdb.ask(`${address}::jsprint -ad1`)).matchAll(/^ +"?([^"\n]*?)"?: ([0-9a-f]+): /gm)].map((m) => [m[1], m[2]]));
  const context = {
    row, same, show, lines, holds, run, makeCore, Session, mdb, core, truth, holder, members, dir, options, autopsy, tool, program,
    values: await members(holder),
    json: (...commands) => lines(run([core, '--json', ...commands.flatMap((c) => ['-e', c])]).out).map((l) => JSON.parse(l)),
  };
  for (const [name, test] of Object.entries(rows)) {
    if (options.rows === 'all' || name.startsWith(options.rows))
      await test(context);
  }
  await row('A8', 'the session ends well', async () => same(await mdb.end(), 0));
  console.log(`${options.label}: ${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed ? 1 : 0;
}

main().catch((e) => {
  console.log(`FAIL  ${options.label} ${e.stack}`);
  process.exitCode = 1;
});
