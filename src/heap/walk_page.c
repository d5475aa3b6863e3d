/*
 * The linear walk of a page: from its first object to its end, each followed by the next.
 *
 * What is met besides objects: free space and fillers, allocation buffers, forwarding pointers (the
 * object moved and this copy is dead), and what nobody explains: there the walk goes on at the next
 * word that is a map, and the gap is counted.
 */
#include "heap/walk.h"

enum {
	OS_PAGE = 4096,
	LINE = 64,
	AHEAD = 2048, /* bytes */
};

void ap_page_bytes(const struct ap_heap *heap, const struct ap_heap_page *page, uint8_t *scratch,
		   struct ap_page_bytes *ret)
{
	const struct ap_image *image = heap->v8->image;
	uint64_t have = 0, area = page->end - page->start;
	const uint8_t *p = ap_image_view(image, page->start, &have);

	ret->base = page->start & ~(uint64_t)(OS_PAGE - 1);
	ret->present = UINT64_MAX;
	if (p && (have >= area || page->large)) {
		ret->at = p;
		ret->n = have < area ? have : area;
		return;
	}
	ret->at = scratch;
	ret->n = page->large ? 0 : area;
	ret->present = 0;
	for (ap_addr a = page->start; !page->large && a < page->end;) {
		ap_addr next = (a & ~(uint64_t)(OS_PAGE - 1)) + OS_PAGE;
		size_t n = (next < page->end ? next : page->end) - a;

		if (ap_image_read(image, a, scratch + (a - page->start), n))
			ret->present |= 1ull << ((a - ret->base) / OS_PAGE & 63);
		else
			memset(scratch + (a - page->start), 0, n);
		a = next;
	}
}

static void note_gap(struct ap_walker *w, const struct ap_heap_page *page, ap_addr a,
		     uint64_t bytes, bool absent)
{
	struct ap_heap_space *space = &w->spaces[page->space];

	if (w->heap->scanned) /* what is between the objects need not be the heap's */
		return;
	if (absent) {
		space->absent_bytes += bytes;
	} else {
		space->gaps++;
		space->gap_bytes += bytes;
	}
	w->all_gaps++;
	if (w->gaps.n < AP_MAX_GAPS_LISTED &&
	    !ap_vec_push(
		    &w->arena, &w->gaps,
		    (struct ap_heap_gap){a, bytes, w->heap->spaces.at[page->space].name, absent}))
		w->failed = true;
}

static bool is_present(const struct ap_page_bytes *bytes, ap_addr a)
{
	return bytes->present >> ((a - bytes->base) / OS_PAGE & 63) & 1;
}

static uint64_t word_at(const struct ap_page_bytes *bytes, uint64_t offset)
{
	uint64_t w;

	memcpy(&w, bytes->at + offset, sizeof(w));
	return w;
}

/* The size of what stands at `a`, if that is an object; its map in *ret_map. */
static uint64_t object_at(struct ap_walker *w, const struct ap_heap_page *page,
			  const struct ap_page_bytes *bytes, ap_addr a,
			  struct ap_heap_map **ret_map)
{
	uint64_t offset = a - page->start, m = word_at(bytes, offset), size;
	struct ap_heap_map *map;

	if ((m & 7) != 1 || !(map = ap_map_get(w->heap, &w->maps, m)))
		return 0;
	size = ap_heap_size(w->heap, map, a, bytes->at + offset, bytes->n - offset);
	if (size < 8 || (size & 7) || size > page->end - a)
		return 0;
	*ret_map = map;
	return size;
}

/* The size of an object that moved from `a`: its new place holds the map. */
static uint64_t forwarded_at(struct ap_walker *w, const struct ap_heap_page *page,
			     const struct ap_page_bytes *bytes, ap_addr a)
{
	uint64_t target = word_at(bytes, a - page->start), m, size;
	struct ap_heap_map *map;

	if (!target || (target & 7) || !ap_heap_page_at(w->heap, target) ||
	    !ap_image_u64(w->heap->v8->image, target, &m) || (m & 7) != 1 ||
	    !(map = ap_map_get(w->heap, &w->maps, m)))
		return 0;
	size = ap_heap_size(w->heap, map, target, NULL, 0);
	return size < 8 || (size & 7) || size > page->end - a ? 0 : size;
}

static bool is_zero(const struct ap_page_bytes *bytes, uint64_t offset)
{
	for (; offset + 8 <= bytes->n; offset += 8) {
		if (word_at(bytes, offset))
			return false;
	}
	return true;
}

struct page_walk {
	struct ap_walker *w;
	struct ap_heap_page *page;
	struct ap_page_bytes bytes;
	bool streams;     /* it holds InstructionStreams */
	size_t buffer;    /* the next allocation buffer */
	uint64_t fetched; /* bytes of the page */
};

/* Where the next object begins only this one tells: without help each would be waited for. */
static inline void fetch_ahead(struct page_walk *p, uint64_t offset)
{
	uint64_t to = offset + AHEAD < p->bytes.n ? offset + AHEAD : p->bytes.n;

	for (p->fetched = p->fetched < offset ? offset : p->fetched; p->fetched < to;
	     p->fetched += LINE)
		__builtin_prefetch(p->bytes.at + p->fetched);
}

static void note_object(struct page_walk *p, ap_addr a, struct ap_heap_map *map, uint64_t size)
{
	struct ap_heap_space *space = &p->w->spaces[p->page->space];
	uint64_t word = (a - p->page->start) / 8;

	if (ap_map_is_free(p->w->heap, map)) {
		space->free_bytes += size;
		return;
	}
	space->objects++;
	space->object_bytes += size;
	map->count++;
	map->bytes += size;
	if (!map->first || a < map->first)
		map->first = a;
	if (p->page->bits)
		p->page->bits[word / 64] |= 1ull << (word % 64);
	p->page->objects++;
}

