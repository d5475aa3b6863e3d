/*
 * The walk over all pages. They are independent, so threads share them out.
 */
#include "heap/walk.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "os/map.h"

enum {
	OS_PAGE = 4096,
	REPORT_EVERY = 64, /* pages of the calling thread */
	BLOCK = 16,        /* pages that a thread takes at a time, at most */
};

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
	struct ap_walker *w = arg;
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
			ap_walk_page(w, page);
			atomic_fetch_add(w->done_bytes, page->end - page->start);
			atomic_fetch_add(w->done_objects, page->objects);
			if (w->is_caller && w->watch && w->watch->report &&
			    ++mine % REPORT_EVERY == 0)
				w->watch->report(w->watch->arg, "walking the heap", *w->done_bytes,
						 w->total_bytes, *w->done_objects);
		}
	}
}

static bool walker_open(struct ap_walker *w, struct ap_heap *heap)
{
	w->heap = heap;
	ap_arena_init(&w->arena, 0);
	w->spaces = calloc(heap->spaces.n ? heap->spaces.n : 1, sizeof(*w->spaces));
	w->scratch = malloc(AP_CHUNK_BYTES);
	return w->spaces && w->scratch;
}

static void walker_close(struct ap_walker *w)
{
	ap_map_table_close(&w->maps);
	ap_arena_close(&w->arena);
	free(w->spaces);
	free(w->scratch);
}

static bool merge(struct ap_heap *heap, const struct ap_walker *w)
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
	struct ap_walker walkers[AP_MAX_THREADS] = {0};
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
	bool again;

	if (pages_left(heap)) {
		ap_heap_forget_groups(heap);
		ap_heap_forget_live(heap);
	}
	for (;;) {
		AP_TRY(walk_all(heap, watch, &left));
		if (left || !heap->gaps.n)
			return NULL;
		/* What was not explained says what was not known of: then all is walked anew. */
		again = false;
		if (!heap->searched) {
			heap->searched = true;
			AP_TRY(ap_heap_find_more_buffers(heap, &again));
		} else if (!heap->judged) {
			heap->judged = true;
			again = ap_heap_drop_moved(heap);
		} else {
			return NULL;
		}
		if (again)
			forget(heap);
	}
}
