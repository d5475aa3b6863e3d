// Death below optimised code: outer inlines middle, middle inlines inner, inner calls what dies.
// @flags --allow-natives-syntax
// @variant baseline: --sparkplug --always-sparkplug
// @variant maglev: --maglev
// @variant turbofan: --no-always-sparkplug
'use strict';
const { recordWith, write } = require('./lib');

const major = Number(process.versions.node.split('.')[0]);
const wanted = process.execArgv.includes('--always-sparkplug') ? 'baseline' :
  process.execArgv.includes('--maglev') ? 'maglev' : 'turbofan';

function leave(x, step) {
  if (step)
    for (const go of [step, process.abort]) go();
  return x;
}

function inner(x, step) {
  const doubled = x * 2;
  return leave(doubled, step) + 1;
}

function middle(x, step) {
  const more = x + 1;
  return inner(more, step) + 1;
}

function outer(x, step) {
  const first = x + 1;
  return middle(first, step) + 1;
}

// V8's own word for the topmost physical frame of a function: its tier, or none if it runs only inlined in another.
// The bits stand one higher in some versions: where `is executing` stands tells which.
function calibrate() {
  return %GetOptimizationStatus(calibrate) & (1 << 10) ? 0 : 1;
}
const shift = calibrate();

function tierOf(f) {
  const status = %GetOptimizationStatus(f);
  const bit = (n) => Boolean(status & (1 << (n + shift)));
  if (!bit(10))
    return null;
  return bit(11) ? 'turbofan' : bit(16) ? 'baseline' : bit(15) ? 'interpreted' : 'maglev';
}

// Of outer(20): what optimised code no longer needs may be missing.
const locals = [['inner', 'doubled', 44], ['middle', 'more', 22], ['outer', 'first', 21]]
  .map(([where, name, value]) => ({ function: where, certain: { [name]: String(value) } }));

const record = recordWith((frames) => {
  write({ locals });
  const found = { inner: tierOf(inner), middle: tierOf(middle), outer: tierOf(outer) };
  let tier = null;
  for (const frame of frames.slice().reverse()) {
    const name = frame.function;
    if (!(name in found))
      continue;
    tier = found[name] || tier;
    Object.assign(frame, { tier, inlined: found[name] === null });
  }
  const bad = found.outer !== wanted || frames.some((f) => f.tier && f.tier !== wanted) ||
    (wanted !== 'baseline' && (found.inner !== null || found.middle !== null));
  if (bad && wanted === 'maglev' && major < 24)
    write({ skip: 'this Node has no Maglev' });
  else if (bad)
    throw new Error(`V8 did not optimise as asked: ${JSON.stringify(found)}`);
});

%NeverOptimizeFunction(leave);
for (const f of [inner, middle, outer])
  %PrepareFunctionForOptimization(f);
for (let i = 0; i < 200; i++)
  outer(i);
if (wanted === 'turbofan')
  %OptimizeFunctionOnNextCall(outer);
else if (wanted === 'maglev')
  (0, eval)('(f) => %OptimizeMaglevOnNextCall(f)')(outer);
outer(1);
setImmediate(() => outer(20, record));
