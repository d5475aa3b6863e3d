'use strict';
// Two loops: every thread's handles and timers must be told as its own.  workers.js TRUTH
const { Worker, isMainThread, workerData } = require('worker_threads');
const net = require('net');
const fs = require('fs');

function open() {
  const server = net.createServer();
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server._handle.fd)));
}

if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  new Worker(__filename, { workerData: shared });
  setInterval(function mainTick() {}, 50000);
  open().then((fd) => {
    const wait = setInterval(function waiting() {
      if (!Atomics.load(shared, 0))
        return;
      clearInterval(wait);
      fs.writeFileSync(process.argv[2], JSON.stringify({
        threads: [
          { fd, timers: ['mainTick'] },
          { fd: Atomics.load(shared, 0), timers: ['workerTick', 'workerOnce'] },
        ],
      }));
      setImmediate(() => process.abort());
    }, 20);
  });
} else {
  setInterval(function workerTick() {}, 30000);
  setTimeout(function workerOnce() {}, 700000);
  open().then((fd) => setTimeout(() => Atomics.store(workerData, 0, fd), 50));
}
