// Graph commands against the truth on one Node: run.js AUTOPSY NODE [--full|--gallery|--truth]
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { execFileSync, spawnSync } = require('child_process');
const truth = require('./truth.js');

const [, , autopsy, node, only] = process.argv; // --full: what does not depend on the Node, too
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'graph-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
let passed = 0, failed = 0;
function check(ok, what) {
	if (ok) passed++;
	else failed++, console.log(`FAIL ${what}`);
	return ok;
}
function run(file, commands) {
	const r = spawnSync(autopsy, [file, '--json'], { input: commands.join('\n'), maxBuffer: 1 << 30, encoding: 'utf8', timeout: 120000 });
	if (r.stderr) console.log(r.stderr.slice(0, 500));
	check(r.status === 0, `status ${r.status} ${r.signal || ''}`);
	return r.stdout.trim().split('\n').map((line) => JSON.parse(line));
}
function snapshot(program) {
	const file = path.join(dir, `${path.basename(program, '.js')}.heapsnapshot`);
	execFileSync(node, [program, file], { timeout: 120000, stdio: ['ignore', 'ignore', 'inherit'] });
	return file;
}
const program = (name) => path.join(__dirname, 'gallery', `${name}.js`);

function compareSizes(file) {
	const t = truth.load(file);
	const { retained, idom, orphans } = truth.dominators(t, true);
	const distances = truth.distances(t);
	// Every 40th, and all that keep much.
	const chosen = [...t.nodes.keys()].filter((v) => v % 40 === 7 || retained[v] > 100000 || v < 40);
	const got = run(file, chosen.map((v) => `retained @${t.nodes[v].id}`).concat('classes'));
	let sizes = 0, dominators = 0, steps = 0;
	chosen.forEach((v, i) => {
		const d = got[i].data;
		sizes += d.retained_bytes === retained[v] && d.self_bytes === t.nodes[v].size;
		steps += (d.distance ?? -1) === distances[v];
		const up = idom[v], real = v && up && t.nodes[up].type !== 'synthetic';
		dominators += real ? d.dominators[0].id === t.nodes[up].id : true;
	});
	check(sizes === chosen.length, `retained sizes: ${sizes} of ${chosen.length}`);
	check(dominators === chosen.length, `dominators: ${dominators} of ${chosen.length}`);
	check(steps === chosen.length, `distances: ${steps} of ${chosen.length}`);
	const classes = new Map();
	for (const n of t.nodes) {
		const c = classes.get(truth.className(n)) || { count: 0, size: 0 };
		c.count++, c.size += n.size;
		classes.set(truth.className(n), c);
	}
	let same = 0;
	const ours = new Map();
	for (const g of got[chosen.length].data.groups) {
		const o = ours.get(g.constructor) || { count: 0, size: 0 };
		o.count += g.count, o.size += g.self_bytes;
		ours.set(g.constructor, o);
	}
	for (const [name, c] of classes) same += ours.get(name)?.count === c.count && ours.get(name)?.size === c.size;
	check(same === classes.size && ours.size === classes.size, `constructors: ${same} of ${classes.size}, ${ours.size} found`);
	check(got[chosen.length].data.total.bytes === retained[0], 'bytes of the whole heap');
	console.log(`     ${t.nodes.length} nodes, ${chosen.length} compared: ${sizes} retained sizes, ${dominators} dominators, ` +
		`${steps} distances equal; ${same} of ${classes.size} constructors; ${orphans} nodes held by nothing`);
	return t;
}

function compareWritten(file, t) {
	const out = path.join(dir, 'out.heapsnapshot');
	run(file, [`heapsnapshot -o ${out}`, `heapsnapshot -o ${out}.gz`, `heapsnapshot -o ${out}.zst`]);
	const w = truth.load(out);
	check(JSON.stringify(w.strings) === JSON.stringify(t.strings), 'strings of the written file');
	const sorted = (list) => JSON.stringify([...list].sort((a, b) => a[0] - b[0]));
	check(sorted(w.locations) === sorted(t.locations), 'locations of the written file');
	let equal = 0;
	t.nodes.forEach((n, i) => { equal += JSON.stringify(n) === JSON.stringify(w.nodes[i]); });
	check(equal === t.nodes.length && w.nodes.length === t.nodes.length, `written nodes with edges: ${equal} of ${t.nodes.length}`);
	const plain = JSON.stringify(run(file, ['classes'])[0].data);
	for (const packed of [out, `${out}.gz`, `${out}.zst`])
		check(JSON.stringify(run(packed, ['classes'])[0].data) === plain, `classes of ${path.basename(packed)}`);
	check(fs.statSync(`${out}.gz`).size * 2 < fs.statSync(out).size, 'packed is smaller');
	console.log(`     written and read again: ${equal} of ${t.nodes.length} nodes with all edges equal, ${t.strings.length} strings`);
}

