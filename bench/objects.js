'use strict';
// A heap of the size asked for, as a server's might be: some eight million objects a gigabyte, 130 bytes each;
// one of them with a thousand referrers a megabyte, at most a million; then death.
//   objects.js MEGABYTES

const megabytes = Number(process.argv[2]);
const kept = [];
class Popular {}
class Referrer {
  constructor(to) {
    this.to = to;
  }
}
// Six objects a record: itself, a part of it, a list with its elements, a text, a number.
const states = ['new', 'open', 'paid', 'sent', 'closed'];
const texts = Buffer.alloc(8192, 'It was a bright cold day in April, and the clocks were striking thirteen. ');
const classes = [];
for (let i = 0; i < 50; i++)
  classes.push(eval(`(class C${i} {
    constructor(n, before) {
      this.id = n;
      this.weight = n + 0.5;
      this.state = states[n % states.length];
      this.before = before;
      this.text = texts.latin1Slice(n % 4096, n % 4096 + 160 + n * 7 % 420);
      this.valid = n % 3 === 0;
      this.error = null;
      this.parent = undefined;
      this.tries = n % 4;
      this.details = { first: n, second: 'literal', third: before, fourth: null, fifth: ${i}, sixth: true, seventh: n + 7,
                       eighth: undefined, ninth: states, tenth: 'another', eleventh: n >> 1, twelfth: null };
      this.list = Array.from({ length: 8 + n % 25 }, (_, k) => k % 2 ? before : n + k);
      this.created = n; this.changed = n + 1; this.owner = this; this.flags = 0; this.size = n; this.level = ${i};
    }
  })`));

const popular = new Popular();
const referrers = [];
for (let i = 0; i < Math.min(1e6, megabytes * 1000); i++)
  referrers.push(new Referrer(popular));
kept.push(referrers);
let chunk = [], before = null;
for (let i = 0; ; i++) {
  before = new classes[i % 50](i, before);
  chunk.push(before);
  if (chunk.length === 10000) {
    kept.push(chunk);
    chunk = [];
    if (process.memoryUsage().heapUsed >= megabytes * 1024 * 1024)
      break;
  }
}
globalThis.kept = kept;
process.abort();
