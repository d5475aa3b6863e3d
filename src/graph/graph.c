#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

static const char *const node_type_names[] = {
#define X(id, name) name,
	AP_NODE_TYPES(X)
#undef X
};

static const char *const edge_type_names[] = {
#define X(id, name) name,
	AP_EDGE_TYPES(X)
#undef X
};

const char *ap_node_type_name(enum ap_node_type type)
{
	return node_type_names[type];
}

const char *ap_edge_type_name(enum ap_edge_type type)
{
	return edge_type_names[type];
}

void ap_graph_close(struct ap_graph *g)
{
	if (!g)
		return;
	free(g->types);
	free(g->detachedness);
	free(g->names);
	free(g->ids);
	free(g->sizes);
	free(g->first_edge);
	free(g->edges);
	free(g->text_at);
	free(g->text_bytes);
	free(g->locations);
	free(g->by_id);
	free(g);
}

void ap_graph_builder_fini(struct ap_graph_builder *b)
{
	ap_graph_close(b->graph);
	*b = (struct ap_graph_builder){0};
}

/* One array of a group that grows together; false leaves the old one in place. */
static bool resize(void *at, size_t n, size_t size)
{
	void *old, *fresh;

	memcpy(&old, at, sizeof(old));
	if (n > SIZE_MAX / size)
		return false;
	fresh = realloc(old, n * size);
	if (!fresh)
		return false;
	memcpy(at, &fresh, sizeof(fresh));
	/* cppcheck-suppress memleak -- stored through `at` */
	return true;
}

static size_t grown(size_t cap)
{
	return cap < 1024 ? 1024 : cap + cap / 2;
}

static bool grow_nodes(struct ap_graph_builder *b, size_t cap)
{
	struct ap_graph *g = b->graph;

	if (!resize(&g->types, cap, sizeof(*g->types)) ||
	    !resize(&g->detachedness, cap, sizeof(*g->detachedness)) ||
	    !resize(&g->names, cap, sizeof(*g->names)) || !resize(&g->ids, cap, sizeof(*g->ids)) ||
	    !resize(&g->sizes, cap, sizeof(*g->sizes)) ||
	    !resize(&g->first_edge, cap + 1, sizeof(*g->first_edge)))
		return !(b->nomem = true);
	b->node_cap = cap;
	return true;
}

static bool grow_edges(struct ap_graph_builder *b, size_t cap)
{
	if (!resize(&b->graph->edges, cap, sizeof(*b->graph->edges)))
		return !(b->nomem = true);
	b->edge_cap = cap;
	return true;
}

struct ap_err *ap_graph_builder_init(struct ap_graph_builder *b, size_t n_nodes, size_t n_edges)
{
	*b = (struct ap_graph_builder){.graph = calloc(1, sizeof(*b->graph))};
	if (!b->graph || !grow_nodes(b, n_nodes ? n_nodes : 16) || !grow_edges(b, n_edges ? n_edges : 16)) {
		ap_graph_builder_fini(b);
		return &ap_err_nomem;
	}
	return NULL;
}

bool ap_graph_add_node(struct ap_graph_builder *b, const struct ap_graph_node *node)
{
	struct ap_graph *g = b->graph;
	uint32_t i = g->n_nodes;

	if (i >= AP_GRAPH_MAX_NODES)
		return !(b->too_many = true);
	if (i == b->node_cap && !grow_nodes(b, grown(b->node_cap)))
		return false;
	g->types[i] = (uint8_t)node->type;
	g->detachedness[i] = node->detachedness;
	g->names[i] = node->name;
	g->ids[i] = node->id;
	g->sizes[i] = node->size;
	g->first_edge[i] = g->n_edges;
	g->n_nodes++;
	return true;
}

bool ap_graph_add_edge(struct ap_graph_builder *b, enum ap_edge_type type, uint32_t name, uint32_t to)
{
	struct ap_graph *g = b->graph;

	if (g->n_edges == UINT32_MAX - 1 || to >= AP_GRAPH_MAX_NODES)
		return !(b->too_many = true);
	if (g->n_edges == b->edge_cap && !grow_edges(b, grown(b->edge_cap)))
		return false;
	g->edges[g->n_edges++] = (struct ap_edge){to | (uint32_t)type << 29, name};
	return true;
}

