/*
 * What objects own besides themselves: elements, properties, and tables or memory behind collections
 * and buffers. One pass over all objects, in threads.
 */
#include <stdlib.h>

#include "heap/owned.h"

/* Claims the store at `w` for its first owner; literals share theirs until they are written to. */
static uint64_t claim(struct ap_owned_state *s, uint64_t w)
{
	const struct ap_heap *heap = s->heap;
	const struct ap_heap_page *page;
	struct ap_heap_map *map;
	uint64_t m;

	if (!ap_is_object(w) || !(page = ap_heap_page_at(heap, w - 1)) || !page->walked ||
	    heap->spaces.at[page->space].isolate == SIZE_MAX || (!page->large && !page->bits))
		return 0;
	size_t i = (size_t)(page - heap->pages.at);
	uint64_t word = (w - 1 - page->start) / 8;
	if (page->large ? w - 1 != page->start : !(page->bits[word / 64] >> (word % 64) & 1))
		return 0;
	_Atomic uint64_t *claimed = page->large ? &s->claimed[i].one : &s->claimed[i].bits[word / 64];
	uint64_t bit = page->large ? 1 : 1ull << (word % 64);
	if (atomic_fetch_or_explicit(claimed, bit, memory_order_relaxed) & bit)
		return 0;
	if (!ap_image_u64(heap->v8->image, w - 1, &m) || !(map = ap_map_get(heap, &s->maps, m)))
		return 0;
	uint64_t size = ap_heap_size(heap, map, w - 1, NULL, 0);
	return size <= page->end - (w - 1) ? size : 0;
}

static uint64_t word_of(const struct ap_owned_state *s, const struct ap_heap_page *page,
			const struct ap_page_bytes *bytes, ap_addr a, int64_t offset)
{
	uint64_t at = a - page->start + (uint64_t)offset, w = 0;

	if (at + 8 <= bytes->n)
		memcpy(&w, bytes->at + at, sizeof(w));
	else
		(void)ap_image_u64(s->heap->v8->image, a + (uint64_t)offset, &w);
	return w;
}

static bool has_table(const struct ap_v8 *v8, int type)
{
	return type == F(v8, T_JS_MAP) || type == F(v8, T_JS_SET) || type == F(v8, T_JS_WEAK_MAP) ||
	       type == F(v8, T_JS_WEAK_SET);
}

static bool note_single(struct ap_owned_state *s, const struct ap_heap_single *single)
{
	if (ap_vec_push(&s->arena, &s->singles, *single))
		return true;
	s->failed = true;
	return false;
}

bool ap_owned_page(void *state, const struct ap_heap_page *page, const struct ap_page_bytes *bytes)
{
	struct ap_owned_state *s = state;
	const struct ap_v8 *v8 = s->heap->v8;
	struct ap_objects it = {0};
	ap_addr a;

	while (ap_objects_next(page, &it, &a)) {
		struct ap_heap_single single = {.address = a, .group = AP_NO_GROUP};
		struct ap_heap_map *map =
			ap_map_get(s->heap, &s->maps, word_of(s, page, bytes, a, 0));

		if (!map || (map->kind != AP_HEAP_OBJECT && map->kind != AP_HEAP_CLOSURE))
			continue;
		uint64_t size = ap_heap_size(s->heap, map, a, bytes->at + (a - page->start),
					     bytes->n > a - page->start ? bytes->n - (a - page->start) : 0);
		uint16_t type = map->type;
		uint64_t elements = 0, properties = 0, backing = 0;
		const struct ap_heap_map *table = s->maps.at;

		if (type != F(v8, T_JS_PROXY)) {
			properties = claim(s, word_of(s, page, bytes, a, F(v8, OBJECT_PROPERTIES)));
			elements = claim(s, word_of(s, page, bytes, a, F(v8, OBJECT_ELEMENTS)));
		}
		if (has_table(v8, type))
			backing = claim(s, word_of(s, page, bytes, a, F(v8, TABLE)));
		else if (type == F(v8, T_JS_ARRAY_BUFFER) &&
			 word_of(s, page, bytes, a, F(v8, BUFFER_BACKING_STORE)))
			backing = word_of(s, page, bytes, a, F(v8, BUFFER_BYTE_LENGTH));
		if (backing > 1ull << 47)
			backing = 0;
		/* claim() may have moved the table. */
		if (s->maps.at != table &&
		    !(map = ap_map_get(s->heap, &s->maps, word_of(s, page, bytes, a, 0))))
			continue;
		map->elements += elements;
		map->properties += properties;
		map->backing += backing;
		if (!map->per_object)
			continue;
		single.bytes = size;
		single.elements = elements;
		single.properties = properties;
		single.backing = backing;
		if (!note_single(s, &single))
			return false;
	}
	return true;
}
