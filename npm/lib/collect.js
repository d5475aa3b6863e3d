'use strict';
// One crash file's content: the sections put together within the limits, or the little that is always possible.

const { threadId, isMainThread } = require('worker_threads');
const { version } = require('../package.json');
const clock = require('./clock');
const { Bridge } = require('./bridge');
const builtins = require('./builtins');
const errors = require('./errors');
const { Graph } = require('./graph');
const pauses = require('./pauses');
const report = require('./report');
const { room } = require('./room');
const { Scripts } = require('./scripts');

const MIB = 1024 * 1024;
const TIGHT = 24 * MIB;         // less heap than this left: only the little

// The inspector is opened here in the free tier: nothing costs anything until something went wrong.
function openSession(armed) {
  if (armed !== null) {
    armed.pauseOn('none');
    return { session: armed.session, scripts: armed.scripts, close() { armed.bridge.close(); armed.pauseOn('all'); } };
  }
  const { Session } = require('inspector');
  const session = new Session();
  session.connect();
  const scripts = new Map();
  session.on('Debugger.scriptParsed', ({ params }) => { scripts.set(params.scriptId, params); });
  session.post('Debugger.enable', { maxScriptsCacheSize: MIB }, () => {});
  return { session, scripts, close() { session.disconnect(); } };
}

function open(armed) {
  try { return openSession(armed); } catch { return null; } // a Node without an inspector
}

function state(graph) {
  const debug = globalThis.panicDbg;
  const values = debug && debug.cds_state;
  if (!values || typeof values !== 'object') return null;
  const shown = {};
  for (const key of Object.keys(values)) {
    // the environment and what the process is are in Report and Process
    if (key.startsWith('init.process.') || key.startsWith('init.time')) continue;
    shown[key] = graph.remote(values[key], 1, key);
  }
  return shown;
}

function process_(mask) {
  const attempt = (make) => { try { return make(); } catch { return null; } };
  return {
    pid: process.pid, ppid: process.ppid, threadId, mainThread: isMainThread, title: process.title,
    execPath: process.execPath, execArgv: mask.args(process.execArgv), argv: mask.args(process.argv),
    cwd: attempt(() => process.cwd()), version: process.version, v8: process.versions.v8, arch: process.arch,
    platform: process.platform, uptime: process.uptime(), memory: attempt(() => process.memoryUsage()),
  };
}

function truncated(graph, notes, armed, found) {
  const list = [];
  const add = (what, reason, count) => { if (count > 0) list.push({ what, reason, count }); };
  for (const reason of Object.keys(graph.left)) add('objects', reason, graph.left[reason]);
  add('frames', 'count', notes.frames);
  add('variables', 'count', notes.unopened);
  if (armed !== null && found === null) list.push({ what: 'variables', reason: armed.skipping ? 'rate' : 'not seen', count: 1 });
  return list;
}

function head(settings, when, started) {
  return {
    Version: 1,
    Tool: { name: 'autopsy-node', version, tier: settings.tier, milliseconds: Math.round(clock.now() - started) },
    Time: when.toISOString(),
  };
}

function whole(error, origin, settings, mask, armed, when, heap) {
  const started = clock.now();
  const opened = open(armed);
  let bridge = null;
  try {
    if (opened !== null) {
      bridge = armed !== null ? armed.bridge : new Bridge(opened.session);
      if (!bridge.open()) bridge = null;
    }
    const found = armed !== null && bridge !== null ? armed.find(error) : null;
    const known = opened === null ? new Map() : new Map(opened.scripts);
    const graph = new Graph({
      mask, bridge, scripts: known, builtins: builtins.modules(), globals: builtins.globals,
      maxBytes: Math.min(settings.maxBytes * 0.4, heap / 10), deadline: started + settings.maxTime * 0.4,
    });
    const scripts = new Scripts(known, bridge, mask);
    const notes = { frames: 0, unopened: 0 };
    const Error = errors.section(graph, error, origin);
    const Paused = found !== null ? pauses.ofInspector(found, Error, scripts, graph, notes) : pauses.ofText(Error, scripts);
    graph.run();
    // The state has a share of its own, so that it cannot crowd out the frames' variables, nor they it.
    graph.maxBytes = graph.bytes + Math.min(settings.maxBytes * 0.4, heap / 10);
    graph.deadline = clock.now() + settings.maxTime * 0.4;
    graph.limits.objects = graph.ids.size + 20000;
    const State = state(graph);
    graph.run();
    const Report = report.make(Error, mask);
    return Object.assign(head(settings, when, started), {
      Paused, RemoteObjects: graph.objects, Scripts: scripts.shown, Report, Error, State, Process: process_(mask),
      Truncated: truncated(graph, notes, armed, found),
    });
  } finally {
    if (opened !== null) opened.close();
  }
}

// Without the inspector, the report and the walk: the error in words.
function little(error, origin, settings, mask, when, why) {
  const graph = new Graph({
    mask, bridge: null, scripts: new Map(), builtins: new Map(), globals: builtins.globals, maxBytes: 256 * 1024,
    deadline: clock.now() + 50, limits: { depth: 0, objects: 1, properties: 20 },
  });
  const Error = errors.section(graph, error, origin);
  graph.run();
  const scripts = new Scripts(new Map(), null, mask);
  const message = (Error.stack || Error.value.description || String(Error.value.value)).split('\n')[0];
  scripts.text = () => ({ text: null });
  return Object.assign(head(settings, when, clock.now()), {
    Paused: pauses.ofText(Error, scripts), RemoteObjects: graph.objects, Scripts: scripts.shown,
    Report: {
      standIn: why, processId: process.pid, dumpEventTimeStamp: when.getTime(), javascriptStack: { message, stack: [] },
      header: { processId: process.pid, nodejsVersion: process.version, dumpEventTimeStamp: String(when.getTime()) },
    },
    Error, State: null, Process: process_(mask), Truncated: [{ what: 'everything', reason: why, count: 1 }],
  });
}

// The text of a crash file, or null if even the little one is larger than allowed.
function collect(error, origin, settings, mask, armed, when, note) {
  const heap = room();
  let why = 'memory';
  if (heap >= TIGHT) {
    try {
      const text = JSON.stringify(whole(error, origin, settings, mask, armed, when, heap));
      if (text.length <= settings.maxBytes) return text;
      why = 'bytes';
    } catch (problem) {
      note(problem);
      why = 'the collector failed';
    }
  }
  const text = JSON.stringify(little(error, origin, settings, mask, when, why));
  return text.length <= settings.maxBytes ? text : null;
}

module.exports = { collect };
