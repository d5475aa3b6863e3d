const fs = require('fs');
const { Worker, isMainThread } = require('worker_threads');
const { fileURLToPath } = require('url');

const handled = process.argv[2] === 'handled';
const self = /:\/\//.test(new Error().stack.split('\n')[1]) ? /file:\/\/[^:)]*/.exec(new Error().stack)[0] : process.argv[1];

function inWorker(local) {
  const error = new Error('in a worker');
  fs.writeFileSync('truth.json', JSON.stringify({ stack: error.stack, local }));
  throw error;
}

if (isMainThread) {
  const worker = new Worker(self.startsWith('file:') ? fileURLToPath(self) : self, { argv: process.argv.slice(2) });
  if (handled) worker.on('error', (error) => { console.log(`worker said ${error.message}`); });
} else {
  inWorker({ word: 'worker' });
}
