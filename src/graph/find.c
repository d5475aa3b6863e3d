/* What is asked of a graph that is whole. */
#include <stdio.h>

#include "graph/graph.h"

struct ap_text ap_number_text(uint32_t number)
{
	static _Thread_local char ring[64][12];
	static _Thread_local unsigned next;
	char *s = ring[next++ % 64];

	return (struct ap_text){s, (size_t)snprintf(s, sizeof(ring[0]), "%u", number)};
}

static uint32_t find(const struct ap_graph *g, uint64_t id, uint32_t low, uint32_t high)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint32_t v = g->by_id ? g->by_id[middle] : middle;

		uint64_t have = ap_node_id(g, v);

		if (have == id)
			return v;
		if (have < id)
			low = middle + 1;
		else
			high = middle;
	}
	return AP_NO_NODE;
}

uint32_t ap_graph_find(const struct ap_graph *g, uint64_t id)
{
	uint32_t first = g->by_id ? g->n_nodes : g->second_run, v = find(g, id, 0, first);

	return v != AP_NO_NODE ? v : find(g, id, first, g->n_nodes);
}

uint64_t ap_node_id(const struct ap_graph *g, uint32_t node)
{
	uint32_t low = 0, high = g->n_id_bases;

	/* The last base at or before the node. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (g->id_bases[middle].node <= node)
			low = middle;
		else
			high = middle;
	}
	return g->id_bases[low].base | g->low_ids[node];
}

uint64_t ap_large_node_size(const struct ap_graph *g, uint32_t node)
{
	uint32_t low = 0, high = g->n_large;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (g->large[middle].node == node)
			return g->large[middle].size;
		if (g->large[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

uint32_t ap_graph_follow(const struct ap_graph *g, uint32_t node, const char *name)
{
	for (uint32_t i = g->first_edge[node]; i < g->first_edge[node + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, node, i);

		if (!ap_edge_is_numbered(e) && ap_text_is(ap_edge_name(g, e), name))
			return ap_edge_to(e);
	}
	return AP_NO_NODE;
}

uint32_t ap_edge_from(const struct ap_graph *g, uint32_t edge)
{
	uint32_t low = 0, high = g->n_nodes;

	/* The last node whose edges begin at or before this one; it is not empty, for the next
	 * begins behind. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (g->first_edge[middle] <= edge)
			low = middle;
		else
			high = middle;
	}
	return low;
}
