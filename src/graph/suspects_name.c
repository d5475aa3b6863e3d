/* What a programmer calls the holder of a suspect: a variable and a file, or a global. */
#include <stdlib.h>
#include <string.h>

#include "graph/suspects.h"

enum { MAX_CHAIN = 24, MAX_ORIGIN_EDGES = 64 };

/* The way up from an owner: each node is held by the next, by `edge`. */
struct chain {
	uint32_t nodes[MAX_CHAIN];
	uint32_t edges[MAX_CHAIN];
	size_t n;
};

/* The best variable found for a node of some chain. */
struct named {
	uint32_t node, context, edge;
	int rank; /* 0: none */
};

static struct ap_edge any_edge(const struct ap_graph *g, uint32_t edge)
{
	return ap_edge_at(g, ap_edge_from(g, edge), edge);
}

static bool is_own(struct ap_text script)
{
	return script.n && !(script.n >= 5 && memcmp(script.s, "node:", 5) == 0) &&
	       !(script.n >= 9 && memcmp(script.s, "internal/", 9) == 0);
}

static bool hangs_on(const struct ap_dominators *d, uint32_t node, uint32_t above)
{
	while (node && node != above)
		node = d->idom[node];
	return node == above;
}

/*
 * A stack or handle holds `v` for a moment, and is what leads to it first: whoever else holds it,
 * by the way that says most. One pass over all edges. UINT32_MAX: nobody.
 */
static uint32_t other_holder(const struct ap_graph *g, const struct ap_dominators *d, uint32_t v,
			     uint32_t *ret_holder)
{
	static const uint8_t ranks[AP_N_EDGE_TYPES] = {
		[AP_EDGE_PROPERTY] = 4,
		[AP_EDGE_CONTEXT] = 3,
		[AP_EDGE_ELEMENT] = 2,
		[AP_EDGE_INTERNAL] = 1,
	};
	uint32_t edge = UINT32_MAX;
	uint8_t best = 0;

	for (uint32_t u = 1; u < g->n_nodes; u++) {
		if (g->types[u] == AP_NODE_SYNTHETIC || !d->retained[u])
			continue;
		for (uint32_t i = g->first_edge[u]; i < g->first_edge[u + 1]; i++) {
			struct ap_edge e = {.target = g->targets[i]};

			if (ap_edge_to(e) != v || ranks[ap_edge_type(e)] <= best ||
			    !ap_edge_retains(e, u) || hangs_on(d, u, v))
				continue;
			best = ranks[ap_edge_type(e)];
			edge = i;
			*ret_holder = u;
		}
	}
	return edge;
}

static void climb(const struct ap_graph *g, const struct ap_dominators *d,
		  const struct ap_traces *t, uint32_t owner, struct chain *chain)
{
	uint32_t v = owner;

	chain->n = 0;
	while (v && g->types[v] != AP_NODE_SYNTHETIC && chain->n < MAX_CHAIN) {
		uint32_t up = d->idom[v], edge = UINT32_MAX;

		for (uint32_t i = g->first_edge[up]; up && i < g->first_edge[up + 1]; i++) {
			struct ap_edge e = {.target = g->targets[i]};

			if (ap_edge_to(e) == v && ap_edge_retains(e, up)) {
				edge = i;
				break;
			}
		}
		/* Held from several sides: then by the way that says most. */
		if (edge == UINT32_MAX) {
			edge = t->edge[v];
			up = edge == UINT32_MAX ? 0 : ap_edge_from(g, edge);
			if (edge != UINT32_MAX && g->types[up] == AP_NODE_SYNTHETIC)
				edge = other_holder(g, d, v, &up);
		}
		chain->nodes[chain->n] = v;
		chain->edges[chain->n++] = edge;
		if (edge == UINT32_MAX)
			return;
		v = up;
	}
}

static int compare_named(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;

	return (a->node > b->node) - (a->node < b->node);
}

/* One pass over all edges for the variables that hold any node of the chains. */
static void find_variables(const struct ap_study *s, struct named *nodes, size_t n)
{
	const struct ap_graph *g = s->graph;

	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (g->types[v] != AP_NODE_OBJECT && g->types[v] != AP_NODE_HIDDEN)
			continue;
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);

			if (ap_edge_type(e) != AP_EDGE_CONTEXT)
				continue;
			const struct named key = {.node = ap_edge_to(e)};
			struct named *found =
				bsearch(&key, nodes, n, sizeof(*nodes), compare_named);
			if (!found)
				continue;
			struct ap_text script = s->scopes[v] == AP_NO_NODE
							? (struct ap_text){0}
							: ap_closure_script(g, s->scopes[v]);
			/* The module's wrapper knows everything by these names. */
			struct ap_text name = ap_edge_name(g, e);
			bool wrapper = ap_text_is(name, "exports") || ap_text_is(name, "module") ||
				       ap_text_is(name, "this");
			int rank = (is_own(script) ? 4 : script.n ? 2 : 1) * 2 - wrapper;
			if (rank > found->rank) {
				found->rank = rank;
				found->context = v;
				found->edge = i;
			}
		}
	}
}

void ap_closure_place(const struct ap_graph *g, uint32_t closure, struct ap_place *ret)
{
	const struct ap_location *location = ap_graph_location(g, closure);

	ret->script = ap_closure_script(g, closure);
	ret->function = ap_node_name(g, closure);
	ret->closure = closure;
	if (location) {
		ret->line = location->line + 1;
		ret->column = location->column + 1;
	}
}

