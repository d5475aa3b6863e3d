#include "graph/graph.h"

#include <stdio.h>
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
	free(g->low_ids);
	free(g->low_sizes);
	free(g->first_edge);
	free(g->first_name);
	free(g->targets);
	free(g->edge_names);
	free(g->id_bases);
	free(g->large);
	free(g->text_at);
	free(g->text_bytes);
	free(g->places);
	free(g->placed);
	free(g->by_id);
	free(g);
}

void ap_graph_builder_fini(struct ap_graph_builder *b)
{
	ap_graph_close(b->graph);
	ap_name_lists_close(&b->lists);
	ap_map64_close(&b->places);
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
	    !resize(&g->names, cap, sizeof(*g->names)) ||
	    !resize(&g->low_ids, cap, sizeof(*g->low_ids)) ||
	    !resize(&g->low_sizes, cap, sizeof(*g->low_sizes)) ||
	    !resize(&g->first_edge, cap + 1, sizeof(*g->first_edge)) ||
	    !resize(&g->first_name, cap, sizeof(*g->first_name)))
		return !(b->nomem = true);
	if (g->detachedness) {
		if (!resize(&g->detachedness, cap, sizeof(*g->detachedness)))
			return !(b->nomem = true);
		memset(g->detachedness + b->node_cap, 0, cap - b->node_cap);
	}
	if (g->placed) {
		if (!resize(&g->placed, cap, sizeof(*g->placed)))
			return !(b->nomem = true);
		memset(g->placed + b->node_cap, 0, (cap - b->node_cap) * sizeof(*g->placed));
	}
	b->node_cap = cap;
	return true;
}

static bool grow_edges(struct ap_graph_builder *b, size_t cap)
{
	if (!resize(&b->graph->targets, cap, sizeof(*b->graph->targets)))
		return !(b->nomem = true);
	b->edge_cap = cap;
	return true;
}

struct ap_err *ap_graph_builder_init(struct ap_graph_builder *b, size_t n_nodes, size_t n_edges)
{
	*b = (struct ap_graph_builder){.graph = calloc(1, sizeof(*b->graph))};
	if (!b->graph || !grow_nodes(b, n_nodes ? n_nodes : 16) ||
	    !grow_edges(b, n_edges ? n_edges : 16)) {
		ap_graph_builder_fini(b);
		return &ap_err_nomem;
	}
	return NULL;
}

/* An entry of a short list that grows on its own. */
static bool append(struct ap_graph_builder *b, void *at, uint32_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;

		if (!resize(at, more, size))
			return !(b->nomem = true);
		*cap = more;
	}
	++*n;
	return true;
}

bool ap_graph_set_node(struct ap_graph_builder *b, uint32_t i, uint64_t id, uint64_t size)
{
	struct ap_graph *g = b->graph;
	uint64_t base = id & ~(uint64_t)UINT32_MAX;

	if (!g->n_id_bases || g->id_bases[g->n_id_bases - 1].base != base) {
		if (!append(b, &g->id_bases, &g->n_id_bases, &b->id_base_cap, sizeof(*g->id_bases)))
			return false;
		g->id_bases[g->n_id_bases - 1] = (struct ap_id_base){i, base};
	}
	g->low_ids[i] = (uint32_t)id;
	if (size >= UINT32_MAX) {
		if (!append(b, &g->large, &g->n_large, &b->large_cap, sizeof(*g->large)))
			return false;
		g->large[g->n_large - 1] = (struct ap_large_node){i, size};
		size = UINT32_MAX;
	}
	g->low_sizes[i] = (uint32_t)size;
	return true;
}

bool ap_graph_add_node(struct ap_graph_builder *b, const struct ap_graph_node *node)
{
	struct ap_graph *g = b->graph;
	uint32_t i = g->n_nodes;

	if (i >= AP_GRAPH_MAX_NODES)
		return !(b->too_many = true);
	if (i == b->node_cap && !grow_nodes(b, grown(b->node_cap)))
		return false;
	if (node->detachedness && !g->detachedness) {
		g->detachedness = calloc(b->node_cap, 1);
		if (!g->detachedness)
			return !(b->nomem = true);
	}
	if (!ap_graph_set_node(b, i, node->id, node->size))
		return false;
	g->types[i] = (uint8_t)node->type;
	if (g->detachedness)
		g->detachedness[i] = node->detachedness;
	g->names[i] = node->name;
	g->first_edge[i] = g->n_edges;
	g->n_nodes++;
	return true;
}

/* Ends the lists of all nodes before that of the next edge, which is their first that has not
 * ended. */
