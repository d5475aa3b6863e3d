// Reading any of this runs the program's code, which counts itself.
let touched = 0;
const touch = () => { touched++; throw new Error('touched'); };
const traps = {};
for (const name of Object.getOwnPropertyNames(Reflect)) traps[name] = touch;

const error = new Error('hostile');
Object.defineProperty(error, 'trap', { get: touch, enumerable: false });
Object.defineProperty(error, 'code', { get: touch, enumerable: false });
error.nested = Object.create(null, { toJSON: { value: touch }, toString: { value: touch }, [Symbol.iterator]: { value: touch } });
error.ring = { error };
error.proxyIn = { proxy: new Proxy({}, {}) };

function thrower(local) {
  const hidden = new Proxy({}, traps);
  const accessor = { get boom() { return touch(); } };
  const counted = [hidden, accessor, local];
  process.on('exit', () => { console.log(`touched ${touched} ${counted.length}`); });
  throw error;
}

thrower(new Proxy(function named() {}, traps));
