/*
 * Semi-NCA (Georgiadis) on arrays in the order of a depth-first search. The iterative algorithm of
 * Cooper, Harvey and Kennedy, which DevTools used for long, takes minutes on linked lists, and lists
 * (queues, timers, promise chains) are what leaks look like.
 */
#include "graph/dominators.h"

#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

/* Indexed by DFS number, but `number`. */
struct search {
	const struct ap_graph *g;
	uint32_t *number; /* of a node */
	uint32_t *vertex;
	uint32_t *parent;
	uint32_t *semi; /* while searching: the next edge to look at */
	uint32_t *label, *ancestor, *idom;
	uint32_t *first_pred, *preds;
	uint32_t n; /* numbered so far */
	uint64_t work;
};

static void search_fini(struct search *s)
{
	free(s->number);
	free(s->vertex);
	free(s->parent);
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

static void visit(struct search *s, uint32_t v, uint32_t parent)
{
	s->number[v] = s->n;
	s->vertex[s->n] = v;
	s->parent[s->n] = parent;
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
			struct ap_edge e = g->edges[i];

			if (ap_edge_retains(e, v) && s->number[ap_edge_to(e)] == UNSEEN)
				break;
		}
		s->semi[at] = i + 1;
		if (i < end) {
			visit(s, ap_edge_to(g->edges[i]), at);
			at = s->n - 1;
		} else if (at == from) {
			return;
		} else {
			at = s->parent[at];
		}
	}
}

/* Hangs what the root does not reach on the root, first what no edge retains at all. */
static struct ap_err *adopt_orphans(struct search *s, struct ap_dominators *d, uint8_t *adopted)
{
	const struct ap_graph *g = s->g;
	uint32_t before = s->n;

	/* 1: something retains it. */
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (s->number[v] != UNSEEN)
			continue;
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			if (ap_edge_retains(g->edges[i], v) && ap_edge_to(g->edges[i]) != v)
				adopted[ap_edge_to(g->edges[i])] |= 1;
		}
	}
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t v = 0; v < g->n_nodes; v++) {
			if (s->number[v] != UNSEEN || (pass == 0 && adopted[v] & 1))
				continue;
			adopted[v] |= 2;
			visit(s, v, 0);
			descend(s, s->n - 1);
		}
	}
	for (uint32_t i = before; i < s->n; i++)
		d->orphan_bytes += g->sizes[s->vertex[i]];
	d->n_orphans = s->n - before;
	return NULL;
}

static struct ap_err *predecessors(struct search *s, const uint8_t *adopted)
{
	const struct ap_graph *g = s->g;
	uint32_t total = 0;

	s->first_pred = calloc((size_t)s->n + 2, sizeof(*s->first_pred));
	if (!s->first_pred)
		return &ap_err_nomem;
	/* Counted one place further on, so that filling in leaves the beginnings where they belong. */
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			if (ap_edge_retains(g->edges[i], v))
				s->first_pred[s->number[ap_edge_to(g->edges[i])] + 2]++;
		}
		if (adopted && adopted[v] & 2)
			s->first_pred[s->number[v] + 2]++;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		total += s->first_pred[i + 2];
		s->first_pred[i + 2] = total;
	}
	s->preds = array(total);
	if (!s->preds)
		return &ap_err_nomem;
	for (uint32_t at = 0; at < s->n; at++) {
		uint32_t v = s->vertex[at];

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			if (ap_edge_retains(g->edges[i], v))
				s->preds[s->first_pred[s->number[ap_edge_to(g->edges[i])] + 1]++] = at;
		}
		if (adopted && adopted[v] & 2)
			s->preds[s->first_pred[at + 1]++] = 0;
	}
	s->work += total;
	return NULL;
}

/* The best label on the way up to the part that is not linked yet; the way is shortened. */
static inline uint32_t evaluate(struct search *s, uint32_t v, uint32_t last)
{
	uint32_t *stack = s->idom; /* not in use before the second phase */
	uint32_t depth = 0;

	if (s->ancestor[v] < last)
		return s->label[v];
	do {
		stack[depth++] = v;
		v = s->ancestor[v];
	} while (s->ancestor[v] >= last);
	s->work += depth;
	while (depth) {
		uint32_t u = stack[--depth];

		s->ancestor[u] = s->ancestor[v];
		if (s->semi[s->label[v]] < s->semi[s->label[u]])
			s->label[u] = s->label[v];
		v = u;
	}
	return s->label[v];
}

static void semi_nca(struct search *s)
{
	memcpy(s->ancestor, s->parent, s->n * sizeof(*s->ancestor));
	for (uint32_t i = 0; i < s->n; i++)
		s->label[i] = s->semi[i] = i;
	for (uint32_t i = s->n - 1; i > 0; i--) {
		uint32_t best = s->parent[i];

		for (uint32_t at = s->first_pred[i]; at < s->first_pred[i + 1]; at++) {
			uint32_t u = s->semi[evaluate(s, s->preds[at], i + 1)];

			best = u < best ? u : best;
		}
		s->semi[i] = best;
	}
	s->idom[0] = 0;
	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t d = s->parent[i];

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
	memcpy(d->retained, g->sizes, n * sizeof(*d->retained));
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

static struct ap_err *compute(struct search *s, struct ap_dominators *d, uint8_t **adopted)
{
	uint32_t n = s->g->n_nodes;

	s->number = array(n);
	s->vertex = array(n);
	s->parent = array(n);
	s->semi = array(n);
	if (!s->number || !s->vertex || !s->parent || !s->semi)
		return &ap_err_nomem;
	memset(s->number, 0xff, n * sizeof(*s->number));
	visit(s, 0, 0);
	descend(s, 0);
	if (s->n < n) {
		*adopted = calloc(n, 1);
		if (!*adopted)
			return &ap_err_nomem;
		AP_TRY(adopt_orphans(s, d, *adopted));
	}
	AP_TRY(predecessors(s, *adopted));
	free(s->number);
	s->number = NULL;
	s->label = array(n);
	s->ancestor = array(n);
	s->idom = array(n);
	if (!s->label || !s->ancestor || !s->idom)
		return &ap_err_nomem;
	semi_nca(s);
	d->work = s->work;
	free(s->preds);
	free(s->label);
	free(s->ancestor);
	s->preds = s->label = s->ancestor = NULL;
	return results(s, d);
}

struct ap_err *ap_dominators_compute(const struct ap_graph *g, struct ap_dominators *ret)
{
	struct search s = {.g = g};
	struct ap_dominators d = {0};
	uint8_t *adopted = NULL;
	struct ap_err *err = compute(&s, &d, &adopted);

	search_fini(&s);
	free(adopted);
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
