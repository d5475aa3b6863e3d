#include "graph/match_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/map64.h"

enum { MAX_SKIPPED = 4096, MAX_ROUNDS = 8 };

struct item {
	uint64_t key; /* of an edge, or what a node says */
	uint32_t node, at;
};

struct items {
	struct item *at;
	size_t n, cap;
};

struct matcher {
	struct ap_match_side old, new;
	struct ap_matches m;
	uint32_t *order;          /* matched old nodes, as they were found */
	uint32_t named, numbered; /* of those: whose edges have been followed */
	struct items a, b, by_node;
	bool same_ids;  /* ids of both mean the same */
	uint64_t skips; /* links of lists that may still be looked at */
};

static bool is_similar(const struct matcher *m, uint32_t o, uint32_t n)
{
	return ap_match_similar(&m->old, &m->new, o, n);
}

static bool compatible(const struct matcher *m, uint32_t o, uint32_t n)
{
	return ap_match_compatible(&m->old, &m->new, o, n);
}

/* A place in an array or table, which changes when entries come and go. */
static bool is_numbered(struct ap_edge e, uint32_t name)
{
	return ap_edge_is_numbered(e) || name == AP_MATCH_PAIR || name == AP_MATCH_ROOT ||
	       (name & AP_NAME_NUMBER && ap_edge_type(e) != AP_EDGE_PROPERTY);
}

static bool join(struct matcher *m, uint32_t o, uint32_t n)
{
	if (m->m.new_of[o] != AP_NO_NODE || m->m.old_of[n] != AP_NO_NODE || !compatible(m, o, n))
		return false;
	m->m.new_of[o] = n;
	m->m.old_of[n] = o;
	m->order[m->m.n++] = o;
	return true;
}

/* The next of a list: what a property leads to that is of the same class. */
static uint32_t next_link(const struct ap_match_side *s, uint32_t v)
{
	const struct ap_graph *g = s->g;
	uint32_t end = g->first_edge[v + 1];

	if (end - g->first_edge[v] > AP_MATCH_SAID)
		end = g->first_edge[v] + AP_MATCH_SAID;
	for (uint32_t i = g->first_edge[v]; i < end; i++) {
		struct ap_edge e = ap_edge_at(g, v, i);
		uint32_t to = ap_edge_to(e);

		if (ap_edge_type(e) == AP_EDGE_PROPERTY && to != v && g->types[to] == g->types[v] &&
		    ap_match_label(s, to) == ap_match_label(s, v))
			return to;
	}
	return AP_NO_NODE;
}

/*
 * Two that are reached by the same name. The first of a list may be another one now: then the one
 * that it was stands further down, or the one that it is stood further down before.
 */
static void join_named(struct matcher *m, uint32_t o, uint32_t n)
{
	if (m->m.new_of[o] != AP_NO_NODE || m->m.old_of[n] != AP_NO_NODE || !compatible(m, o, n))
		return;
	if (m->old.g->types[o] == AP_NODE_OBJECT && !is_similar(m, o, n)) {
		uint32_t x = n, y = o;

		for (int i = 0; i < MAX_SKIPPED && m->skips; i++, m->skips--) {
			x = x == AP_NO_NODE ? x : next_link(&m->new, x);
			y = y == AP_NO_NODE ? y : next_link(&m->old, y);
			if (x == AP_NO_NODE && y == AP_NO_NODE)
				break;
			if (x != AP_NO_NODE && is_similar(m, o, x) && join(m, o, x))
				return;
			if (y != AP_NO_NODE && is_similar(m, y, n) && join(m, y, n))
				return;
		}
	}
	(void)join(m, o, n);
}

static bool add(struct items *list, uint64_t key, uint32_t node)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		struct item *at = realloc(list->at, cap * sizeof(*at));

		if (!at)
			return false;
		list->at = at;
		list->cap = cap;
	}
	list->at[list->n] = (struct item){key, node, (uint32_t)list->n};
	list->n++;
	return true;
}

/* The targets of a node's edges: those with names of their own, or the numbered ones. */
static bool list_edges(const struct ap_match_side *s, uint32_t node, bool numbered,
		       struct items *ret)
{
	const struct ap_graph *g = s->g;

	ret->n = 0;
	for (uint32_t i = g->first_edge[node]; i < g->first_edge[node + 1]; i++) {
		struct ap_edge e = ap_edge_at(g, node, i);
		uint32_t name = ap_match_name(s, e);

		if (is_numbered(e, name) == numbered &&
		    !add(ret, ap_match_key(e, name), ap_edge_to(e)))
			return false;
	}
	return true;
}

