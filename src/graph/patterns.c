#include "graph/patterns.h"

#include <stdlib.h>
#include <string.h>

enum {
	MIN_LISTENERS = 50,  /* Node itself warns at 11 */
	MIN_TIMERS = 100,    /* of one function */
	MIN_WAITING = 100,   /* of one function */
	MIN_TABLE = 1 << 16, /* bytes */
	SLOTS_PER_REFERENCE = 20,
	SCOPE_SHARE = 20, /* a twentieth of the heap */
	PER_KIND = 3,
};

const char *ap_pattern_kind_name(enum ap_pattern_kind kind)
{
	static const char *const names[] = {
#define X(id, name) name,
		AP_PATTERN_KINDS(X)
#undef X
	};

	return names[kind];
}

/* The texts that are looked for, by their number: comparing numbers is cheap. */
#define WORDS(X)                                                                                   \
	X(EVENTS, "_events")                                                                       \
	X(ON_TIMEOUT, "_onTimeout")                                                                \
	X(FUNCTION, "function")                                                                    \
	X(REGISTERS, "parameters_and_registers")                                                   \
	X(SHARED, "shared")                                                                        \
	X(TABLE, "table")                                                                          \
	X(ELEMENTS, "elements")                                                                    \
	X(CONTEXT, "context")                                                                      \
	X(PREVIOUS, "previous")                                                                    \
	X(BOUND_FUNCTION, "bound_function")                                                        \
	X(LISTENER, "listener")                                                                    \
	X(TIMEOUT_CLASS, "Timeout")                                                                \
	X(ARRAY_CLASS, "Array")                                                                    \
	X(MAP_CLASS, "Map")                                                                        \
	X(SET_CLASS, "Set")                                                                        \
	X(CONTEXT_CLASS, "system / Context")

enum word {
#define X(id, text) W_##id,
	WORDS(X)
#undef X
		N_WORDS,
};

/* One object of a kind that is counted by the function it will run. */
struct run {
	uint32_t shared, node;
};

struct finder {
	struct ap_study *study;
	const struct ap_graph *g;
	const struct ap_dominators *d;
	struct ap_arena *arena;
	uint32_t words[N_WORDS];
	AP_VEC(struct run) timers, waiting;
	struct ap_pattern best[AP_N_PATTERN_KINDS][PER_KIND];
	size_t n_best[AP_N_PATTERN_KINDS];
};

static void find_words(struct finder *f)
{
	static const char *const texts[N_WORDS] = {
#define X(id, text) text,
		WORDS(X)
#undef X
	};

	memset(f->words, 0xff, sizeof(f->words));
	for (uint32_t i = 0; i < f->g->n_texts; i++) {
		struct ap_text text = ap_graph_text(f->g, i);

		for (int w = 0; w < N_WORDS; w++) {
			if (f->words[w] == UINT32_MAX && ap_text_is(text, texts[w]))
				f->words[w] = i;
		}
	}
}

static uint32_t target(const struct ap_graph *g, uint32_t node, enum ap_edge_type type,
		       uint32_t name)
{
	for (uint32_t i = g->first_edge[node]; i < g->first_edge[node + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, node, i);

		if (e.name == name && ap_edge_type(e) == type)
			return ap_edge_to(e);
	}
	return AP_NO_NODE;
}

static uint64_t weight(const struct ap_pattern *p)
{
	return p->kind == AP_PATTERN_SLACK || p->kind == AP_PATTERN_SCOPE ? p->bytes : p->count;
}

/* Keeps the largest few of each kind. */
static void offer(struct finder *f, const struct ap_pattern *p)
{
	struct ap_pattern *best = f->best[p->kind];
	size_t *n = &f->n_best[p->kind], at = *n;

	if (at == PER_KIND) {
		if (weight(p) <= weight(&best[at - 1]))
			return;
		at--;
	} else {
		++*n;
	}
	for (; at && weight(p) > weight(&best[at - 1]); at--)
		best[at] = best[at - 1];
	best[at] = *p;
}

