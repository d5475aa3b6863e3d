'use strict';
// Damages a real core, one way at a time, and asks the tool about it: cut off at points spread from its first byte to its
// last, pages dropped, bytes flipped in headers, notes and memory. Never a crash, never a hang, an exit status as
// documented (0, 1, 2), and never silence: a result, or a message that says what is wrong.
//
//   robust.js --autopsy FILE --core FILE [--part N] [--timeout CPU-SECONDS]      N: only 1/N of each kind of damage
//
// CORE is changed in place, and put back but for the cuts, which come last. The damage is always the same for the same core.

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const options = { part: 1 };
for (let i = 2; i < process.argv.length; i += 2)
  options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
const part = Number(options.part);
const seconds = Number(options.timeout || 10);
const autopsy = path.resolve(options.autopsy);
const core = path.resolve(options.core);
const fd = fs.openSync(core, 'r+');
const size = fs.fstatSync(fd).size;
let failures = 0;
const statuses = {};

let seed = 88172645463325252n;
function random(n) {
  seed ^= BigInt.asUintN(64, seed << 13n);
  seed ^= seed >> 7n;
  seed ^= BigInt.asUintN(64, seed << 17n);
  return Number(seed % BigInt(n));
}

function read(at, bytes) {
  const b = Buffer.alloc(bytes);
  fs.readSync(fd, b, 0, bytes, at);
  return b;
}

function ask(commands, json) {
  const args = [core, ...(json ? ['--json'] : []), ...commands.flatMap((c) => ['-e', c])];
  // A hang is too much work, not too much waiting: the machine may have other things to do.
  return spawnSync('/bin/sh', ['-c', `ulimit -t ${seconds}; exec "$0" "$@"`, autopsy, ...args],
                   { encoding: 'latin1', maxBuffer: 1 << 28, timeout: 30000 * seconds, killSignal: 'SIGKILL' });
}

// What the tool says of the undamaged core: the object to print.
function target() {
  const r = ask(['bt'], true);
  const bt = JSON.parse(r.stdout.split('\n')[0]).data;
  const frame = bt.threads.flatMap((t) => t.frames).find((f) => f.function === 'dieWith');
  return frame.arguments[0].value.address;
}
const commands = ['report', 'bt -av', `print ${target()} -d 3`, 'threads', 'info'];

let turn = 0;
function check(title, cut) {
  const json = turn++ % 2 === 1;
  const r = ask(commands, json);
  let why;
  if (['SIGKILL', 'SIGXCPU'].includes(r.signal) || (r.error && r.error.code === 'ETIMEDOUT'))
    why = `more than ${seconds} s of work`;
  else if (r.error)
    why = r.error.message;
  else if (r.signal || ![0, 1, 2].includes(r.status))
    why = `exit status ${r.signal || r.status}`;
  else if (/Sanitizer: |runtime error: /.test(r.stderr))
    why = 'a sanitizer';
  else if (!r.stdout && !r.stderr)
    why = 'not a word';
  else if (r.status === 2 && !r.stderr && !/"error": ?\{/.test(r.stdout))
    why = 'failed without a message';
  else if (cut && r.status === 0)
    why = 'the core is cut off, and the exit status is 0';
  else if (cut && !/cut|trunc|missing|empty|too short/i.test(r.stderr + r.stdout))
    why = 'nothing says that the core is cut off';
  statuses[r.status] = (statuses[r.status] || 0) + 1;
  if (!why)
    return;
  failures++;
  console.log(`FAIL ${title}${json ? ', JSON' : ''}: ${why}: ${(r.stderr || r.stdout || '').slice(0, 2000)}`);
}

function restored(at, bytes, change) {
  const old = read(at, bytes);
  const fresh = Buffer.from(old);
  change(fresh);
  fs.writeSync(fd, fresh, 0, bytes, at);
  return () => fs.writeSync(fd, old, 0, bytes, at);
}

// ---- what the core is made of ----

const phoff = Number(read(32, 8).readBigUInt64LE());
const phnum = read(56, 2).readUInt16LE();
const headers = Array.from({ length: phnum }, (_, i) => {
  const h = read(phoff + 56 * i, 56);
  const word = (o) => Number(h.readBigUInt64LE(o));
  return { at: phoff + 56 * i, type: h.readUInt32LE(0), flags: h.readUInt32LE(4), offset: word(8), filesz: word(32) };
});
const note = headers.find((h) => h.type === 4);
const loads = headers.filter((h) => h.type === 1 && h.filesz);
const writable = loads.filter((h) => h.flags & 2);
const headerBytes = phoff + 56 * phnum;

// ---- dropped pages: the memory is not in the core, or reads as zeros ----

for (let i = 0; i < 200 / part; i++) {
  const undo = [];
  const zeros = i % 2;
  for (let n = 1 << random(6); n > 0; n--) {
    const among = random(2) ? writable : loads;
    const h = among[random(among.length)];
    const page = random(Math.ceil(h.filesz / 4096)) * 4096;
    if (zeros)
      undo.push(restored(h.offset + page, 4096, (b) => b.fill(0)));
    else
      undo.push(restored(h.at + 32, 8, (b) => b.writeBigUInt64LE(BigInt(page))));
  }
  check(`pages ${zeros ? 'of zeros' : 'dropped'}, ${i}`, false);
  undo.reverse().forEach((u) => u());
}

// ---- flipped bytes ----

const odd = [0n, 1n, 0x7fffffffn, 0xffffffffn, 1n << 47n, (1n << 63n) - 1n, (1n << 64n) - 1n, (1n << 64n) - 4096n];
function flip(place, n) {
  // Half of it single bits, half whole words of the numbers that parsers stumble over.
  const undo = [];
  while (n-- > 0) {
    const at = place();
    if (random(2)) {
      undo.push(restored(at, 1, (b) => {
        b[0] ^= 1 << random(8);
      }));
    } else {
      undo.push(restored(Math.min(at & ~7, size - 8), 8, (b) => b.writeBigUInt64LE(odd[random(odd.length)])));
    }
  }
  return () => undo.reverse().forEach((u) => u());
}

const kinds = [
  ['ELF header', 50, () => 5, () => random(64)],
  ['program headers', 200, () => 1 + random(8), () => phoff + random(headerBytes - phoff)],
  ['notes', 200, () => 1 + random(8), () => note.offset + random(note.filesz)],
  ['memory', 300, () => 1 << random(14), () => {
    const h = writable[random(writable.length)];
    return h.offset + random(h.filesz);
  }],
];
for (const [what, count, amount, place] of kinds) {
  for (let i = 0; i < count / part; i++) {
    const undo = flip(place, amount());
    check(`flipped in the ${what}, ${i}`, false);
    undo();
  }
}

// ---- cut off: points spread logarithmically, from the end to the start, so that one file serves all ----

const cuts = new Set([4, 63, 64, phoff + 1, headerBytes - 1, note.offset + 5, note.offset + note.filesz - 1]);
for (let i = 0; i < 100 / part; i++) {
  cuts.add(Math.floor(size ** (i / (100 / part))));
  cuts.add(Math.floor(size - size ** (i / (100 / part))));
}
for (const at of [...cuts].sort((a, b) => b - a)) {
  if (at >= size || at < 4) // of what is shorter nobody can say that it was a core
    continue;
  fs.ftruncateSync(fd, at);
  check(`cut at ${at}`, true);
}

console.log(`${turn} damaged cores, ${failures} failures; exit statuses ${JSON.stringify(statuses)}`);
process.exit(failures ? 1 : 0);
