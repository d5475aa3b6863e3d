#include "graph/trace.h"

#include <stdlib.h>
#include <string.h>

enum {
	COST_CONTEXT = 2,
	COST_PROPERTY = 3,
	COST_ELEMENT = 4,
	COST_INTERNAL = 7,
	COST_HIDDEN = 9,
	COST_SYNTHETIC = 15, /* a root by kind says nothing of the program */
	COST_PROTO = 13,
	COST_STACK = 60, /* what a function is busy with is there anyway, and lets go when it
			    returns */
	N_BUCKETS = 64,  /* more than any cost */
	FOLD_FROM = 3,
	FOLD_PERIOD = 4,
};

struct bucket {
	uint32_t *at;
	size_t n, cap;
};

static bool push(struct bucket *b, uint32_t v)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		uint32_t *at = realloc(b->at, cap * sizeof(*at));

		if (!at)
			return false;
		b->at = at;
		b->cap = cap;
	}
	b->at[b->n++] = v;
	return true;
}

/* Texts of edges that lead everywhere, what every module or function has; of roots that last no
 * longer than a call. */
struct plain_names {
	uint32_t proto, children, constructor;
	uint32_t stack, handles;
};

static uint32_t cost_of(const struct ap_graph *g, const struct plain_names *names, uint32_t from,
			struct ap_edge e)
{
	if (g->types[from] == AP_NODE_SYNTHETIC)
		return from == 0 && ap_edge_type(e) == AP_EDGE_SHORTCUT ? COST_CONTEXT
		       : g->names[from] == names->stack || g->names[from] == names->handles
			       ? COST_STACK
			       : COST_SYNTHETIC;
	switch (ap_edge_type(e)) {
	case AP_EDGE_CONTEXT:
		return COST_CONTEXT;
	case AP_EDGE_PROPERTY:
		return e.name == names->proto || e.name == names->children ||
				       e.name == names->constructor
			       ? COST_PROTO
			       : COST_PROPERTY;
	case AP_EDGE_ELEMENT:
		return COST_ELEMENT;
	case AP_EDGE_INTERNAL:
		return COST_INTERNAL;
	default:
		return COST_HIDDEN;
	}
}

static struct plain_names find_names(const struct ap_graph *g)
{
	struct plain_names names = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

	for (uint32_t i = 0; i < g->n_texts; i++) {
		struct ap_text text = ap_graph_text(g, i);

		if (ap_text_is(text, "__proto__"))
			names.proto = i;
		else if (ap_text_is(text, "children"))
			names.children = i;
		else if (ap_text_is(text, "constructor"))
			names.constructor = i;
		else if (ap_text_is(text, "(Stack roots)"))
			names.stack = i;
		else if (ap_text_is(text, "(Handle scope)"))
			names.handles = i;
	}
	return names;
}

/* Dial's form of Dijkstra's search: costs are small, so buckets serve as the queue. */
static bool search(const struct ap_graph *g, struct ap_traces *t, struct bucket *buckets)
{
	const struct plain_names names = find_names(g);
	size_t waiting = 1;

	t->cost[0] = 0;
	if (!push(&buckets[0], 0))
		return false;
	for (uint64_t cost = 0; waiting; cost++) {
		struct bucket *b = &buckets[cost % N_BUCKETS];

		while (b->n) {
			uint32_t v = b->at[--b->n];

			if (ap_graph_cancelled(g))
				return true; /* the caller asks, too */

			waiting--;
			if (t->cost[v] != cost) /* reached cheaper meanwhile */
				continue;
			for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
				struct ap_edge e = ap_edge_at(g, v, i);
				uint32_t to = ap_edge_to(e);

				if (t->cost[to] <= cost || !ap_edge_retains(e, v))
					continue;
				uint64_t total = cost + cost_of(g, &names, v, e);
				if (total >= t->cost[to])
					continue;
				t->cost[to] = (uint32_t)total;
				t->edge[to] = i;
				if (!push(&buckets[total % N_BUCKETS], to))
					return false;
				waiting++;
			}
		}
	}
	return true;
}

struct ap_err *ap_traces_compute(const struct ap_graph *g, struct ap_traces *ret)
{
	struct ap_traces t = {
		.edge = malloc(g->n_nodes * sizeof(*t.edge)),
		.cost = malloc(g->n_nodes * sizeof(*t.cost)),
	};
	struct bucket buckets[N_BUCKETS] = {0};
	bool ok = t.edge && t.cost;

	if (ok) {
		memset(t.edge, 0xff, g->n_nodes * sizeof(*t.edge));
		memset(t.cost, 0xff, g->n_nodes * sizeof(*t.cost));
		ok = search(g, &t, buckets);
	}
	for (size_t i = 0; i < N_BUCKETS; i++)
		free(buckets[i].at);
	if (!ok || ap_graph_cancelled(g)) {
		ap_traces_close(&t);
		return ok ? &ap_err_cancelled : &ap_err_nomem;
	}
	*ret = t;
	return NULL;
}