function testDiff() {
	const old = snapshot(program('module-array')), later = snapshot(program('map-cache'));
	const out = execFileSync(autopsy, ['diff', '--json', old, later], { encoding: 'utf8', maxBuffer: 1 << 28 });
	const { data } = JSON.parse(out);
	const row = (rows, key, name) => rows.find((r) => r[key] === name) || {};
	check(row(data.groups, 'constructor', 'Session').change === 'new' &&
		row(data.groups, 'constructor', 'Session').count_delta === 40000, 'diff: 40000 Session are new');
	check(row(data.groups, 'constructor', 'Entry').change === 'gone' &&
		row(data.groups, 'constructor', 'Entry').old_count === 50000, 'diff: Entry is gone');
	check(row(data.variables, 'variable', 'cache').script?.endsWith('map-cache.js') &&
		row(data.variables, 'variable', 'cache').bytes_delta > 3e6, 'diff: the variable cache is new');
	check(row(data.variables, 'variable', 'history').change === 'gone', 'diff: the variable history is gone');
}

function testExamples(file) {
	const commands = run(file, ['help'])[0].data.commands.filter((c) => c.target === 'snapshot');
	check(commands.length >= 10, `${commands.length} commands on snapshots`);
	const examples = commands.map((c) => c.example).sort((a, b) => /out\./.test(a) - /out\./.test(b) || b.localeCompare(a));
	for (const example of examples) {
		for (const json of [[], ['--json']]) {
			const r = spawnSync(autopsy, [file, ...json, '-e', example], { cwd: dir, encoding: 'utf8', timeout: 60000 });
			check(r.status === 0 && r.stdout.length > 5, `example ${example}: ${r.status} ${r.stderr}`);
		}
	}
	const r = spawnSync(autopsy, [file, '-e', 'bt'], { encoding: 'utf8' });
	check(r.status === 2 && /needs a core/.test(r.stderr), 'bt says that it needs a core');
}

function testGallery() {
	const leaks = require('./leaks.js');
	// What is found by its shape: kind, how many, by which function, and the least that it keeps.
	const patterns = {
		listeners: { kind: 'listeners', count: 30000, function: 'onEvent', name: 'change', bytes: 9e6 },
		timers: { kind: 'timers', count: 20000, function: 'expire', bytes: 5e6 },
		promise: { kind: 'suspended-functions', count: 30000, function: 'handle', bytes: 5e6 },
		'closure-buffer': { kind: 'closure-scope', count: 1, function: 'read', name: 'content', bytes: 64 << 20 },
		'empty-table': { kind: 'empty-table', count: 3, bytes: 8e6 },
	};
	for (const [name, want] of leaks) {
		if (want.core) continue;
		const file = snapshot(program(name));
		const [{ data }] = run(file, ['suspects']);
		const s = data.suspects[0] || {};
		const p = patterns[name];
		for (const kind of new Set(Object.values(patterns).map((x) => x.kind))) {
			const got = data.patterns.filter((x) => x.kind === kind);
			if (p?.kind !== kind) {
				check(got.every((x) => x.kind === 'closure-scope'), `${name}: no ${kind}: ${JSON.stringify(got[0]?.text)}`);
				continue;
			}
			const [g] = got;
			check(g?.count === p.count && g.bytes >= p.bytes && g.bytes <= data.total.bytes &&
				(!p.function || (g.place?.function === p.function && g.place.script.endsWith(`${name}.js`))) &&
				(!p.name || g.name === p.name), `${name}: pattern ${kind}: ${JSON.stringify({ ...g, node: undefined })}`);
		}
		if (want.none) {
			const text = execFileSync(autopsy, [file, '-e', 'suspects'], { encoding: 'utf8' });
			check(!data.suspects.length && /Nothing stands out/.test(text), `${name}: ${text}`);
			check(run(file, ['suspects -p 1'])[0].data.suspects.length > 0, `${name}: by its share alone`);
			continue;
		}
		const ok = (!want.variable || (s.variable === want.variable && s.scope?.script.endsWith(`${name}.js`))) &&
			(!want.kind || s.kind === want.kind) && (!want.entries || s.entries === want.entries) &&
			(!want.least || s.entries >= want.least) &&
			(!want.entry || s.entry_constructor === want.entry) &&
			(!want.origin || (s.entry_origin?.function === want.origin && s.entry_origin.line > 0)) &&
			(!want.text || (want.text.test(s.text.match(/"(.*)/)?.[1] || '') && s.same_text_count > 50000));
		if (check(ok, `${name}: ${JSON.stringify({ ...s, steps: undefined })}`)) console.log(`ok   ${name}: ${s.text} (${s.certainty})`);
	}
}

if (only !== '--gallery') {
	const file = snapshot(program('map-cache'));
	const t = compareSizes(file);
	compareWritten(file, t);
	if (process.argv[4] === '--full') testExamples(file), testDiff();
}
if (only !== '--truth') testGallery();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
