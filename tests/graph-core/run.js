// What a core's graph says, against the snapshot that V8 wrote of the same process before it died.
//   run.js AUTOPSY TOOLS NODE LABEL
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const compare = require('./compare.js');

const [, , autopsy, tools, node, label] = process.argv;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'graph-core-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
let passed = 0, failed = 0;
function check(ok, what) {
	if (ok) passed++;
	else failed++, console.log(`FAIL ${label} ${what}`);
	return ok;
}
function core(name, args, flags = []) {
	const file = path.join(dir, `${name}.core`);
	const r = spawnSync(path.join(tools, 'mkcore'), ['-t', '120', '-o', file, '--', node, ...flags, ...args], { encoding: 'utf8' });
	if (r.status === 77) {
		console.log(`skip ${label}: ${r.stderr.trim()}`);
		process.exit(77);
	}
	if (!check(r.status === 0 && fs.existsSync(file), `a core of ${name}: ${r.status} ${r.stderr.slice(0, 300)}`)) process.exit(1);
	return file;
}
function run(file, commands) {
	const r = spawnSync(autopsy, [file, '--json'], { input: commands.join('\n'), maxBuffer: 1 << 30, encoding: 'utf8', timeout: 120000 });
	check(r.status === 0, `${commands[0]}: status ${r.status} ${r.signal || ''} ${r.stderr.slice(0, 300)}`);
	return r.stdout.trim().split('\n').map((line) => JSON.parse(line));
}
const percent = (a, b) => (100 * a / b).toFixed(2);
const isHeap = (n) => n.type !== 'synthetic' && n.type !== 'native';

