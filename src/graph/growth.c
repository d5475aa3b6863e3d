#include "graph/growth.h"

#include <stdlib.h>

#include "base/map64.h"

enum {
	/*
	 * A new object gets a row of its own if it keeps this, and of what its holder got a half;
	 * of what a scope or a root got, which are no collections, a hundredth.
	 */
	OWN_ROW_BYTES = 1024,
	OWN_ROW_SHARE = 2,
	OWN_ROW_SHARE_OF_SCOPE = 100,
	MAX_LINK_EDGES = 64,
};

struct side {
	struct ap_study *s;
	const uint32_t *other;   /* of each node; AP_NO_NODE: not there */
	uint32_t *owner;         /* under whom a node's change counts */
	uint64_t *loose;         /* by owner: bytes of what is only here */
	uint8_t *inside;         /* of something else that is only here: no entry itself */
	struct ap_map64 classes; /* (row, class) -> index of `tallies` */
	bool old;
};

struct tally {
	uint64_t key, count, bytes;
};

struct growing {
	struct side sides[2];
	struct ap_arena *arena;
	struct ap_map64 by_holder;
	AP_VEC(struct ap_growth) rows;
	AP_VEC(struct tally) tallies[2];
};

enum { OLD, NEW };

/* What a programmer knows, a scope, or a kind of root. */
static bool holds(const struct ap_graph *g, uint32_t v)
{
	return ap_node_is_visible(g, v) || g->types[v] == AP_NODE_SYNTHETIC ||
	       (g->types[v] == AP_NODE_OBJECT &&
		ap_text_is(ap_node_name(g, v), "system / Context"));
}

/* Has `v` a property of that name? */
static bool has_property(const struct ap_graph *g, uint32_t v, uint32_t name)
{
	for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, v, i);

		if (ap_edge_type(e) == AP_EDGE_PROPERTY && e.name == name)
			return true;
	}
	return false;
}

/* One of a chain of objects that have the next one under the same name: they count under the first.
 */
static bool is_link(const struct side *side, uint32_t v)
{
	const struct ap_study *s = side->s;
	const struct ap_graph *g = s->graph;
	uint32_t up = s->dominators.idom[v];

	if (!ap_node_is_visible(g, v) || s->class_of[v] != s->class_of[up] ||
	    g->first_edge[up + 1] - g->first_edge[up] > MAX_LINK_EDGES ||
	    g->first_edge[v + 1] - g->first_edge[v] > MAX_LINK_EDGES)
		return false;
	for (uint32_t i = g->first_edge[up]; i < g->first_edge[up + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, up, i);

		if (ap_edge_to(e) == v && ap_edge_type(e) == AP_EDGE_PROPERTY &&
		    has_property(g, v, e.name))
			return true;
	}
	return false;
}

typedef void visit_fn(struct growing *w, struct side *side, uint32_t v);

/* Dominators in front of what they dominate. */
static struct ap_err *each_down(struct growing *w, struct side *side, visit_fn *visit)
{
	const struct ap_dominators *d = &side->s->dominators;
	uint32_t *stack = malloc(((size_t)side->s->graph->n_nodes + 1) * sizeof(*stack));
	size_t n = 0;

	if (!stack)
		return &ap_err_nomem;
	stack[n++] = 0;
	while (n && !ap_graph_cancelled(side->s->graph)) {
		uint32_t v = stack[--n];

		visit(w, side, v);
		for (uint32_t i = d->first_child[v]; i < d->first_child[v + 1]; i++)
			stack[n++] = d->children[i];
	}
	free(stack);
	return n ? &ap_err_cancelled : NULL;
}

static void find_owner(struct growing *w, struct side *side, uint32_t v)
{
	const struct ap_study *s = side->s;
	bool matched = side->other[v] != AP_NO_NODE;

	(void)w;
	if (!v || (matched && holds(s->graph, v) && !is_link(side, v)))
		side->owner[v] = v;
	else
		side->owner[v] = side->owner[s->dominators.idom[v]];
	if (!matched)
		side->loose[side->owner[v]] += ap_node_size(s->graph, v);
}

/* Again, now that it is known how much each got. */
static void find_own_rows(struct growing *w, struct side *side, uint32_t v)
{
	const struct ap_study *s = side->s;
	uint32_t up = s->dominators.idom[v];
	bool matched = side->other[v] != AP_NO_NODE, fresh_up = v && side->other[up] == AP_NO_NODE;

	(void)w;
	if (matched) {
		if (side->owner[v] != v)
			side->owner[v] = side->owner[up];
		return;
	}
	uint32_t owner = side->owner[up];
	uint64_t share =
		ap_node_is_visible(s->graph, owner) ? OWN_ROW_SHARE : OWN_ROW_SHARE_OF_SCOPE;
	side->inside[v] =
		fresh_up && owner != up && (side->inside[up] || ap_node_is_visible(s->graph, up));
	side->owner[v] = owner;
	if (!side->inside[v] && side->other[owner] != AP_NO_NODE &&
	    ap_node_is_visible(s->graph, v) && s->dominators.retained[v] >= OWN_ROW_BYTES &&
	    s->dominators.retained[v] > ap_node_size(s->graph, v) &&
	    s->dominators.retained[v] >= side->loose[owner] / share)
		side->owner[v] = v;
}

/* The row of that owner; NULL without memory. */
static struct ap_growth *row_of(struct growing *w, const struct side *side, uint32_t owner)
{
	struct ap_growth row = {.holder = owner};
	uint32_t at;

