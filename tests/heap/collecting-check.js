'use strict';
// Is the heap of collect.js whole? Every object that its arrays keep must have been walked, once, in whatever state of
// moving it is, and every byte must be explained.
//   collecting-check.js AUTOPSY CORE VERSION [ISOLATES]       without a number the stack must show the collector

const { spawnSync } = require('child_process');
const fs = require('fs');

const [autopsy, core, version, isolates] = process.argv.slice(2);
const LEAST_ACCOUNTED = 99.9;

function run(...args) {
  const r = spawnSync(autopsy, [core, ...args], { encoding: 'utf8', maxBuffer: 1 << 30 });
  if (r.status > 1)
    throw new Error(`autopsy ${args.join(' ')}: ${r.status} ${r.signal} ${r.stderr}`);
  return r.stdout;
}

const data = (command) => JSON.parse(run('--json', '-e', command)).data;
const addresses = (command) => run('-e', command).trim().split('\n').map((line) => BigInt(`0x${line}`) - 1n);

// The core, read here once more: where an object moved to stands in its first word.
const fd = fs.openSync(core, 'r');
const word = Buffer.alloc(8);
const header = Buffer.alloc(64);
fs.readSync(fd, header, 0, 64, 0);
const table = Buffer.alloc(56 * header.readUInt16LE(56));
fs.readSync(fd, table, 0, table.length, Number(header.readBigUInt64LE(32)));
const segments = [];
for (let at = 0; at < table.length; at += 56) {
  if (table.readUInt32LE(at) === 1)
    segments.push({ offset: table.readBigUInt64LE(at + 8), start: table.readBigUInt64LE(at + 16), size: table.readBigUInt64LE(at + 32) });
}
segments.sort((a, b) => (a.start < b.start ? -1 : 1));

function read(address) {
  let lo = 0;
  let hi = segments.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (segments[mid].start + segments[mid].size <= address)
      lo = mid + 1;
    else
      hi = mid;
  }
  fs.readSync(fd, word, 0, 8, Number(segments[lo].offset + address - segments[lo].start));
  return word.readBigUInt64LE(0);
}

function resolve(address) {
  const first = read(address);
  return first && first % 8n === 0n ? first : address;
}

const problems = [];
const heap = data('heap');
if (!(heap.accounted_percent >= LEAST_ACCOUNTED))
  problems.push(`accounted ${heap.accounted_percent} %`);

let where = '';
if (isolates) {
  if (heap.total.isolates !== Number(isolates))
    problems.push(`${heap.total.isolates} isolates, not ${isolates}`);
  for (let i = 0; i < Number(isolates); i++) {
    const spaces = heap.spaces.filter((s) => s.isolate === i);
    if (!['new', 'old', 'code'].every((name) => spaces.some((s) => s.space === name && s.pages > 0)))
      problems.push(`isolate ${i} lacks spaces`);
    for (const s of spaces) {
      if (!(s.accounted_percent >= LEAST_ACCOUNTED))
        problems.push(`isolate ${i}, ${s.space}: accounted ${s.accounted_percent} %`);
    }
  }
} else {
  const frames = data('bt all').threads.flatMap((t) => t.frames.map((f) => f.symbol || ''));
  where = frames.find((s) => /Scavenger|MarkCompact|Evacuator|Sweeper/.test(s));
  if (!where)
    problems.push('the stack does not show the collector');
}

const entries = new Set(addresses('::findjsobjects -c Entry | ::findjsobjects'));
const arrays = data('instances Kept').instances;
if (arrays.length !== Number(isolates || 1))
  problems.push(`${arrays.length} arrays`);
let kept = 0;
let own = 0;
for (const array of arrays) {
  const elements = addresses(`${(BigInt(array.address) + 1n).toString(16)}::jsarray`);
  const counts = new Map();
  for (const e of elements)
    counts.set(e, (counts.get(e) || 0) + 1);
  const repeated = [...counts].filter(([, n]) => n > 1); // the hole
  if (repeated.length > 1)
    problems.push(`${repeated.length} elements stand in an array twice`);
  const missing = [...counts].filter(([e, n]) => n === 1 && !entries.has(resolve(e)));
  if (missing.length)
    problems.push(`${missing.length} of ${counts.size} kept objects were not walked: 0x${missing[0][0].toString(16)} ...`);
  kept += counts.size;
  own += [...counts].filter(([, n]) => n === 1).length;
}
if (kept < 5000 * arrays.length)
  problems.push(`only ${kept} kept objects`);
// The graph: what the arrays keep lives, wherever it stands while it is moved.
const classes = data('classes -n 0');
const alive = classes.groups.reduce((n, g) => n + (g.constructor === 'Entry' ? g.count : 0), 0);
if (alive < own || alive > entries.size)
  problems.push(`${alive} Entry alive in the graph, ${own} are kept, ${entries.size} were walked`);
console.log(`${problems.length ? 'FAIL' : 'ok  '} ${core.padEnd(9)} ${heap.total.objects} objects, ${kept} of ${entries.size} kept, ${alive} alive in the graph, accounted ${heap.accounted_percent.toFixed(3)} % ${where.replace(/\(.*/, '')}`);
console.log(`truth|${version}|${isolates ? `${isolates} isolates` : `in a collection: ${core}`}|${heap.accounted_percent.toFixed(3)} %`);
for (const p of problems)
  console.log(`     ${p}`);
process.exit(problems.length ? 1 : 0);
