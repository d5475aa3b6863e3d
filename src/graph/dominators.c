/*
 * Semi-NCA (Georgiadis) on arrays in the order of a depth-first search. The iterative algorithm of
 * Cooper, Harvey and Kennedy, which DevTools used for long, takes minutes on linked lists, and
 * lists (queues, timers, promise chains) are what leaks look like.
 */
#include "graph/dominators.h"

#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX
#define LATER (UINT32_MAX - 1)

enum { MAX_PASSING = 16 };

/*
 * Indexed by DFS number, but `number`. Edges to larger numbers (tree and forward edges) count at
 * once; only the others have to wait, in lists of differences that take a byte or two an edge.
 */
struct search {
	const struct ap_graph *g;
	uint32_t *number; /* of a node */
	uint32_t *vertex;
	uint32_t *idom; /* first the parent in the tree */
	uint32_t *semi; /* while searching: the next edge to look at */
	uint32_t *label, *ancestor;
	uint32_t *first_pred;
	uint8_t *preds;
	uint32_t n; /* numbered so far */
	struct {
		uint32_t node, parent;
	} passing[MAX_PASSING]; /* roots that let go by themselves */
	uint32_t n_passing;
	uint32_t first_held, end_held; /* numbers of what only they retain */
	uint64_t work;
};

static void search_fini(struct search *s)
{
	free(s->number);
	free(s->vertex);
	free(s->semi);
	free(s->label);
	free(s->ancestor);
	free(s->idom);
	free(s->first_pred);
	free(s->preds);
}

static uint32_t *array(uint64_t n)
{
	return malloc((n ? n : 1) * sizeof(uint32_t));
}

/* The edge without its name, which nothing here asks for. */
static inline struct ap_edge edge(const struct ap_graph *g, uint32_t i)
{
	return (struct ap_edge){.target = g->targets[i]};
}

static void visit(struct search *s, uint32_t v, uint32_t parent)
{
	s->number[v] = s->n;
	s->vertex[s->n] = v;
	s->idom[s->n] = parent;
	s->semi[s->n++] = s->g->first_edge[v];
}

/* Everything that can be reached from the node numbered last; parents are the stack. */
static void descend(struct search *s, uint32_t from)
{
	const struct ap_graph *g = s->g;
	uint32_t at = from;

	for (;;) {
		uint32_t v = s->vertex[at], end = g->first_edge[v + 1], i = s->semi[at];

		for (; i < end; i++) {
			struct ap_edge e = edge(g, i);

			if (ap_edge_retains(e, v) && s->number[ap_edge_to(e)] == UNSEEN)
				break;
		}
		s->semi[at] = i + 1;
		if (i < end) {
			visit(s, ap_edge_to(edge(g, i)), at);
			at = s->n - 1;
		} else if (at == from || ap_graph_cancelled(g)) {
			return;
		} else {
			at = s->idom[at];
		}
	}
}

/* The roots of the stack and of handle scopes: children of the root or of "(GC roots)". */
static void find_passing(struct search *s, uint32_t v, unsigned depth)
{
	const struct ap_graph *g = s->g;

	for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
		uint32_t to = ap_edge_to(edge(g, i));

		if (g->types[to] != AP_NODE_SYNTHETIC || !ap_edge_retains(edge(g, i), v))
			continue;
		struct ap_text name = ap_node_name(g, to);
		if (!ap_text_is(name, "(Stack roots)") && !ap_text_is(name, "(Handle scope)")) {
			if (depth)
				find_passing(s, to, depth - 1);
		} else if (s->number[to] == UNSEEN && s->n_passing < MAX_PASSING) {
			s->number[to] = LATER;
			s->passing[s->n_passing].node = to;
			s->passing[s->n_passing++].parent = v;
		}
	}
}

/* What only the passing roots reach. Edges from there to the rest will not count. */
static void descend_passing(struct search *s)
{
	s->first_held = s->n;
	for (uint32_t i = 0; i < s->n_passing; i++) {
		visit(s, s->passing[i].node, s->number[s->passing[i].parent]);
		descend(s, s->n - 1);
	}
	s->end_held = s->n;
}

/* Hangs what the root does not reach on the root, first what no edge retains at all. */
static struct ap_err *adopt_orphans(struct search *s, struct ap_dominators *d)
{
	const struct ap_graph *g = s->g;
	uint8_t *retained = calloc(g->n_nodes, 1);
	uint32_t before = s->n;