function compareWhole() {
	const theirFile = path.join(dir, 'v8.heapsnapshot'), ourFile = path.join(dir, 'ours.heapsnapshot');
	const file = core('truth', [path.join(__dirname, 'truth.js'), theirFile]);
	run(file, [`heapsnapshot -o ${ourFile}`]);
	const ours = compare.load(ourFile), theirs = compare.load(theirFile);
	const { pairOf } = compare.pair(ours, theirs);
	const a = compare.dominators(ours), b = compare.dominators(theirs);
	let all = 0, paired = 0, edges = 0, retained = 0, types = 0, names = 0;
	theirs.nodes.forEach((n, t) => {
		if (n.type === 'synthetic') return;
		all++;
		const o = pairOf[t];
		if (o < 0) return;
		paired++;
		const mine = compare.edgesOf(ours.nodes[o], (x) => x).join('\n');
		const v8s = compare.edgesOf(n, (x) => pairOf[x]).join('\n');
		edges += mine === v8s;
		retained += a.retained[o] === b.retained[t];
		types += ours.nodes[o].type === n.type;
		names += ours.nodes[o].name === n.name;
	});
	const least = label === '16' ? 99.6 : 99.8;
	console.log(`     ${label}: ${paired} of ${all} nodes paired (${percent(paired, all)} %); of those ${edges} have V8's edges exactly (${percent(edges, paired)} %), ` +
		`${retained} its retained size (${percent(retained, paired)} %), ${types} its type, ${names} its name`);
	check(percent(paired, all) >= 93, 'at least 93 % paired');
	check(percent(edges, paired) >= least, `edges of ${least} %`);
	check(percent(retained, paired) >= least, `retained sizes of ${least} %`);
	check(percent(types, paired) >= 99, 'types');
	check(percent(names, paired) >= 99.7, 'names');

	comparePlaces(ours, theirs, pairOf);
	compareRoots(ours, theirs, pairOf);

	// By constructor. What the call itself made after the snapshot may be one more.
	const count = (g) => {
		const m = new Map();
		for (const n of g.nodes) {
			if (n.type !== 'object' && n.type !== 'closure' && n.type !== 'regexp') continue;
			const k = n.type === 'object' ? n.name : n.type;
			const c = m.get(k) || { count: 0, size: 0 };
			c.count++, c.size += n.size;
			m.set(k, c);
		}
		return m;
	};
	const ca = count(ours), cb = count(theirs);
	let same = 0;
	const differ = [];
	for (const [k, c] of cb) {
		if (ca.get(k)?.count === c.count && ca.get(k)?.size === c.size) same++;
		else differ.push(`${k} ${ca.get(k)?.count} / ${c.count}`);
	}
	console.log(`     ${label}: ${same} of ${cb.size} constructors equal in count and bytes${differ.length ? `; ours / V8's: ${differ.join(', ')}` : ''}`);
	check(differ.length <= 4 && differ.every((d) => /^(Object|Array|Module|closure|BaseObject|Uint8Array|ArrayBuffer|ReadStream|HeapSnapshotStream|process)\b/.test(d)), 'constructors');

	// The values that the program gave names to.
	const holder = (g) => {
		const global = g.nodes.find((n) => /^global/.test(n.name) && n.edges.some((e) => e.name === 'held'));
		return g.nodes[global.edges.find((e) => e.name === 'held').to];
	};
	const ha = holder(ours), hb = holder(theirs);
	let values = 0, equal = 0;
	const unequal = [];
	for (const e of hb.edges) {
		if (e.type !== 'property' || e.name === '__proto__') continue;
		const mine = ha.edges.find((x) => x.type === 'property' && x.name === e.name);
		values++;
		if (mine && a.retained[mine.to] === b.retained[e.to] && ours.nodes[mine.to].name === theirs.nodes[e.to].name) equal++;
		else unequal.push(`${e.name} ${mine && a.retained[mine.to]} / ${b.retained[e.to]}`);
	}
	console.log(`     ${label}: ${equal} of ${values} named values equal${unequal.length ? `: ${unequal.join(', ')}` : ''}`);
	check(values >= 52 && equal === values, 'named values');
	return theirs;
}

// Where functions and constructors were written, and what the embedder says of its own objects.
function comparePlaces(ours, theirs, pairOf) {
	const places = (g) => new Map(g.locations.map(([node, ...place]) => [node, place.join()]));
	const pa = places(ours), pb = places(theirs);
	let functions = 0, objects = 0, same = 0;
	const differ = [];
	theirs.nodes.forEach((n, t) => {
		const mine = pa.get(pairOf[t]), v8s = pb.get(t);
		if (pairOf[t] < 0 || (!mine && !v8s)) return;
		if (n.type === 'closure') functions++;
		else objects++;
		if (mine === v8s) same++;
		else differ.push(`${n.type} ${n.name} ${mine} / ${v8s}`);
	});
	const all = functions + objects;
	console.log(`     ${label}: ${same} of ${all} places of functions (${functions}) and of objects' constructors (${objects}) equal (${percent(same, all)} %)${differ.length ? `; ours / V8's: ${differ.slice(0, 9).join(', ')}` : ''}`);
	check(functions > 2000 && objects > 1000 && percent(same, all) >= 99.8, 'places');
	// Only the embedder's own objects have a detachedness, and Node's are no nodes of ours.
	const told = theirs.nodes.filter((n) => n.detachedness);
	const wrong = theirs.nodes.filter((n, t) => pairOf[t] >= 0 && ours.nodes[pairOf[t]].detachedness !== n.detachedness);
	console.log(`     ${label}: detachedness equal but for ${wrong.length} of the paired nodes; V8 gives one to ${told.length} of Node's own objects`);
	check(!wrong.length && told.every((n) => n.name.startsWith('Node / ')), 'detachedness');
}

// The lists of roots, and what V8 calls what they hold. Two lists are what the moment makes them, and V8's strings come in
// the order of a hash table: of those only the names that are no numbers are compared.
function compareRoots(ours, theirs, pairOf) {
	const lists = (g) => g.nodes[1].edges.map((e) => g.nodes[e.to]);
	const names = (g) => lists(g).map((n) => n.name).join();
	check(names(ours) === names(theirs), `lists of roots: ${names(ours)} / ${names(theirs)}`);
	const moment = /^\((Internalized strings|Stack roots|Handle scope)\)$/;
	// V8's own switches and caches, each held elsewhere as well, and its map of the objects that it is writing.
	const unread = (list) => /^\((Relocatable|Compilation cache|Extensions|Identity map)\)$/.test(list.name) || list.edges.some((e) => / \/ IdentityMapBase$/.test(e.name));
	let all = 0, same = 0;
	const differ = [];
	lists(theirs).forEach((list, i) => {
		const mine = new Set(lists(ours)[i].edges.map((e) => `${e.type} ${e.name} ${e.to}`));
		const held = new Set(lists(ours)[i].edges.map((e) => e.to));
		for (const e of unread(list) ? [] : list.edges) {
			const o = pairOf[e.to];
			if (o < 0 || (moment.test(list.name) && (/^\d+$/.test(e.name) || !held.has(o)))) continue;
			all++;
			if (mine.has(`${e.type} ${e.name} ${o}`)) same++;
			else differ.push(`${list.name} ${e.type} ${e.name}`);
		}
	});
	console.log(`     ${label}: ${same} of ${all} edges of root lists equal in name and type (${percent(same, all)} %)${differ.length ? `; V8's: ${differ.slice(0, 9).join(', ')}` : ''}`);
	check(all > 10000 && percent(same, all) >= 99.8, 'roots');
	const globals = (g) => g.nodes[0].edges.filter((e) => e.type === 'shortcut').map((e) => `${e.name} ${g.nodes[e.to].name}`).join();
	check(globals(ours) === globals(theirs), `globals: ${globals(ours)} / ${globals(theirs)}`);
}

function compareLive() {
	const theirFile = path.join(dir, 'v8.heapsnapshot');
	fs.rmSync(theirFile, { force: true });
	const file = core('garbage', [path.join(__dirname, 'truth.js'), theirFile, 'garbage'], ['--max-semi-space-size=64', '--min-semi-space-size=64']);
	const theirs = compare.load(theirFile);
	const [heap, classes] = run(file, ['heap', 'classes -n 0']);
	const live = classes.data.groups.reduce((n, g) => n + (/^\((synthetic|native)\)$/.test(g.constructor) ? 0 : g.count), 0);
	const natives = theirs.nodes.filter((n) => !isHeap(n)).length;
	const truth = theirs.nodes.length - natives;
	const walked = heap.data.total.objects;
	const off = 100 * (live - truth) / truth;
	console.log(`     ${label}: ${walked} objects walked, ${live} alive, ${truth} in V8's snapshot: ${off.toFixed(2)} % apart`);
	check(walked > 1.5 * truth, 'there is garbage');
	check(Math.abs(off) <= 0.3, 'the live set');
}

// What a program that grows says of itself: by a snapshot of the same process, and by the core of another one, where
// no address is the same.
function compareOverTime() {
	const truthFile = path.join(dir, 'grow.json'), snapshot = path.join(dir, 'early.heapsnapshot');
	const grow = (name, ...args) => core(name, [path.join(__dirname, 'grow.js'), ...args], ['--expose-gc']);
	const early = grow('early', '1', truthFile), late = grow('late', '2', truthFile, snapshot);
	const truth = JSON.parse(fs.readFileSync(truthFile, 'utf8'));
	for (const [what, old] of [['a snapshot of it', snapshot], ['another process', early]]) {
		const { data } = run(late, [`diff ${old} -n 0`])[0];
		const sum = data.holders.reduce((n, h) => n + h.bytes_delta, 0);
		check(sum === data.new_bytes - data.old_bytes, `diff with ${what}: holders have ${sum} of ${data.new_bytes - data.old_bytes} bytes`);
		let right = 0;
		for (const [name, want] of Object.entries(truth)) {
			const rows = data.holders.filter((h) => h.variable + h.path === name && h.script.endsWith('grow.js'));
			const ok = rows.some((h) => Object.entries(want).every(([k, v]) => h[k] === v));
			right += ok;
			check(ok, `diff with ${what}: ${name}: ${JSON.stringify(rows.slice(0, 3))}`);
		}
		console.log(`     ${label}: diff with ${what}: ${percent(data.matched.count, data.matched.old_count)} % matched, ${right} of ${Object.keys(truth).length} changes as the program tells them`);
		check(data.matched.count > 0.85 * data.matched.old_count, `diff with ${what}: ${data.matched.count} of ${data.matched.old_count} matched`);
	}
}

// A heap that is full: what grew is in the hands of V8's own code.
function compareFull() {
	for (const [how, variable] of [['map', 'byId'], ['array', 'history'], ['object', 'index']]) {
		const file = core(`full-${how}`, [path.join(__dirname, 'full.js'), how], ['--max-old-space-size=40']);
		const [suspects, report] = run(file, ['suspects', 'report']);
		fs.rmSync(file);
		check(report.data.verdict.kind === 'out-of-heap', `full ${how}: ${report.data.verdict.text}`);
		const s = suspects.data.suspects[0] || {};
		if (check(s.variable === variable && s.entry_constructor === 'Order' && s.entries > 150000 && s.percent > 55 && s.scope?.script.endsWith('full.js'),
			`full ${how}: ${JSON.stringify({ ...s, steps: undefined })}`)) console.log(`ok   ${label} full ${how}: ${s.text}`);
	}
}

// Leaks that are known, each found in the core of the program that leaks.
function compareGallery() {
	for (const [name, want] of require('../graph/leaks.js')) {
		const file = core(name, ['-r', path.join(__dirname, 'die.js'), path.join(__dirname, '../graph/gallery', `${name}.js`), '/dev/null']);
		const [suspects, heap] = run(file, ['suspects', 'heap']);
		if (want.none) {
			check(!suspects.data.suspects.length, `${name}: ${suspects.data.suspects[0]?.text}`);
			continue;
		}
		const s = suspects.data.suspects[0] || { none: suspects.data, walked: heap.data.total };
		fs.rmSync(file);
		const ok = (!want.variable || (s.variable === want.variable && s.scope?.script.endsWith(`${name}.js`))) &&
			(!want.kind || s.kind === want.kind) && (!want.entries || s.entries === want.entries) &&
			(!want.least || s.entries >= want.least) &&
			(!want.entry || s.entry_constructor === want.entry) &&
			(!want.origin || (s.entry_origin?.function === want.origin && s.entry_origin.line > 0)) &&
			(!want.outside || s.retained_bytes >= want.outside) &&
			(!want.text || (want.text.test(s.text.match(/"(.*)/)?.[1] || '') && s.same_text_count > 50000));
		if (check(ok, `${name}: ${JSON.stringify({ ...s, steps: undefined })}`)) console.log(`ok   ${label} ${name}: ${s.text} (${s.certainty})`);
	}
}

compareWhole();
compareLive();
compareOverTime();
compareFull();
compareGallery();
console.log(`${label}: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