/* The buffer that begins at `a`, if one does. */
static uint64_t buffer_at(struct page_walk *p, ap_addr a)
{
	const struct ap_heap *heap = p->w->heap;

	while (p->buffer < heap->buffers.n && heap->buffers.at[p->buffer].top < a)
		p->buffer++;
	if (p->buffer == heap->buffers.n || heap->buffers.at[p->buffer].top != a)
		return 0;
	ap_addr limit = heap->buffers.at[p->buffer].limit;
	return limit <= p->page->end ? limit - a : 0;
}

/*
 * The buffer that begins at `a`, unless an object stands there and nothing where it would end:
 * words left in native memory may look like a buffer. Not so in half-spaces, where behind a true
 * one may stand what an earlier cycle left.
 */
static uint64_t true_buffer_at(struct page_walk *p, ap_addr a)
{
	uint64_t size = buffer_at(p, a), end = a + size;
	struct ap_heap_map *map;

	if (!size || p->page->semi || end == p->page->end || !is_present(&p->bytes, end) ||
	    !object_at(p->w, p->page, &p->bytes, a, &map))
		return size;
	return !word_at(&p->bytes, end - p->page->start) ||
			       object_at(p->w, p->page, &p->bytes, end, &map) ||
			       forwarded_at(p->w, p->page, &p->bytes, end)
		       ? size
		       : 0;
}

/* Whether the walk may go on at `a` behind a gap: at a buffer or what looks like an object, if that
 * does not reach into a buffer; among machine code, which looks like anything, only at more of it.
 */
static bool resumes_at(struct page_walk *p, ap_addr a)
{
	const struct ap_heap *heap = p->w->heap;
	struct ap_heap_map *map;
	uint64_t size;

	if (buffer_at(p, a))
		return true;
	size = object_at(p->w, p->page, &p->bytes, a, &map);
	if (size && p->streams && map->type != F(heap->v8, T_INSTRUCTION_STREAM) &&
	    !ap_map_is_free(heap, map))
		return false;
	if (!size)
		size = forwarded_at(p->w, p->page, &p->bytes, a);
	return size &&
	       (p->buffer == heap->buffers.n || heap->buffers.at[p->buffer].top >= a + size);
}

/* Machine code without a size: it ends where the next begins. */
static bool is_swept_code(struct page_walk *p, ap_addr a)
{
	const struct ap_heap *heap = p->w->heap;
	const struct ap_heap_map *map;
	uint64_t m = word_at(&p->bytes, a - p->page->start);

	return p->streams && (m & 7) == 1 && (map = ap_map_get(heap, &p->w->maps, m)) &&
	       ap_heap_code_is_gone(heap, map, a);
}

/* Nothing that we know: to the next object or buffer, or the end. */
static ap_addr resync(struct page_walk *p, ap_addr a)
{
	struct ap_heap_space *space = &p->w->spaces[p->page->space];
	ap_addr from = a;
	bool absent = !is_present(&p->bytes, a);
	bool unused = !absent && is_zero(&p->bytes, from - p->page->start);
	bool swept = !absent && is_swept_code(p, a);

	for (a += 8; a < p->page->end && is_present(&p->bytes, a) != absent; a += 8) {
		if (resumes_at(p, a))
			break;
	}
	/* Memory that was never used, up to the end of the page. */
	if (unused)
		a = p->page->end;
	if (unused || swept)
		space->free_bytes += a - from;
	else
		note_gap(p->w, p->page, from, a - from, absent);
	return a;
}

static void walk_large(struct page_walk *p)
{
	struct ap_heap_page *page = p->page;
	struct ap_heap_space *space = &p->w->spaces[page->space];
	struct ap_heap_map *map;
	uint64_t size = p->bytes.n >= 8 ? object_at(p->w, page, &p->bytes, page->start, &map) : 0;

	if (!size) {
		note_gap(p->w, page, page->start, page->end - page->start, p->bytes.n < 8);
		return;
	}
	note_object(p, page->start, map, size);
	/* An array that was shortened leaves fillers behind it. */
	space->free_bytes += page->end - page->start - size;
}

void ap_walk_page(struct ap_walker *w, struct ap_heap_page *page)
{
	struct page_walk p = {.w = w, .page = page};
	struct ap_heap_space *space = &w->spaces[page->space];
	uint64_t words = (page->end - page->start + 511) / 512;

	ap_page_bytes(w->heap, page, w->scratch, &p.bytes);
	if (page->large) {
		walk_large(&p);
		page->walked = true;
		return;
	}
	p.streams = ap_has_fact(w->heap->v8, AP_F_T_INSTRUCTION_STREAM) &&
		    strcmp(w->heap->spaces.at[page->space].name, "code") == 0;
	page->bits = page->room;
	w->index_bytes += words * sizeof(*page->bits);
	for (ap_addr a = page->start; a < page->end;) {
		struct ap_heap_map *map;
		uint64_t size = is_present(&p.bytes, a) ? true_buffer_at(&p, a) : 0;

		fetch_ahead(&p, a - page->start);

		if (size) {
			space->buffer_bytes += size;
		} else if (is_present(&p.bytes, a) &&
			   (size = object_at(w, page, &p.bytes, a, &map))) {
			note_object(&p, a, map, size);
		} else if (is_present(&p.bytes, a) && (size = forwarded_at(w, page, &p.bytes, a))) {
			space->forwarded++;
			space->forwarded_bytes += size;
		} else {
			a = resync(&p, a);
			continue;
		}
		a += size;
	}
	page->walked = true;
}
