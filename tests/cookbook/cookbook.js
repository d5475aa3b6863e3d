'use strict';
// Runs what the cookbook shows: cookbook.js AUTOPSY TOOLS NODE PAGE.md ...
// In a block, a line with $ is run; each line below must come in its answer, in that order. "..." skips. Numbers and sizes may
// differ, addresses are remembered: one that stood in an answer stands for what came in its place.
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const [autopsy, tools, node, ...pages] = process.argv.slice(2);
const root = path.resolve(__dirname, '../..');
let passed = 0, failed = 0;

function pattern(line) {
  const addresses = [];
  let text = line.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  text = text.replace(/\b(0x)?([0-9a-f]{9,12})\b/g, (all, prefix, address) => {
    addresses.push(address);
    return `${prefix || ''}([0-9a-f]{6,16})`;
  });
  // Sizes, shares and counts; a line of a file (":11") and what belongs to a name ("s0") stay.
  text = text.replace(/(?<![\w:.`"/{}])(?<!: )\d[\d,]*(\\\.\d+)?(?= |\)|$)/g, '[\\d,.]+').replace(/\b(kB|MB|GB)\b/g, '[kMG]B');
  text = text.replace(/examples\/leaks/g, '\\S*examples/leaks').replace(/\s+/g, '\\s+');
  return { expression: new RegExp(text), addresses };
}

function walk(page, dir) {
  const known = new Map();
  const name = path.basename(page);
  for (const [, block] of fs.readFileSync(page, 'utf8').matchAll(/```console\n([^]*?)```/g)) {
    let answer = [], at = 0, command = '';
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) {
        command = line.slice(2).replace(/\b(0x)?([0-9a-f]{9,12})\b/g, (all, prefix, address) => (prefix || '') + (known.get(address) || address));
        at = 0;
        if (command.startsWith('node ')) {
          const words = command.split(' ').slice(1).map((w) => w.startsWith('examples/') ? path.join(root, w) : w);
          const r = spawnSync(path.join(tools, 'mkcore'), ['-t', '120', '-o', path.join(dir, 'core'), '--', node, ...words], { encoding: 'utf8' });
          if (r.status !== 0) {
            console.log(`${name}: ${r.stderr}`);
            process.exit(r.status);
          }
          continue;
        }
        const r = spawnSync('/bin/sh', ['-c', command], { cwd: dir, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, PATH: `${path.dirname(autopsy)}:${process.env.PATH}` } });
        answer = r.stdout.split('\n');
        if (r.status === 0) {
          passed++;
        } else {
          failed++;
          console.log(`FAIL  ${name}: ${command}: ${r.status} ${r.stderr}`);
        }
        continue;
      }
      if (line.trim() === '...' || !line.trim())
        continue;
      const { expression, addresses } = pattern(line);
      const found = answer.findIndex((l, i) => i >= at && expression.test(l));
      if (found < 0) {
        failed++;
        console.log(`FAIL  ${name}: ${command}: no line like ${line.trim()}\n      ${answer.slice(at, at + 6).join('\n      ')}`);
        continue;
      }
      passed++;
      at = found + 1;
      expression.exec(answer[found]).slice(1).forEach((value, i) => known.set(addresses[i], value));
    }
  }
}

for (const page of pages) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'autopsy-cookbook-'));
  try {
    walk(page, dir);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
