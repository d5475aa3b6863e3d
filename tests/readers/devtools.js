'use strict';
// Chromium's own DevTools reads a heap snapshot: the worker behind its Memory panel, in a headless Chromium.
//   devtools.js CHROMIUM DIR SNAPSHOT ...     prints one JSON object: file -> {constructor: {count, self}}
const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');

const [chromium, dir, ...files] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs in the page: what DevTools' front end says to its worker, without the front end.
async function read(url) {
  const source = '/devtools/entrypoints/heap_snapshot_worker/heap_snapshot_worker-entrypoint.js';
  const start = () => new Promise((resolve, reject) => {
    const worker = new Worker(source, { type: 'module' });
    worker.onerror = (e) => reject(new Error(`worker: ${e.message}`));
    worker.onmessage = () => resolve(worker); // "workerReady"
  });
  const worker = await start();
  const second = await start();
  const waiting = new Map();
  let calls = 0;
  worker.onmessage = ({ data }) => {
    if (!data.callId || !waiting.has(data.callId))
      return; // progress
    const { resolve, reject } = waiting.get(data.callId);
    waiting.delete(data.callId);
    if (data.error)
      reject(new Error(`${data.error} ${data.errorCallStack || ''}`));
    else
      resolve(data.result);
  };
  const ask = (message, ports = []) => new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject });
    worker.postMessage({ callId: calls, ...message }, ports);
  });
  worker.postMessage({ disposition: 'createLoader', objectId: 1 });
  const body = (await fetch(url)).body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await body.read();
    if (done)
      break;
    await ask({ disposition: 'method', objectId: 1, methodName: 'write', methodArguments: [value] });
  }
  await ask({ disposition: 'method', objectId: 1, methodName: 'close', methodArguments: [] });
  const channel = new MessageChannel();
  second.postMessage({ disposition: 'setupForSecondaryInit', objectId: 1 }, [channel.port1]);
  const made = await ask({ disposition: 'factory', objectId: 1, methodName: 'buildSnapshot', methodArguments: [], newObjectId: 2 }, [channel.port2]);
  if (!made)
    throw new Error('no snapshot was made');
  const aggregates = await ask({ disposition: 'method', objectId: 2, methodName: 'aggregatesWithFilter', methodArguments: [{}] });
  worker.terminate();
  second.terminate();
  const sums = {};
  for (const a of Object.values(aggregates)) {
    const sum = sums[a.name] || (sums[a.name] = { count: 0, self: 0 });
    sum.count += a.count;
    sum.self += a.self;
  }
  return JSON.stringify(sums);
}

async function connect(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('no connection to Chromium'));
  });
  const waiting = new Map();
  let calls = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  };
  const send = (method, params) => new Promise((resolve) => {
    waiting.set(++calls, resolve);
    socket.send(JSON.stringify({ id: calls, method, params }));
  });
  return { send, close: () => socket.close() };
}

async function main() {
  const server = http.createServer((req, res) => {
    const file = files[Number(req.url.slice(1))];
    res.setHeader('Access-Control-Allow-Origin', '*');
    fs.createReadStream(file).pipe(res);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const profile = path.join(dir, 'profile');
  const browser = spawn(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', '--remote-allow-origins=*',
    `--user-data-dir=${profile}`, 'about:blank'], { stdio: 'ignore' });
  process.on('exit', () => browser.kill('SIGKILL'));
  let port;
  for (let i = 0; !port && i < 300; i++) {
    await sleep(100);
    try {
      port = Number(fs.readFileSync(path.join(profile, 'DevToolsActivePort'), 'utf8').split('\n')[0]);
    } catch {
      // not yet
    }
  }
  if (!port)
    throw new Error('Chromium did not start');
  const base = `http://127.0.0.1:${port}`;
  const worker = await fetch(`${base}/devtools/entrypoints/heap_snapshot_worker/heap_snapshot_worker-entrypoint.js`);
  if (!worker.ok) {
    console.log('this Chromium carries no DevTools');
    process.exit(77);
  }
  const target = await (await fetch(`${base}/json/new?about:blank`, { method: 'PUT' })).json();
  const page = await connect(target.webSocketDebuggerUrl);
  await page.send('Page.navigate', { url: worker.url });
  for (let i = 0, at; at !== worker.url; i++) {
    if (i === 100)
      throw new Error(`Chromium stays at ${at}`);
    await sleep(100);
    at = (await page.send('Runtime.evaluate', { expression: 'document.readyState === "complete" ? location.href : ""' })).result?.result.value;
  }
  const out = {};
  for (let i = 0; i < files.length; i++) {
    const { result, error } = await page.send('Runtime.evaluate', {
      expression: `(${read})('http://127.0.0.1:${server.address().port}/${i}')`, awaitPromise: true, returnByValue: true });
    if (error || result.exceptionDetails)
      throw new Error(`DevTools does not read ${files[i]}: ${JSON.stringify(error || result.exceptionDetails.exception)}`);
    out[files[i]] = JSON.parse(result.result.value);
  }
  page.close();
  server.close();
  browser.kill('SIGKILL');
  console.log(JSON.stringify(out));
  process.exit(0);
}

main().catch((e) => {
  console.error(e.stack);
  process.exit(1);
});
