/* Breadth-first distances, by DevTools' rules. */
#include <stdlib.h>
#include <string.h>

#include "graph/dominators.h"

/* Every function leads to every other through this one: DevTools does not count it. */
static bool counts(const struct ap_graph *g, uint32_t from, struct ap_edge e)
{
	if (ap_edge_type(e) == AP_EDGE_WEAK)
		return false;
	return g->types[from] != AP_NODE_HIDDEN || ap_edge_is_numbered(e) ||
	       !ap_text_is(ap_edge_name(g, e), "sloppy_function_map") ||
	       !ap_text_is(ap_node_name(g, from), "system / NativeContext");
}

static void spread(const struct ap_graph *g, uint32_t *distances, uint32_t *queue, uint32_t n)
{
	for (uint32_t at = 0; at < n; at++) {
		uint32_t v = queue[at];

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			uint32_t to = ap_edge_to(e);

			if (distances[to] == AP_NO_DISTANCE && counts(g, v, e)) {
				distances[to] = distances[v] + 1;
				queue[n++] = to;
			}
		}
	}
}

struct ap_err *ap_graph_distances(const struct ap_graph *g, uint32_t **ret_distances)
{
	uint32_t *distances = malloc(g->n_nodes * sizeof(*distances));
	uint32_t *queue = malloc(g->n_nodes * sizeof(*queue));
	uint32_t n = 0;

	if (!distances || !queue) {
		free(distances);
		free(queue);
		return &ap_err_nomem;
	}
	memset(distances, 0xff, g->n_nodes * sizeof(*distances));
	for (uint32_t i = g->first_edge[0]; i < g->first_edge[1]; i++) {
		struct ap_edge e = ap_edge_at(g, 0, i);
		uint32_t to = ap_edge_to(e);

		if (ap_edge_type(e) == AP_EDGE_SHORTCUT && distances[to] == AP_NO_DISTANCE) {
			distances[to] = 1;
			queue[n++] = to;
		}
	}
	spread(g, distances, queue, n);
	distances[0] = n ? AP_DISTANCE_SYSTEM : 0;
	queue[0] = 0;
	spread(g, distances, queue, 1);
	distances[0] = 0;
	free(queue);
	*ret_distances = distances;
	return NULL;
}