void ap_traces_close(struct ap_traces *t)
{
	free(t->edge);
	free(t->cost);
	*t = (struct ap_traces){0};
}

/* Two steps that look alike: the same edge between nodes of the same names. */
static bool alike(const struct ap_graph *g, const struct ap_step *a, const struct ap_step *b)
{
	struct ap_edge x = ap_edge_at(g, a->from, a->edge), y = ap_edge_at(g, b->from, b->edge);

	return ap_edge_type(x) == ap_edge_type(y) && (ap_edge_is_numbered(x) || x.name == y.name) &&
	       g->types[a->to] == g->types[b->to] && g->names[a->to] == g->names[b->to];
}

/* A period of up to four steps that comes again and again stands once, with how often it came. */
static void fold(const struct ap_graph *g, ap_path *path)
{
	size_t out = 0;

	for (size_t at = 0; at < path->n;) {
		size_t period = 1, times = 1;

		for (; period <= FOLD_PERIOD; period++) {
			times = 1;
			while (at + (times + 1) * period <= path->n) {
				size_t same = 0;

				while (same < period &&
				       alike(g, &path->at[at + same],
					     &path->at[at + times * period + same]))
					same++;
				if (same < period)
					break;
				times++;
			}
			if (times >= FOLD_FROM)
				break;
		}
		if (period > FOLD_PERIOD) {
			path->at[out++] = path->at[at++];
			continue;
		}
		for (size_t i = 0; i < period; i++) {
			path->at[out] = path->at[at + i];
			path->at[out++].repeats = (uint32_t)(times - 1);
		}
		at += times * period;
	}
	path->n = out;
}

struct ap_err *ap_trace_path(const struct ap_graph *g, const struct ap_traces *t, uint32_t node,
			     struct ap_arena *arena, ap_path *ret_path)
{
	ap_path path = {0};
	size_t n = 0;

	for (uint32_t v = node; v && t->edge[v] != UINT32_MAX; v = ap_edge_from(g, t->edge[v]))
		n++;
	path.at = ap_alloc_array(arena, n ? n : 1, sizeof(*path.at));
	if (!path.at)
		return &ap_err_nomem;
	path.n = path.cap = n;
	for (uint32_t v = node; n; v = path.at[n].from)
		path.at[--n] = (struct ap_step){ap_edge_from(g, t->edge[v]), v, t->edge[v], 0};
	fold(g, &path);
	*ret_path = path;
	return NULL;
}

static bool leads_through(const struct ap_graph *g, const struct ap_traces *t, uint32_t v,
			  uint32_t node)
{
	for (; v && t->edge[v] != UINT32_MAX; v = ap_edge_from(g, t->edge[v])) {
		/* Costs fall on the way up: below that of `node` it cannot come any more. */
		if (v == node)
			return true;
		if (t->cost[v] <= t->cost[node])
			return false;
	}
	return false;
}

struct ranked {
	uint64_t cost;
	struct ap_step step;
};

static int compare_ranked(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;

	if (a->cost != b->cost)
		return a->cost < b->cost ? -1 : 1;
	return (a->step.edge > b->step.edge) - (a->step.edge < b->step.edge);
}

/* Keeps the `limit` cheapest of those offered, in order. */
static void offer(struct ranked *best, size_t *n, size_t limit, struct ranked item)
{
	if (*n == limit && best[limit - 1].cost <= item.cost)
		return;
	if (*n < limit)
		(*n)++;
	best[*n - 1] = item;
	qsort(best, *n, sizeof(*best), compare_ranked);
}

struct ap_err *ap_trace_paths(const struct ap_graph *g, const struct ap_traces *t, uint32_t node,
			      size_t limit, struct ap_arena *arena, ap_path **ret_paths,
			      size_t *ret_n, uint64_t *ret_retainers)
{
	struct plain_names names = find_names(g);
	struct ranked *best = ap_alloc_array(arena, limit + 1, sizeof(*best));
	ap_path *paths = ap_alloc_array(arena, limit + 1, sizeof(*paths));
	uint64_t retainers = 0;
	size_t n = 0;

	if (!best || !paths)
		return &ap_err_nomem;
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		bool counted = false;

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = {.target = g->targets[i]};

			if (ap_edge_to(e) != node || !ap_edge_retains(e, v) || counted ||
			    t->cost[v] == UINT32_MAX || leads_through(g, t, v, node))
				continue;
			counted = true;
			retainers++;
			offer(best, &n, limit,
			      (struct ranked){(uint64_t)t->cost[v] +
						      cost_of(g, &names, v, ap_edge_at(g, v, i)),
					      {v, node, i, 0}});
		}
	}
	for (size_t i = 0; i < n; i++) {
		AP_TRY(ap_trace_path(g, t, best[i].step.from, arena, &paths[i]));
		if (!ap_vec_push(arena, &paths[i], best[i].step))
			return &ap_err_nomem;
	}
	*ret_paths = paths;
	*ret_n = n;
	*ret_retainers = retainers;
	return NULL;
}
