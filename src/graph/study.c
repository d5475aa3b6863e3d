#include "graph/study.h"

#include <stdlib.h>
#include <string.h>

struct ap_err *ap_study_open(struct ap_graph *graph, struct ap_study **ret_study)
{
	struct ap_study *study = calloc(1, sizeof(*study));

	if (!study) {
		ap_graph_close(graph);
		return &ap_err_nomem;
	}
	study->graph = graph;
	study->wasted_bytes = UINT64_MAX;
	ap_arena_init(&study->arena, 0);
	*ret_study = study;
	return NULL;
}

void ap_study_close(struct ap_study *study)
{
	if (!study)
		return;
	ap_dominators_close(&study->dominators);
	ap_traces_close(&study->traces);
	free(study->distances);
	free(study->classes);
	free(study->class_of);
	free(study->scopes);
	ap_arena_close(&study->arena);
	ap_graph_close(study->graph);
	free(study);
}

struct ap_err *ap_study_dominators(struct ap_study *study, const struct ap_dominators **ret)
{
	if (!study->dominators.idom)
		AP_TRY(ap_dominators_compute(study->graph, &study->dominators));
	*ret = &study->dominators;
	return NULL;
}

struct ap_err *ap_study_traces(struct ap_study *study, const struct ap_traces **ret)
{
	if (!study->traces.edge)
		AP_TRY(ap_traces_compute(study->graph, &study->traces));
	*ret = &study->traces;
	return NULL;
}

struct ap_err *ap_study_distances(struct ap_study *study, const uint32_t **ret)
{
	if (!study->distances)
		AP_TRY(ap_graph_distances(study->graph, &study->distances));
	*ret = study->distances;
	return NULL;
}

struct ap_text ap_node_class(const struct ap_graph *g, uint32_t node)
{
	static const struct ap_text by_type[AP_N_NODE_TYPES] = {
		[AP_NODE_HIDDEN] = {"(system)", 8},
		[AP_NODE_ARRAY] = {"(array)", 7},
		[AP_NODE_STRING] = {"(string)", 8},
		[AP_NODE_CODE] = {"(compiled code)", 15},
		[AP_NODE_CLOSURE] = {"(closure)", 9},
		[AP_NODE_REGEXP] = {"RegExp", 6},
		[AP_NODE_NUMBER] = {"(number)", 8},
		[AP_NODE_SYNTHETIC] = {"(synthetic)", 11},
		[AP_NODE_CONCATENATED] = {"(concatenated string)", 21},
		[AP_NODE_SLICED] = {"(sliced string)", 15},
		[AP_NODE_SYMBOL] = {"(symbol)", 8},
		[AP_NODE_BIGINT] = {"(bigint)", 8},
		[AP_NODE_SHAPE] = {"(object shape)", 14},
		[AP_NODE_WASM] = {"(wasm object)", 13},
	};
	enum ap_node_type type = (enum ap_node_type)g->types[node];

	return by_type[type].s ? by_type[type] : ap_node_name(g, node);
}

static bool begins(struct ap_text text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && memcmp(text.s, with, n) == 0;
}

bool ap_node_is_visible(const struct ap_graph *g, uint32_t node)
{
	switch (g->types[node]) {
	case AP_NODE_CLOSURE:
	case AP_NODE_REGEXP:
		return true;
	case AP_NODE_OBJECT:
		return !begins(ap_node_name(g, node), "system / ");
	default:
		return false;
	}
}

/* Classes are numbered as they come: by type, or for objects and natives by name. */
static struct ap_err *number_classes(struct ap_study *s)
{
	const struct ap_graph *g = s->graph;
	uint32_t *by_text = malloc(g->n_texts * sizeof(*by_text));
	uint32_t by_type[AP_N_NODE_TYPES], cap = 0;

	s->class_of = malloc(g->n_nodes * sizeof(*s->class_of));
	if (!by_text || !s->class_of) {
		free(by_text);
		return &ap_err_nomem;
	}
	memset(by_text, 0xff, g->n_texts * sizeof(*by_text));
	memset(by_type, 0xff, sizeof(by_type));
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		enum ap_node_type type = (enum ap_node_type)g->types[v];
		bool named = type == AP_NODE_OBJECT || type == AP_NODE_NATIVE;
		uint32_t *at = named ? &by_text[g->names[v]] : &by_type[type];