	if (side->other[owner] == AP_NO_NODE)
		row.kind = side->old ? AP_GROWTH_GONE : AP_GROWTH_NEW;
	else if (side->old)
		row.holder = side->other[owner];
	uint64_t key = ((uint64_t)row.kind << 32 | row.holder) + 1;
	if (!ap_map64_get(&w->by_holder, key, &at)) {
		at = (uint32_t)w->rows.n;
		if (!ap_vec_push(w->arena, &w->rows, row) || !ap_map64_put(&w->by_holder, key, at))
			return NULL;
	}
	return &w->rows.at[at];
}

/* Directly below the holder: no machinery between, no parts of something else. */
static bool add_entry(struct growing *w, struct side *side, uint32_t row, uint32_t v)
{
	const struct ap_study *s = side->s;
	uint8_t type = s->graph->types[v];
	uint64_t key = (uint64_t)row << 32 | s->class_of[v];
	uint32_t at;

	if (side->inside[v] || side->owner[v] == v ||
	    !(ap_node_is_visible(s->graph, v) || type == AP_NODE_STRING ||
	      type == AP_NODE_CONCATENATED || type == AP_NODE_NATIVE))
		return true;
	if (!ap_map64_get(&side->classes, key + 1, &at)) {
		const struct tally first = {.key = key};

		at = (uint32_t)w->tallies[!side->old].n;
		if (!ap_vec_push(w->arena, &w->tallies[!side->old], first) ||
		    !ap_map64_put(&side->classes, key + 1, at))
			return false;
	}
	w->tallies[!side->old].at[at].count++;
	w->tallies[!side->old].at[at].bytes += s->dominators.retained[v];
	return true;
}

static struct ap_err *add_rows(struct growing *w, struct side *side)
{
	const struct ap_graph *g = side->s->graph, *old = w->sides[OLD].s->graph;

	for (uint32_t v = 0; v < g->n_nodes; v++) {
		uint64_t bytes = ap_node_size(g, v);
		struct ap_growth *row;

		if (side->other[v] != AP_NO_NODE) {
			/* Sizes in files may be anything: sums are modulo 2^64. */
			uint64_t more = side->old ? 0 : bytes - ap_node_size(old, side->other[v]);
			if (!more)
				continue;
			if (!(row = row_of(w, side, side->owner[v])))
				return &ap_err_nomem;
			row->resized_bytes = (int64_t)((uint64_t)row->resized_bytes + more);
			continue;
		}
		row = row_of(w, side, side->owner[v]);
		if (!row || !add_entry(w, side, (uint32_t)(row - w->rows.at), v))
			return &ap_err_nomem;
		if (side->old) {
			row->gone_count++;
			row->gone_bytes += bytes;
		} else {
			row->new_count++;
			row->new_bytes += bytes;
		}
	}
	return NULL;
}

static struct ap_err *open_side(struct growing *w, struct side *side)
{
	uint32_t n = side->s->graph->n_nodes;

	AP_TRY(ap_study_classes(side->s));
	side->owner = malloc(n * sizeof(*side->owner));
	side->loose = calloc(n, sizeof(*side->loose));
	side->inside = calloc(n, 1);
	if (!side->owner || !side->loose || !side->inside)
		return &ap_err_nomem;
	AP_TRY(each_down(w, side, find_owner));
	AP_TRY(each_down(w, side, find_own_rows));
	return add_rows(w, side);
}

static void close_side(struct side *side)
{
	free(side->owner);
	free(side->loose);
	free(side->inside);
	ap_map64_close(&side->classes);
}

/* The class with most bytes in each row, on the side that has more. */
static void find_entries(struct growing *w)
{
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < w->tallies[k].n; i++) {
			const struct tally *t = &w->tallies[k].at[i];
			struct ap_growth *row = &w->rows.at[t->key >> 32];

			if ((row->gone_bytes > row->new_bytes) != (k == OLD) ||
			    t->bytes <= row->entry_bytes)
				continue;
			row->entry_class = w->sides[k].s->classes[(uint32_t)t->key].name;
			row->entries = t->count;
			row->entry_bytes = t->bytes;
		}
	}
}

static int by_delta(const void *pa, const void *pb)
{
	const struct ap_growth *a = pa, *b = pb;

	if (a->delta != b->delta)
		return a->delta > b->delta ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->holder > b->holder) - (a->holder < b->holder);
}

struct ap_err *ap_study_growth(struct ap_study *old, struct ap_study *new,
			       const struct ap_matches *m, struct ap_arena *arena,
			       struct ap_growth **ret, size_t *ret_n)
{
	struct growing w = {
		.sides = {{.s = old, .other = m->new_of, .old = true},
			  {.s = new, .other = m->old_of}},
		.arena = arena,
	};
	struct ap_err *err = open_side(&w, &w.sides[OLD]);

	if (!err)
		err = open_side(&w, &w.sides[NEW]);
	if (!err)
		find_entries(&w);
	close_side(&w.sides[OLD]);
	close_side(&w.sides[NEW]);
	ap_map64_close(&w.by_holder);
	if (err)
		return err;
	for (size_t i = 0; i < w.rows.n; i++) {
		struct ap_growth *row = &w.rows.at[i];

		row->delta =
			(int64_t)(row->new_bytes - row->gone_bytes + (uint64_t)row->resized_bytes);
	}
	if (w.rows.n)
		qsort(w.rows.at, w.rows.n, sizeof(*w.rows.at), by_delta);
	*ret = w.rows.at;
	*ret_n = w.rows.n;
	return NULL;
}
