'use strict';
// Little memory, no place to write, much state, a broken collector: the program ends as it would have, and the file is
// whole or absent.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const files = require('../files');
const { both, everywhere } = require('../tiers');

// [MiB left, flags]: V8's limit counts the young generation too, three times the semi space.
const SMALL = ['--max-semi-space-size=1'];
// With the release's own young generation half of the old one is taken, however large the young one may get.
const HEAPS = [[100, SMALL], [16, SMALL], [8, SMALL], [6, SMALL], ['half', []]];

const oom = HEAPS.flatMap(([left, flags]) => everywhere(`out of memory while dumping, ${left} MiB left`,
  async (context, kind, tier) => {
    const { directory, done } = await both(context, 'oom', {
      tier, args: [left], flags: ['--max-old-space-size=200', ...flags], marker: 'full',
    });
    const names = files.list(directory);
    assert.strictEqual(done.status, 1);
    // with room it must be there
    if (left === 100 || left === 'half') assert.strictEqual(names.length, 1);
    for (const name of names) assert.match(files.read(directory, name).Error.message, /with little left/);
    return `${names.length} file`;
  }, ['cjs']));

const SABOTAGE = ['stringify', 'report', 'link', 'open', 'write', 'map', 'pollution', 'state', 'frozen', 'clock', 'regexp'];
// Where the collector has a way round, the file must be there.
const SURVIVES = new Set(['report', 'pollution', 'state', 'frozen']);

const sabotage = SABOTAGE.flatMap((what) => everywhere(`a crash in the collector: ${what}`, async (context, kind, tier) => {
  const { directory, done } = await both(context, 'sabotage', { tier, args: [what] });
  assert.strictEqual(done.status, 1);
  const names = files.list(directory);
  if (SURVIVES.has(what)) assert.strictEqual(names.length, 1);
  for (const name of names) assert.match(files.read(directory, name).Error.message, /sabotaged/);
  return `${names.length} file`;
}, ['cjs']));

// A directory nobody can write to, root included.
const unwritable = {
  'a file in its place': (context, directory) => { fs.writeFileSync(path.join(directory, 'taken'), ''); return path.join(directory, 'taken'); },
  'below a file': (context, directory) => { fs.writeFileSync(path.join(directory, 'taken'), ''); return path.join(directory, 'taken', 'sub'); },
  'a kernel directory': (context) => (fs.existsSync('/proc/1') ? '/proc/1' : context.skip('no /proc')),
  'a read-only directory': (context, directory) => {
    if (process.getuid && process.getuid() === 0) context.skip('root writes to it all the same');
    const made = path.join(directory, 'locked');
    fs.mkdirSync(made, { mode: 0o500 });
    return made;
  },
};

const places = Object.keys(unwritable).flatMap((what) => everywhere(`no place to write: ${what}`, async (context, kind, tier) => {
  const place = unwritable[what](context, context.directory());
  const { directory, done } = await both(context, 'throw', { kind, tier, env: { AUTOPSY_CRASH_DIR: place } });
  assert.strictEqual(done.status, 1);
  files.none(directory);
  if (fs.statSync(path.dirname(place)).isDirectory() && fs.lstatSync(place).isDirectory()) files.none(place);
}, ['cjs']));

const quote = (text) => `'${text.replace(/'/g, '\'\\\'\'')}'`;

// A full disk: the crash directory is a tmpfs of that size in a mount namespace of its own, listed before it is gone.
async function onDisk(context, tier, kilobytes) {
  const probe = await context.spawn('unshare', ['-m', 'true']).catch(() => ({ status: 1 }));
  if (probe.status !== 0) context.skip('needs the right to mount');
  const directory = context.directory();
  const file = context.program(directory, 'throw');
  const script = `mkdir disk out && mount -t tmpfs -o size=${kilobytes}k none disk || exit 99
    ${quote(context.node)} --require autopsy-node/register ${quote(file)}; rc=$?
    ls -A disk > names; cp disk/* out/ 2>/dev/null; umount disk; exit $rc`;
  const env = { AUTOPSY_TIER: tier, AUTOPSY_CRASH_DIR: path.join(directory, 'disk') };
  const done = await context.spawn('unshare', ['-m', 'sh', '-c', script], { cwd: directory, env });
  if (done.status === 99) context.skip('mount failed');
  assert.strictEqual(done.status, 1, done.stderr);
  return { directory, names: fs.readFileSync(path.join(directory, 'names'), 'utf8').trim() };
}

const disk = everywhere('a full disk', async (context, kind, tier) => {
  const { names } = await onDisk(context, tier, 4);
  assert.strictEqual(names, '', 'something was left on the full disk');
  const control = await onDisk(context, tier, 4096);
  assert.match(control.names, /^crash\.\d+\.\d+\.json$/);
  files.check(JSON.parse(fs.readFileSync(path.join(control.directory, 'out', control.names), 'utf8')));
}, ['cjs']);

module.exports = [
  ...oom,
  ...everywhere('a heap that gets full dies where it would', async (context, kind, tier) => {
    const limit = ['--max-old-space-size=60'];
    const directory = context.directory();
    const file = context.program(directory, 'exhaust');
    const ends = [];
    for (const flags of [limit, [...limit, '--require', 'autopsy-node/register']]) {
      ends.push(await context.run(file, { cwd: directory, flags, env: { AUTOPSY_TIER: tier } }));
    }
    const sizes = ends.map((end) => { assert.strictEqual(end.signal, 'SIGABRT'); return Number(end.stdout.trim().split('\n').pop()); });
    assert.ok(sizes[1] < sizes[0] + 40, `reached ${sizes[1]} MB, alone ${sizes[0]} MB`);
    files.none(directory);
  }, ['cjs']),
  ...sabotage,
  ...places,
  ...disk,
  ...everywhere('50 MB of state', async (context, kind, tier) => {
    // Bytes are to end it, and CPU is counted: how long it takes by the clock says how busy the machine is.
    const { directory } = await both(context, 'big-state', { kind, tier, env: { AUTOPSY_MAX_MS: '20000' } });
    const [name] = files.list(directory);
    const crash = files.only(directory);
    const { size } = fs.statSync(path.join(directory, name));
    assert.ok(size <= 8 * 1024 * 1024, `${size} bytes`);
    assert.ok(files.cpu(directory) < 4000, `${files.cpu(directory)} ms`);
    const truth = files.truth(directory);
    assert.strictEqual(crash.State.marker.value, truth.marker);
    assert.strictEqual(crash.State.big.description, `Array(${truth.length})`);
    assert.strictEqual(files.members(crash, crash.State.big).length.value, truth.length);
    assert.ok(crash.RemoteObjects[crash.State.big.objectId].truncated.left > 0, 'what was left out is told');
    return `${(size / 1e6).toFixed(1)} MB, ${files.cpu(directory)} ms of CPU`;
  }, ['cjs']),
  ...everywhere('AUTOPSY_MAX_BYTES', async (context, kind, tier) => {
    const { directory } = await both(context, 'big-state', { kind, tier, env: { AUTOPSY_MAX_BYTES: '100000' } });
    assert.ok(fs.statSync(path.join(directory, files.list(directory)[0])).size <= 100000);
    assert.strictEqual(files.only(directory).Error.message, 'with a big state');
  }, ['cjs']),
];
