// What a heap snapshot says, computed the slow way: a second implementation of everything, from the file alone.
'use strict';
const fs = require('fs');

exports.load = (path) => {
	const file = JSON.parse(fs.readFileSync(path, 'utf8'));
	const { meta } = file.snapshot;
	const nf = meta.node_fields, ef = meta.edge_fields;
	const at = (name) => nf.indexOf(name);
	const nodes = [];
	let edge = 0;
	for (let i = 0; i < file.nodes.length; i += nf.length) {
		const n = {
			type: meta.node_types[0][file.nodes[i + at('type')]],
			name: file.strings[file.nodes[i + at('name')]],
			id: file.nodes[i + at('id')],
			size: file.nodes[i + at('self_size')],
			detachedness: at('detachedness') < 0 ? 0 : file.nodes[i + at('detachedness')],
			edges: [],
		};
		for (let k = file.nodes[i + at('edge_count')]; k > 0; k--, edge += ef.length) {
			const type = meta.edge_types[0][file.edges[edge + ef.indexOf('type')]];
			const name = file.edges[edge + ef.indexOf('name_or_index')];
			n.edges.push({
				type,
				name: type === 'element' || type === 'hidden' ? name : file.strings[name],
				to: file.edges[edge + ef.indexOf('to_node')] / nf.length,
			});
		}
		nodes.push(n);
	}
	if (nodes.length !== file.snapshot.node_count || edge / ef.length !== file.snapshot.edge_count)
		throw new Error('counts');
	const lf = meta.location_fields;
	const locations = [];
	for (let i = 0; i < (file.locations || []).length; i += lf.length)
		locations.push([file.locations[i] / nf.length, ...file.locations.slice(i + 1, i + 4)]);
	return { nodes, locations, strings: file.strings };
};

function retains(nodes, from, e) {
	if (e.type === 'weak') return false;
	if (e.type === 'shortcut') return from === 0;
	if (e.type === 'internal') {
		const pair = /^\d+ \/ part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\)$/.exec(e.name);
		if (pair && Number(pair[1]) === nodes[from].id) return false;
	}
	return true;
}

// Cooper, Harvey, Kennedy: iterates until nothing changes. passing: the stack and handle scopes hold only what nothing else does.
exports.dominators = ({ nodes }, passing = false) => {
	const out = nodes.map((n, v) => n.edges.filter((e) => retains(nodes, v, e)).map((e) => e.to));
	const post = new Int32Array(nodes.length).fill(-1);
	const order = [];
	const seen = new Uint8Array(nodes.length);
	const extra = [];
	const visit = (start) => {
		const stack = [[start, 0]];
		seen[start] = 1;
		while (stack.length) {
			const top = stack[stack.length - 1];
			const to = out[top[0]][top[1]++];
			if (to === undefined) {
				post[top[0]] = order.length;
				order.push(top[0]);
				stack.pop();
			} else if (!seen[to]) {
				seen[to] = 1;
				stack.push([to, 0]);
			}
		}
	};
	// What nothing retains, and then what is left, hangs on the root.
	const reached = new Uint8Array(nodes.length);
	const reach = (start) => {
		const stack = [start];
		reached[start] = 1;
		while (stack.length) for (const to of out[stack.pop()]) if (!reached[to]) reached[to] = 1, stack.push(to);
	};
	const isPassing = (v) => nodes[v].type === 'synthetic' && /^\((Stack roots|Handle scope)\)$/.test(nodes[v].name);
	if (passing) nodes.forEach((n, v) => { if (isPassing(v)) reached[v] = 1; });
	reach(0);
	if (passing) {
		const others = reached.slice();
		nodes.forEach((n, v) => { if (isPassing(v)) reach(v); });
		nodes.forEach((n, v) => { if (reached[v] && (isPassing(v) || !others[v])) out[v] = out[v].filter((to) => isPassing(to) || !others[to]); });
	}
	const held = new Uint8Array(nodes.length);
	for (let v = 0; v < nodes.length; v++) if (!reached[v]) for (const to of out[v]) if (to !== v) held[to] = 1;
	for (const pass of [0, 1])
		for (let v = 0; v < nodes.length; v++)
			if (!reached[v] && (pass || !held[v])) extra.push(v), reach(v);
	out[0] = out[0].concat(extra);
	visit(0);
	const preds = nodes.map(() => []);
	for (let v = 0; v < nodes.length; v++) for (const to of out[v]) preds[to].push(v);
	const idom = new Int32Array(nodes.length).fill(-1);
	idom[0] = 0;
	for (let changed = true; changed;) {
		changed = false;
		for (let i = order.length - 2; i >= 0; i--) {
			const v = order[i];
			let best = -1;
			for (let p of preds[v]) {
				if (idom[p] < 0) continue;
				if (best < 0) { best = p; continue; }
				while (p !== best) {
					while (post[p] < post[best]) p = idom[p];
					while (post[best] < post[p]) best = idom[best];
				}
			}
			if (best !== idom[v]) idom[v] = best, changed = true;
		}
	}
	const retained = Float64Array.from(nodes, (n) => n.size);
	for (const v of order) if (v) retained[idom[v]] += retained[v];
	return { idom, retained, orphans: extra.length };
};

exports.distances = ({ nodes }) => {
	const d = new Float64Array(nodes.length).fill(-1);
	const spread = (queue) => {
		for (let i = 0; i < queue.length; i++)
			for (const e of nodes[queue[i]].edges) {
				if (e.type === 'weak' || d[e.to] >= 0) continue;
				if (nodes[queue[i]].type === 'hidden' && e.name === 'sloppy_function_map' &&
				    nodes[queue[i]].name === 'system / NativeContext') continue;
				d[e.to] = d[queue[i]] + 1;
				queue.push(e.to);
			}
	};
	const user = [];
	for (const e of nodes[0].edges) if (e.type === 'shortcut' && d[e.to] < 0) d[e.to] = 1, user.push(e.to);
	spread(user);
	d[0] = user.length ? 1e8 : 0;
	spread([0]);
	d[0] = 0;
	return d;
};

exports.className = (n) => ({
	hidden: '(system)', code: '(compiled code)', closure: '(closure)', regexp: 'RegExp', object: n.name, native: n.name,
}[n.type] ?? `(${n.type})`);
