// Local variables that live in registers, declared in every way. Each variable vX holds "vX", so that a wrong name shows;
// `certain` are those that must have their names.
// @variant interpreted: --no-sparkplug
// @variant baseline: --sparkplug --always-sparkplug
'use strict';
const { record, write } = require('./lib');

const value = (names) => Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, `"${name}"`]));
const locals = [{
  function: 'shapes',
  certain: value(`vA vB vC vD vPat vPat2 vTry vFin vAfterTry vAfterFn vBeforeClass vNew vSw vIf vLoop vOr vTern vLabel
    vDo vOpt vQ vR vCaught vTpl vCall vNeg vVar1 vShadow vFn vLast vCtx`),
  maybe: {
    ...value('vChain vInc vDef vE1 vE2 vVar2 vOf vInOf vIn'), vSw2: 'undefined', vUn: 'undefined', i: '3', n: '1',
    K: 'class K', L: 'class L', useCtx: 'function useCtx', rest: null,
  },
}, {
  function: 'asy',
  certain: value('vAw vAw2 vEnd'),
  maybe: value('vFa'),
}];

const id = (v) => v;
const o = { a: 'x', get: (v) => v, p: { q: 'v' } };
let sink;
function leaf(k) {
  if (!k)
    return;
  write({ locals });
  for (const step of [record, process.abort]) step();
}
function shapes(vArg, { vPat, x: vPat2 }, k, list) {
  const vA = 'vA';
  let vB = id('vB'), vC;
  var vD = o.get('vD');
  vC = 'v' + 'C';
  try { const vTry = id('vTry'); sink = id(vTry); } finally { const vFin = 'vFin'; id(vFin); }
  const vAfterTry = 'vAfterTry';
  { function blockFn() { return 'vAfterFn'; } const vAfterFn = blockFn(); id(vAfterFn); }
  const vBeforeClass = 'vBeforeClass';
  class K { m() { return 'vNew'; } }
  const vNew = new K().m();
  switch (k) { case 1: { let vSw = 'vSw'; id(vSw); break; } default: { let vSw2 = 'vSw2'; id(vSw2); } }
  let vUn;
  if (vB) { const vIf = 'vIf'; id(vIf); } else { vUn = 'vUn'; }
  for (const vOf of ['vOf']) { const vInOf = 'vInOf'; id(vInOf + vOf); }
  for (let vIn in { vIn: 1 }) { id(vIn); }
  for (let i = 0; i < 3; i++) { const vLoop = `vLoop`; id(vLoop); }
  const vOr = vUn || 'vOr';
  const vTern = vUn ? 1 : 'vTern';
  label: { const vLabel = 'vLabel'; if (vB) break label; }
  do { const vDo = 'vDo'; sink = id(vDo); } while (!sink);
  const vOpt = list?.[0];
  const vChain = sink = 'vChain';
  let n = 0;
  const vInc = ['vInc', 'z'][n++];
  const { vQ, r: vR } = { vQ: 'vQ', r: 'vR' };
  const [vE1, vE2] = ['vE1', 'vE2'];
  const { vDef = 'vDef', ...rest } = o;
  const vCaught = (() => { try { throw 'vCaught'; } catch (e) { return e; } })();
  const vCtx = 'vCtx';
  const useCtx = () => vCtx;
  class L { m() { return vCtx; } }
  const vTpl = `${o.p.q}Tpl`;
  const vCall = o.get(id(id('vCall')), 1, 2, vA);
  const vNeg = !o.p.q ? 1 : 'vNeg';
  var vVar1 = 'vVar1', vVar2 = o.get('vVar2');
  { const vShadow = 'no'; id(vShadow); }
  { const vShadow = 'vShadow'; id(vShadow);
    const vFn = (function () { return 'vFn'; })();
    let vLast = 'vLast';
    leaf(k);
    id(vLast); id(vFn);
  }
  return [vA, vB, vC, vD, vArg, vPat, vPat2, vAfterTry, vBeforeClass, vNew, vUn, vOr, vTern, vOpt, vChain, vInc, vQ, vR, vE1, vE2, vDef, rest, vCaught, useCtx, L, vTpl, vCall, vNeg, vVar1, vVar2, n, K];
}
async function asy(k) {
  const vAw = await 'vAw';
  let vAw2 = await o.get(Promise.resolve('vAw2'));
  for await (const vFa of ['vFa']) { id(vFa); }
  const vEnd = 'vEnd';
  shapes('vArg', { vPat: 'vPat', x: 'vPat2' }, k, ['vOpt']);
  return vAw + vAw2 + vEnd;
}
for (let i = 0; i < 2; i++) shapes('vArg', { vPat: 'vPat', x: 'vPat2' }, 0, ['vOpt']);
setImmediate(() => asy(1));
