// ES modules: a death at the top level after an await, through a default export, in scripts named by URL.
// @flags
import { createRequire } from 'module';
import run, { Helper } from './esm-helper.mjs';

const { record } = createRequire(import.meta.url)('./lib.js');

await null;

export default class {
  static go(f) { return f(); }
}

run(() => new Helper().use(() => {
  for (const step of [record, process.abort]) step();
}));