		if (*at == UINT32_MAX) {
			if (s->n_classes == cap) {
				uint32_t more = cap ? cap * 2 : 256;
				struct ap_class *grown = realloc(s->classes, more * sizeof(*grown));

				if (!grown) {
					free(by_text);
					return &ap_err_nomem;
				}
				s->classes = grown;
				cap = more;
			}
			*at = s->n_classes++;
			s->classes[*at] = (struct ap_class){
				.name = ap_node_class(g, v), .type = type, .largest = v};
		}
		s->class_of[v] = *at;
	}
	free(by_text);
	return NULL;
}

/* Down the dominator tree; of nested nodes of one class only the outermost counts. */
static struct ap_err *sum_classes(struct ap_study *s)
{
	const struct ap_graph *g = s->graph;
	const struct ap_dominators *d = &s->dominators;
	uint32_t *stack = malloc(((size_t)g->n_nodes * 2 + 1) * sizeof(*stack));
	uint32_t *inside = calloc(s->n_classes, sizeof(*inside));
	const uint32_t leave = UINT32_C(1) << 31;
	size_t n = 0;

	if (!stack || !inside) {
		free(stack);
		free(inside);
		return &ap_err_nomem;
	}
	stack[n++] = 0;
	while (n) {
		uint32_t v = stack[--n];

		if (v & leave) {
			inside[s->class_of[v & ~leave]]--;
			continue;
		}
		struct ap_class *c = &s->classes[s->class_of[v]];
		c->count++;
		c->self_bytes += ap_node_size(g, v);
		if (d->retained[v] > d->retained[c->largest])
			c->largest = v;
		if (!inside[s->class_of[v]]++)
			c->retained_bytes += d->retained[v];
		stack[n++] = v | leave;
		for (uint32_t i = d->first_child[v]; i < d->first_child[v + 1]; i++)
			stack[n++] = d->children[i];
	}
	free(stack);
	free(inside);
	return NULL;
}

struct ap_err *ap_study_classes(struct ap_study *study)
{
	const struct ap_dominators *d;

	if (study->class_of)
		return NULL;
	AP_TRY(ap_study_dominators(study, &d));
	struct ap_err *err = number_classes(study);
	if (!err)
		err = sum_classes(study);
	if (err) {
		free(study->class_of);
		free(study->classes);
		study->class_of = NULL;
		study->classes = NULL;
		study->n_classes = 0;
	}
	return err;
}

static bool more_waste(const struct ap_duplicate *a, const struct ap_duplicate *b)
{
	return a->wasted_bytes > b->wasted_bytes;
}

struct ap_err *ap_graph_duplicates(const struct ap_graph *g, size_t limit, struct ap_arena *arena,
				   struct ap_duplicate **ret, size_t *ret_n, uint64_t *ret_wasted)
{
	struct strings {
		uint64_t bytes;
		uint32_t count, example;
	} *all = calloc(g->n_texts, sizeof(*all));
	struct ap_duplicate *best = ap_alloc_array(arena, limit + 1, sizeof(*best));
	uint64_t wasted = 0;
	size_t n = 0;

	if (!all || !best) {
		free(all);
		return &ap_err_nomem;
	}
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		struct strings *s = &all[g->names[v]];

		/* In files long strings share their beginning: another size is another string. */
		if (g->types[v] != AP_NODE_STRING || !ap_node_size(g, v) ||
		    (s->count && ap_node_size(g, s->example) != ap_node_size(g, v)))
			continue;
		if (!s->count++)
			s->example = v;
		s->bytes += ap_node_size(g, v);
	}
	for (uint32_t i = 0; i < g->n_texts; i++) {
		if (all[i].count < 2)
			continue;
		const struct ap_duplicate dup = {
			.text = ap_graph_text(g, i),
			.count = all[i].count,
			.example = all[i].example,
			.bytes = all[i].bytes,
			.wasted_bytes = all[i].bytes - ap_node_size(g, all[i].example),
		};
		wasted += dup.wasted_bytes;
		size_t at = n < limit ? n++ : n;
		for (; at && more_waste(&dup, &best[at - 1]); at--)
			best[at] = best[at - 1];
		best[at] = dup;
	}
	free(all);
	*ret = best;
	*ret_n = n;
	*ret_wasted = wasted;
	return NULL;
}

struct ap_err *ap_study_wasted(struct ap_study *study, uint64_t *ret_wasted)
{
	struct ap_duplicate *first;
	size_t n;

	if (study->wasted_bytes == UINT64_MAX)
		AP_TRY(ap_graph_duplicates(study->graph, 1, &study->arena, &first, &n,
					   &study->wasted_bytes));
	*ret_wasted = study->wasted_bytes;
	return NULL;
}
