'use strict';
// How much heap is left. In a full one every further object, even a function compiled on its first call, can end the
// process by an out-of-memory abort in place of its own end: this is asked first, and it is small.

const { getHeapStatistics } = require('v8');

const MIB = 1024 * 1024;
const NONE = 4 * MIB;

// The limit V8 tells counts the young generation's largest size, which the old one cannot use: three semi spaces, whose
// size a flag or the release decides. Measured on 16 to 26; a later one is taken for the largest.
const OF_RELEASE = { 16: 48, 18: 48, 20: 48, 22: 48, 24: 192, 26: 96 };

function young() {
  const flags = [process.env.NODE_OPTIONS || '', ...process.execArgv].join(' ');
  const told = [...flags.matchAll(/--max[-_]semi[-_]space[-_]size[= ](\d+)/g)].pop();
  if (told !== undefined) return 3 * Number(told[1]) * MIB;
  return (OF_RELEASE[process.versions.node.split('.')[0]] || 192) * MIB;
}

const reserve = young();

function room() {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  return limit - used - reserve;
}

const none = () => room() < NONE;

none();

module.exports = { room, none };
