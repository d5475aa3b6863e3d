/* Inside of matching, shared by match.c and match_said.c. */
#ifndef AP_GRAPH_MATCH_PRIVATE_H
#define AP_GRAPH_MATCH_PRIVATE_H

#include "graph/match.h"

enum {
	/* Edges of an object that are looked at for what it says. */
	AP_MATCH_SAID = 64,
	/* Names of edges that count their owner's edges, or hold ids. */
	AP_MATCH_PAIR = 0x7fffffff,
	AP_MATCH_ROOT = 0x7ffffffe,
};

/* A text that is in both graphs has the same number in both. */
struct ap_match_side {
	const struct ap_graph *g;
	uint32_t *canon;
	uint8_t *special; /* by text: names an edge as AP_MATCH_PAIR or AP_MATCH_ROOT */
};

/* Numbers the texts of both. */
struct ap_err *ap_match_texts(struct ap_match_side *old, struct ap_match_side *new);
/* What an edge is called, in numbers of both. */
uint32_t ap_match_name(const struct ap_match_side *s, struct ap_edge e);
uint64_t ap_match_key(struct ap_edge e, uint32_t name);

static inline uint32_t ap_match_label(const struct ap_match_side *s, uint32_t node)
{
	return s->canon[s->g->names[node]];
}

/* Of one class, and of one text if they are strings. */
bool ap_match_compatible(const struct ap_match_side *old, const struct ap_match_side *new,
			 uint32_t o, uint32_t n);
/* At least half of the texts that the old one names are still there under their names. */
bool ap_match_similar(const struct ap_match_side *old, const struct ap_match_side *new, uint32_t o,
		      uint32_t n);
/* What tells an object from others of its class: texts and functions that it names, `deeper` arrays
 * down. */
uint64_t ap_match_said(const struct ap_match_side *s, uint32_t node, int deeper);

#endif
