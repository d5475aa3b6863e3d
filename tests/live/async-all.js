// Death below Promise.all, which others wait for.
// @flags
'use strict';
const { record } = require('./lib');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function part(i) {
  await sleep(5 * i);
  if (i === 2)
    for (const step of [record, process.abort]) step();
  return i;
}

async function gather() {
  return await Promise.all([part(1), part(3), part(2)]);
}

async function first() {
  return await Promise.any([gather(), sleep(100000)]);
}

(async () => {
  await first();
})();
