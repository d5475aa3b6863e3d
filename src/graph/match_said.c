/* What matching goes by: texts that are the same in both graphs, and what objects say of
 * themselves. */
#include "graph/match_private.h"
#include "graph/texts.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_TEXTS = 0x7ffffff0,
	MAX_PARTS = 16,     /* of a joined string that are looked at */
	MAX_DEPTH = 8,      /* of those */
	MAX_COMPARED = 256, /* bytes of each */
};

enum special { NO_SPECIAL, SPECIAL_PAIR, SPECIAL_ROOT };

/* The new texts by what they say, text + 1. */
struct table {
	const struct ap_graph *g;
	uint32_t *slots;
	size_t cap;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* "17", which is a number in some graphs and a text in others. */
static bool is_number(struct ap_text t, uint32_t *ret)
{
	uint32_t n = 0;

	if (!t.n || t.n > 9 || (t.s[0] == '0' && t.n > 1))
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.s[i] < '0' || t.s[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(t.s[i] - '0');
	}
	*ret = n;
	return true;
}

/* "12 / part of key (X @34) -> ...", "12 / what a root is". */
static enum special special_of(struct ap_text t)
{
	static const char pair[] = " / part of key (";
	size_t n = 0;

	while (n < t.n && n < 10 && t.s[n] >= '0' && t.s[n] <= '9')
		n++;
	if (!n || t.n - n < 3 || memcmp(t.s + n, " / ", 3) != 0)
		return NO_SPECIAL;
	return t.n - n >= sizeof(pair) - 1 && memcmp(t.s + n, pair, sizeof(pair) - 1) == 0
		       ? SPECIAL_PAIR
		       : SPECIAL_ROOT;
}

/* Where the text is among the new ones, or would be. */
static size_t slot_of(const struct table *t, struct ap_text text)
{
	size_t i = (size_t)ap_text_hash(text) & (t->cap - 1);

	while (t->slots[i] && !ap_text_eq(ap_graph_text(t->g, t->slots[i] - 1), text))
		i = (i + 1) & (t->cap - 1);
	return i;
}

static struct ap_err *number_texts(struct table *t, struct ap_match_side *s)
{
	const struct ap_graph *g = s->g;
	uint32_t n_new = t->g->n_texts, number;

	s->canon = malloc(((size_t)g->n_texts + 1) * sizeof(*s->canon));
	s->special = malloc((size_t)g->n_texts + 1);
	if (!s->canon || !s->special)
		return &ap_err_nomem;
	for (uint32_t i = 0; i < g->n_texts; i++) {
		struct ap_text text = ap_graph_text(g, i);

		s->special[i] = (uint8_t)special_of(text);
		if (is_number(text, &number)) {
			s->canon[i] = AP_NAME_NUMBER | number;
			continue;
		}
		size_t slot = slot_of(t, text);
		if (!t->slots[slot] && g == t->g)
			t->slots[slot] = i + 1;
		s->canon[i] = t->slots[slot] ? t->slots[slot] - 1 : n_new + i;
	}
	return NULL;
}

struct ap_err *ap_match_texts(struct ap_match_side *old, struct ap_match_side *new)
{
	struct table t = {.g = new->g, .cap = 256};

