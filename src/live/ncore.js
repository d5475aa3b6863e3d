// What `autopsy ncore` evaluates inside a running program: an object of steps, one of which it calls. It writes nothing
// into the program, runs none of its code but what it registered itself (panicDbg), and works in the middle of a loop.
(() => {
  'use strict';
  const REQUEST = 'core dump initiated at user request';
  const HANDLES = 1000;
  const FRAMES = 200;

  const attempt = (make, otherwise = null) => { try { return make(); } catch { return otherwise; } };
  const load = (name) => attempt(() => require(name)) || attempt(() => process.getBuiltinModule(name));

  // The stack that we interrupted: our own frames taken off.
  function stack(title) {
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
    const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    let text;
    try {
      attempt(() => Object.defineProperty(Error, 'stackTraceLimit', { value: FRAMES, writable: true, configurable: true }));
      attempt(() => { delete Error.prepareStackTrace; });
      text = String(new Error(title).stack);
    } finally {
      if (limit) attempt(() => Object.defineProperty(Error, 'stackTraceLimit', limit));
      if (prepare) attempt(() => Object.defineProperty(Error, 'prepareStackTrace', prepare));
    }
    return text.split('\n').filter((line) => !line.includes('autopsy:ncore')).join('\n');
  }

  const hasPanic = () => typeof globalThis.caPanic === 'function' && attempt(() => typeof globalThis.panicDbg.dump === 'function', false);

  function look() {
    const dirs = [process.env.AUTOPSY_CRASH_DIR, attempt(() => process.cwd()), attempt(() => load('os').tmpdir()), '/tmp'];
    const path = load('path');
    const absolute = dirs.filter((dir) => typeof dir === 'string' && dir !== '').map((dir) => (path ? path.resolve(dir) : dir));
    return JSON.stringify({ pid: process.pid, version: process.version, panic: hasPanic(), dirs: [...new Set(absolute)] });
  }

  // The dump that a panic would write, without the panic: the state is as it was when this returns.
  function dump() {
    const debug = globalThis.panicDbg;
    const now = new Date();
    const last = {
      'panic.error': `EXCEPTION: Error: ${stack(REQUEST)}`, 'panic.time': now, 'panic.time-ms': now.getTime(),
      'panic.memusage': process.memoryUsage(),
    };
    const added = [];
    try {
      for (const key of Object.keys(last)) {
        if (Object.prototype.hasOwnProperty.call(debug.cds_state, key)) continue;
        debug.set(key, last[key]);
        added.push(key);
      }
      return [Buffer.from(debug.dump())];
    } finally {
      for (const key of added) debug.remove(key);
    }
  }

  const address = (handle, method) => attempt(() => {
    const out = {};
    return typeof handle[method] === 'function' && handle[method](out) === 0 && out.address ? `${out.address}:${out.port}` : null;
  });

  function handle(object) {
    const native = attempt(() => object._handle) || object;
    const shown = { type: attempt(() => object.constructor.name, 'unknown') };
    const fd = attempt(() => native.fd);
    if (typeof fd === 'number' && fd >= 0) shown.fd = fd;
    const local = address(native, 'getsockname');
    const remote = address(native, 'getpeername');
    if (local) shown.local = local;
    if (remote) shown.remote = remote;
    const pid = attempt(() => native.pid);
    if (typeof pid === 'number') shown.pid = pid;
    const bytes = attempt(() => native.bytesRead);
    if (typeof bytes === 'number') Object.assign(shown, { bytesRead: bytes, bytesWritten: attempt(() => native.bytesWritten) });
    return shown;
  }

  // Of a program without panic state: its arguments, its environment, the rest of the keys, its directory, as JSON texts.
  function survey() {
    const now = new Date();
    const started = new Date(now.getTime() - process.uptime() * 1000);
    const handles = attempt(() => process._getActiveHandles(), []);
    const resources = {};
    for (const name of attempt(() => process.getActiveResourcesInfo(), [])) resources[name] = (resources[name] || 0) + 1;
    const v8 = load('v8');
    const rest = {
      'init.process.version': process.version, 'init.process.platform': process.platform,
      'init.time': started, 'init.time-ms': started.getTime(),
      'ncore.note': 'this program does not load autopsy-node/panic, so there is no state of its own here',
      'ncore.handles': handles.slice(0, HANDLES).map(handle), 'ncore.handles-count': handles.length,
      'ncore.requests': attempt(() => process._getActiveRequests(), []).slice(0, HANDLES).map((r) => attempt(() => r.constructor.name)),
      'ncore.resources': resources,
      'ncore.heap': v8 ? attempt(() => v8.getHeapStatistics()) : null,
      'ncore.heap-spaces': v8 ? attempt(() => v8.getHeapSpaceStatistics()) : null,
      'ncore.resource-usage': attempt(() => process.resourceUsage()),
      'panic.error': `EXCEPTION: Error: ${stack(REQUEST)}`, 'panic.time': now, 'panic.time-ms': now.getTime(),
      'panic.memusage': process.memoryUsage(),
    };
    const env = Object.keys(process.env).map((name) => `${name}=${process.env[name]}`);
    const parts = [process.argv, env, rest, attempt(() => process.cwd())];
    return parts.map((part) => Buffer.from(JSON.stringify(part)));
  }

  return { look, dump, survey, panic: () => globalThis.caPanic(REQUEST) };
})()
//# sourceURL=autopsy:ncore
