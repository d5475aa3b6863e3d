/* The heap's index: opening, sums, and the object that holds an address. */
#include "heap/heap.h"

#include <stdlib.h>

#include "heap/heap_private.h"

struct ap_err *ap_heap_open(struct ap_v8 *v8, struct ap_heap **ret_heap)
{
	struct ap_heap *heap = calloc(1, sizeof(*heap));
	struct ap_err *err;

	if (!heap)
		return &ap_err_nomem;
	heap->v8 = v8;
	ap_arena_init(&heap->arena, 0);
	ap_arena_init(&heap->group_arena, 0);
	err = ap_profile_require(&v8->profile, AP_G_MAPS);
	if (!err && !v8->isolates.n)
		err = ap_err_new(AP_E_LAYOUT, "no isolate was found");
	if (!err)
		err = ap_heap_load_rules(heap);
	if (!err)
		err = ap_heap_load_kinds(heap);
	if (!err)
		err = ap_heap_find_pages(heap);
	if (!err)
		err = ap_heap_find_buffers(heap);
	if (err) {
		ap_heap_close(heap);
		return err;
	}
	ap_heap_choose_halves(heap);
	ap_heap_count_pages(heap);
	*ret_heap = heap;
	return NULL;
}

void ap_heap_close(struct ap_heap *heap)
{
	if (!heap)
		return;
	ap_slab_close(&heap->bits);
	ap_heap_forget_live(heap);
	ap_map_table_close(&heap->maps);
	ap_arena_close(&heap->group_arena);
	ap_arena_close(&heap->arena);
	free(heap);
}

void ap_heap_summary(const struct ap_heap *heap, struct ap_heap_summary *ret)
{
	struct ap_heap_summary s = {
		.spaces = heap->spaces.at,
		.n_spaces = heap->spaces.n,
		.gaps = heap->gaps.at,
		.n_gaps = heap->gaps.n,
		.all_gaps = heap->all_gaps,
		.n_isolates = heap->v8->isolates.n,
		.pages = heap->pages.n,
		.index_bytes = heap->index_bytes + heap->maps.cap * sizeof(*heap->maps.at),
		.seconds = heap->seconds,
		.scanned = heap->scanned,
	};
	uint64_t accounted = 0;

	for (size_t i = 0; i < heap->v8->isolates.n && !s.collecting; i++) {
		enum ap_gc_state state = ap_heap_gc_state(heap, i);

		s.collecting = state == AP_GC_MARK_COMPACT                       ? "mark-compact"
			       : state == AP_GC_SCAVENGE || state == AP_GC_MINOR ? "scavenge"
										 : NULL;
	}
	for (size_t i = 0; i < heap->pages.n; i++)
		s.pages_left += !heap->pages.at[i].walked && !heap->pages.at[i].stale;
	for (size_t i = 0; i < s.n_spaces; i++) {
		const struct ap_heap_space *space = &s.spaces[i];

		s.objects += space->objects;
		s.object_bytes += space->object_bytes;
		s.area_bytes += space->area_bytes;
		accounted += space->object_bytes + space->free_bytes + space->buffer_bytes +
			     space->forwarded_bytes;
	}
	s.accounted_percent =
		s.area_bytes && !s.scanned ? 100.0 * (double)accounted / (double)s.area_bytes : 0;
	*ret = s;
}

bool ap_heap_object_at(struct ap_heap *heap, uint64_t address, uint64_t *ret_start,
		       uint64_t *ret_bytes)
{
	const struct ap_heap_page *page = ap_heap_page_at(heap, address);
	struct ap_heap_map *map;
	ap_addr start;
	uint64_t m;

	if (!page || !page->walked || !page->objects)
		return false;
	if (page->large) {
		start = page->start;
	} else {
		uint64_t word = (address - page->start) / 8, i = word / 64;
		uint64_t bits = page->bits[i] & (UINT64_MAX >> (63 - word % 64));

		while (!bits && i > 0)
			bits = page->bits[--i];
		if (!bits)
			return false;
		start = page->start + 8 * (i * 64 + 63 - (uint64_t)__builtin_clzll(bits));
	}
	if (!ap_image_u64(heap->v8->image, start, &m) || !(map = ap_map_get(heap, &heap->maps, m)))
		return false;
	uint64_t size = ap_heap_size(heap, map, start, NULL, 0);
	if (address - start >= size)
		return false;
	*ret_start = start;
	*ret_bytes = size;
	return true;
}

struct ap_err *ap_heap_mark(struct ap_heap *heap, uint64_t address)
{
	return ap_vec_push(&heap->arena, &heap->marks, address) ? NULL : &ap_err_nomem;
}

void ap_heap_marks(const struct ap_heap *heap, const uint64_t **ret_addresses, size_t *ret_n)
{
	*ret_addresses = heap->marks.at;
	*ret_n = heap->marks.n;
}

void ap_heap_forget_marks(struct ap_heap *heap)
{
	heap->marks.n = 0;
}
