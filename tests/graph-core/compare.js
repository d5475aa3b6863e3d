// Two snapshots of one process, V8's own and ours, compared node by node. Nodes are paired by following edges of one
// name from pairs that are known; addresses and ids play no part.
'use strict';
const { load, dominators } = require('../graph/truth.js');

// A pair's name holds the numbers of nodes; a root's edges are numbered, or named by the table.
function edgeName(e) {
	if (e.type === 'internal' && / \/ part of key \(/.test(e.name)) return 'pair';
	return e.name;
}

// What of a type's name V8 changes with the owner's name.
const key = (e) => `${e.type} ${edgeName(e)}`;

function byKey(node) {
	const m = new Map();
	for (const e of node.edges) {
		const k = key(e);
		if (m.has(k)) m.get(k).push(e.to);
		else m.set(k, [e.to]);
	}
	return m;
}

// Roots that both list in the same order; numbers of other root lists differ by what died or came in between.
const LISTS = ['(Eternal handles)', '(Startup object cache)', '(Shareable object cache)', '(Builtins)', '(Read-only roots)'];

function roots(ours, theirs) {
	const starts = [[0, 0]];
	const sub = (g, name) => g.nodes[1].edges.map((e) => g.nodes[e.to]).find((n) => n.name === name);
	const globals = (g) => g.nodes[0].edges.filter((e) => e.type === 'shortcut').map((e) => e.to);
	globals(ours).forEach((o, i) => { if (globals(theirs)[i] !== undefined) starts.push([o, globals(theirs)[i]]); });
	for (const name of LISTS) {
		const a = sub(ours, name)?.edges || [], b = sub(theirs, name)?.edges || [];
		// V8 lists some builtins twice, at the end.
		if (b.length === a.length || name === '(Builtins)') a.forEach((e, i) => starts.push([e.to, b[i].to]));
	}
	// Strings are what they say, where they say it once.
	const unique = (g) => {
		const m = new Map();
		g.nodes.forEach((n, i) => {
			const k = `${n.type} ${n.size} ${n.name}`;
			if (n.type === 'string') m.set(k, m.has(k) ? -1 : i);
		});
		return m;
	};
	const ua = unique(ours);
	for (const [k, t] of unique(theirs)) if (t >= 0 && ua.get(k) >= 0) starts.push([ua.get(k), t]);
	return starts;
}

exports.pair = (ours, theirs) => {
	const starts = roots(ours, theirs);
	const pairOf = new Int32Array(theirs.nodes.length).fill(-1);
	const taken = new Int32Array(ours.nodes.length).fill(-1);
	const queue = [];
	const add = (o, t) => {
		if (pairOf[t] >= 0 || taken[o] >= 0) return;
		const a = ours.nodes[o], b = theirs.nodes[t];
		if (a.size !== b.size && a.type !== 'synthetic') return;
		if ((a.type === 'object') !== (b.type === 'object')) return;
		pairOf[t] = o;
		taken[o] = t;
		queue.push(t);
	};
	for (const [o, t] of starts) add(o, t);
	for (let i = 0; i < queue.length; i++) {
		const t = queue[i], o = pairOf[t];
		const a = ours.nodes[o], b = theirs.nodes[t];
		const ka = byKey(a);
		for (const [k, to] of byKey(b)) {
			const mine = ka.get(k);
			if (b.type === 'synthetic') continue;
			if (mine && mine.length === 1 && to.length === 1) add(mine[0], to[0]);
			else if (mine && mine.length === to.length) to.forEach((x, n) => add(mine[n], x));
		}
	}
	return { pairOf, taken };
};

// Edges of one node as a sorted list of "type name -> target", where the target is the pair's number.
exports.edgesOf = (node, number) => node.edges.map((e) => `${key(e)} -> ${number(e.to)}`).sort();

exports.load = load;
exports.dominators = dominators;
exports.key = key;
