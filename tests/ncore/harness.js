'use strict';
// Programs are started in a directory of their own, asked by ncore, and looked at again; all end with the test.

const assert = require('assert');
const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const NPM = path.join(__dirname, '../../npm');
const PROGRAMS = path.join(__dirname, 'programs');
const LIMIT_MS = 60000;

class Skip extends Error {}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, check, ms = 60000) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(20)) {
    const found = check();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${ms} ms`);
}

// utime + stime, in ticks
function ticks(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

// The ports on which a process listens.
function ports(pid) {
  const inodes = new Set();
  for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
    let link = '';
    try { link = fs.readlinkSync(`/proc/${pid}/fd/${fd}`); } catch { /* closed */ }
    const found = /^socket:\[(\d+)\]$/.exec(link);
    if (found) inodes.add(found[1]);
  }
  const lines = ['tcp', 'tcp6'].flatMap((name) => fs.readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1));
  return lines.map((line) => line.trim().split(/\s+/)).filter((f) => f[3] === '0A' && inodes.has(f[9]))
    .map((f) => parseInt(f[1].split(':')[1], 16)).sort();
}

class Program {
  constructor(child, directory) {
    Object.assign(this, { child, directory, pid: child.pid, out: '', err: '', end: null });
    child.stdout.setEncoding('utf8').on('data', (text) => { this.out += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { this.err += text; });
    this.ended = new Promise((resolve) => child.on('close', (status, signal) => { this.end = { status, signal }; resolve(this.end); }));
  }

  alive() { return this.end === null && fs.existsSync(`/proc/${this.pid}`); }
  file(name = `ncore.${this.pid}`) { return path.join(this.directory, name); }
  dump(name) { return JSON.parse(fs.readFileSync(this.file(name), 'utf8')); }
}

class Context {
  constructor(node, autopsy, root) {
    Object.assign(this, { node, autopsy, root, programs: [] });
  }

  skip(reason) { throw new Skip(reason); }

  directory() {
    const directory = fs.realpathSync(fs.mkdtempSync(path.join(this.root, 'run-')));
    fs.mkdirSync(path.join(directory, 'node_modules'));
    fs.symlinkSync(NPM, path.join(directory, 'node_modules/autopsy-node'));
    return directory;
  }

  command(command, args, options = {}) {
    const directory = options.directory || this.directory();
    const program = new Program(spawn(command, args, Object.assign({ cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] }, options)), directory);
    this.programs.push(program);
    return program;
  }

  // A program of programs/, once it has printed "ready". Its inspector takes a free port: nobody else's.
  async start(name, { args = [], flags = ['--inspect-port=0'], env = {}, under = [], directory = this.directory(), cwd = directory } = {}) {
    const file = path.join(directory, name);
    fs.copyFileSync(path.join(PROGRAMS, name), file);
    const [command, ...rest] = [...under, this.node, ...flags, file, ...args];
    const program = this.command(command, rest, { directory, cwd, env: Object.assign({}, process.env, env) });
    await until(`${name} is ready`, () => program.out.includes('ready') || program.end);
    assert.strictEqual(program.end, null, program.err);
    return program;
  }

  // Runs ncore; { status, stdout, stderr, ms }.
  async ncore(pid, args = [], options = {}) {
    const began = Date.now();
    const run = this.command(options.command || this.autopsy, [...(options.words || ['ncore']), ...args, String(pid)],
      { cwd: options.cwd, directory: options.cwd, env: options.env || process.env });
    const timer = setTimeout(() => run.child.kill('SIGKILL'), LIMIT_MS);
    const { status, signal } = await run.ended;
    clearTimeout(timer);
    assert.strictEqual(signal, null, `ncore ended by ${signal}: ${run.err}`);
    return { status, stdout: run.out, stderr: run.err, ms: Date.now() - began };
  }

  // Nothing was dumped, the reason was said, and the program is as it was.
  async refused(program, pattern, args = [], options = {}) {
    const done = await this.ncore(program.pid, args, options);
    assert.strictEqual(done.status, 1, done.stderr);
    assert.match(done.stderr, pattern);
    assert.strictEqual(program.alive(), true, 'it lives on');
    assert.deepStrictEqual(fs.readdirSync(program.directory).filter((name) => name.startsWith('ncore.')), []);
    return done;
  }

  // The answers of the tool about a dump.
  ask(file, ...commands) {
    const args = [file, '--json', ...commands.flatMap((command) => ['-e', command])];
    const done = spawnSync(this.autopsy, args, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60000, input: '' });
    return done.stdout.trim().split('\n').map((line) => JSON.parse(line)).map((answer, i) => {
      assert.ok(answer.data, `${commands[i]}: ${JSON.stringify(answer.error)}`);
      return answer.data;
    });
  }

  close() {
    for (const { child, end } of this.programs) if (end === null) child.kill('SIGKILL');
  }
}

async function run(cases, node, autopsy, word) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-ncore-'));
  const counts = { ok: 0, FAIL: 0, skip: 0 };
  const pending = cases.filter(({ name }) => name.includes(word));
  const lane = async () => {
    for (let one; (one = pending.shift());) {
      const context = new Context(node, autopsy, root);
      let kind = 'ok', text = '';
      try {
        text = (await one.run(context)) || '';
      } catch (error) {
        kind = error instanceof Skip ? 'skip' : 'FAIL';
        text = kind === 'skip' ? error.message : `\n${error && error.stack}\n`;
      }
      context.close();
      counts[kind]++;
      console.log(`${kind.padEnd(4)} ${one.name}${text ? ` (${text})` : ''}`);
    }
  };
  try {
    await Promise.all([lane(), lane()]);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
  console.log(`${counts.ok} passed, ${counts.FAIL} failed${counts.skip ? `, ${counts.skip} skipped` : ''}`);
  process.exitCode = counts.FAIL || !counts.ok ? 1 : 0;
}

module.exports = { run, until, pause, ticks, ports };
