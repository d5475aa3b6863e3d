#include "graph/suspects.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_PERIOD = 6, LIST_MIN = 16, OWNER_STEPS = 12, MAX_CANDIDATES = 4096 };

const char *ap_suspect_kind_name(enum ap_suspect_kind kind)
{
	static const char *const names[] = {
		[AP_SUSPECT_COLLECTION] = "collection",
		[AP_SUSPECT_LIST] = "list",
		[AP_SUSPECT_SINGLE] = "single",
	};

	return names[kind];
}

struct candidate {
	uint32_t node, hops; /* of a list */
	uint64_t bytes;
};

struct finder {
	struct ap_study *study;
	const struct ap_graph *g;
	const struct ap_dominators *d;
	struct ap_arena *arena;
	uint64_t threshold;
	AP_VEC(struct candidate) candidates;
};

/* V8's own roots and what belongs to everybody: never a suspect, whatever hangs on it. */
static bool is_common(const struct ap_graph *g, uint32_t v)
{
	if (v == 0 || g->types[v] == AP_NODE_SYNTHETIC ||
	    ap_text_is(ap_node_name(g, v), "system / NativeContext"))
		return true;
	for (uint32_t i = g->first_edge[0]; i < g->first_edge[1]; i++) {
		struct ap_edge e = ap_edge_at(g, 0, i);

		if (ap_edge_type(e) == AP_EDGE_SHORTCUT && ap_edge_to(e) == v)
			return true;
	}
	return false;
}

/*
 * A long list ends somewhere in its middle at the threshold; its head is up the dominators as long
 * as nodes of the same name follow each other.
 */
static struct candidate list_head(const struct finder *f, uint32_t v)
{
	const struct ap_graph *g = f->g;
	struct candidate c = {v, 0, 0};
	uint32_t start = v;

	/* The end may lie in the machinery between two nodes of the list. */
	for (int shift = 0; shift < LIST_PERIOD && start; shift++, start = f->d->idom[start]) {
		uint32_t at = start, hops = 0;

		for (;;) {
			uint32_t up = at;
			int step = 0;

			do
				up = f->d->idom[up];
			while (up && ++step < LIST_PERIOD &&
			       (g->types[up] != g->types[at] || g->names[up] != g->names[at]));
			if (!up || g->types[up] != g->types[at] || g->names[up] != g->names[at])
				break;
			at = up;
			hops++;
		}
		if (hops > c.hops)
			c = (struct candidate){at, hops, 0};
	}
	return c.hops >= LIST_MIN ? c : (struct candidate){v, 0, 0};
}

static struct ap_err *find_candidates(struct finder *f)
{
	const struct ap_dominators *d = f->d;

	for (uint32_t v = 1; v < f->g->n_nodes; v++) {
		uint64_t own = d->retained[v];

		if (own < f->threshold)
			continue;
		for (uint32_t i = d->first_child[v]; i < d->first_child[v + 1]; i++) {
			uint64_t child = d->retained[d->children[i]];

			own -= child >= f->threshold ? child : 0;
		}
		if (own < f->threshold || is_common(f->g, v))
			continue;
		struct candidate c = list_head(f, v);
		c.bytes = c.hops ? d->retained[c.node] : own;
		if (f->candidates.n < MAX_CANDIDATES && !ap_vec_push(f->arena, &f->candidates, c))
			return &ap_err_nomem;
	}
	return NULL;
}

/* The nearest dominator that a programmer knows; AP_NO_NODE if there is none before the roots. */
static uint32_t owner_of(const struct finder *f, uint32_t v)
{
	for (int step = 0; step < OWNER_STEPS && v; step++, v = f->d->idom[v]) {
		if (f->g->types[v] == AP_NODE_SYNTHETIC)
			break;
		if (ap_node_is_visible(f->g, v))
			return is_common(f->g, v) ? AP_NO_NODE : v;
	}
	return AP_NO_NODE;
}

