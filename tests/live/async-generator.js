// Death inside async generators that feed each other.
// @flags
'use strict';
const { record } = require('./lib');

async function* rows() {
  yield 1;
  await null;
  for (const step of [record, process.abort]) step();
  yield 2;
}

class Stream {
  async* doubled(source) {
    for await (const row of source)
      yield row * 2;
  }
}

async function consume() {
  let sum = 0;
  for await (const value of new Stream().doubled(rows()))
    sum += value;
  return sum;
}

consume().then((sum) => sum);
