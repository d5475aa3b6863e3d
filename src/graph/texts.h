/*
 * Texts of a graph that is being built, each kept once.
 *
 * Ownership: the pool borrows the builder; the texts are the graph's. Numbers are those of the
 * graph.
 */
#ifndef AP_GRAPH_TEXTS_H
#define AP_GRAPH_TEXTS_H

#include "graph/graph.h"

#define AP_NO_TEXT UINT32_MAX

struct ap_text_pool {
	struct ap_graph_builder *builder;
	uint32_t *slots;  /* text + 1 */
	uint32_t *hashes; /* by text */
	size_t cap, hashes_cap;
};

uint32_t ap_text_hash(struct ap_text text);
void ap_text_pool_open(struct ap_text_pool *pool, struct ap_graph_builder *builder);
void ap_text_pool_close(struct ap_text_pool *pool);
/* The number of the text, added if it is new; AP_NO_TEXT without memory (the builder knows). */
uint32_t ap_text_pool_add(struct ap_text_pool *pool, struct ap_text text);
/* The same for bytes that outlive the graph. */
uint32_t ap_text_pool_borrow(struct ap_text_pool *pool, struct ap_text text);

#endif
