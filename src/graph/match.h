/*
 * Which objects of two graphs of one process are the same: matched by structure, from the roots
 * down.
 *
 * Ownership: struct ap_matches owns its arrays until ap_matches_close().
 *
 * Addresses change when the collector moves objects, so they prove nothing. What a matched object
 * names is matched by name and class; what it only numbers (entries of arrays and tables) by what
 * the entries say: their texts, then their order. An equal address or id only breaks ties.
 */
#ifndef AP_GRAPH_MATCH_H
#define AP_GRAPH_MATCH_H

#include "graph/graph.h"

struct ap_matches {
	uint32_t *new_of; /* of each old node; AP_NO_NODE: it is gone */
	uint32_t *old_of; /* of each new node; AP_NO_NODE: it is new */
	uint32_t n;
};

struct ap_err *ap_graph_match(const struct ap_graph *old, const struct ap_graph *new,
			      struct ap_matches *ret);
void ap_matches_close(struct ap_matches *m);

#endif
