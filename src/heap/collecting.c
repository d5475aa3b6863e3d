/* Cores taken in the middle of a collection: what the heap was at. */
#include <stdlib.h>

#include "heap/heap_private.h"

enum { MAX_GAPS_PERCENT = 1 }; /* of the young pages' area */

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

/* False if a buffer, one free block or nothing at all fills the page from its start. */
static bool holds_objects(struct ap_heap *heap, const struct ap_heap_page *page)
{
	const struct ap_heap_map *map;
	uint64_t m;

	for (size_t i = 0; i < heap->buffers.n && heap->buffers.at[i].top <= page->start; i++) {
		if (heap->buffers.at[i].top == page->start)
			return false;
	}
	return ap_image_u64(heap->v8->image, page->start, &m) && m &&
	       !((m & 7) == 1 && (map = ap_map_get(heap, &heap->maps, m)) &&
		 ap_map_is_free(heap, map) &&
		 ap_heap_size(heap, map, page->start, NULL, 0) == page->end - page->start);
}

/*
 * A mark-compact exchanges the halves only when it begins to move, and what it moves goes to the
 * old space: to-space stays empty from then on. So an object in it says that what stands in
 * from-space is of an earlier cycle. References do not tell: what is dead in the old space, often
 * more than what lives, points to where the young objects of its day were, in either half.
 */
static bool to_space_is_empty(struct ap_heap *heap, size_t isolate)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		if (page->semi && page->to_space && !page->stale &&
		    heap->spaces.at[page->space].isolate == isolate && holds_objects(heap, page))
			return false;
	}
	return true;
}

static bool drop_from_space(struct ap_heap *heap, size_t isolate)
{
	bool dropped = false;

	for (size_t i = 0; i < heap->pages.n; i++) {
		struct ap_heap_page *page = &heap->pages.at[i];

		if (!page->from_space || !page->semi || page->stale ||
		    heap->spaces.at[page->space].isolate != isolate)
			continue;
		page->stale = dropped = true;
	}
	return dropped;
}

void ap_heap_choose_halves(struct ap_heap *heap)
{
	for (size_t i = 0; heap->layout.found && i < heap->v8->isolates.n; i++) {
		if (ap_heap_gc_state(heap, i) == AP_GC_MARK_COMPACT && !to_space_is_empty(heap, i))
			(void)drop_from_space(heap, i);
	}
}

bool ap_heap_drop_moved(struct ap_heap *heap)
{
	bool dropped = false;

	for (size_t i = 0; heap->layout.found && i < heap->spaces.n; i++) {
		const struct ap_heap_space *s = &heap->spaces.at[i];

		if (s->isolate == SIZE_MAX || strcmp(s->name, "new") != 0 ||
		    ap_heap_gc_state(heap, s->isolate) != AP_GC_MARK_COMPACT ||
		    s->gap_bytes * 100 <= s->area_bytes * MAX_GAPS_PERCENT)
			continue;
		dropped = drop_from_space(heap, s->isolate) || dropped;
	}
	return dropped;
}
