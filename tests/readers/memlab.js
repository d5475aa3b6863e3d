'use strict';
// memlab reads a heap snapshot: memlab.js MODULES SNAPSHOT ...   prints one JSON object: file -> {name of objects: count}
const path = require('path');
const [modules, ...files] = process.argv.slice(2);
const { getFullHeapFromFile } = require(path.join(modules, '@memlab/heap-analysis'));

async function main() {
  const out = {};
  for (const file of files) {
    const heap = await getFullHeapFromFile(file);
    const counts = out[file] = {};
    heap.nodes.forEach((node) => {
      if (node.type === 'object')
        counts[node.name] = (counts[node.name] || 0) + 1;
    });
  }
  // Its progress goes to the same place: the answer is the last line.
  console.log(`\n${JSON.stringify(out)}`);
}

main().catch((e) => {
  console.error(e.stack);
  process.exit(1);
});
