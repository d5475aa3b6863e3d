'use strict';
// The diagnostic report of Node, or what can be had without it where asking could hang.

const v8 = require('v8');
const safe = require('./safe');

let workers = [];

// A report waits for every worker thread to answer, for ever if one is busy in native code.
function watchWorkers() {
  process.on('worker', (worker) => {
    workers = workers.filter((ref) => alive(ref.deref()));
    workers.push(new WeakRef(worker));
  });
}

function alive(worker) {
  return worker !== undefined && worker.threadId > 0;
}

// Without excludeNetwork a report looks up the name of every peer, as slowly as the resolver likes.
function danger() {
  if (!process.report || typeof process.report.getReport !== 'function') return 'process.report is not there';
  if (workers.some((ref) => alive(ref.deref()))) return 'worker threads are running';
  if ('excludeNetwork' in process.report) return null;
  const resources = typeof process.getActiveResourcesInfo === 'function' ? process.getActiveResourcesInfo() : [];
  return resources.some((name) => /^(TCP|UDP)(?!Server)/.test(name)) ? 'sockets are open and this Node would resolve their names' : null;
}

// Node reads the properties of the error it is given, getters and toString included: it gets one with a stack alone.
function standInFor(stack) {
  const error = new Error();
  Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true });
  return error;
}

function real(errorSection) {
  const report = process.report;
  const before = report.excludeNetwork;
  if ('excludeNetwork' in report) report.excludeNetwork = true;
  try {
    const found = report.getReport(standInFor(errorSection.stack || ''));
    return typeof found === 'string' ? JSON.parse(found) : found;
  } finally {
    if ('excludeNetwork' in report) report.excludeNetwork = before;
  }
}

function standIn(why) {
  const os = require('os');
  const heap = v8.getHeapStatistics();
  const spaces = {};
  for (const space of v8.getHeapSpaceStatistics()) {
    spaces[space.space_name] = {
      memorySize: space.space_size, committedMemory: space.physical_space_size,
      capacity: space.space_used_size + space.space_available_size, used: space.space_used_size,
      available: space.space_available_size,
    };
  }
  const usage = process.resourceUsage();
  return {
    standIn: why,
    header: {
      event: 'Exception', trigger: 'Exception', filename: null, dumpEventTime: new Date().toISOString(),
      dumpEventTimeStamp: String(Date.now()), processId: process.pid, threadId: require('worker_threads').threadId,
      cwd: cwd(), commandLine: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
      nodejsVersion: process.version, wordSize: /64/.test(process.arch) ? 64 : 32, arch: process.arch,
      platform: process.platform, componentVersions: Object.assign({}, process.versions),
      release: Object.assign({}, process.release), osName: os.type(), osRelease: os.release(), osVersion: os.version(),
      osMachine: os.arch(), host: os.hostname(),
    },
    javascriptHeap: {
      totalMemory: heap.total_heap_size, totalCommittedMemory: heap.total_physical_size,
      usedMemory: heap.used_heap_size, availableMemory: heap.total_available_size, memoryLimit: heap.heap_size_limit,
      heapSpaces: spaces,
    },
    resourceUsage: {
      userCpuSeconds: usage.userCPUTime / 1e6, kernelCpuSeconds: usage.systemCPUTime / 1e6, maxRss: usage.maxRSS * 1024,
      pageFaults: { IORequired: usage.majorPageFault, IONotRequired: usage.minorPageFault },
    },
    environmentVariables: Object.assign({}, process.env),
  };
}

function cwd() {
  try { return process.cwd(); } catch { return null; }
}

function texts(value, mask, depth) {
  if (typeof value === 'string') return mask.text(value);
  if (value === null || typeof value !== 'object' || depth > 8) return value;
  for (const key of Object.keys(value)) {
    value[key] = typeof value[key] === 'string' ? mask.pair(key, value[key]) : texts(value[key], mask, depth + 1);
  }
  return value;
}

// `errorSection`: what the file says of the error.
function make(errorSection, mask) {
  let why = danger();
  let report = null;
  if (why === null) {
    try { report = real(errorSection); } catch (problem) { why = `process.report failed: ${String(safe.data(problem, 'message'))}`; }
  }
  if (report === null) report = standIn(why);
  if (report.environmentVariables) report.environmentVariables = mask.env(report.environmentVariables);
  if (report.header && Array.isArray(report.header.commandLine)) {
    report.header.commandLine = mask.args(report.header.commandLine);
  }
  texts(report, mask, 0);
  const first = errorSection.value.description || errorSection.value.value;
  const lines = (errorSection.stack || `${first}`).split('\n');
  report.javascriptStack = { message: lines[0], stack: lines.slice(1).map((line) => line.trim()) };
  // Where the first collector put them, and its server looks for them.
  report.processId = process.pid;
  report.dumpEventTimeStamp = Date.now();
  return report;
}

module.exports = { make, watchWorkers };