	if (!retained)
		return &ap_err_nomem;
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (s->number[v] != UNSEEN)
			continue;
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			if (ap_edge_retains(edge(g, i), v) && ap_edge_to(edge(g, i)) != v)
				retained[ap_edge_to(edge(g, i))] = 1;
		}
	}
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t v = 0; v < g->n_nodes; v++) {
			if (s->number[v] != UNSEEN || (pass == 0 && retained[v]))
				continue;
			visit(s, v, 0);
			descend(s, s->n - 1);
		}
	}
	free(retained);
	for (uint32_t i = before; i < s->n; i++)
		d->orphan_bytes += ap_node_size(g, s->vertex[i]);
	d->n_orphans = s->n - before;
	return NULL;
}

/* A difference in groups of seven bits, the last without the high bit. */
static uint32_t length_of(uint32_t difference)
{
	uint32_t n = 1;

	while (difference >>= 7)
		n++;
	return n;
}

static uint32_t put(uint8_t *at, uint32_t difference)
{
	uint32_t n = 0;

	for (; difference >> 7; difference >>= 7)
		at[n++] = (uint8_t)(difference | 0x80);
	at[n++] = (uint8_t)difference;
	return n;
}

static inline uint32_t take(const uint8_t **at)
{
	uint32_t difference = 0, shift = 0;
	uint8_t byte;

	do {
		byte = *(*at)++;
		difference |= (uint32_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return difference;
}

/* One of two passes over all edges that lead back: `last` is where the list of each got to. */
static void predecessor_pass(struct search *s, uint32_t *last, bool write)
{
	const struct ap_graph *g = s->g;

	for (uint32_t i = 0; i < s->n; i++)
		last[i] = i;
	for (uint32_t at = 0; at < s->n && !ap_graph_cancelled(g); at++) {
		uint32_t v = s->vertex[at];
		bool held = at >= s->first_held && at < s->end_held;

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = edge(g, i);
			uint32_t to;

			if (!ap_edge_retains(e, v))
				continue;
			to = s->number[ap_edge_to(e)];
			s->work += !write;
			if (held && to < s->first_held)
				continue;
			if (to >= at) {
				if (!write && to > at && at < s->semi[to])
					s->semi[to] = at;
			} else if (last[to] != at) {
				/* Counted two places further on, so that writing leaves the
				 * beginnings where they belong. */
				if (write)
					s->first_pred[to + 1] += put(
						s->preds + s->first_pred[to + 1], at - last[to]);
				else
					s->first_pred[to + 2] += length_of(at - last[to]);
				last[to] = at;
			}
		}
	}
}

static struct ap_err *predecessors(struct search *s)
{
	uint64_t total = 0;

	s->first_pred = calloc((size_t)s->n + 2, sizeof(*s->first_pred));
	s->label = array(s->n); /* for now how far each list got */
	if (!s->first_pred || !s->label)
		return &ap_err_nomem;
	memcpy(s->semi, s->idom, s->n * sizeof(*s->semi));
	predecessor_pass(s, s->label, false);
	if (ap_graph_cancelled(s->g))
		return &ap_err_cancelled;
	for (uint32_t i = 0; i < s->n; i++) {
		total += s->first_pred[i + 2];
		if (total > UINT32_MAX)
			return ap_err_new(AP_E_LIMIT,
					  "the graph has too many references for dominators");
		s->first_pred[i + 2] = (uint32_t)total;
	}
	s->preds = malloc(total ? total : 1);
	if (!s->preds)
		return &ap_err_nomem;
	predecessor_pass(s, s->label, true);
	return ap_graph_cancelled(s->g) ? &ap_err_cancelled : NULL;
}

/*
 * The least semidominator on the way up to the part that is not linked yet; the way is shortened.
 * On the way up each step is turned round, which is the stack for the way back.
 */
static inline uint32_t evaluate(struct search *s, uint32_t v, uint32_t last)
{
	uint32_t below = UNSEEN, up = s->ancestor[v];

	if (up < last)
		return s->label[v];
	for (; up >= last; up = s->ancestor[v]) {
		s->ancestor[v] = below;
		below = v;
		v = up;
		s->work++;
	}
	for (; below != UNSEEN; v = below, below = up) {
		uint32_t top = s->ancestor[v];

		up = s->ancestor[below];
		s->ancestor[below] = top;
		if (s->label[v] < s->label[below])
			s->label[below] = s->label[v];
	}
	return s->label[v];
}

static void semi_nca(struct search *s)
{
	memcpy(s->ancestor, s->idom, s->n * sizeof(*s->ancestor));
	for (uint32_t i = s->n - 1; i > 0 && !ap_graph_cancelled(s->g); i--) {
		const uint8_t *at = s->preds + s->first_pred[i],
			      *end = s->preds + s->first_pred[i + 1];
		uint32_t best = s->semi[i], from = i;

		while (at < end) {
			from += take(&at);
			uint32_t u = evaluate(s, from, i + 1);

			best = u < best ? u : best;
		}
		s->semi[i] = s->label[i] = best;
	}
	s->idom[0] = 0;
	for (uint32_t i = 1; i < s->n && !ap_graph_cancelled(s->g); i++) {
		uint32_t d = s->idom[i];

		for (; d > s->semi[i]; d = s->idom[d])
			s->work++;
		s->idom[i] = d;
	}
}

/* Node-indexed results. Dominators have smaller numbers: one pass backwards sums up. */
static struct ap_err *results(struct search *s, struct ap_dominators *d)
{
	const struct ap_graph *g = s->g;
	uint32_t n = g->n_nodes;

	d->idom = array(n);
	d->retained = malloc(n * sizeof(*d->retained));
	if (!d->idom || !d->retained)
		return &ap_err_nomem;
	for (uint32_t v = 0; v < n; v++)
		d->retained[v] = ap_node_size(g, v);
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t v = s->vertex[i], dominator = s->vertex[s->idom[i]];

		d->idom[v] = dominator;
		d->retained[dominator] += d->retained[v];
	}
	d->idom[0] = 0;
	return NULL;
}

