'use strict';
// What every truth program uses: writes down what is true of the process just before it dies.
//
// The truth file holds one JSON object per line: {thread: {...}} for the stack of a thread, {values: {...}} for the test
// object. A program dies through one call site that is passed twice, first to record, then to death:
//
//     for (const step of [record, die]) step(theValue);
//
// so the recorded position of the top frame is V8's own, to the column.
//
// Written for every Node from 16 on.

const fs = require('fs');
const { isMainThread, workerData } = require('worker_threads');

const [truthFile, faultLibrary] = isMainThread ? process.argv.slice(2) : workerData.truthArguments;

function write(record) {
  fs.appendFileSync(truthFile, `${JSON.stringify(record)}\n`);
}

// `    at NAME (PLACE)`, `    at PLACE`, `    at async PLACE`: the name as V8 prints it. A name may hold parentheses of its
// own only in `async Promise.all (index N)`, which has no place.
function printedName(line, site) {
  const text = line.replace(/^ {4}at /, '');
  if (/^async Promise\.(all|any|allSettled|race) \(index \d+\)$/.test(text))
    return text;
  const place = text.indexOf(' (');
  if (place >= 0 && text.endsWith(')'))
    return text.slice(0, place);
  return site.isAsync() ? 'async <anonymous>' : '<anonymous>';
}

// The frames below the function `above`, as V8 has them: printed text and structure, of one and the same moment.
function frames(above) {
  const limit = Error.stackTraceLimit;
  const prepare = Error.prepareStackTrace;
  const printed = {};
  const structured = {};
  Error.stackTraceLimit = Infinity;
  Error.prepareStackTrace = undefined;
  Error.captureStackTrace(printed, above);
  const raw = printed.stack;
  Error.prepareStackTrace = (_, sites) => sites;
  Error.captureStackTrace(structured, above);
  const sites = structured.stack;
  Error.prepareStackTrace = prepare;
  Error.stackTraceLimit = limit;

  const lines = raw.split('\n').slice(1);
  if (lines.length !== sites.length)
    throw new Error(`${lines.length} printed frames, ${sites.length} in structure:\n${raw}`);
  return sites.map((site, i) => {
    const script = site.getScriptNameOrSourceURL() || site.getFileName();
    return {
      kind: site.isAsync() ? 'async' : site.isNative() || site.getLineNumber() === null ? 'builtin' : 'js',
      function: printedName(lines[i], site),
      script: site.isPromiseAll() ? null : script || null,
      line: site.isPromiseAll() ? null : site.getLineNumber(),
      column: site.isPromiseAll() ? null : site.getColumnNumber(),
      eval_origin: site.isEval() ? site.getEvalOrigin() || null : null,
      raw: lines[i],
    };
  });
}

function thread(above, change) {
  const list = frames(above);
  if (change)
    change(list[0], list);
  write({ thread: { role: isMainThread ? 'main' : 'worker', frames: list } });
}

// Records the stack of the caller; the top frame stands at the very call that is recorded.
function record() {
  thread(record);
}

// Records the stack of the caller; the top frame will be in the caller's lines from `loop begin` to `loop end` when it
// dies. Everything below stands still.
function recordLoop() {
  thread(recordLoop, (top) => {
    const lines = fs.readFileSync(top.script, 'latin1').split('\n');
    const from = lines.findIndex((l, i) => i + 1 >= top.line && l.includes('// loop begin')) + 1;
    const to = lines.findIndex((l, i) => i + 1 >= from && l.includes('// loop end')) + 1;
    if (!from || !to)
      throw new Error(`no loop marks after line ${top.line}`);
    Object.assign(top, { line: null, column: null, line_from: from, line_to: to });
  });
}

// Records the stack of the caller; the top frame will stand at `token` in the very same line when it dies.
function recordAt(token) {
  thread(recordAt, (top) => {
    const file = top.script.startsWith('file:') ? new URL(top.script) : top.script;
    const column = fs.readFileSync(file, 'utf8').split('\n')[top.line - 1].lastIndexOf(token) + 1;
    if (!column)
      throw new Error(`no ${token} in line ${top.line}`);
    top.column = column;
  });
}

// Records the stack of the caller, with more facts about the frames: `add` gets them all.
function recordWith(add) {
  return function recorder() {
    thread(recorder, (_, list) => add(list));
  };
}

// A thread without JavaScript frames.
function recordIdle() {
  write({ thread: { role: isMainThread ? 'main' : 'worker', frames: [] } });
}

// Facts beside stacks: what the tool has to say about the death.
function note(facts) {
  write(facts);
}

module.exports = {
  record, recordWith, recordLoop, recordAt, recordIdle, note, write, truthFile, faultLibrary,
  truthArguments: [truthFile, faultLibrary],
};
