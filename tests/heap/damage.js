'use strict';
// Damages a real core again and again, and looks at its heap: never a crash, never a hang.
//   damage.js AUTOPSY CORE ROUNDS [SEED]
// Each round drops (zeroes) or fills with junk some 4 KB pages, or flips words, in writable memory of a mebibyte and less,
// where heap pages are; small heaps of cores are nearly all pages. The file is put right again after each round.

const { spawnSync } = require('child_process');
const fs = require('fs');

const [autopsy, core, rounds, seedText = '1'] = process.argv.slice(2);
let seed = Number(seedText);

function random(n) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 4294967296 * n);
}

const fd = fs.openSync(core, 'r+');
const header = Buffer.alloc(64);
fs.readSync(fd, header, 0, 64, 0);
const phoff = Number(header.readBigUInt64LE(32));
const table = Buffer.alloc(56 * header.readUInt16LE(56));
fs.readSync(fd, table, 0, table.length, phoff);
const segments = [];
for (let at = 0; at < table.length; at += 56) {
  const size = Number(table.readBigUInt64LE(at + 32));
  const address = table.readBigUInt64LE(at + 16);
  // Chunks of V8's heap: aligned to 256 KB.
  if (table.readUInt32LE(at) === 1 && size >= 4096 && size <= 1 << 22 && (address & 0x3ffffn) === 0n)
    segments.push({ offset: Number(table.readBigUInt64LE(at + 8)), size });
}

function damage(saved) {
  const segment = segments[random(segments.length)];
  const kind = random(4);
  const size = kind === 3 ? 8 : 4096;
  const at = segment.offset + (kind === 2 ? 0 : random(Math.max(1, Math.floor(segment.size / size))) * size);
  const bytes = Buffer.alloc(kind === 2 ? 128 : size);
  fs.readSync(fd, bytes, 0, bytes.length, at);
  saved.unshift({ at, bytes: Buffer.from(bytes) });
  if (kind === 0) {
    bytes.fill(0); // dropped
  } else if (kind === 1) {
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = random(256);
  } else {
    // A page's header, or a word anywhere: one bit or a word of another place.
    const word = random(bytes.length / 8) * 8;
    if (random(2))
      bytes[word + random(8)] ^= 1 << random(8);
    else
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(random(bytes.length / 8) * 8) + BigInt(random(64)), word);
  }
  fs.writeSync(fd, bytes, 0, bytes.length, at);
}

let bad = 0;
let incomplete = 0;
let done = 0;
for (let round = 0; round < Number(rounds); round++) {
  done++;
  const saved = [];
  const from = seed;
  const n = 1 + random(40);
  for (let i = 0; i < n; i++)
    damage(saved);
  const r = spawnSync(autopsy, [core, '--json', '-e', 'heap', '-e', 'objects', '-e', 'strings -n 5', '-e', 'functions', '-e', 'instances Array -n 50', '-e', 'refs -i error', '-e', 'handles', '-e', 'requests', '-e', 'timers', '-e', 'promises', '-e', 'suspects', '-e', 'classes', '-e', 'paths Array', '-e', 'dominators -n 5',
    '-e', `heapsnapshot -f -o ${core}.heapsnapshot`],
    { timeout: 120000, maxBuffer: 1 << 30, env: { ...process.env, ASAN_OPTIONS: 'exitcode=99', UBSAN_OPTIONS: 'exitcode=99' } });
  for (const s of saved)
    fs.writeSync(fd, s.bytes, 0, s.bytes.length, s.at);
  if (r.signal || r.status > 2) {
    bad++;
    console.log(`FAIL round ${round}, seed ${from}: ${r.signal || r.status}\n${String(r.stderr).slice(0, 3000)}`);
    if (bad > 5)
      break;
    continue;
  }
  const first = r.stdout.toString().split('\n')[0];
  if (!(JSON.parse(first).data?.accounted_percent > 99.9999))
    incomplete++;
}
console.log(`${done} rounds over ${segments.length} segments, ${incomplete} with less than 100 % accounted, ${bad} failures`);
process.exit(bad ? 1 : 0);
