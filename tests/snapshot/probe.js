'use strict';
// Truth for a snapshot: a set of pages rewritten in order with a sequence number, every millisecond,
// and a known number of objects. A consistent picture has page i at least as new as page i + 1, and
// first and last at most one step apart.
// usage: probe.js TRUTH_FILE [HEAP_MB] [PAGES]
const fs = require('fs');
const heapMb = Number(process.argv[3] || 20);
const pages = Number(process.argv[4] || 4096);

class SnapshotWitness {
	constructor(i) {
		this.number = i;
		this.text = `witness ${i}`;
	}
}
const witnesses = (globalThis.witnesses = []);
for (let i = 0; i < 1234; i++) witnesses.push(new SnapshotWitness(i));
const ballast = [];
for (let i = 0; i < heapMb * 8000; i++) ballast.push({ i, s: `ballast ${i}`, next: ballast[i - 1] });

globalThis.ballast = ballast;
const nonce = (Math.random() * 2 ** 32) >>> 0;
const words = new Uint32Array(pages * 1024);
let seq = 0;
function rewrite() {
	seq = (seq + 1) >>> 0;
	for (let i = 0; i < pages; i++) {
		const at = i * 1024;
		words[at] = 0x50414441;
		words[at + 1] = nonce;
		words[at + 2] = i;
		words[at + 3] = seq;
	}
}
let last = process.hrtime.bigint();
let gap = 0;
rewrite();
setInterval(() => {
	const now = process.hrtime.bigint();
	gap = Math.max(gap, Number(now - last) / 1e6);
	last = now;
	rewrite();
}, 1);
// SIGUSR2 asks for the largest gap between two timers since the last question.
process.on('SIGUSR2', () => {
	fs.writeFileSync(process.argv[2] + '.gap.tmp', `${gap.toFixed(2)} ${seq}\n`);
	fs.renameSync(process.argv[2] + '.gap.tmp', process.argv[2] + '.gap');
	gap = 0;
});
fs.writeFileSync(process.argv[2] + '.tmp', `${process.pid} ${nonce} ${pages} ${witnesses.length}\n`);
fs.renameSync(process.argv[2] + '.tmp', process.argv[2]);
