'use strict';
// Files that our writer made, of a core and of V8's own snapshot, in other readers: the same constructors with the same counts.
//   readers.js AUTOPSY CORE SNAPSHOT DIR CHROMIUM MEMLAB_MODULES      an empty word: that reader is not there
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const [autopsy, core, snapshot, dir, chromium, memlab] = process.argv.slice(2);
let passed = 0, failed = 0, skipped = 0;

function check(ok, what) {
  if (ok) {
    passed++;
    console.log(`ok    ${what}`);
  } else {
    failed++;
    console.log(`FAIL  ${what}`);
  }
}

function run(program, ...args) {
  const r = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 240000 });
  if (r.status !== 0 && r.status !== 77)
    throw new Error(`${path.basename(program)} ${args.join(' ')}: ${r.status} ${r.signal || ''} ${r.stderr || r.error}`);
  return { status: r.status, lines: r.stdout.trim().split('\n') };
}

// Constructor -> count and all bytes, as `classes` tells of the target itself.
function ours(target) {
  const { data } = JSON.parse(run(autopsy, target, '--json', '-e', 'classes -n 0').lines[0]);
  const counts = {};
  let bytes = 0;
  for (const g of data.groups) {
    counts[g.constructor] = (counts[g.constructor] || 0) + g.count;
    bytes += g.self_bytes;
  }
  return { counts, bytes };
}

// Differences as a text, or nothing.
function differ(got, want, which) {
  const names = [...new Set([...Object.keys(got), ...Object.keys(want)])].filter(which);
  const bad = names.filter((n) => got[n] !== want[n]);
  if (names.length < 50)
    return `only ${names.length} names`;
  return bad.slice(0, 5).map((n) => `${n}: ${got[n]} instead of ${want[n]}`).join(', ');
}

const targets = [['core', core], ['snapshot', snapshot]].map(([name, target]) => {
  const file = path.join(dir, `${name}.written.heapsnapshot`);
  run(autopsy, target, '-e', `heapsnapshot -o ${file}`);
  return { name, file, want: ours(target) };
});
const files = targets.map((t) => t.file);

if (chromium) {
  const { status, lines } = run(process.execPath, path.join(__dirname, 'devtools.js'), chromium, dir, ...files);
  if (status === 77) {
    skipped++;
    console.log(`skip  DevTools: ${lines[0]}`);
  } else {
    const all = JSON.parse(lines[lines.length - 1]);
    for (const t of targets) {
      // Its names for what we call as it did for ten years: plain objects by their properties, functions.
      const got = {};
      let self = 0;
      for (const [name, a] of Object.entries(all[t.file])) {
        const known = name.startsWith('{') ? 'Object' : name === 'Function' ? '(closure)' : name.replace(/^Detached /, '');
        got[known] = (got[known] || 0) + a.count;
        self += a.self;
      }
      // What has no size of its own does not count there: stores that belong to one object (their bytes are its), and
      // since Node 24 what V8 ships read-only. Those are strings and the engine's own, never objects or functions.
      const bad = differ(got, t.want.counts, (n) => !n.startsWith('(') || n === '(closure)');
      check(!bad, `DevTools reads the file of the ${t.name}: ${bad || `${Object.keys(got).length} constructors`}`);
      check(self === t.want.bytes, `DevTools finds the bytes of the ${t.name}: ${self} of ${t.want.bytes}`);
    }
  }
} else {
  skipped++;
  console.log('skip  DevTools: there is no chromium');
}

if (memlab) {
  const { lines } = run(process.execPath, path.join(__dirname, 'memlab.js'), memlab, ...files);
  const all = JSON.parse(lines[lines.length - 1]);
  for (const t of targets) {
    // memlab counts objects by name; categories of others have no name there.
    const bad = differ(all[t.file], t.want.counts, (n) => !n.startsWith('(') && n in all[t.file]);
    check(!bad, `memlab reads the file of the ${t.name}: ${bad || `${Object.keys(all[t.file]).length} names`}`);
  }
} else {
  skipped++;
  console.log('skip  memlab: npm could not install it');
}
for (const file of files)
  fs.unlinkSync(file);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed ? 1 : passed ? 0 : 77;
