'use strict';
// An HTTP server with a heap, workers, child processes and files, and its client: 1,000 requests a
// second while snapshots are taken of the server. Every lost request and every failed child counts.
// usage: http.js TOOL SNAPSHOTS [MODE ...]
const http = require('http');
const { spawn, fork, execFile } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

if (process.argv[2] === 'server') {
	const { Worker } = require('worker_threads');
	const keep = [];
	for (let i = 0; i < 800000; i++) keep.push({ i, s: `entry ${i}` });
	for (let i = 0; i < 2; i++) new Worker('setInterval(() => { for (let i = 0; i < 1e5; i++); }, 5)', { eval: true });
	let spawned = 0, failed = 0;
	setInterval(() => {
		spawn('/bin/true').on('exit', (code) => { spawned++; if (code) failed++; }).on('error', () => failed++);
	}, 50);
	const server = http.createServer((req, res) => {
		if (req.url === '/stats') return res.end(JSON.stringify({ spawned, failed, keep: keep.length }));
		keep[(Math.random() * keep.length) | 0] = { i: 0, s: req.url };
		fs.stat(__filename, () => res.end('ok'));
	});
	server.keepAliveTimeout = 60000;
	server.listen(0, '127.0.0.1', () => process.send(server.address().port));
} else {
	const [tool, count, ...modes] = process.argv.slice(2);
	const server = fork(__filename, ['server']);
	const out = path.join(os.tmpdir(), `snapshot-http-${process.pid}`);
	const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
	let sent = 0, ok = 0, lost = 0, slowest = 0;
	server.on('exit', (code, signal) => { console.log(`server died: ${code} ${signal}`); process.exit(2); });
	server.on('message', (port) => {
		const one = () => {
			const began = process.hrtime.bigint();
			sent++;
			http.get({ port, host: '127.0.0.1', path: `/${sent}`, agent }, (res) => {
				res.resume().on('end', () => {
					if (res.statusCode === 200) ok++; else lost++;
					slowest = Math.max(slowest, Number(process.hrtime.bigint() - began) / 1e6);
				});
			}).on('error', () => lost++);
		};
		const load = setInterval(() => { for (let i = 0; i < 10; i++) one(); }, 10);
		const pauses = {};
		let n = 0, refused = 0;
		const next = () => {
			if (n === Number(count)) return finish();
			const mode = modes.length ? modes[n % modes.length] : 'auto';
			n++;
			execFile(tool, ['snapshot', String(server.pid), '--mode', mode, '-o', out, '--force', '--json'], (err, stdout, stderr) => {
				fs.rmSync(out, { force: true });
				if (err) { refused++; console.log(stderr.trim()); } else {
					const r = JSON.parse(stdout).data;
					(pauses[r.mode] ||= []).push(r.pause_ms);
				}
				setTimeout(next, 100);
			});
		};
		const finish = () => {
			clearInterval(load);
			setTimeout(() => http.get({ port, host: '127.0.0.1', path: '/stats', agent }, (res) => {
				let text = '';
				res.on('data', (d) => { text += d; }).on('end', () => {
					const stats = JSON.parse(text);
					console.log(`${sent} requests, ${ok} answered, ${lost} lost, slowest ${slowest.toFixed(0)} ms; ` +
						`${stats.spawned} children, ${stats.failed} failed; ${n} snapshots, ${refused} refused`);
					for (const [mode, p] of Object.entries(pauses)) {
						p.sort((a, b) => a - b);
						console.log(`${mode}: pause min ${p[0].toFixed(1)}, median ${p[p.length >> 1].toFixed(1)}, max ${p[p.length - 1].toFixed(1)} ms`);
					}
					server.removeAllListeners('exit');
					server.kill('SIGKILL');
					process.exit(lost || refused || stats.failed || ok !== sent ? 1 : 0);
				});
			}), 2000);
		};
		setTimeout(next, 1000);
	});
}
