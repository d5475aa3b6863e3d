/*
 * The linear walk: from the first object of a page to its end, each object followed by the next.
 * All pages are independent, so threads share them out.
 *
 * What is met besides objects: free space and fillers, allocation buffers, forwarding pointers (the
 * object moved and this copy is dead), and what nobody explains: there the walk goes on at the next
 * word that is a map, and the gap is counted.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "heap/heap_private.h"
#include "os/map.h"

enum {
	OS_PAGE = 4096,
	REPORT_EVERY = 64, /* pages of the calling thread */
	BLOCK = 16,        /* pages that a thread takes at a time, at most */
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

struct walker {
	struct ap_heap *heap;
	atomic_size_t *next;
	size_t block;
	_Atomic uint64_t *done_bytes, *done_objects;
	const struct ap_heap_watch *watch;
	uint64_t total_bytes;
	bool is_caller;
	bool failed; /* out of memory */
	struct ap_map_table maps;
	struct ap_heap_space *spaces; /* counters only */
	struct ap_arena arena;
	ap_gap_vec gaps;
	uint64_t all_gaps, index_bytes;
	uint8_t *scratch;
};

static void note_gap(struct walker *w, const struct ap_heap_page *page, ap_addr a, uint64_t bytes,
		     bool absent)
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
static uint64_t object_at(struct walker *w, const struct ap_heap_page *page,
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
static uint64_t forwarded_at(struct walker *w, const struct ap_heap_page *page,
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
	struct walker *w;
	struct ap_heap_page *page;
	struct ap_page_bytes bytes;
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

/* Whether an object stands at `a`, as far as looks go: none reaches into a buffer. */
static bool resumes_at(struct page_walk *p, ap_addr a)
{
	const struct ap_heap *heap = p->w->heap;
	struct ap_heap_map *map;
	uint64_t size;

	if (buffer_at(p, a))
		return true;
	size = object_at(p->w, p->page, &p->bytes, a, &map);
	if (!size)
		size = forwarded_at(p->w, p->page, &p->bytes, a);
	return size &&
	       (p->buffer == heap->buffers.n || heap->buffers.at[p->buffer].top >= a + size);
}

/* Nothing that we know: to the next object or buffer, or the end. */
static ap_addr resync(struct page_walk *p, ap_addr a)
{
	struct ap_heap_space *space = &p->w->spaces[p->page->space];
	ap_addr from = a;
	bool absent = !is_present(&p->bytes, a);

	for (a += 8; a < p->page->end && is_present(&p->bytes, a) != absent; a += 8) {
		if (resumes_at(p, a))
			break;
	}
	/* Memory that was never used, up to the end of the page. */
	if (!absent && is_zero(&p->bytes, from - p->page->start))
		space->free_bytes += p->page->end - from;
	else
		note_gap(p->w, p->page, from, a - from, absent);
	return !absent && is_zero(&p->bytes, from - p->page->start) ? p->page->end : a;
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

static void walk_page(struct walker *w, struct ap_heap_page *page)
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
	page->bits = page->room;
	w->index_bytes += words * sizeof(*page->bits);
	for (ap_addr a = page->start; a < page->end;) {
		struct ap_heap_map *map;
		uint64_t size = is_present(&p.bytes, a) ? buffer_at(&p, a) : 0;

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

/* What lies side by side in the core is fetched together. */
static void fetch_pages(const struct ap_heap *heap, size_t first, size_t end)
{
	const uint8_t *from = NULL, *to = NULL;

	for (size_t i = first; i < end; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		uint64_t have = 0, area = page->end - page->start;
		const uint8_t *p;

		if (page->walked || page->stale || page->large ||
		    !(p = ap_image_view(heap->v8->image, page->start, &have)))
			continue;
		if (from && (p < to || p - to >= OS_PAGE)) {
			ap_map_fetch(from, (uint64_t)(to - from));
			from = NULL;
		}
		from = from ? from : p;
		to = p + (have < area ? have : area);
	}
	if (from)
		ap_map_fetch(from, (uint64_t)(to - from));
}

static void *run(void *arg)
{
	struct walker *w = arg;
	struct ap_heap *heap = w->heap;
	size_t mine = 0;

	for (;;) {
		size_t first = atomic_fetch_add(w->next, w->block);
		size_t end = first + w->block < heap->pages.n ? first + w->block : heap->pages.n;

		if (first >= end)
			return NULL;
		fetch_pages(heap, first, end);
		for (size_t i = first; i < end; i++) {
			struct ap_heap_page *page = &heap->pages.at[i];

			if (w->failed || (w->watch && w->watch->cancelled && *w->watch->cancelled))
				return NULL;
			if (page->walked || page->stale)
				continue;
			walk_page(w, page);
			atomic_fetch_add(w->done_bytes, page->end - page->start);
			atomic_fetch_add(w->done_objects, page->objects);
			if (w->is_caller && w->watch && w->watch->report &&
			    ++mine % REPORT_EVERY == 0)
				w->watch->report(w->watch->arg, "walking the heap", *w->done_bytes,
						 w->total_bytes, *w->done_objects);
		}
	}
}

static bool walker_open(struct walker *w, struct ap_heap *heap)
{
	w->heap = heap;
	ap_arena_init(&w->arena, 0);
	w->spaces = calloc(heap->spaces.n ? heap->spaces.n : 1, sizeof(*w->spaces));
	w->scratch = malloc(AP_CHUNK_BYTES);
	return w->spaces && w->scratch;
}

static void walker_close(struct walker *w)
{
	ap_map_table_close(&w->maps);
	ap_arena_close(&w->arena);
	free(w->spaces);
	free(w->scratch);
}

static bool merge(struct ap_heap *heap, const struct walker *w)
{
	for (size_t i = 0; i < heap->spaces.n; i++) {
		struct ap_heap_space *to = &heap->spaces.at[i];
		const struct ap_heap_space *from = &w->spaces[i];

		to->objects += from->objects;
		to->object_bytes += from->object_bytes;
		to->free_bytes += from->free_bytes;
		to->buffer_bytes += from->buffer_bytes;
		to->forwarded += from->forwarded;
		to->forwarded_bytes += from->forwarded_bytes;
		to->gaps += from->gaps;
		to->gap_bytes += from->gap_bytes;
		to->absent_bytes += from->absent_bytes;
	}
	for (size_t i = 0; i < w->gaps.n && heap->gaps.n < AP_MAX_GAPS_LISTED; i++) {
		if (!ap_vec_push(&heap->arena, &heap->gaps, w->gaps.at[i]))
			return false;
	}
	heap->all_gaps += w->all_gaps;
	heap->index_bytes += w->index_bytes;
	return ap_map_merge(&heap->maps, &w->maps);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

size_t ap_heap_threads(size_t jobs)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = cpus < 1 ? 1 : cpus > AP_MAX_THREADS ? AP_MAX_THREADS : (size_t)cpus;

	return jobs < n ? (jobs ? jobs : 1) : n;
}

/* Room for the bits of all pages. */
static struct ap_err *make_room(struct ap_heap *heap)
{
	uint64_t words = 0;

	if (heap->bits.at)
		return NULL;
	for (size_t i = 0; i < heap->pages.n; i++)
		words += heap->pages.at[i].stale || heap->pages.at[i].large
				 ? 0
				 : ap_page_words(&heap->pages.at[i]);
	if (!ap_slab_open(&heap->bits, words))
		return &ap_err_nomem;
	uint64_t *at = heap->bits.at;
	for (size_t i = 0; i < heap->pages.n; i++) {
		struct ap_heap_page *page = &heap->pages.at[i];

		page->room = at;
		at += page->stale || page->large ? 0 : ap_page_words(page);
	}
	return NULL;
}

static struct ap_err *walk_all(struct ap_heap *heap, const struct ap_heap_watch *watch,
			       uint64_t *ret_left)
{
	struct walker walkers[AP_MAX_THREADS] = {0};
	pthread_t threads[AP_MAX_THREADS];
	bool started[AP_MAX_THREADS] = {0};
	atomic_size_t next = 0;
	_Atomic uint64_t done = 0, objects = 0;
	uint64_t total = 0, left = 0, first = 0;
	bool ok = true;
	double begin = now();

	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		left += !page->walked && !page->stale;
		total += page->walked || page->stale ? 0 : page->end - page->start;
	}
	if (!left) {
		*ret_left = 0;
		return NULL;
	}
	AP_TRY(make_room(heap));
	size_t n = ap_heap_threads(left);
	size_t block = heap->pages.n / (8 * n);
	block = block < 1 ? 1 : block > BLOCK ? BLOCK : block;
	for (size_t i = 0; i < n; i++) {
		walkers[i].next = &next;
		walkers[i].block = block;
		walkers[i].done_bytes = &done;
		walkers[i].done_objects = &objects;
		walkers[i].watch = watch;
		walkers[i].total_bytes = total;
		walkers[i].is_caller = i == 0;
		ok = walker_open(&walkers[i], heap) && ok;
	}
	/* Without a thread its share falls to the others. */
	for (size_t i = 1; ok && i < n; i++)
		started[i] = pthread_create(&threads[i], NULL, run, &walkers[i]) == 0;
	if (ok)
		run(&walkers[0]);
	for (size_t i = 0; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
		ok = ok && !walkers[i].failed && merge(heap, &walkers[i]);
		walker_close(&walkers[i]);
	}
	left = 0;
	for (size_t i = 0; i < heap->pages.n; i++) {
		heap->pages.at[i].first = first;
		first += heap->pages.at[i].objects;
		left += !heap->pages.at[i].walked && !heap->pages.at[i].stale;
	}
	*ret_left = left;
	heap->seconds += now() - begin;
	return ok ? NULL : &ap_err_nomem;
}

static bool pages_left(const struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		if (!heap->pages.at[i].walked && !heap->pages.at[i].stale)
			return true;
	}
	return false;
}

/* As if nothing had been walked. */
static void forget(struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		struct ap_heap_page *page = &heap->pages.at[i];

		page->bits = NULL;
		page->walked = false;
		page->objects = 0;
	}
	for (size_t i = 0; i < heap->spaces.n; i++) {
		struct ap_heap_space *s = &heap->spaces.at[i];

		*s = (struct ap_heap_space){.isolate = s->isolate, .name = s->name};
	}
	ap_heap_count_pages(heap);
	ap_slab_close(&heap->bits);
	ap_map_table_close(&heap->maps);
	heap->gaps.n = 0;
	heap->all_gaps = heap->index_bytes = 0;
}

struct ap_err *ap_heap_walk(struct ap_heap *heap, const struct ap_heap_watch *watch)
{
	uint64_t left;
	bool found;

	if (pages_left(heap)) {
		ap_heap_forget_groups(heap);
		ap_heap_forget_live(heap);
	}
	AP_TRY(walk_all(heap, watch, &left));
	if (left || heap->searched || !heap->gaps.n)
		return NULL;
	heap->searched = true;
	AP_TRY(ap_heap_find_more_buffers(heap, &found));
	if (!ap_heap_drop_moved(heap) && !found)
		return NULL;
	forget(heap);
	return walk_all(heap, watch, &left);
}
