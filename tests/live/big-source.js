// Sources over a megabyte: one of many lines, one of a single line with characters beyond Latin-1.
// @flags
'use strict';
const fs = require('fs');
const path = require('path');
const { record, truthFile } = require('./lib');

const dir = path.dirname(truthFile);

function write(name, head, filler, tail) {
  const file = path.join(dir, name);
  const parts = [head];
  for (let size = 0, i = 0; size < 1200000; i++) {
    const part = filler(i);
    size += part.length;
    parts.push(part);
  }
  parts.push(tail);
  fs.writeFileSync(file, parts.join(''));
  return file;
}

const lines = write('many-lines.js', "'use strict';\n", (i) => `exports.f${i} = function(a) { return a + ${i}; };\n`,
                    'exports.enter = function enter(go) {\n  return go();\n};\n');
const minified = write('one-line.js', "'use strict';", (i) => `exports.f${i}=a=>a+'ж${i}';`, 'exports.enter=g=>(()=>g())();');

const steps = [record, process.abort];
require(lines).enter(() => require(minified).enter(() => {
  for (const step of steps) step();
}));