bool ap_graph_add_text(struct ap_graph_builder *b, struct ap_text text)
{
	struct ap_graph *g = b->graph;

	if (g->n_texts == UINT32_MAX - 1)
		return !(b->too_many = true);
	if (g->n_texts == b->text_cap) {
		size_t cap = grown(b->text_cap);

		if (!resize(&g->text_at, cap + 1, sizeof(*g->text_at)))
			return !(b->nomem = true);
		b->text_cap = cap;
	}
	if (!g->text_bytes || b->n_bytes + text.n > b->bytes_cap) {
		size_t cap = grown(b->bytes_cap);

		cap = cap < b->n_bytes + text.n ? (size_t)b->n_bytes + text.n : cap;
		if (!resize(&g->text_bytes, cap, 1))
			return !(b->nomem = true);
		b->bytes_cap = cap;
	}
	g->text_at[g->n_texts++] = b->n_bytes;
	if (text.n)
		memcpy(g->text_bytes + b->n_bytes, text.s, text.n);
	b->n_bytes += text.n;
	g->text_at[g->n_texts] = b->n_bytes;
	return true;
}

bool ap_graph_add_location(struct ap_graph_builder *b, struct ap_location location)
{
	struct ap_graph *g = b->graph;

	if (g->n_locations == UINT32_MAX)
		return !(b->too_many = true);
	if (g->n_locations == b->location_cap) {
		size_t cap = grown(b->location_cap);

		if (!resize(&g->locations, cap, sizeof(*g->locations)))
			return !(b->nomem = true);
		b->location_cap = cap;
	}
	g->locations[g->n_locations++] = location;
	return true;
}

static struct ap_err *check(const struct ap_graph *g)
{
	if (!g->n_nodes)
		return ap_err_new(AP_E_FORMAT, "the graph has no node, so no root");
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (g->names[v] >= g->n_texts)
			return ap_err_new(AP_E_FORMAT, "node %u has name %u, but there are %u strings", v,
					  g->names[v], g->n_texts);
	}
	for (uint32_t i = 0; i < g->n_edges; i++) {
		struct ap_edge e = g->edges[i];

		if (ap_edge_to(e) >= g->n_nodes)
			return ap_err_new(AP_E_FORMAT, "edge %u leads to node %u, but there are %u", i,
					  ap_edge_to(e), g->n_nodes);
		if (!ap_edge_is_numbered(e) && e.name >= g->n_texts)
			return ap_err_new(AP_E_FORMAT, "edge %u has name %u, but there are %u strings", i,
					  e.name, g->n_texts);
	}
	for (uint32_t i = 0; i < g->n_locations; i++) {
		if (g->locations[i].node >= g->n_nodes)
			return ap_err_new(AP_E_FORMAT, "location %u belongs to node %u, but there are %u",
					  i, g->locations[i].node, g->n_nodes);
	}
	return NULL;
}

/*
 * "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)": V8 gives this edge to the key
 * and to the table 9. The number of the table, or 0 for any other text.
 */
static uint64_t pair_table(struct ap_text name)
{
	static const char tail[] = " pair in WeakMap (table @";
	uint64_t id = 0, scale = 1;
	size_t at = name.n;

	if (name.n < sizeof(tail) + 2 || name.s[name.n - 1] != ')' || name.s[0] < '0' || name.s[0] > '9' ||
	    !memmem(name.s, name.n, " / part of key (", 16))
		return 0;
	for (at--; at && name.s[at - 1] >= '0' && name.s[at - 1] <= '9' && scale < 1000000000000ull; at--) {
		id += (uint64_t)(name.s[at - 1] - '0') * scale;
		scale *= 10;
	}
	if (at < sizeof(tail) - 1 || memcmp(name.s + at - (sizeof(tail) - 1), tail, sizeof(tail) - 1) != 0)
		return 0;
	return id;
}