static int by_key(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static void sort(struct items *list)
{
	if (list->n > 1)
		qsort(list->at, list->n, sizeof(*list->at), by_key);
}

/* Both lists are sorted: what has the same key belongs together, in order where several have it. */
static void join_equal_keys(struct matcher *m,
			    void (*fn)(struct matcher *m, uint32_t o, uint32_t n))
{
	const struct items *a = &m->a, *b = &m->b;

	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		if (a->at[i].key < b->at[k].key)
			i++;
		else if (a->at[i].key > b->at[k].key)
			k++;
		else
			fn(m, a->at[i++].node, b->at[k++].node);
	}
}

static bool same_keys(const struct items *a, const struct items *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (a->at[i].key != b->at[i].key)
			return false;
	}
	return true;
}

static bool match_named(struct matcher *m, uint32_t o, uint32_t n)
{
	if (!list_edges(&m->old, o, false, &m->a) || !list_edges(&m->new, n, false, &m->b))
		return false;
	if (!same_keys(&m->a, &m->b)) {
		sort(&m->a);
		sort(&m->b);
		join_equal_keys(m, join_named);
		return true;
	}
	for (size_t i = 0; i < m->a.n; i++)
		join_named(m, m->a.at[i].node, m->b.at[i].node);
	return true;
}

/* Where in the old list a node stands; SIZE_MAX: nowhere. */
static size_t place_of(const struct matcher *m, uint32_t o)
{
	size_t low = 0, high = m->by_node.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->by_node.at[middle].key < o)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->by_node.n && m->by_node.at[low].key == o ? m->by_node.at[low].at : SIZE_MAX;
}

static bool index_old(struct matcher *m)
{
	m->by_node.n = 0;
	for (size_t i = 0; i < m->a.n; i++) {
		if (!add(&m->by_node, m->a.at[i].node, m->a.at[i].node))
			return false;
	}
	sort(&m->by_node);
	return true;
}

/* The same place in memory, or id, and no other content. */
static void match_by_id(struct matcher *m)
{
	for (size_t i = 0; i < m->b.n; i++) {
		uint32_t n = m->b.at[i].node;

		if (m->m.old_of[n] != AP_NO_NODE)
			continue;
		uint32_t o = ap_graph_find(m->old.g, ap_node_id(m->new.g, n));
		if (o != AP_NO_NODE && m->m.new_of[o] == AP_NO_NODE && place_of(m, o) != SIZE_MAX &&
		    is_similar(m, o, n))
			(void)join(m, o, n);
	}
}

/* The value behind a key, and what else stands where it stood. */
static void match_neighbours(struct matcher *m)
{
	for (size_t i = 1; i < m->b.n; i++) {
		uint32_t n = m->b.at[i].node, before = m->m.old_of[m->b.at[i - 1].node];

		if (m->m.old_of[n] != AP_NO_NODE || before == AP_NO_NODE)
			continue;
		size_t at = place_of(m, before);
		if (at < m->a.n - 1 && is_similar(m, m->a.at[at + 1].node, n))
			(void)join(m, m->a.at[at + 1].node, n);
	}
}

static void join_said(struct matcher *m, uint32_t o, uint32_t n)
{
	(void)join(m, o, n);
}

static void match_said(struct matcher *m)
{
	size_t n[2] = {0, 0};

	for (int side = 0; side < 2; side++) {
		const uint32_t *matched = side ? m->m.old_of : m->m.new_of;
		struct items *list = side ? &m->b : &m->a;

		for (size_t i = 0; i < list->n; i++) {
			uint32_t node = list->at[i].node;

			if (matched[node] != AP_NO_NODE)
				continue;
			list->at[n[side]++] =
				(struct item){ap_match_said(side ? &m->new : &m->old, node, 1),
					      node, (uint32_t)i};
		}
		list->n = n[side];
		sort(list);
	}
	join_equal_keys(m, join_said);
}

static bool match_numbered(struct matcher *m, uint32_t o, uint32_t n)
{
	if (!list_edges(&m->old, o, true, &m->a) || !list_edges(&m->new, n, true, &m->b))
		return false;
	if (!m->a.n || !m->b.n)
		return true;
	/* A script's functions, what a function's feedback is about: places that stay. */
	if (m->old.g->types[o] == AP_NODE_CODE) {
		sort(&m->a);
		sort(&m->b);
		join_equal_keys(m, join_said);
		return true;
	}
	if (!index_old(m))
		return false;
	if (m->same_ids)
		match_by_id(m);
	match_said(m);
	if (!list_edges(&m->old, o, true, &m->a) || !list_edges(&m->new, n, true, &m->b))
		return false;
	match_neighbours(m);
	return true;
}

/* Names say most: numbered edges have their turn when no name leads any further. */
static struct ap_err *spread(struct matcher *m)
{
	for (;;) {
		bool ok = true;

		if (ap_graph_cancelled(m->new.g))
			return &ap_err_cancelled;
		if (m->named < m->m.n) {
			uint32_t o = m->order[m->named++];

			ok = match_named(m, o, m->m.new_of[o]);
		} else if (m->numbered < m->m.n) {
			uint32_t o = m->order[m->numbered++];

			ok = match_numbered(m, o, m->m.new_of[o]);
		} else {
			return NULL;
		}
		if (!ok)
			return &ap_err_nomem;
	}
}

