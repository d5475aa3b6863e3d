/*
 * Why a node is alive: paths from a root by the edges that say most.
 *
 * Ownership: struct ap_traces owns its array until ap_traces_close(); paths go into the caller's
 * arena.
 *
 * A step costs by what its edge says: a variable or a property little, machinery much, so that the
 * cheapest path is short and readable. Weak edges do not exist here, as for dominators.
 */
#ifndef AP_GRAPH_TRACE_H
#define AP_GRAPH_TRACE_H

#include "base/arena.h"
#include "graph/graph.h"

struct ap_traces {
	uint32_t *edge; /* of each node: the edge that reaches it on its best path; UINT32_MAX: none
			 */
	uint32_t *cost; /* of the best path; UINT32_MAX: none, or too long to be one */
};

struct ap_err *ap_traces_compute(const struct ap_graph *g, struct ap_traces *ret);
void ap_traces_close(struct ap_traces *t);

/* A step from `from` by `edge` to `to`; `repeats` steps more of the same kind were folded into it.
 */
struct ap_step {
	uint32_t from, to, edge;
	uint32_t repeats;
};

typedef AP_VEC(struct ap_step) ap_path;

/* The best path from the root to `node`, root first. Empty if nothing but weak edges reaches it. */
struct ap_err *ap_trace_path(const struct ap_graph *g, const struct ap_traces *t, uint32_t node,
			     struct ap_arena *arena, ap_path *ret_path);
/*
 * Up to `limit` paths that differ in their last step, cheapest first: one through each retainer
 * whose own best path does not lead through `node`. *ret_n paths, `*ret_retainers` such retainers.
 */
struct ap_err *ap_trace_paths(const struct ap_graph *g, const struct ap_traces *t, uint32_t node,
			      size_t limit, struct ap_arena *arena, ap_path **ret_paths,
			      size_t *ret_n, uint64_t *ret_retainers);

#endif
