'use strict';
// Runs cases: each gets a directory of its own with the package installed in it, and programs to run there.

const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const PACKAGE = path.join(__dirname, '..');
const PROGRAMS = path.join(__dirname, 'programs');
const LIMIT_MS = 60000;

class Skip extends Error {}

class Context {
  constructor(node, root) {
    this.node = node;
    this.root = root;
    this.count = 0;
  }

  // A new directory with node_modules/autopsy-node.
  directory() {
    const made = path.join(this.root, `d${++this.count}`);
    fs.mkdirSync(path.join(made, 'node_modules'), { recursive: true });
    fs.symlinkSync(PACKAGE, path.join(made, 'node_modules', 'autopsy-node'));
    return made;
  }

  skip(reason) { throw new Skip(reason); }

  // options: args, flags (of node), env, cwd; gives { status, signal, stdout, stderr, ms, pid }
  run(file, options = {}) {
    return this.spawn(this.node, [...(options.flags || []), file, ...(options.args || [])], options);
  }

  spawn(command, args, options = {}) {
    return new Promise((resolve, reject) => {
      const started = Date.now();
      const env = Object.assign({ PATH: process.env.PATH, HOME: this.root, TMPDIR: this.root }, options.env);
      const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const text = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (part) => { text[name] += part; });
      const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
      child.on('error', reject);
      child.on('close', (status, signal) => {
        clearTimeout(timer);
        resolve(Object.assign(text, { status, signal, ms: Date.now() - started, pid: child.pid }));
      });
    });
  }

  // A program of test/programs in `directory`, as CommonJS or as an ES module of the same lines.
  program(directory, name, kind = 'cjs') {
    let text = fs.readFileSync(path.join(PROGRAMS, `${name}.js`), 'utf8');
    if (kind === 'esm') {
      text = text.replace(/^const (\{[^}]*\}|\w+) = require\(('[^']+')\);$/gm, 'import $1 from $2;');
    }
    const file = path.join(directory, `${name}.${kind === 'esm' ? 'mjs' : 'js'}`);
    fs.writeFileSync(file, text);
    return file;
  }
}

async function one(test, node, root, index) {
  const context = new Context(node, path.join(root, String(index)));
  fs.mkdirSync(context.root);
  try {
    const note = await test.run(context);
    return { kind: 'ok', text: note || '' };
  } catch (error) {
    if (error instanceof Skip) return { kind: 'skip', text: error.message };
    return { kind: 'FAIL', text: (error && error.stack) || String(error) };
  } finally {
    fs.rmSync(context.root, { recursive: true, force: true });
  }
}

// Two at a time; lines come in the order of the list.
async function runCases(cases, node, print) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-node-test-'));
  const counts = { ok: 0, FAIL: 0, skip: 0 };
  const results = new Array(cases.length);
  let next = 0;
  let shown = 0;
  const lane = async () => {
    while (next < cases.length) {
      const index = next++;
      results[index] = await one(cases[index], node, root, index);
      for (; shown < cases.length && results[shown]; shown++) {
        const { kind, text } = results[shown];
        counts[kind]++;
        print(`${kind.padEnd(4)} ${cases[shown].name}${text ? ` (${kind === 'FAIL' ? `\n${text}\n` : text})` : ''}`);
      }
    }
  };
  try {
    await Promise.all([lane(), lane()]);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
  return counts;
}

function summary({ ok, FAIL, skip }) {
  return `${ok} passed, ${FAIL} failed${skip ? `, ${skip} skipped` : ''}`;
}

module.exports = { runCases, summary, Skip, PACKAGE };