/* The program's function behind once()'s and bind()'s wrappers. */
static uint32_t innermost(const struct finder *f, uint32_t closure)
{
	for (int i = 0; i < 4; i++) {
		uint32_t inner = target(f->g, closure, AP_EDGE_PROPERTY, f->words[W_LISTENER]);

		if (inner == AP_NO_NODE)
			inner = target(f->g, closure, AP_EDGE_INTERNAL, f->words[W_BOUND_FUNCTION]);
		if (inner == AP_NO_NODE || f->g->types[inner] != AP_NODE_CLOSURE)
			break;
		closure = inner;
	}
	return closure;
}

/* An emitter's `_events`: event -> function, or an array of functions. */
static void look_at_emitter(struct finder *f, uint32_t emitter, uint32_t events)
{
	const struct ap_graph *g = f->g;

	for (uint32_t i = g->first_edge[events]; i < g->first_edge[events + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, events, i);
		uint32_t list = ap_edge_to(e);
		struct ap_pattern p = {.kind = AP_PATTERN_LISTENERS, .node = emitter};
		uint32_t last = AP_NO_NODE;

		if (ap_edge_type(e) != AP_EDGE_PROPERTY || g->types[list] != AP_NODE_OBJECT ||
		    g->names[list] != f->words[W_ARRAY_CLASS])
			continue;
		for (uint32_t k = g->first_edge[list]; k < g->first_edge[list + 1]; k++) {
			struct ap_edge item = ap_edge_at(g, list, k);
			uint32_t to = ap_edge_to(item);

			if (ap_edge_type(item) == AP_EDGE_ELEMENT &&
			    g->types[to] == AP_NODE_CLOSURE) {
				p.count++;
				last = to;
			}
		}
		if (p.count < MIN_LISTENERS)
			continue;
		p.bytes = f->d->retained[list];
		p.name = ap_edge_name(g, e);
		ap_closure_place(g, innermost(f, last), &p.place);
		offer(f, &p);
	}
}

static void look_at_table(struct finder *f, uint32_t owner, uint32_t table)
{
	const struct ap_graph *g = f->g;
	struct ap_pattern p = {
		.kind = AP_PATTERN_SLACK, .node = owner, .bytes = ap_node_size(g, table)};

	p.count = g->first_edge[table + 1] - g->first_edge[table];
	/* Without any reference it holds plain numbers. */
	if (p.bytes < MIN_TABLE || p.bytes * 100 < f->d->retained[0] || !p.count ||
	    p.count * SLOTS_PER_REFERENCE * 8 > p.bytes)
		return;
	offer(f, &p);
}

static void look_at_scope(struct finder *f, uint32_t context)
{
	const struct ap_graph *g = f->g;
	struct ap_pattern p = {.kind = AP_PATTERN_SCOPE, .node = context};

	uint32_t outer = target(g, context, AP_EDGE_INTERNAL, f->words[W_PREVIOUS]);

	/* A module's scope lives as long as the program: no news. */
	if (f->d->retained[context] * SCOPE_SHARE < f->d->retained[0] || outer == AP_NO_NODE ||
	    g->names[outer] != f->words[W_CONTEXT_CLASS])
		return;
	for (uint32_t i = g->first_edge[context]; i < g->first_edge[context + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, context, i);
		uint32_t to = ap_edge_to(e);

		/* Only what would go with the scope: others may hold the rest. */
		if (ap_edge_type(e) == AP_EDGE_CONTEXT && f->d->idom[to] == context &&
		    f->d->retained[to] > p.bytes) {
			p.bytes = f->d->retained[to];
			p.name = ap_edge_name(g, e);
		}
	}
	if (p.bytes * SCOPE_SHARE < f->d->retained[0])
		return;
	if (f->study->scopes[context] != AP_NO_NODE)
		ap_closure_place(g, f->study->scopes[context], &p.place);
	offer(f, &p);
}

