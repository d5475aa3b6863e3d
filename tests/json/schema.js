#!/usr/bin/env node
'use strict';
// Checks what every command answers with --json against its schema in docs/json, and the envelope around it.
//
//   schema.js [--write] [--lines FILE | --only FILE] AUTOPSY TARGET SCHEMAS
//
// Asked is every command's own example that suits the target, core or heap snapshot, and the lines of FILE, or these only. --write widens the schemas by what these answers have (and
// makes those that are missing): look at the change, keys are a contract. The validator knows as much of JSON Schema as the
// schemas use: type, properties, required, additionalProperties, items, pattern.

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const args = process.argv.slice(2);
const write = args[0] === '--write' && args.shift() !== undefined;
const only = args[0] === '--only';
const extra = args[0] === '--lines' || only ? fs.readFileSync(args.splice(0, 2)[1], 'utf8').split('\n').filter(Boolean) : [];
const [autopsy, target, dir] = args;
const count = { passed: 0, failed: 0 };

// Objects whose keys are data.
const maps = new Set(['versions', 'registers']);
const hex = '^0x[0-9a-f]+$';

const typeOf = (v) => v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v === 'number' ? Number.isInteger(v) ? 'integer' : 'number' : typeof v;
const list = (t) => t === undefined ? [] : Array.isArray(t) ? t : [t];

function fileOf(command) {
  const names = ['plain', 'mdb', 'llnode'].flatMap((d) => command[d] ? command[d].names : []);
  const name = names.find((n) => /^[a-z0-9 ]+$/i.test(n)) || names[0];
  return `${name.replace(/ /g, '-').replace(/^\$/, 'dollar-').replace(/^:/, 'colon-').replace(/^\/$/, 'format').replace(/^>$/, 'assign')
    .replace(/</g, 'read').replace(/>/g, 'log').replace(/\?/g, 'status')}.schema.json`;
}

// The first thing that is not as the schema says, or nothing.
function wrong(schema, value, where) {
  const type = typeOf(value);
  const types = list(schema.type);
  if (types.length && !types.includes(type) && !(type === 'integer' && types.includes('number')))
    return `${where} is ${type}, not ${types}`;
  if (type === 'string' && schema.pattern && !new RegExp(schema.pattern).test(value))
    return `${where} ${JSON.stringify(value).slice(0, 80)} is not like ${schema.pattern}`;
  if (type === 'array' && schema.items)
    return value.map((v, i) => wrong(schema.items, v, `${where}[${i}]`)).find(Boolean);
  if (type !== 'object')
    return undefined;
  const missed = (schema.required || []).find((k) => !(k in value));
  if (missed !== undefined)
    return `${where} has no ${missed}`;
  for (const [k, v] of Object.entries(value)) {
    const known = schema.properties && Object.hasOwn(schema.properties, k) ? schema.properties[k] : schema.additionalProperties;
    if (known === false)
      return `${where}.${k} is not in the schema`;
    const why = known && known !== true && wrong(known, v, `${where}.${k}`);
    if (why)
      return why;
  }
  return undefined;
}

// The schema that also takes this value.
function widen(schema, value, key) {
  const type = typeOf(value);
  const fresh = !schema;
  schema = schema || {};
  const seen = list(schema.type);
  const types = new Set([...seen, type]);
  if (types.has('number'))
    types.delete('integer');
  schema.type = types.size === 1 ? [...types][0] : [...types].sort();
  if (type === 'string') {
    const like = new RegExp(hex).test(value);
    if (like && !seen.includes('string'))
      schema.pattern = hex;
    else if (!like)
      delete schema.pattern;
  } else if (type === 'array') {
    for (const v of value)
      schema.items = widen(schema.items, v);
  } else if (type === 'object' && maps.has(key)) {
    for (const v of Object.values(value))
      schema.additionalProperties = widen(schema.additionalProperties, v);
  } else if (type === 'object') {
    const before = fresh || !seen.includes('object') ? undefined : schema.required || [];
    schema.properties = schema.properties || {};
    for (const [k, v] of Object.entries(value))
      schema.properties[k] = widen(Object.hasOwn(schema.properties, k) ? schema.properties[k] : undefined, v, k);
    schema.required = (before || Object.keys(value)).filter((k) => k in value);
    schema.additionalProperties = false;
  }
  return schema;
}

const ask = (line) => {
  const r = spawnSync(autopsy, [target, '--json', '-e', line], { encoding: 'utf8', maxBuffer: 1 << 30, timeout: 120000, input: '' });
  return r.stdout.split('\n').filter(Boolean).map((l) => JSON.parse(l));
};

const envelope = JSON.parse(fs.readFileSync(path.join(dir, 'envelope.schema.json'), 'utf8'));
const commands = ask('help')[0].data.commands;
const spelt = (line) => {
  const words = line.trim().replace(/^v8 /, '').replace(/^[^:]*::/, '::').split(/\s+/);
  const dialect = line.startsWith('v8 ') ? 'llnode' : line.includes('::') ? 'mdb' : 'plain';
  for (let n = Math.min(3, words.length); n > 0; n--) {
    const name = words.slice(0, n).join(' ').replace(/^::/, '');
    const found = commands.find((c) => c[dialect] && c[dialect].names.includes(name));
    if (found)
      return found;
  }
  return undefined;
};

const kind = /\.heapsnapshot/.test(target) ? 'snapshot' : 'core';
const suits = (c) => !only && (kind === 'core' ? c.target !== 'snapshot' : c.target === 'snapshot');
const asked = [...commands.filter((c) => c.example && suits(c)).map((c) => [c, c.example]),
               ...extra.map((l) => [spelt(l), l])];
const made = new Set();
for (const [command, line] of asked) {
  const answers = ask(line);
  const last = answers[answers.length - 1];
  // An example may be several lines, or ask for the help of what changes the session: then it is help's answer.
  const of = spelt(line.split(/[;|]/).pop()) || command;
  const file = path.join(dir, fileOf(of));
  let why = answers.map((a) => wrong(envelope, a, 'envelope')).find(Boolean);
  if (!why && (!last || last.data === null))
    why = `no answer: ${JSON.stringify(last)}`;
  if (!why && write) {
    const schema = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
    const body = schema && { ...schema };
    const wide = widen(body && body.type ? body : undefined, last.data);
    const { $schema, title, ...rest } = wide;
    fs.writeFileSync(file, `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: of.summary, ...rest }, null, 1)}\n`);
  }
  if (!why)
    why = fs.existsSync(file) ? wrong(JSON.parse(fs.readFileSync(file, 'utf8')), last.data, 'data') : `${file} is missing`;
  made.add(path.basename(file));
  if (why) {
    count.failed++;
    console.log(`FAIL ${line}: ${why}`);
  } else {
    count.passed++;
  }
}
// A command whose example only shows its help has no schema of its own made by it.
for (const command of commands) {
  const file = fileOf(command);
  if (suits(command) && !made.has(file) && !fs.existsSync(path.join(dir, file)) && !/^(::)?help /.test(command.example || '')) {
    count.failed++;
    console.log(`FAIL ${file} is missing`);
  }
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed ? 1 : 0;
