'use strict';
// Speaks to a container runtime as a kubelet does (gRPC over HTTP/2 on a unix socket), as far as the tests need it.
// usage: cri.js SOCKET sandbox JSON             {name, namespace, uid, labels, annotations, logs, cgroup} -> id
//        cri.js SOCKET container SANDBOX JSON   {name, image, command, env, mounts, user, drop, readonly, ...} -> id
//        cri.js SOCKET run ID ...               start, and wait until they ended -> exit codes
//        cri.js SOCKET start ID | wait ID | end ID | stop SANDBOX ... | version
const http2 = require('http2');
const net = require('net');

const varint = (n) => {
	const out = [];
	for (n = BigInt(n); n > 127n; n >>= 7n) out.push(Number(n & 127n) | 128);
	out.push(Number(n));
	return Buffer.from(out);
};
const bytes = (field, data) => {
	data = Buffer.from(data);
	return Buffer.concat([varint(field << 3 | 2), varint(data.length), data]);
};
const uint = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));
const map = (field, o) => Buffer.concat(Object.entries(o || {}).map(([k, v]) => message(field, bytes(1, k), bytes(2, v))));
const list = (field, a) => Buffer.concat((a || []).map((v) => bytes(field, v)));

function fields(buf) {
	const out = {};
	let at = 0;
	const number = () => {
		let v = 0n;
		for (let shift = 0n; ; shift += 7n) {
			const b = buf[at++];
			v |= BigInt(b & 127) << shift;
			if (!(b & 128)) return v;
		}
	};
	while (at < buf.length) {
		const tag = Number(number());
		let v;
		if ((tag & 7) === 0) {
			v = number();
		} else {
			const n = Number(number());
			v = buf.subarray(at, at + n);
			at += n;
		}
		(out[tag >> 3] ||= []).push(v);
	}
	return out;
}

const [socket, verb, ...args] = process.argv.slice(2);
const session = http2.connect('http://localhost', { createConnection: () => net.connect(socket) });
session.on('error', (e) => { console.error(`cri.js: ${e.message}`); process.exit(1); });

function call(method, ...parts) {
	return new Promise((resolve, reject) => {
		const body = Buffer.concat(parts);
		const head = Buffer.alloc(5);
		head.writeUInt32BE(body.length, 1);
		const request = session.request({
			':method': 'POST', ':path': `/runtime.v1.RuntimeService/${method}`,
			'content-type': 'application/grpc', te: 'trailers',
		});
		const got = [];
		let status = {};
		request.on('response', (h) => { status = h; });
		request.on('trailers', (h) => { status = h; });
		request.on('data', (d) => got.push(d));
		request.on('error', reject);
		request.on('end', () => {
			if (status['grpc-status'] !== '0')
				reject(new Error(`${method}: ${decodeURIComponent(status['grpc-message'] || 'no status')}`));
			else
				resolve(fields(Buffer.concat(got).subarray(5)));
		});
		request.end(Buffer.concat([head, body]));
	});
}

// The host's network: there is none of the pods' own in these tests.
const NODE = 2;
const security = () => message(1, uint(1, NODE));
const sandboxConfig = (o) => Buffer.concat([
	message(1, bytes(1, o.name), bytes(2, o.uid), bytes(3, o.namespace)),
	bytes(3, o.logs), map(6, o.labels), map(7, o.annotations),
	message(8, bytes(1, o.cgroup), message(2, security())),
]);

function containerConfig(o) {
	const int = (field, n) => message(field, uint(1, n));
	const context = [message(3, uint(1, NODE))];
	if (o.drop) context.push(message(1, list(1, o.add), list(2, o.drop)));
	if (o.user !== undefined) context.push(int(5, o.user), int(12, o.user));
	if (o.readonly) context.push(uint(7, 1));
	if (o.noNewPrivs) context.push(uint(11, 1));
	if (o.seccomp) context.push(message(15));
	return Buffer.concat([
		message(1, bytes(1, o.name), uint(2, o.attempt || 0)), message(2, bytes(1, o.image)), list(3, o.command),
		Buffer.concat(Object.entries(o.env || {}).map(([k, v]) => message(6, bytes(1, k), bytes(2, v)))),
		Buffer.concat((o.mounts || []).map(([inside, host, ro]) =>
			message(7, bytes(1, inside), bytes(2, host), uint(3, ro ? 1 : 0)))),
		map(9, o.labels), bytes(11, `${o.name}_${o.attempt || 0}.log`), message(15, message(2, ...context)),
	]);
}

async function wait(id) {
	for (;;) {
		const status = fields((await call('ContainerStatus', bytes(1, id)))[1][0]);
		if (status[3] && status[3][0] === 2n) return String(status[7] ? BigInt.asIntN(32, status[7][0]) : 0);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

const verbs = {
	async version() {
		return String((await call('Version'))[2][0]);
	},
	async sandbox(json) {
		return String((await call('RunPodSandbox', message(1, sandboxConfig(JSON.parse(json)))))[1][0]);
	},
	async container(sandbox, pod, json) {
		return String((await call('CreateContainer', bytes(1, sandbox), message(2, containerConfig(JSON.parse(json))),
			message(3, sandboxConfig(JSON.parse(pod)))))[1][0]);
	},
	async start(id) {
		await call('StartContainer', bytes(1, id));
	},
	async wait(id) {
		return wait(id);
	},
	async run(...ids) {
		await Promise.all(ids.map((id) => call('StartContainer', bytes(1, id))));
		return (await Promise.all(ids.map(wait))).join(' ');
	},
	// As a kubelet ends a container: SIGTERM, and after a time SIGKILL.
	async end(id) {
		await call('StopContainer', bytes(1, id), uint(2, 30));
	},
	async stop(...ids) {
		for (const id of ids) {
			await call('StopPodSandbox', bytes(1, id));
			await call('RemovePodSandbox', bytes(1, id));
		}
	},
};

verbs[verb](...args).then((text) => {
	if (text !== undefined) console.log(text);
	session.close();
}, (e) => {
	console.error(`cri.js: ${e.message}`);
	process.exit(1);
});
