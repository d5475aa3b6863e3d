/*
 * Allocation buffers: parts of pages that are handed out for allocation but hold nothing yet. Each
 * is a LinearAllocationArea {start, top, limit} (src/heap/linear-allocation-area.h) in the Isolate,
 * in a Space, or (12.4 and later) in a MainAllocator that a Space points to.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	ISOLATE_BYTES = 0x18000, /* the Isolate with its Heap's own fields */
	SPACE_BYTES = 0x400,
	ALLOCATOR_BYTES = 0x200,
	MAX_SPACES = 256,
};

static bool is_area(const uint64_t *w)
{
	return w[0] && w[0] <= w[1] && w[1] <= w[2] && w[0] != w[2] &&
	       w[2] - w[0] <= AP_CHUNK_BYTES && !((w[0] | w[1] | w[2]) & 7);
}

/*
 * The page that is allocated in is in use, although its high-water mark is only set when the buffer
 * is given back; the buffer may be used up.
 */
static bool is_buffer(const struct ap_heap *heap, const uint64_t *w)
{
	if (!is_area(w))
		return false;
	struct ap_heap_page *page = ap_heap_page_at(heap, w[0]);
	if (!page || page->large || w[2] > page->end)
		return false;
	/* Anything before the top was allocated there. */
	if (page->unused && w[1] > page->start)
		page->stale = page->unused = false;
	return !page->stale && w[1] < w[2];
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

/*
 * Whether the word at `at` is one of many in order: a table of addresses, such as that of builtins
 * (9.4), in which each three would look like a buffer.
 */
static bool is_in_table(const uint8_t *p, uint64_t bytes, uint64_t at)
{
	enum { MIN_TABLE = 8 };
	uint64_t a, b, n = 1;

	for (uint64_t i = at; i >= 8 && n < MIN_TABLE; i -= 8, n++) {
		memcpy(&a, p + i - 8, 8);
		memcpy(&b, p + i, 8);
		if (a >= b || a / AP_CHUNK_BYTES != b / AP_CHUNK_BYTES)
			break;
	}
	for (uint64_t i = at; i + 16 <= bytes && n < MIN_TABLE; i += 8, n++) {
		memcpy(&a, p + i, 8);
		memcpy(&b, p + i + 8, 8);
		if (a >= b || a / AP_CHUNK_BYTES != b / AP_CHUNK_BYTES)
			break;
	}
	return n >= MIN_TABLE;
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
		if (!is_in_table(p, bytes, at) && is_buffer(heap, w) && !add(heap, w[1], w[2]))
			return false;
	}
	return true;
}

/* A Space, what it points to, and what stands before it: a SemiSpace is a part of its NewSpace. */
static bool search_space(struct ap_heap *heap, ap_addr space)
{
	if (!search(heap, space - SPACE_BYTES, SPACE_BYTES) || !search(heap, space, SPACE_BYTES))
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

/*
 * Takes every LinearAllocationArea outside of the pages that `want` wants. `at` is its address.
 * Reading all native memory is only worth it where something is known to be missing.
 */
static struct ap_err *each_area(struct ap_heap *heap, bool (*want)(const struct ap_heap *heap,
								   ap_addr at, const uint64_t *w))
{
	size_t n;
	const struct ap_segment *segments = ap_image_segments(heap->v8->image, &n);

	for (size_t s = 0; s < n; s++) {
		const struct ap_segment *seg = &segments[s];

		if (!seg->data || !(seg->flags & PF_W) || (seg->start & 7) ||
		    (seg->origin != AP_SEGMENT_CORE && seg->origin != AP_SEGMENT_TEST))
			continue;
		for (ap_addr a = seg->start; a + 24 <= seg->end;) {
			uint64_t w[3];

			if (a % AP_CHUNK_BYTES == 0 &&
			    ap_heap_page_at(heap, a + AP_CHUNK_BYTES / 2)) {
				a += AP_CHUNK_BYTES;
				continue;
			}
			memcpy(w, seg->data + (a - seg->start), sizeof(w));
			if (is_area(w) && want(heap, a, w) && is_buffer(heap, w) &&
			    !add(heap, w[1], w[2]))
				return &ap_err_nomem;
			a += 8;
		}
	}
	return NULL;
}

static bool is_collecting(const struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		if (heap->pages.at[i].collecting)
			return true;
	}
	return false;
}

/*
 * Threads that scavenge copy into buffers of their own. Behind such a buffer's top stands what an
 * earlier cycle left, so no gap tells of it. In front of the area stands its Heap
 * (LocalAllocationBuffer, until 11.3) or a reference to the area itself (MainAllocator).
 */
static bool is_helpers(const struct ap_heap *heap, ap_addr at, const uint64_t *w)
{
	const struct ap_heap_page *page = ap_heap_page_at(heap, w[0]);
	uint64_t before;

	if (!page || !page->collecting || !(page->to_space || page->unused) ||
	    !ap_image_u64(heap->v8->image, at - 8, &before))
		return false;
	size_t isolate = heap->spaces.at[page->space].isolate;
	return before == at || (isolate < heap->v8->isolates.n &&
				before == heap->v8->isolates.at[isolate].address +
						  (uint64_t)heap->layout.heap_offset);
}

/*
 * A half-space page that is allocated in has nothing behind its buffer but what an earlier cycle
 * left: a limit that an allocation observer lowered does not show the buffer's end.
 */
static void widen(struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->buffers.n; i++) {
		struct ap_heap_buffer *buffer = &heap->buffers.at[i];
		const struct ap_heap_page *page = ap_heap_page_at(heap, buffer->top);

		if (page && page->current && page->to_space && !page->collecting &&
		    (i + 1 == heap->buffers.n || heap->buffers.at[i + 1].top >= page->end))
			buffer->limit = page->end;
	}
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
	if (is_collecting(heap))
		AP_TRY(each_area(heap, is_helpers));
	if (heap->buffers.n)
		qsort(heap->buffers.at, heap->buffers.n, sizeof(*heap->buffers.at), by_top);
	widen(heap);
	return NULL;
}

static int gap_by_address(const void *a, const void *b)
{
	const struct ap_heap_gap *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool starts_gap(const struct ap_heap *heap, ap_addr a)
{
	size_t lo = 0, hi = heap->gaps.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (heap->gaps.at[mid].address < a)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < heap->gaps.n && heap->gaps.at[lo].address == a && !heap->gaps.at[lo].absent;
}

/*
 * Threads that help (concurrent compilation and marking) have LocalHeaps with buffers of their own,
 * somewhere in native memory. A gap that begins at a buffer's top is explained by it.
 */
static bool explains_gap(const struct ap_heap *heap, ap_addr at, const uint64_t *w)
{
	(void)at;
	return starts_gap(heap, w[1]);
}

struct ap_err *ap_heap_find_more_buffers(struct ap_heap *heap, bool *ret_found)
{
	size_t before = heap->buffers.n;

	if (heap->gaps.n)
		qsort(heap->gaps.at, heap->gaps.n, sizeof(*heap->gaps.at), gap_by_address);
	AP_TRY(each_area(heap, explains_gap));
	*ret_found = heap->buffers.n > before;
	if (*ret_found)
		qsort(heap->buffers.at, heap->buffers.n, sizeof(*heap->buffers.at), by_top);
	return NULL;
}
