#!/usr/bin/env node
'use strict';
// Stands in for the tool in the driver's own test: answers from the truth file beside the core, perfectly or, if
// FAKE_LIE names a lie, with one thing wrong.

const fs = require('fs');
const path = require('path');

const [core, , ...rest] = process.argv.slice(2);
const lie = process.env.FAKE_LIE;
const truth = fs.readFileSync(path.join(path.dirname(core), 'truth'), 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
const values = truth.map((t) => t.values).find(Boolean);

function complete(e) {
  const { privates, ...data } = e;
  if (data.properties && privates)
    data.properties = [...data.properties, ...privates];
  return data;
}

function answer(command) {
  if (command === 'bt') {
    const threads = truth.filter((t) => t.thread).map((t) => JSON.parse(JSON.stringify(t.thread)));
    for (const { frames } of threads) {
      for (const f of frames) {
        if (f.line_from)
          Object.assign(f, { line: f.line_from, column: 1 });
        if (values && f.function === values.function)
          f.arguments = [{ name: values.argument, value: { address: '0x1000' } }];
      }
      frames.unshift({ kind: 'native', symbol: (truth.find((t) => t.native) || {}).native });
      const js = frames.filter((f) => f.kind === 'js');
      if (lie === 'column')
        js[js.length - 1].column++;
      if (lie === 'line')
        js[0].line += 1000;
      if (lie === 'name')
        js[1].function += '2';
      if (lie === 'frame')
        frames.splice(frames.indexOf(js[1]), 1);
    }
    return { threads };
  }
  if (command === 'report') {
    const { verdict } = truth.find((t) => t.verdict);
    return { verdict: lie === 'verdict' ? { kind: 'live' } : { ...verdict, text: Object.values(verdict).join(' ') } };
  }
  const wanted = command.replace(/^print \S+ /, '');
  const { expect, error } = values.truths.find((t) => t.path === wanted);
  if (error)
    return null;
  const data = complete(expect);
  if (lie === 'value' && wanted === 'numbers.minusZero')
    data.text = '0';
  if (lie === 'private' && wanted === 'classes.base')
    data.properties.pop();
  if (lie === 'extra' && wanted === 'objects.plain')
    data.properties = [...data.properties, { name: 'invented', kind: 'data' }];
  return data;
}

for (let i = 1; i < rest.length; i += 2) {
  const data = answer(rest[i]);
  process.stdout.write(`${JSON.stringify({ command: rest[i], data, error: data ? undefined : { code: 'no-such-path' } })}\n`);
}
process.exitCode = lie === 'status' ? 1 : 0;
