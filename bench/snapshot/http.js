'use strict';
// An HTTP server with a heap of 800,000 objects, two workers, child processes and files. Prints its port, and on
// SIGUSR2 how its children fared.
const http = require('http');
const { spawn } = require('child_process');
const fs = require('fs');
const { Worker } = require('worker_threads');

const keep = [];
for (let i = 0; i < 800000; i++) keep.push({ i, s: `entry ${i}` });
for (let i = 0; i < 2; i++) new Worker('setInterval(() => { for (let i = 0; i < 1e5; i++); }, 5)', { eval: true });
let spawned = 0, failed = 0;
setInterval(() => {
	spawn('/bin/true').on('exit', (code) => { spawned++; if (code) failed++; }).on('error', () => failed++);
}, 100);
const server = http.createServer((req, res) => {
	keep[(Math.random() * keep.length) | 0] = { i: 0, s: req.url };
	fs.stat(__filename, () => res.end('ok'));
});
server.keepAliveTimeout = 600000;
server.maxRequestsPerSocket = 0;
process.on('SIGUSR2', () => console.log(`${spawned} child processes, ${failed} failed`));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
