'use strict';
// A summary is kept for each import, and each keeps the whole import: its scope holds the rows, used or not.
//   node closure.js [N]     runs until memory is out, or aborts after N

const summaries = [];

function load(n) {
  const rows = [];
  for (let i = 0; i < 20000; i++)
    rows.push({ import: n, row: i, text: `row ${i} of import ${n}` });
  return rows;
}

function summarise(n) {
  const rows = load(n);
  const total = rows.length;
  return {
    total: () => total,
    first: () => rows[0], // the one line that keeps them all
  };
}

let n = 0;
setInterval(function traffic() {
  summaries.push(summarise(n++));
  if (n === Number(process.argv[2]))
    process.abort();
}, 1);
