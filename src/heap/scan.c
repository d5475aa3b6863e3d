/*
 * The fall-back where no page layout can be established: memory is searched for what looks like
 * V8's heap, objects that follow each other without a gap. Each such stretch is walked like a page,
 * from map to map. Sizes and names are as sure as ever; that nothing was missed is not, and it is
 * said.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	IN_A_ROW = 8,            /* objects, each at the end of the one before */
	MAX_AREA_START = 0x8000, /* of a chunk: all pages of 9.4 to 14.6 begin before it */
	NEGATIVE = 1 << 16,      /* remembered words that are no maps */
	MAX_LARGE = 1 << 30,
};

struct scan {
	struct ap_heap *heap;
	ap_tagged *no_maps; /* direct mapped, NEGATIVE of them */
	uint32_t space;
};

static struct ap_heap_map *map_of(struct scan *s, uint64_t w)
{
	size_t slot = (size_t)((w >> 3) * 0x9e3779b97f4a7c15u >> 48) & (NEGATIVE - 1);
	struct ap_heap_map *map;

	if ((w & 7) != 1 || s->no_maps[slot] == w)
		return NULL;
	map = ap_map_get(s->heap, &s->heap->maps, w);
	if (!map)
		s->no_maps[slot] = w;
	return map;
}

/* The size of what stands at `at`, `n` bytes before the end of the segment; 0 if that is no object.
 */
static uint64_t size_at(struct scan *s, ap_addr address, const uint8_t *at, uint64_t n)
{
	struct ap_heap_map *map;
	uint64_t w, size;

	if (n < 8)
		return 0;
	memcpy(&w, at, sizeof(w));
	map = map_of(s, w);
	if (!map)
		return 0;
	size = ap_heap_size(s->heap, map, address, at, n);
	return size < 8 || (size & 7) || size > n ? 0 : size;
}

/* A table of maps looks like objects in a row, too: there, most words are maps. */
static bool holds_maps(struct scan *s, const uint8_t *p, uint64_t bytes)
{
	uint64_t maps = 0, words = bytes / 8;

	for (uint64_t i = 0; i < words; i++) {
		uint64_t w;

		memcpy(&w, p + 8 * i, sizeof(w));
		maps += map_of(s, w) != NULL;
	}
	return 2 * maps > words;
}

static bool add(struct scan *s, ap_addr start, ap_addr end, bool large)
{
	const struct ap_heap_page page = {.chunk = start & ~(uint64_t)(AP_CHUNK_BYTES - 1),
					  .header = start,
					  .start = start,
					  .end = end,
					  .space = s->space,
					  .large = large};

	return ap_vec_push(&s->heap->arena, &s->heap->pages, page);
}

/*
 * Looks for the first objects in a row of a stretch that begins at `p`, with `n` bytes to the end
 * of its segment; *ret_end is where to go on.
 */
static bool stretch(struct scan *s, ap_addr address, const uint8_t *p, uint64_t n, ap_addr *ret_end)
{
	ap_addr end = (address & ~(uint64_t)(AP_CHUNK_BYTES - 1)) + AP_CHUNK_BYTES;
	uint64_t stop = end - address < n ? end - address : n;

	*ret_end = address + stop;
	for (uint64_t at = 0; at + 8 <= stop; at += 8) {
		uint64_t next = at, size = 0;
		int row = 0;

		if ((address + at) % AP_CHUNK_BYTES >= MAX_AREA_START)
			break;
		while (row < IN_A_ROW && next < stop &&
		       (size = size_at(s, address + next, p + next, n - next))) {
			next += size;
			row++;
		}
		if (row && holds_maps(s, p + at, next - at < stop - at ? next - at : stop - at))
			continue;
		/* One that is larger than a page has its memory for itself. */
		if (row == 1 && size > AP_CHUNK_BYTES / 2 && at + size > stop &&
		    size <= MAX_LARGE) {
			*ret_end = (address + at + size + 4095) & ~4095ull;
			return add(s, address + at, address + at + size, true);
		}
		if (row == IN_A_ROW || (row > 1 && next >= stop))
			return add(s, address + at, (address + stop) & ~7ull, false);
	}
	return true;
}

struct ap_err *ap_heap_scan(struct ap_heap *heap)
{
	struct scan s = {.heap = heap, .no_maps = calloc(NEGATIVE, sizeof(*s.no_maps))};
	const struct ap_heap_space space = {.isolate = SIZE_MAX, .name = "scanned"};
	size_t n;
	const struct ap_segment *segments = ap_image_segments(heap->v8->image, &n);
	bool ok = s.no_maps != NULL;

	heap->scanned = true;
	s.space = (uint32_t)heap->spaces.n;
	ok = ok && ap_vec_push(&heap->arena, &heap->spaces, space);
	for (size_t i = 0; ok && i < n; i++) {
		const struct ap_segment *seg = &segments[i];

		if (!seg->data || (seg->start & 7) ||
		    (seg->origin != AP_SEGMENT_CORE && seg->origin != AP_SEGMENT_TEST))
			continue;
		for (ap_addr a = seg->start; ok && a + 8 <= seg->end;)
			ok = stretch(&s, a, seg->data + (a - seg->start), seg->end - a, &a);
	}
	free(s.no_maps);
	/* What was counted on the way is counted again by the walk. */
	ap_map_table_close(&heap->maps);
	return ok ? NULL : &ap_err_nomem;
}