/*
 * What a scope or function was made from, by the number of that in the new graph; of a script its
 * name. 0: nothing that is matched.
 */
static uint64_t definition_of(const struct ap_match_side *s, uint32_t v, const uint32_t *new_of)
{
	const struct ap_graph *g = s->g;
	uint32_t of = AP_NO_NODE;

	if (g->types[v] == AP_NODE_CODE && ap_graph_follow(g, v, "source") != AP_NO_NODE)
		return UINT64_C(1) << 40 | ap_match_label(s, v);
	if (g->types[v] == AP_NODE_CLOSURE)
		of = ap_graph_follow(g, v, "shared");
	else if (g->types[v] == AP_NODE_OBJECT &&
		 ap_text_is(ap_node_name(g, v), "system / Context"))
		of = ap_graph_follow(g, v, "scope_info");
	if (of != AP_NO_NODE && new_of)
		of = new_of[of];
	return of == AP_NO_NODE ? 0 : (uint64_t)of + 1;
}

enum { TWICE = AP_NO_NODE };

/* The one scope, function or script of each definition that has no partner. */
static bool only_ones(const struct ap_match_side *s, const uint32_t *partner,
		      const uint32_t *new_of, struct ap_map64 *ret)
{
	for (uint32_t v = 1; v < s->g->n_nodes && !ap_graph_cancelled(s->g); v++) {
		uint64_t of = partner[v] == AP_NO_NODE ? definition_of(s, v, new_of) : 0;
		uint32_t known;

		if (of && !ap_map64_put(ret, of, ap_map64_get(ret, of, &known) ? TWICE : v))
			return false;
	}
	return true;
}

/* What is held by something else now, but of which there is just one: scripts, scopes of modules,
 * functions. */
static struct ap_err *match_definitions(struct matcher *m, uint32_t *ret_more)
{
	struct ap_map64 old = {0}, new = {0};
	bool ok = only_ones(&m->old, m->m.new_of, m->m.new_of, &old) &&
		  only_ones(&m->new, m->m.old_of, NULL, &new);
	uint32_t before = m->m.n, o;

	for (size_t i = 0; ok && i < new.cap; i++) {
		const struct ap_map64_entry *e = &new.at[i];

		if (e->key && e->value != TWICE && ap_map64_get(&old, e->key, &o) && o != TWICE)
			(void)join(m, o, e->value);
	}
	ap_map64_close(&old);
	ap_map64_close(&new);
	*ret_more = m->m.n - before;
	return ok ? NULL : &ap_err_nomem;
}

static struct ap_err *match(struct matcher *m)
{
	const struct ap_graph *old = m->old.g, *new = m->new.g;

	m->m.new_of = malloc(old->n_nodes * sizeof(*m->m.new_of));
	m->m.old_of = malloc(new->n_nodes * sizeof(*m->m.old_of));
	m->order = malloc(old->n_nodes * sizeof(*m->order));
	if (!m->m.new_of || !m->m.old_of || !m->order)
		return &ap_err_nomem;
	memset(m->m.new_of, 0xff, old->n_nodes * sizeof(*m->m.new_of));
	memset(m->m.old_of, 0xff, new->n_nodes * sizeof(*m->m.old_of));
	AP_TRY(ap_match_texts(&m->old, &m->new));
	/* The roots are the same, whatever they are called. */
	m->m.new_of[0] = m->m.old_of[0] = 0;
	m->order[m->m.n++] = 0;
	AP_TRY(spread(m));
	uint32_t more = 1;
	for (int round = 0; more && round < MAX_ROUNDS; round++) {
		AP_TRY(match_definitions(m, &more));
		AP_TRY(spread(m));
	}
	return NULL;
}

struct ap_err *ap_graph_match(const struct ap_graph *old, const struct ap_graph *new,
			      struct ap_matches *ret)
{
	struct matcher m = {
		.old.g = old,
		.new.g = new,
		.skips = (uint64_t)old->n_nodes + new->n_nodes,
		.same_ids = old->ids_are_addresses == new->ids_are_addresses,
	};
	struct ap_err *err = match(&m);

	free(m.order);
	free(m.old.canon);
	free(m.old.special);
	free(m.new.canon);
	free(m.new.special);
	free(m.a.at);
	free(m.b.at);
	free(m.by_node.at);
	if (err)
		ap_matches_close(&m.m);
	else
		*ret = m.m;
	return err;
}

void ap_matches_close(struct ap_matches *m)
{
	free(m->new_of);
	free(m->old_of);
	*m = (struct ap_matches){0};
}