static void add_step(struct ap_str *path, const struct ap_graph *g, struct ap_edge e)
{
	struct ap_text name = ap_edge_name(g, e);

	if (ap_edge_type(e) == AP_EDGE_PROPERTY) {
		ap_str_addc(path, '.');
		ap_str_add(path, name.s, name.n);
	} else if (ap_edge_type(e) == AP_EDGE_ELEMENT) {
		ap_str_addf(path, "[%u]", e.name);
	} else if (ap_edge_type(e) == AP_EDGE_CONTEXT) {
		ap_str_adds(path, " -> ");
		ap_str_add(path, name.s, name.n);
	}
}

/* From the named node at `top` of the chain down to the owner. */
static struct ap_text path_of(const struct ap_graph *g, const struct chain *chain, size_t top,
			      struct ap_arena *arena)
{
	AP_STR_AUTO path = {0};

	for (size_t i = top; i-- > 0;) {
		if (chain->edges[i] != UINT32_MAX)
			add_step(&path, g, any_edge(g, chain->edges[i]));
	}
	return ap_str_text(&path, arena);
}

static void name_one(const struct ap_study *s, const struct chain *chain, struct named *nodes,
		     size_t n, struct ap_arena *arena, struct ap_suspect *suspect)
{
	const struct ap_graph *g = s->graph;
	int wanted = 0;

	/* The nearest variable of the program itself; Node's own only if there is none. */
	for (int least = 8; least > 0 && !suspect->variable.s; least--) {
		for (size_t i = 0; i < chain->n; i++) {
			const struct named key = {.node = chain->nodes[i]};
			const struct named *found =
				bsearch(&key, nodes, n, sizeof(*nodes), compare_named);
			uint32_t edge = chain->edges[i];
			bool global = edge != UINT32_MAX &&
				      ap_edge_type(any_edge(g, edge)) == AP_EDGE_PROPERTY &&
				      i + 1 < chain->n &&
				      memmem(ap_node_name(g, chain->nodes[i + 1]).s,
					     ap_node_name(g, chain->nodes[i + 1]).n, "global",
					     6) == ap_node_name(g, chain->nodes[i + 1]).s;

			wanted = least;
			if (found && found->rank >= wanted) {
				suspect->variable = ap_edge_name(g, any_edge(g, found->edge));
				suspect->holder = found->context;
				if (s->scopes[found->context] != AP_NO_NODE)
					ap_closure_place(g, s->scopes[found->context],
							 &suspect->scope);
			} else if (global && least <= 7) {
				suspect->variable = ap_edge_name(g, any_edge(g, edge));
				suspect->holder = chain->nodes[i + 1];
				suspect->global = true;
			} else {
				continue;
			}
			suspect->path = path_of(g, chain, i, arena);
			break;
		}
	}
}

/* The function that an entry is or holds, if the program wrote it: where the entry comes from. */
static void find_origin(const struct ap_graph *g, struct ap_suspect *s)
{
	uint32_t nodes[MAX_ORIGIN_EDGES], n = 0;

	if (s->entry == AP_NO_NODE)
		return;
	nodes[n++] = s->entry;
	for (uint32_t at = 0; at < n; at++) {
		uint32_t v = nodes[at];

		if (g->types[v] == AP_NODE_CLOSURE) {
			if (is_own(ap_closure_script(g, v))) {
				ap_closure_place(g, v, &s->entry_origin);
				return;
			}
			continue;
		}
		for (uint32_t i = g->first_edge[v];
		     i < g->first_edge[v + 1] && n < MAX_ORIGIN_EDGES; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			uint32_t to = ap_edge_to(e);
			enum ap_edge_type type = ap_edge_type(e);
			struct ap_text name = ap_edge_name(g, e);

			if ((type == AP_EDGE_PROPERTY || type == AP_EDGE_INTERNAL) && to != v &&
			    g->types[to] != AP_NODE_STRING && g->types[to] != AP_NODE_SHAPE &&
			    !ap_text_is(name, "__proto__") && !ap_text_is(name, "map"))
				nodes[n++] = to;
		}
	}
}

struct ap_err *ap_suspects_name(struct ap_study *study, struct ap_arena *arena,
				struct ap_suspects *suspects)
{
	const struct ap_graph *g = study->graph;
	const struct ap_dominators *d;
	const struct ap_traces *t;
	struct chain *chains = ap_alloc_array(arena, suspects->n + 1, sizeof(*chains));
	struct named *nodes = ap_alloc_array(arena, suspects->n * MAX_CHAIN + 1, sizeof(*nodes));
	size_t n = 0, unique = 0;

	if (!chains || !nodes)
		return &ap_err_nomem;
	AP_TRY(ap_study_dominators(study, &d));
	AP_TRY(ap_study_traces(study, &t));
	AP_TRY(ap_study_scopes(study));
	for (size_t i = 0; i < suspects->n; i++) {
		climb(g, d, t, suspects->at[i].owner, &chains[i]);
		for (size_t k = 0; k < chains[i].n; k++)
			nodes[n++].node = chains[i].nodes[k];
	}
	qsort(nodes, n, sizeof(*nodes), compare_named);
	for (size_t i = 0; i < n; i++) {
		if (!unique || nodes[unique - 1].node != nodes[i].node)
			nodes[unique++] = nodes[i];
	}
	find_variables(study, nodes, unique);
	for (size_t i = 0; i < suspects->n; i++) {
		name_one(study, &chains[i], nodes, unique, arena, &suspects->at[i]);
		find_origin(g, &suspects->at[i]);
	}
	return NULL;
}