static bool name_up_to(struct ap_graph_builder *b, uint32_t node)
{
	struct ap_graph *g = b->graph;

	for (; b->naming < node; b->naming++) {
		if (!ap_name_lists_end(&b->lists, &g->first_name[b->naming]))
			return !(b->nomem = true);
	}
	return true;
}

bool ap_graph_add_edge(struct ap_graph_builder *b, enum ap_edge_type type, uint32_t name,
		       uint32_t to)
{
	struct ap_graph *g = b->graph;
	uint32_t node = b->naming;

	if (g->n_edges == UINT32_MAX - 1 || to >= AP_GRAPH_MAX_NODES)
		return !(b->too_many = true);
	if (g->n_edges == b->edge_cap && !grow_edges(b, grown(b->edge_cap)))
		return false;
	while (node + 1 < g->n_nodes && g->first_edge[node + 1] <= g->n_edges)
		node++;
	if (!name_up_to(b, node))
		return false;
	if (!ap_name_lists_add(&b->lists, name))
		return !(b->nomem = true);
	g->targets[g->n_edges++] = to | (uint32_t)type << 29;
	return true;
}

void ap_graph_take_names(struct ap_graph_builder *b, struct ap_name_lists *lists)
{
	ap_name_lists_close(&b->lists);
	b->lists = *lists;
	b->naming = b->graph->n_nodes;
	*lists = (struct ap_name_lists){0};
}

bool ap_graph_add_all(struct ap_graph_builder *b, uint32_t n_nodes, uint32_t n_edges)
{
	struct ap_graph *g = b->graph;

	if (n_nodes > AP_GRAPH_MAX_NODES)
		return !(b->too_many = true);
	if ((n_nodes > b->node_cap && !grow_nodes(b, n_nodes)) ||
	    (n_edges > b->edge_cap && !grow_edges(b, n_edges)))
		return false;
	g->n_nodes = n_nodes;
	g->n_edges = n_edges;
	return true;
}

static bool add_text_at(struct ap_graph_builder *b, uint64_t at)
{
	struct ap_graph *g = b->graph;

	if (g->n_texts == UINT32_MAX - 1)
		return !(b->too_many = true);
	if (g->n_texts == b->text_cap) {
		size_t cap = grown(b->text_cap);

		if (!resize(&g->text_at, cap, sizeof(*g->text_at)))
			return !(b->nomem = true);
		b->text_cap = cap;
	}
	g->text_at[g->n_texts++] = at;
	return true;
}

bool ap_graph_add_text(struct ap_graph_builder *b, struct ap_text text)
{
	struct ap_graph *g = b->graph;

	if (text.n >> AP_TEXT_LENGTH_BITS || b->n_bytes > AP_TEXT_OFFSET)
		return !(b->too_many = true);
	if (!g->text_bytes || b->n_bytes + text.n > b->bytes_cap) {
		size_t cap = grown(b->bytes_cap);

		cap = cap < b->n_bytes + text.n ? (size_t)b->n_bytes + text.n : cap;
		if (!resize(&g->text_bytes, cap, 1))
			return !(b->nomem = true);
		b->bytes_cap = cap;
	}
	if (!add_text_at(b, (uint64_t)text.n << AP_TEXT_OFFSET_BITS | b->n_bytes))
		return false;
	if (text.n)
		memcpy(g->text_bytes + b->n_bytes, text.s, text.n);
	b->n_bytes += text.n;
	return true;
}

bool ap_graph_borrow_text(struct ap_graph_builder *b, struct ap_text text)
{
	uint64_t at = (uintptr_t)text.s;

	if (!text.n || text.n > UINT16_MAX || at & ~AP_TEXT_POINTER)
		return ap_graph_add_text(b, text);
	return add_text_at(b, UINT64_C(1) << 63 | (uint64_t)text.n << AP_TEXT_POINTER_BITS | at);
}

static bool same_place(const struct ap_location *a, const struct ap_location *b)
{
	return a->script_id == b->script_id && a->line == b->line && a->column == b->column;
}

uint32_t ap_graph_add_place(struct ap_graph_builder *b, struct ap_location place)
{
	struct ap_graph *g = b->graph;
	uint64_t hash = ((uint64_t)place.script_id << 32 ^ place.line) * 0x9e3779b97f4a7c15u;
	uint32_t known;

	hash = (hash >> 16 ^ hash ^ place.column) | UINT64_C(1) << 63;
	if (ap_map64_get(&b->places, hash, &known) && same_place(&g->places[known - 1], &place))
		return known;
	/* Of two with one hash the last is found; the other may then be there twice. */
	if (!append(b, &g->places, &g->n_places, &b->place_cap, sizeof(*g->places)))
		return 0;
	g->places[g->n_places - 1] = place;
	if (!ap_map64_put(&b->places, hash, g->n_places)) {
		b->nomem = true;
		return 0;
	}
	return g->n_places;
}