static int compare_candidates(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static bool dominates(const struct finder *f, uint32_t above, uint32_t v)
{
	/* Retained sizes grow on the way up: no need to go beyond that of `above`. */
	while (v && f->d->retained[v] <= f->d->retained[above]) {
		if (v == above)
			return true;
		v = f->d->idom[v];
	}
	return v == above;
}

struct tally {
	uint32_t class, example;
	uint64_t count, bytes;
};

/* The class that makes up most of what hangs directly below. */
static struct ap_err *count_entries(const struct finder *f, uint32_t point, struct ap_suspect *s)
{
	const struct ap_study *study = f->study;
	struct tally *tallies = calloc(study->n_classes, sizeof(*tallies));
	const struct tally *best = NULL;

	if (!tallies)
		return &ap_err_nomem;
	for (uint32_t i = f->d->first_child[point]; i < f->d->first_child[point + 1]; i++) {
		uint32_t child = f->d->children[i];
		struct tally *t = &tallies[study->class_of[child]];

		t->count++;
		t->bytes += f->d->retained[child];
		t->example = child;
		if (!best || t->bytes > best->bytes)
			best = t;
	}
	if (best) {
		s->entry_class = study->classes[study->class_of[best->example]].name;
		s->entries = best->count;
		s->entry_bytes = best->bytes;
		s->entry = best->example;
	}
	free(tallies);
	return NULL;
}

static int compare_u32(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return (a > b) - (a < b);
}

/* Whether most strings among the entries, or inside them one level down, are the same. */
static struct ap_err *count_texts(const struct finder *f, uint32_t point, struct ap_suspect *s)
{
	const struct ap_graph *g = f->g;
	const struct ap_dominators *d = f->d;
	AP_VEC(uint32_t) names = {0};
	size_t best = 0, run = 0;

	for (uint32_t i = d->first_child[point]; i < d->first_child[point + 1]; i++) {
		uint32_t child = d->children[i];

		if (g->types[child] == AP_NODE_STRING &&
		    !ap_vec_push(f->arena, &names, g->names[child]))
			return &ap_err_nomem;
		for (uint32_t k = d->first_child[child]; k < d->first_child[child + 1]; k++) {
			uint32_t inner = d->children[k];

			if (g->types[inner] == AP_NODE_STRING &&
			    !ap_vec_push(f->arena, &names, g->names[inner]))
				return &ap_err_nomem;
		}
	}
	if (!names.n)
		return NULL;
	qsort(names.at, names.n, sizeof(*names.at), compare_u32);
	for (size_t i = 0; i < names.n; i++) {
		run = i && names.at[i] == names.at[i - 1] ? run + 1 : 1;
		if (run > best && ap_graph_text(g, names.at[i]).n) {
			best = run;
			s->same_text = ap_graph_text(g, names.at[i]);
		}
	}
	s->same_text_count = best;
	return NULL;
}

/* All of a list, its thin end too: down the largest child as long as the name comes again. */
static uint64_t list_length(const struct finder *f, uint32_t head)
{
	const struct ap_graph *g = f->g;
	const struct ap_dominators *d = f->d;
	uint64_t n = 1;
	int since = 0;

	for (uint32_t v = head; since < LIST_PERIOD;) {
		uint32_t best = AP_NO_NODE;

		for (uint32_t i = d->first_child[v]; i < d->first_child[v + 1]; i++) {
			uint32_t child = d->children[i];
			bool same = g->types[child] == g->types[head] &&
				    g->names[child] == g->names[head];

			/* At the end of a list its next node may keep less than what hangs beside
			 * it. */
			if (same) {
				best = child;
				break;
			}
			if (best == AP_NO_NODE || d->retained[child] > d->retained[best])
				best = child;
		}
		if (best == AP_NO_NODE)
			break;
		v = best;
		since++;
		if (g->types[v] == g->types[head] && g->names[v] == g->names[head]) {
			n++;
			since = 0;
		}
	}
	return n;
}

static struct ap_err *describe(const struct finder *f, const struct candidate *c, uint32_t owner,
			       struct ap_suspect *ret)
{
	const struct ap_dominators *d = f->d;
	uint64_t heap = d->retained[0];
	struct ap_suspect s = {
		.kind = c->hops ? AP_SUSPECT_LIST : AP_SUSPECT_COLLECTION,
		.point = c->node,
		.owner = owner,
		.retained_bytes = c->bytes,
		.percent = heap ? 100.0 * (double)c->bytes / (double)heap : 0,
		.holder = AP_NO_NODE,
		.entry = AP_NO_NODE,
	};

	AP_TRY(count_entries(f, c->node, &s));
	if (c->hops) {
		s.entry_class = ap_node_class(f->g, c->node);
		if (f->g->types[c->node] == AP_NODE_HIDDEN)
			s.entry_class = ap_node_name(f->g, c->node);
		s.entries = list_length(f, c->node);
		s.entry_bytes = c->bytes;
		s.entry = c->node;
	} else if (2 * ap_node_size(f->g, c->node) > c->bytes || s.entries < 2) {
		s.kind = AP_SUSPECT_SINGLE;
	}
	AP_TRY(count_texts(f, c->node, &s));
	if (s.same_text_count * 2 < s.entries || s.same_text_count < 10)
		s.same_text_count = 0;
	*ret = s;
	return NULL;
}

static struct ap_err *find_suspects(struct ap_study *study, double percent, uint64_t least,
				    size_t limit, struct ap_arena *arena, struct ap_suspects *ret)
{
	struct finder f = {.study = study, .g = study->graph, .arena = arena};
	struct ap_suspects found = {0};

	AP_TRY(ap_study_classes(study));
	AP_TRY(ap_study_dominators(study, &f.d));
	found.heap_bytes = f.d->retained[0];
	f.threshold = (uint64_t)((double)found.heap_bytes * percent / 100);
	f.threshold = f.threshold > least ? f.threshold : least;
	f.threshold = f.threshold ? f.threshold : 1;
	AP_TRY(find_candidates(&f));
	if (f.candidates.n)
		qsort(f.candidates.at, f.candidates.n, sizeof(*f.candidates.at),
		      compare_candidates);
	found.at = ap_alloc_array(arena, limit + 1, sizeof(*found.at));
	if (!found.at)
		return &ap_err_nomem;
	for (size_t i = 0; i < f.candidates.n && found.n < limit; i++) {
		const struct candidate *c = &f.candidates.at[i];
		uint32_t owner = owner_of(&f, c->node);
		bool told = owner == AP_NO_NODE;

		/* A part of what is suspected already, or the same list from another end. */
		for (size_t k = 0; k < found.n && !told; k++)
			told = found.at[k].kind == AP_SUSPECT_LIST &&
			       dominates(&f, found.at[k].point, c->node);
		if (!told)
			AP_TRY(describe(&f, c, owner, &found.at[found.n++]));
	}
	AP_TRY(ap_suspects_name(study, arena, &found));
	*ret = found;
	return NULL;
}

struct ap_err *ap_study_suspects(struct ap_study *study, double percent, uint64_t least,
				 size_t limit, struct ap_suspects *ret)
{
	struct ap_suspects *kept = study->suspects;

	if (!kept || study->suspects_percent != percent || study->suspects_least != least ||
	    study->suspects_limit != limit) {
		kept = ap_alloc(&study->arena, sizeof(*kept));
		if (!kept)
			return &ap_err_nomem;
		AP_TRY(find_suspects(study, percent, least, limit, &study->arena, kept));
		study->suspects = kept;
		study->suspects_percent = percent;
		study->suspects_least = least;
		study->suspects_limit = limit;
	}
	*ret = *kept;
	return NULL;
}
