// The bytecode of a function, as V8 itself prints it.
// @flags --print-bytecode --print-bytecode-filter=measured
'use strict';
const { record, write } = require('./lib');

function measured(first, list) {
  const sum = list.reduce((a, b) => a + b, first);
  let text = '';
  for (const item of list)
    text += `${item}/${sum};`;
  try {
    text = text.toUpperCase();
  } catch (e) {
    text = e.message;
  }
  switch (first) {
    case 1: text += 'one'; break;
    default: text = null;
  }
  if (first)
    for (const step of [record, process.abort]) step(text, sum);
  return text;
}

write({ bytecode: 'measured' });
measured(1, [1, 2, 3]);