static struct ap_err *look_at_object(struct finder *f, uint32_t v)
{
	const struct ap_graph *g = f->g;
	uint32_t name = g->names[v];
	uint32_t function = AP_NO_NODE, registers = AP_NO_NODE, events = AP_NO_NODE, to;
	struct run run = {.node = v};

	if (name == f->words[W_CONTEXT_CLASS]) {
		look_at_scope(f, v);
		return NULL;
	}
	if (name == f->words[W_MAP_CLASS] || name == f->words[W_SET_CLASS] ||
	    name == f->words[W_ARRAY_CLASS]) {
		to = target(g, v, AP_EDGE_INTERNAL,
			    name == f->words[W_ARRAY_CLASS] ? f->words[W_ELEMENTS]
							    : f->words[W_TABLE]);
		if (to != AP_NO_NODE)
			look_at_table(f, v, to);
	}
	for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, v, i);
		enum ap_edge_type type = ap_edge_type(e);
		uint32_t text = e.name;

		if (type == AP_EDGE_PROPERTY && text == f->words[W_EVENTS])
			events = ap_edge_to(e);
		else if (type == AP_EDGE_PROPERTY && text == f->words[W_ON_TIMEOUT] &&
			 name == f->words[W_TIMEOUT_CLASS])
			function = ap_edge_to(e);
		else if (type == AP_EDGE_INTERNAL && text == f->words[W_FUNCTION])
			function = ap_edge_to(e);
		else if (type == AP_EDGE_INTERNAL && text == f->words[W_REGISTERS])
			registers = ap_edge_to(e);
	}
	if (events != AP_NO_NODE)
		look_at_emitter(f, v, events);
	bool timer = name == f->words[W_TIMEOUT_CLASS], waits = registers != AP_NO_NODE;
	if (function == AP_NO_NODE || g->types[function] != AP_NODE_CLOSURE || (!timer && !waits))
		return NULL;
	run.shared = target(g, innermost(f, function), AP_EDGE_INTERNAL, f->words[W_SHARED]);
	if (run.shared == AP_NO_NODE)
		return NULL;
	if (!(timer ? ap_vec_push(f->arena, &f->timers, run)
		    : ap_vec_push(f->arena, &f->waiting, run)))
		return &ap_err_nomem;
	return NULL;
}

