'use strict';
// Some eight million small objects in a heap of the size asked for, one of them with a million referrers; then death.
//   objects.js MEGABYTES

const megabytes = Number(process.argv[2]);
const kept = [];
class Popular {}
class Referrer {
  constructor(to) {
    this.to = to;
  }
}
const classes = [];
for (let i = 0; i < 50; i++)
  classes.push(eval(`(class C${i} { constructor(n) { this.n = n; this.next = null; this.a = n; this.b = 'text'; this.list = n % 8 ? null : [n, n]; this.more = n % 4 ? null : { n }; this.name = n % 3 ? null : 'name ' + n; } })`));

const popular = new Popular();
const referrers = [];
for (let i = 0; i < Math.min(1e6, megabytes * 1000); i++)
  referrers.push(new Referrer(popular));
kept.push(referrers);
let chunk = [];
for (let i = 0; ; i++) {
  chunk.push(new classes[i % 50](i));
  if (chunk.length === 10000) {
    kept.push(chunk);
    chunk = [];
    if (process.memoryUsage().heapUsed >= megabytes * 1024 * 1024)
      break;
  }
}
globalThis.kept = kept;
process.abort();
