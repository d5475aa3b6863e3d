'use strict';
// node npm/test/run.js [--node PATH] [WORD]: every case, or those whose name has WORD, on that Node.

const fs = require('fs');
const path = require('path');
const { runCases, summary } = require('./harness');

async function main(args) {
  let node = process.execPath;
  let word = '';
  while (args.length > 0) {
    const arg = args.shift();
    if (arg === '--node' && args.length > 0) node = path.resolve(args.shift());
    else if (!arg.startsWith('-')) word = arg;
    else { console.error('usage: run.js [--node PATH] [WORD]'); process.exit(64); }
  }
  const cases = [];
  for (const file of fs.readdirSync(path.join(__dirname, 'cases')).sort()) cases.push(...require(`./cases/${file}`));
  const wanted = cases.filter((test) => test.name.includes(word));
  const counts = await runCases(wanted, node, (line) => console.log(line));
  // Nothing run is nothing proven.
  if (counts.FAIL > 0 || counts.ok === 0) process.exitCode = 1;
  console.log(summary(counts));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