static int compare_runs(const void *pa, const void *pb)
{
	const struct run *a = pa, *b = pb;

	if (a->shared != b->shared)
		return a->shared < b->shared ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

/* The function that an object of a run will call. */
static uint32_t function_of(const struct finder *f, uint32_t node)
{
	uint32_t function = target(f->g, node, AP_EDGE_PROPERTY, f->words[W_ON_TIMEOUT]);

	return function != AP_NO_NODE ? function
				      : target(f->g, node, AP_EDGE_INTERNAL, f->words[W_FUNCTION]);
}

static void count_runs(struct finder *f, enum ap_pattern_kind kind, struct run *runs, size_t n,
		       size_t least)
{
	if (n)
		qsort(runs, n, sizeof(*runs), compare_runs);
	for (size_t i = 0, end; i < n; i = end) {
		struct ap_pattern p = {.kind = kind, .node = runs[i].node};

		for (end = i; end < n && runs[end].shared == runs[i].shared; end++)
			;
		p.count = end - i;
		if (p.count < least)
			continue;
		ap_closure_place(f->g, innermost(f, function_of(f, p.node)), &p.place);
		offer(f, &p);
	}
}

/*
 * What the objects of each chosen run keep, each byte once: down the dominator tree, only the
 * outermost of a run counts. One of a million suspended functions may hang below the next.
 */
static struct ap_err *sum_runs(struct finder *f, enum ap_pattern_kind kind, const struct run *runs,
			       size_t n)
{
	struct ap_pattern *chosen = f->best[kind];
	uint32_t *stack, inside[PER_KIND] = {0}, depth = 0;
	const uint32_t leave = UINT32_C(1) << 31;
	uint8_t *member;

	if (!f->n_best[kind])
		return NULL;
	member = calloc(f->g->n_nodes, 1);
	stack = malloc(((size_t)f->g->n_nodes * 2 + 1) * sizeof(*stack));
	if (!member || !stack) {
		free(member);
		free(stack);
		return &ap_err_nomem;
	}
	for (size_t k = 0; k < f->n_best[kind]; k++) {
		const struct run key = {.node = chosen[k].node};
		uint32_t shared = target(f->g, innermost(f, function_of(f, key.node)),
					 AP_EDGE_INTERNAL, f->words[W_SHARED]);

		for (size_t i = 0; i < n; i++) {
			if (runs[i].shared == shared)
				member[runs[i].node] = (uint8_t)(k + 1);
		}
	}
	stack[depth++] = 0;
	while (depth) {
		uint32_t v = stack[--depth];
		uint8_t k = member[v & ~leave];

		if (v & leave) {
			inside[k - 1]--;
			continue;
		}
		if (k) {
			if (!inside[k - 1]++)
				chosen[k - 1].bytes += f->d->retained[v];
			stack[depth++] = v | leave;
		}
		for (uint32_t i = f->d->first_child[v]; i < f->d->first_child[v + 1]; i++)
			stack[depth++] = f->d->children[i];
	}
	free(member);
	free(stack);
	return NULL;
}

/* How many closures share each scope that was found. */
static void count_sharers(struct finder *f)
{
	const struct ap_graph *g = f->g;
	struct ap_pattern *scopes = f->best[AP_PATTERN_SCOPE];
	size_t n = f->n_best[AP_PATTERN_SCOPE];

	for (uint32_t v = 0; n && v < g->n_nodes; v++) {
		uint32_t context = g->types[v] == AP_NODE_CLOSURE
					   ? target(g, v, AP_EDGE_INTERNAL, f->words[W_CONTEXT])
					   : AP_NO_NODE;

		for (size_t i = 0; i < n && context != AP_NO_NODE; i++)
			scopes[i].count += scopes[i].node == context;
	}
}

static struct ap_err *find_patterns(struct ap_study *study, struct ap_arena *arena,
				    struct ap_patterns *ret)
{
	struct finder f = {.study = study, .g = study->graph, .arena = arena};
	struct ap_patterns found = {0};

	AP_TRY(ap_study_dominators(study, &f.d));
	AP_TRY(ap_study_scopes(study));
	find_words(&f);
	for (uint32_t v = 1; v < f.g->n_nodes; v++) {
		/* What nothing holds is no leak. */
		if (f.g->types[v] == AP_NODE_OBJECT && f.d->retained[v])
			AP_TRY(look_at_object(&f, v));
	}
	count_runs(&f, AP_PATTERN_TIMERS, f.timers.at, f.timers.n, MIN_TIMERS);
	count_runs(&f, AP_PATTERN_WAITING, f.waiting.at, f.waiting.n, MIN_WAITING);
	AP_TRY(sum_runs(&f, AP_PATTERN_TIMERS, f.timers.at, f.timers.n));
	AP_TRY(sum_runs(&f, AP_PATTERN_WAITING, f.waiting.at, f.waiting.n));
	count_sharers(&f);
	found.at = ap_alloc_array(arena, AP_N_PATTERN_KINDS * PER_KIND, sizeof(*found.at));
	if (!found.at)
		return &ap_err_nomem;
	for (int kind = 0; kind < AP_N_PATTERN_KINDS; kind++) {
		for (size_t i = 0; i < f.n_best[kind]; i++)
			found.at[found.n++] = f.best[kind][i];
	}
	*ret = found;
	return NULL;
}

struct ap_err *ap_study_patterns(struct ap_study *study, struct ap_patterns *ret)
{
	if (!study->patterns) {
		struct ap_patterns *found = ap_alloc(&study->arena, sizeof(*found));

		if (!found)
			return &ap_err_nomem;
		AP_TRY(find_patterns(study, &study->arena, found));
		study->patterns = found;
	}
	*ret = *study->patterns;
	return NULL;
}
