// What esm.mjs imports.
export default function(f) {
  return f();
}

export class Helper {
  use(f) { return (() => f())(); }
}
