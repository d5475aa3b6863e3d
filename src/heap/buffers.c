/*
 * Allocation buffers: parts of pages that are handed out for allocation but hold nothing yet. Each is
 * a LinearAllocationArea {start, top, limit} (src/heap/linear-allocation-area.h) in the Isolate, in a
 * Space, or (12.4 and later) in a MainAllocator that a Space points to.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	ISOLATE_BYTES = 0x18000, /* the Isolate with its Heap's own fields */
	SPACE_BYTES = 0x400,
	ALLOCATOR_BYTES = 0x200,
	MAX_SPACES = 256,
};

static bool is_buffer(const struct ap_heap *heap, const uint64_t *w)
{
	if (w[0] > w[1] || w[1] >= w[2] || ((w[0] | w[1] | w[2]) & 7))
		return false;
	const struct ap_heap_page *page = ap_heap_page_at(heap, w[0]);
	return page && !page->stale && !page->large && w[2] <= page->end;
}

static bool add(struct ap_heap *heap, ap_addr top, ap_addr limit)
{
	for (size_t i = 0; i < heap->buffers.n; i++) {
		if (heap->buffers.at[i].top == top)
			return true;
	}
	return heap->buffers.n >= AP_MAX_BUFFERS ||
	       ap_vec_push(&heap->arena, &heap->buffers, (struct ap_heap_buffer){top, limit});
}

/* All areas in [address, address + bytes), as far as they can be read. */
static bool search(struct ap_heap *heap, ap_addr address, uint64_t bytes)
{
	uint64_t have;
	const uint8_t *p = ap_image_view(heap->v8->image, address, &have);

	if (!p || (address & 7))
		return true;
	if (bytes > have)
		bytes = have;
	for (uint64_t at = 0; at + 24 <= bytes; at += 8) {
		uint64_t w[3];

		memcpy(w, p + at, sizeof(w));
		if (w[0] && w[2] - w[0] <= AP_CHUNK_BYTES && is_buffer(heap, w) && !add(heap, w[1], w[2]))
			return false;
	}
	return true;
}

/* A Space and what it points to. */
static bool search_space(struct ap_heap *heap, ap_addr space)
{
	if (!search(heap, space, SPACE_BYTES))
		return false;
	for (uint64_t at = 0; at < SPACE_BYTES; at += 8) {
		uint64_t p;

		if (!ap_image_u64(heap->v8->image, space + at, &p))
			break;
		if (p && !(p & 7) && !ap_heap_page_at(heap, p) && !search(heap, p, ALLOCATOR_BYTES))
			return false;
	}
	return true;
}

static int by_top(const void *a, const void *b)
{
	const struct ap_heap_buffer *x = a, *y = b;

	return x->top < y->top ? -1 : x->top > y->top;
}

struct ap_err *ap_heap_find_buffers(struct ap_heap *heap)
{
	const struct ap_v8 *v8 = heap->v8;
	ap_addr spaces[MAX_SPACES];
	size_t n = 0;

	for (size_t i = 0; i < v8->isolates.n; i++) {
		if (!search(heap, v8->isolates.at[i].address, ISOLATE_BYTES))
			return &ap_err_nomem;
	}
	for (size_t i = 0; i < heap->pages.n; i++) {
		ap_addr owner = heap->pages.at[i].owner;
		size_t k = 0;

		while (k < n && spaces[k] != owner)
			k++;
		if (!owner || k < n || n == MAX_SPACES)
			continue;
		spaces[n++] = owner;
		if (!search_space(heap, owner))
			return &ap_err_nomem;
	}
	if (heap->buffers.n)
		qsort(heap->buffers.at, heap->buffers.n, sizeof(*heap->buffers.at), by_top);
	return NULL;
}
