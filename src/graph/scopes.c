/* Which file a captured variable was written in: a context has no file, but functions that have it
 * do. */
#include <stdlib.h>
#include <string.h>

#include "graph/study.h"

enum { MAX_NESTING = 8 };

static uint32_t script_node(const struct ap_graph *g, uint32_t closure)
{
	uint32_t shared = ap_graph_follow(g, closure, "shared"), script;

	if (shared == AP_NO_NODE)
		return AP_NO_NODE;
	script = ap_graph_follow(g, shared, "script");
	return script != AP_NO_NODE ? script : ap_graph_follow(g, shared, "script_or_debug_info");
}

struct ap_text ap_closure_script(const struct ap_graph *g, uint32_t closure)
{
	uint32_t script = script_node(g, closure);

	if (script == AP_NO_NODE || ap_node_name(g, script).n == 0)
		return (struct ap_text){0};
	struct ap_text name = ap_node_name(g, script);
	/* While a debugger is attached this is no script. */
	return name.n > 9 && memcmp(name.s, "system / ", 9) == 0 ? (struct ap_text){0} : name;
}

struct ap_err *ap_study_scopes(struct ap_study *study)
{
	const struct ap_graph *g = study->graph;
	uint32_t context = UINT32_MAX, previous = UINT32_MAX;

	if (study->scopes)
		return NULL;
	uint32_t *scopes = malloc(g->n_nodes * sizeof(*scopes));
	if (!scopes)
		return &ap_err_nomem;
	memset(scopes, 0xff, g->n_nodes * sizeof(*scopes));
	for (uint32_t i = 0; i < g->n_texts; i++) {
		if (ap_text_is(ap_graph_text(g, i), "context"))
			context = i;
		else if (ap_text_is(ap_graph_text(g, i), "previous"))
			previous = i;
	}
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (g->types[v] != AP_NODE_CLOSURE)
			continue;
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			uint32_t to = ap_edge_to(e);

			if (ap_edge_type(e) == AP_EDGE_INTERNAL && e.name == context &&
			    scopes[to] == AP_NO_NODE)
				scopes[to] = v;
		}
	}
	/* A function's block and inner scopes lie in the same file as the scopes around them. */
	for (int round = 0; round < MAX_NESTING; round++) {
		bool changed = false;

		for (uint32_t v = 0; v < g->n_nodes; v++) {
			if (scopes[v] == AP_NO_NODE || g->types[v] != AP_NODE_OBJECT)
				continue;
			for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
				struct ap_edge e = ap_edge_at(g, v, i);
				uint32_t to = ap_edge_to(e);

				if (ap_edge_type(e) != AP_EDGE_INTERNAL || e.name != previous ||
				    scopes[to] != AP_NO_NODE || g->types[to] != AP_NODE_OBJECT)
					continue;
				scopes[to] = scopes[v];
				changed = true;
			}
		}
		if (!changed)
			break;
	}
	study->scopes = scopes;
	return NULL;
}

struct row {
	uint32_t name, script, node;
	uint64_t retained;
};

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	if (a->script != b->script)
		return a->script < b->script ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static int compare_sizes(const void *pa, const void *pb)
{
	const struct ap_variable_size *a = pa, *b = pb;

	return (a->retained_bytes < b->retained_bytes) - (a->retained_bytes > b->retained_bytes);
}

/* The text of the script of a context's function; UINT32_MAX unknown. */
static uint32_t script_of(const struct ap_study *s, uint32_t context)
{
	const struct ap_graph *g = s->graph;
	uint32_t closure = s->scopes[context];
	uint32_t script = closure == AP_NO_NODE ? AP_NO_NODE : script_node(g, closure);

	return script == AP_NO_NODE ? UINT32_MAX : g->names[script];
}

struct ap_err *ap_study_variables(struct ap_study *study, struct ap_arena *arena,
				  struct ap_variable_size **ret, size_t *ret_n)
{
	const struct ap_graph *g = study->graph;
	const struct ap_dominators *d;
	AP_VEC(struct row) rows = {0};
	AP_VEC(struct ap_variable_size) sizes = {0};

	AP_TRY(ap_study_dominators(study, &d));
	AP_TRY(ap_study_scopes(study));
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		uint32_t script = UINT32_MAX;

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);

			if (ap_edge_type(e) != AP_EDGE_CONTEXT)
				continue;
			if (script == UINT32_MAX && (script = script_of(study, v)) == UINT32_MAX)
				break;
			const struct row row = {e.name, script, ap_edge_to(e),
						d->retained[ap_edge_to(e)]};
			if (!ap_vec_push(arena, &rows, row))
				return &ap_err_nomem;
		}
	}
	if (rows.n)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_rows);
	for (size_t i = 0; i < rows.n; i++) {
		const struct row *r = &rows.at[i], *before = i ? r - 1 : NULL;

		if (!before || before->name != r->name || before->script != r->script) {
			const struct ap_variable_size first = {
				.name = ap_graph_text(g, r->name),
				.script = ap_graph_text(g, r->script),
				.largest = r->node,
			};
			if (!ap_vec_push(arena, &sizes, first))
				return &ap_err_nomem;
		} else if (before->node == r->node) {
			continue; /* the same value in another scope of that name */
		}
		struct ap_variable_size *s = &sizes.at[sizes.n - 1];
		s->count++;
		s->retained_bytes += r->retained;
		if (r->retained > d->retained[s->largest])
			s->largest = r->node;
	}
	if (sizes.n)
		qsort(sizes.at, sizes.n, sizeof(*sizes.at), compare_sizes);
	*ret = sizes.at;
	*ret_n = sizes.n;
	return NULL;
}
