/*
 * The graph of a walked heap: V8's own nodes, edges, names and sizes, of what is alive.
 *
 * Ownership: the graph is handed over; `ret_summary` is plain.
 */
#ifndef AP_HEAP_FILL_GRAPH_H
#define AP_HEAP_FILL_GRAPH_H

#include "graph/graph.h"
#include "heap/heap.h"

struct ap_fill_summary {
	uint64_t roots, weak_handles;
	bool guessed; /* the handles were not found: what lives was guessed, too much rather than
			 too little */
	uint64_t live_objects, live_bytes; /* of the heap; the rest is dead or free */
};

/* `watch` may be NULL; AP_E_CANCELLED on ^C. */
struct ap_err *ap_heap_graph(struct ap_heap *heap, const struct ap_heap_watch *watch,
			     struct ap_graph **ret_graph, struct ap_fill_summary *ret_summary);

#endif