static struct ap_err *children(uint32_t n, struct ap_dominators *d)
{
	d->first_child = calloc((size_t)n + 2, sizeof(*d->first_child));
	d->children = array(n);
	if (!d->first_child || !d->children)
		return &ap_err_nomem;
	for (uint32_t v = 1; v < n; v++)
		d->first_child[d->idom[v] + 2]++;
	for (uint32_t v = 0; v < n; v++)
		d->first_child[v + 2] += d->first_child[v + 1];
	for (uint32_t v = 1; v < n; v++)
		d->children[d->first_child[d->idom[v] + 1]++] = v;
	return NULL;
}

static struct ap_err *compute(struct search *s, struct ap_dominators *d)
{
	uint32_t n = s->g->n_nodes;

	s->number = array(n);
	s->vertex = array(n);
	s->idom = array(n);
	s->semi = array(n);
	if (!s->number || !s->vertex || !s->idom || !s->semi)
		return &ap_err_nomem;
	memset(s->number, 0xff, n * sizeof(*s->number));
	find_passing(s, 0, 1);
	visit(s, 0, 0);
	descend(s, 0);
	descend_passing(s);
	if (s->n < n && !ap_graph_cancelled(s->g))
		AP_TRY(adopt_orphans(s, d));
	if (ap_graph_cancelled(s->g))
		return &ap_err_cancelled;
	AP_TRY(predecessors(s));
	free(s->number);
	s->number = NULL;
	s->ancestor = array(n);
	if (!s->ancestor)
		return &ap_err_nomem;
	semi_nca(s);
	if (ap_graph_cancelled(s->g))
		return &ap_err_cancelled;
	d->work = s->work;
	free(s->preds);
	free(s->first_pred);
	free(s->label);
	free(s->ancestor);
	free(s->semi);
	s->preds = NULL;
	s->first_pred = s->label = s->ancestor = s->semi = NULL;
	return results(s, d);
}

struct ap_err *ap_dominators_compute(const struct ap_graph *g, struct ap_dominators *ret)
{
	struct search s = {.g = g};
	struct ap_dominators d = {0};
	struct ap_err *err = compute(&s, &d);

	search_fini(&s);
	if (!err)
		err = children(g->n_nodes, &d);
	if (err) {
		ap_dominators_close(&d);
		return err;
	}
	*ret = d;
	return NULL;
}

void ap_dominators_close(struct ap_dominators *d)
{
	free(d->idom);
	free(d->retained);
	free(d->first_child);
	free(d->children);
	*d = (struct ap_dominators){0};
}
