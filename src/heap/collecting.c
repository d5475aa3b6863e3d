/* Cores taken in the middle of a collection: what the heap was at. */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	ENOUGH = 4096, /* references; one half has nearly all of them */
	TOO_FEW = 16,
	HASH_BITS = 12,
};

enum ap_gc_state ap_heap_gc_state(const struct ap_heap *heap, size_t isolate)
{
	const struct ap_v8 *v8 = heap->v8;
	uint32_t state;

	if (!ap_has_fact(v8, AP_F_HEAP_GC_STATE) ||
	    !ap_image_u32(v8->image,
			  v8->isolates.at[isolate].address + (uint64_t)heap->layout.heap_offset +
				  (uint64_t)F(v8, HEAP_GC_STATE),
			  &state) ||
	    state > AP_GC_TEAR_DOWN)
		return AP_GC_NONE;
	return (enum ap_gc_state)state;
}

static size_t hash_of(ap_addr chunk)
{
	return (chunk / AP_CHUNK_BYTES) * 0x9e3779b97f4a7c15u >> (64 - HASH_BITS);
}

struct halves {
	const struct ap_heap *heap;
	uint8_t near[1 << HASH_BITS]; /* chunks that may be half-space pages */
	uint64_t from, to;            /* references into each half */
};

static void count_references(struct halves *h, const struct ap_heap_page *page)
{
	const struct ap_heap *heap = h->heap;
	uint64_t have = 0, area = page->end - page->start;
	const uint8_t *p = ap_image_view(heap->v8->image, page->start, &have);

	for (uint64_t at = 0;
	     p && at + 8 <= (have < area ? have : area) && h->from + h->to < ENOUGH; at += 8) {
		const struct ap_heap_page *young;
		uint64_t w;

		memcpy(&w, p + at, sizeof(w));
		if ((w & 7) != 1 || !h->near[hash_of(w & ~(uint64_t)(AP_CHUNK_BYTES - 1))])
			continue;
		young = ap_heap_page_at(heap, w);
		if (!young ||
		    heap->spaces.at[young->space].isolate != heap->spaces.at[page->space].isolate)
			continue;
		h->from += young->from_space;
		h->to += young->to_space;
	}
}

/*
 * A mark-compact exchanges the halves only when it begins to move. Before that from-space is stale,
 * and what is old points to to-space; after it what was not moved yet stands in from-space, and
 * what is old points there until all references are updated: then nothing alive is left in it.
 */
static bool uses_from_space(const struct ap_heap *heap, size_t isolate)
{
	struct halves *h = calloc(1, sizeof(*h));
	bool uses = true;

	if (!h)
		return true;
	h->heap = heap;
	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		if (page->from_space || page->to_space)
			h->near[hash_of(page->chunk)] = 1;
	}
	for (size_t i = 0; i < heap->pages.n && h->from + h->to < ENOUGH; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		if (!page->from_space && !page->to_space && !page->released &&
		    heap->spaces.at[page->space].isolate == isolate)
			count_references(h, page);
	}
	if (h->from + h->to >= TOO_FEW)
		uses = h->from > h->to;
	free(h);
	return uses;
}

void ap_heap_choose_halves(struct ap_heap *heap)
{
	for (size_t isolate = 0; isolate < heap->v8->isolates.n; isolate++) {
		if (ap_heap_gc_state(heap, isolate) != AP_GC_MARK_COMPACT ||
		    uses_from_space(heap, isolate))
			continue;
		for (size_t i = 0; i < heap->pages.n; i++) {
			struct ap_heap_page *page = &heap->pages.at[i];

			if (page->from_space && page->semi &&
			    heap->spaces.at[page->space].isolate == isolate)
				page->stale = true;
		}
	}
}