	if ((uint64_t)old->g->n_texts + new->g->n_texts > MAX_TEXTS)
		return ap_err_new(AP_E_LIMIT, "the two have more texts than can be compared");
	while (t.cap < (size_t) new->g->n_texts * 2)
		t.cap *= 2;
	t.slots = calloc(t.cap, sizeof(*t.slots));
	if (!t.slots)
		return &ap_err_nomem;
	struct ap_err *err = number_texts(&t, new);
	if (!err)
		err = number_texts(&t, old);
	free(t.slots);
	return err;
}

uint32_t ap_match_name(const struct ap_match_side *s, struct ap_edge e)
{
	if (ap_edge_is_numbered(e) || e.name & AP_NAME_NUMBER)
		return e.name;
	if (s->special[e.name] && ap_edge_type(e) != AP_EDGE_PROPERTY &&
	    ap_edge_type(e) != AP_EDGE_CONTEXT)
		return s->special[e.name] == SPECIAL_PAIR ? AP_MATCH_PAIR : AP_MATCH_ROOT;
	return s->canon[e.name];
}

uint64_t ap_match_key(struct ap_edge e, uint32_t name)
{
	enum ap_edge_type type = ap_edge_type(e);

	return (uint64_t)(type == AP_EDGE_PAIR ? AP_EDGE_INTERNAL : type) << 32 | name;
}

static bool is_text(const struct ap_graph *g, uint32_t node)
{
	return g->types[node] == AP_NODE_STRING;
}

bool ap_match_compatible(const struct ap_match_side *old, const struct ap_match_side *new,
			 uint32_t o, uint32_t n)
{
	return old->g->types[o] == new->g->types[n] &&
	       ap_match_label(old, o) == ap_match_label(new, n) &&
	       (!is_text(old->g, o) || ap_node_size(old->g, o) == ap_node_size(new->g, n));
}

static bool is_string(const struct ap_graph *g, uint32_t node)
{
	return g->types[node] == AP_NODE_STRING || g->types[node] == AP_NODE_CONCATENATED;
}

/*
 * Equal texts have equal sums, whether they are joined of parts or whole. `*ret_shift` is what a
 * text in front of it is multiplied with.
 */
static uint64_t text_sum(const struct ap_graph *g, uint32_t node, int deeper, int *left,
			 uint64_t *ret_shift)
{
	const uint64_t base = 0x9e3779b97f4a7c15u;
	uint64_t sum = 0, shift = 1;

	if (g->types[node] == AP_NODE_STRING) {
		struct ap_text t = ap_node_name(g, node);

		--*left;
		for (size_t i = 0; i < t.n && i < MAX_COMPARED; i++, shift *= base)
			sum = sum * base + (uint8_t)t.s[i] + 1;
	} else if (deeper) {
		int parts = 0;

		for (uint32_t i = g->first_edge[node];
		     i < g->first_edge[node + 1] && parts < 2 && *left > 0; i++) {
			struct ap_edge e = ap_edge_at(g, node, i);
			uint64_t of_part;

			if (ap_edge_type(e) != AP_EDGE_INTERNAL || !is_string(g, ap_edge_to(e)))
				continue;
			uint64_t part = text_sum(g, ap_edge_to(e), deeper - 1, left, &of_part);
			sum = sum * of_part + part;
			shift *= of_part;
			parts++;
		}
	}
	*ret_shift = shift;
	return sum;
}

static uint64_t text_of(const struct ap_match_side *s, uint32_t node)
{
	int left = MAX_PARTS;
	uint64_t shift;

	return text_sum(s->g, node, MAX_DEPTH, &left, &shift);
}

bool ap_match_similar(const struct ap_match_side *old, const struct ap_match_side *new, uint32_t o,
		      uint32_t n)
{
	const struct ap_graph *a = old->g, *b = new->g;
	uint32_t end_a = a->first_edge[o + 1], end_b = b->first_edge[n + 1], all = 0, same = 0;

	if (!ap_match_compatible(old, new, o, n))
		return false;
	if (end_a - a->first_edge[o] > AP_MATCH_SAID)
		end_a = a->first_edge[o] + AP_MATCH_SAID;
	if (end_b - b->first_edge[n] > AP_MATCH_SAID)
		end_b = b->first_edge[n] + AP_MATCH_SAID;
	for (uint32_t i = a->first_edge[o]; i < end_a; i++) {
		struct ap_edge e = ap_edge_at(a, o, i);
		uint64_t key = ap_match_key(e, ap_match_name(old, e));

		if (!is_string(a, ap_edge_to(e)))
			continue;
		all++;
		for (uint32_t k = b->first_edge[n]; k < end_b; k++) {
			struct ap_edge f = ap_edge_at(b, n, k);

			if (ap_match_key(f, ap_match_name(new, f)) == key) {
				same += is_string(b, ap_edge_to(f)) &&
					text_of(old, ap_edge_to(e)) == text_of(new, ap_edge_to(f));
				break;
			}
		}
	}
	return same * 2 >= all;
}

uint64_t ap_match_said(const struct ap_match_side *s, uint32_t node, int deeper)
{
	const struct ap_graph *g = s->g;
	uint64_t h = mix(g->types[node], ap_match_label(s, node));
	uint32_t end = g->first_edge[node + 1];

	if (is_string(g, node))
		return mix(1, text_of(s, node));
	if (end - g->first_edge[node] > AP_MATCH_SAID)
		end = g->first_edge[node] + AP_MATCH_SAID;
	for (uint32_t i = g->first_edge[node]; i < end; i++) {
		struct ap_edge e = ap_edge_at(g, node, i);
		uint32_t to = ap_edge_to(e);
		uint8_t type = g->types[to];

		if (ap_edge_type(e) == AP_EDGE_WEAK || !ap_edge_retains(e, node))
			continue;
		if (is_string(g, to))
			h += mix(ap_match_key(e, ap_match_name(s, e)), text_of(s, to));
		else if (type == AP_NODE_SYMBOL || type == AP_NODE_BIGINT ||
			 type == AP_NODE_CLOSURE)
			h += mix(ap_match_key(e, ap_match_name(s, e)), ap_match_label(s, to));
		else if (type == AP_NODE_ARRAY && deeper)
			h += ap_match_said(s, to, deeper - 1);
	}
	return h;
}