static void mark_pairs(struct ap_graph *g)
{
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge *e = &g->edges[i];

			/* Names of this length are rare: hardly any other text is looked at. */
			if (ap_edge_type(*e) == AP_EDGE_INTERNAL &&
			    g->text_at[e->name + 1] - g->text_at[e->name] > 40 &&
			    pair_table(ap_graph_text(g, e->name)) == g->ids[v] && g->ids[v])
				e->target = ap_edge_to(*e) | (uint32_t)AP_EDGE_PAIR << 29;
		}
	}
}

static int compare_locations(const void *pa, const void *pb)
{
	const struct ap_location *a = pa, *b = pb;

	return (a->node > b->node) - (a->node < b->node);
}

static int compare_by_id(const void *pa, const void *pb, void *arg)
{
	const struct ap_graph *g = arg;
	uint64_t a = g->ids[*(const uint32_t *)pa], b = g->ids[*(const uint32_t *)pb];

	return (a > b) - (a < b);
}

static struct ap_err *sort(struct ap_graph *g)
{
	bool ascending = true;

	for (uint32_t i = 1; i < g->n_locations && ascending; i++)
		ascending = g->locations[i - 1].node <= g->locations[i].node;
	if (!ascending)
		qsort(g->locations, g->n_locations, sizeof(*g->locations), compare_locations);
	ascending = true;
	for (uint32_t v = 1; v < g->n_nodes && ascending; v++)
		ascending = g->ids[v - 1] < g->ids[v];
	if (ascending)
		return NULL;
	g->by_id = malloc(g->n_nodes * sizeof(*g->by_id));
	if (!g->by_id)
		return &ap_err_nomem;
	for (uint32_t v = 0; v < g->n_nodes; v++)
		g->by_id[v] = v;
	qsort_r(g->by_id, g->n_nodes, sizeof(*g->by_id), compare_by_id, g);
	return NULL;
}

struct ap_err *ap_graph_finish(struct ap_graph_builder *b, struct ap_graph **ret_graph)
{
	struct ap_graph *g = b->graph;
	struct ap_err *err = NULL;

	if (b->nomem)
		err = &ap_err_nomem;
	else if (b->too_many)
		err = ap_err_new(AP_E_LIMIT, "more than %d nodes, or 4 billion edges", AP_GRAPH_MAX_NODES);
	if (!err) {
		g->first_edge[g->n_nodes] = g->n_edges;
		err = check(g);
	}
	if (!err) {
		mark_pairs(g);
		err = sort(g);
	}
	if (err) {
		ap_graph_builder_fini(b);
		return err;
	}
	/* What was taken in advance and not used goes back. */
	(void)resize(&g->edges, g->n_edges ? g->n_edges : 1, sizeof(*g->edges));
	if (g->text_bytes)
		(void)resize(&g->text_bytes, b->n_bytes ? b->n_bytes : 1, 1);
	*b = (struct ap_graph_builder){0};
	*ret_graph = g;
	return NULL;
}

uint32_t ap_graph_find(const struct ap_graph *g, uint64_t id)
{
	uint32_t low = 0, high = g->n_nodes;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint32_t v = g->by_id ? g->by_id[middle] : middle;

		if (g->ids[v] == id)
			return v;
		if (g->ids[v] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return AP_NO_NODE;
}

const struct ap_edge *ap_graph_edge(const struct ap_graph *g, uint32_t node, const char *name)
{
	for (uint32_t i = g->first_edge[node]; i < g->first_edge[node + 1]; i++) {
		if (!ap_edge_is_numbered(g->edges[i]) && ap_text_is(ap_edge_name(g, g->edges[i]), name))
			return &g->edges[i];
	}
	return NULL;
}

const struct ap_location *ap_graph_location(const struct ap_graph *g, uint32_t node)
{
	uint32_t low = 0, high = g->n_locations;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (g->locations[middle].node == node)
			return &g->locations[middle];
		if (g->locations[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
