#include "graph/texts.h"

#include <stdlib.h>
#include <string.h>

void ap_text_pool_open(struct ap_text_pool *pool, struct ap_graph_builder *builder)
{
	*pool = (struct ap_text_pool){.builder = builder};
}

void ap_text_pool_close(struct ap_text_pool *pool)
{
	free(pool->slots);
	free(pool->hashes);
	*pool = (struct ap_text_pool){0};
}

/* Eight bytes a step: most texts are short, some are source files. */
uint32_t ap_text_hash(struct ap_text text)
{
	uint64_t h = text.n * 0x9e3779b97f4a7c15u, w;
	size_t i = 0;

	for (; i + 8 <= text.n; i += 8) {
		memcpy(&w, text.s + i, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (w = 0; i < text.n; i++)
		w = w << 8 | (uint8_t)text.s[i];
	h = (h ^ w) * 0xff51afd7ed558ccdu;
	return (uint32_t)(h ^ h >> 29);
}

static bool grow(struct ap_text_pool *pool)
{
	size_t cap = pool->cap ? pool->cap * 2 : 1 << 14;
	uint32_t *slots = calloc(cap, sizeof(*slots));
	uint32_t *hashes = realloc(pool->hashes, cap * sizeof(*hashes));

	if (hashes)
		pool->hashes = hashes;
	if (!slots || !hashes) {
		free(slots);
		return !(pool->builder->nomem = true);
	}
	for (uint32_t i = 0; i < pool->builder->graph->n_texts; i++) {
		size_t at = hashes[i] & (cap - 1);

		while (slots[at])
			at = (at + 1) & (cap - 1);
		slots[at] = i + 1;
	}
	free(pool->slots);
	pool->slots = slots;
	pool->cap = cap;
	return true;
}

static uint32_t add(struct ap_text_pool *pool, struct ap_text text, bool lasting)
{
	const struct ap_graph *g = pool->builder->graph;
	uint32_t h = ap_text_hash(text);

	if (g->n_texts * 2ull >= pool->cap && !grow(pool))
		return AP_NO_TEXT;
	size_t at = h & (pool->cap - 1);
	for (; pool->slots[at]; at = (at + 1) & (pool->cap - 1)) {
		uint32_t i = pool->slots[at] - 1;

		if (pool->hashes[i] == h && ap_text_eq(ap_graph_text(g, i), text))
			return i;
	}
	uint32_t i = g->n_texts;
	if (!(lasting ? ap_graph_borrow_text : ap_graph_add_text)(pool->builder, text))
		return AP_NO_TEXT;
	pool->hashes[i] = h;
	pool->slots[at] = i + 1;
	return i;
}

uint32_t ap_text_pool_add(struct ap_text_pool *pool, struct ap_text text)
{
	return add(pool, text, false);
}

uint32_t ap_text_pool_borrow(struct ap_text_pool *pool, struct ap_text text)
{
	return add(pool, text, true);
}
