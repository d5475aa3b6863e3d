/*
 * Dominators and retained sizes: what would go if an object went.
 *
 * Ownership: struct ap_dominators owns its arrays until ap_dominators_close().
 *
 * Counted as V8's DevTools does: weak edges and shortcuts do not retain (shortcuts of the root do,
 * they mark the user's globals), the value of a WeakMap hangs on its key. Nodes that nothing
 * retains hang on the root.
 *
 * Otherwise than there, what a running function merely has in hand is still its owner's: "(Stack
 * roots)" and "(Handle scope)" retain only what nothing else does. A program that dies while a Map
 * grows has that Map's table on its stack, and the Map would seem to keep nothing.
 *
 * Memory while computing: 24 bytes a node and one or two an edge; kept: 20 bytes a node. No
 * recursion: the depth of a graph is that of its longest list.
 */
#ifndef AP_GRAPH_DOMINATORS_H
#define AP_GRAPH_DOMINATORS_H

#include "graph/graph.h"

struct ap_dominators {
	uint32_t *idom;        /* of each node; of the root itself */
	uint64_t *retained;    /* bytes */
	uint32_t *first_child; /* n_nodes + 1: where in `children` its dominated nodes begin */
	uint32_t *children;
	uint32_t n_orphans; /* nodes that only weak edges reach, and what hangs on them */
	uint64_t orphan_bytes;
	uint64_t work; /* steps taken, for tests: about nodes + edges */
};

struct ap_err *ap_dominators_compute(const struct ap_graph *g, struct ap_dominators *ret);
void ap_dominators_close(struct ap_dominators *d);

/* Distances as DevTools shows them: from the user's globals, else from the root, plus this. */
enum { AP_DISTANCE_SYSTEM = 100000000 };
#define AP_NO_DISTANCE UINT32_MAX
/* `*ret_distances`: one for each node, malloc'ed. */
struct ap_err *ap_graph_distances(const struct ap_graph *g, uint32_t **ret_distances);

#endif