bool ap_graph_put_place(struct ap_graph_builder *b, uint32_t node, uint32_t place)
{
	struct ap_graph *g = b->graph;

	if (!place)
		return false;
	if (!g->placed) {
		g->placed = calloc(b->node_cap, sizeof(*g->placed));
		if (!g->placed)
			return !(b->nomem = true);
	}
	g->placed[node] = place;
	return true;
}

static struct ap_err *check(const struct ap_graph *g)
{
	if (!g->n_nodes)
		return ap_err_new(AP_E_FORMAT, "the graph has no node, so no root");
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (g->names[v] >= g->n_texts)
			return ap_err_new(AP_E_FORMAT,
					  "node %u has name %u, but there are %u strings", v,
					  g->names[v], g->n_texts);
	}
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);

			if (ap_edge_to(e) >= g->n_nodes)
				return ap_err_new(AP_E_FORMAT,
						  "edge %u leads to node %u, but there are %u", i,
						  ap_edge_to(e), g->n_nodes);
			if (!ap_edge_is_numbered(e) && !(e.name & AP_NAME_NUMBER) &&
			    e.name >= g->n_texts)
				return ap_err_new(AP_E_FORMAT,
						  "edge %u has name %u, but there are %u strings",
						  i, e.name, g->n_texts);
		}
	}
	return NULL;
}

/*
 * "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)": V8 gives this edge to the
 * key and to the table 9. The number of the table, or 0 for any other text.
 */
static uint64_t pair_table(struct ap_text name)
{
	static const char tail[] = " pair in WeakMap (table @";
	uint64_t id = 0, scale = 1;
	size_t at = name.n;

	if (name.n < sizeof(tail) + 2 || name.s[name.n - 1] != ')' || name.s[0] < '0' ||
	    name.s[0] > '9' || !memmem(name.s, name.n, " / part of key (", 16))
		return 0;
	for (at--; at && name.s[at - 1] >= '0' && name.s[at - 1] <= '9' && scale < 1000000000000ull;
	     at--) {
		id += (uint64_t)(name.s[at - 1] - '0') * scale;
		scale *= 10;
	}
	if (at < sizeof(tail) - 1 ||
	    memcmp(name.s + at - (sizeof(tail) - 1), tail, sizeof(tail) - 1) != 0)
		return 0;
	return id;
}

static void mark_pairs(struct ap_graph *g)
{
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);

			/* Names of this length are rare: hardly any other text is looked at. */
			if (ap_edge_type(e) == AP_EDGE_INTERNAL && !(e.name & AP_NAME_NUMBER) &&
			    ap_graph_text(g, e.name).n > 40 && ap_node_id(g, v) &&
			    pair_table(ap_graph_text(g, e.name)) == ap_node_id(g, v))
				g->targets[i] = ap_edge_to(e) | (uint32_t)AP_EDGE_PAIR << 29;
		}
	}
}

static int compare_by_id(const void *pa, const void *pb, void *arg)
{
	const struct ap_graph *g = arg;
	uint64_t a = ap_node_id(g, *(const uint32_t *)pa), b = ap_node_id(g, *(const uint32_t *)pb);

	return (a > b) - (a < b);
}

static struct ap_err *sort(struct ap_graph *g)
{
	uint32_t runs = 1;
	g->second_run = g->n_nodes;
	for (uint32_t v = 1; v < g->n_nodes && runs <= 2; v++) {
		if (ap_node_id(g, v - 1) < ap_node_id(g, v))
			continue;
		runs++;
		g->second_run = v;
	}
	if (runs <= 2)
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
		err = ap_err_new(AP_E_LIMIT, "more than %d nodes, or 4 billion edges",
				 AP_GRAPH_MAX_NODES);
	if (!err) {
		g->first_edge[g->n_nodes] = g->n_edges;
		err = name_up_to(b, g->n_nodes) ? NULL : &ap_err_nomem;
	}
	if (!err) {
		g->edge_names = b->lists.at;
		g->n_edge_names = (uint32_t)b->lists.n;
		b->lists.at = NULL;
		ap_name_lists_close(&b->lists);
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
	(void)resize(&g->targets, g->n_edges ? g->n_edges : 1, sizeof(*g->targets));
	(void)resize(&g->edge_names, g->n_edge_names ? g->n_edge_names : 1, sizeof(*g->edge_names));
	if (g->text_bytes)
		(void)resize(&g->text_bytes, b->n_bytes ? b->n_bytes : 1, 1);
	ap_map64_close(&b->places);
	*b = (struct ap_graph_builder){0};
	*ret_graph = g;
	return NULL;
}
