'use strict';
// The frames of a stack's text, as V8 writes them. Lines and columns stay 1-based, as the text has them.

const LIMIT = 200;

const HEAD = /^\s+at (?:(async) )?(.*)$/;
const WHERE = /^(.*?):(\d+):(\d+)$/;

function frame(line) {
  const head = HEAD.exec(line);
  if (head === null) return null;
  const async = head[1] !== undefined;
  let name = '';
  let place = head[2];
  // "name (place)"; the place of evaluated code has parentheses of its own, so the first " (" that a final ")" closes.
  const open = place.indexOf(' (');
  if (open >= 0 && place.endsWith(')')) {
    name = place.slice(0, open);
    place = place.slice(open + 2, -1);
  }
  const where = WHERE.exec(place);
  if (where === null) return { function: name || place, script: null, line: null, column: null, async };
  return { function: name, script: where[1], line: Number(where[2]), column: Number(where[3]), async };
}

function frames(stack) {
  const list = [];
  if (stack === null) return list;
  for (const line of stack.split('\n')) {
    const found = frame(line);
    if (found !== null) list.push(found);
    if (list.length >= LIMIT) break;
  }
  return list;
}

module.exports = { frames };
