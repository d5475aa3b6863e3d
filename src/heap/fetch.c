/*
 * The pages' bytes become mapped many at a time: a fault for each few of them would cost more than
 * what is done with them.
 */
#include <pthread.h>

#include "heap/heap_private.h"
#include "os/map.h"

enum {
	OS_PAGE = 4096,
	BLOCK = 16,   /* pages that a thread takes at a time */
	SAMPLES = 64, /* tell whether all is in memory */
};

/* What lies side by side in the core is fetched together. */
void ap_heap_fetch(const struct ap_heap *heap, size_t first, size_t end)
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

/* Reading from a disk is left to the walk, which shows how far it is and can be stopped. */
static bool is_in_memory(const struct ap_heap *heap)
{
	size_t step = heap->pages.n / SAMPLES + 1;

	for (size_t i = 0; i < heap->pages.n; i += step) {
		if (!ap_image_is_cached(heap->v8->image, heap->pages.at[i].start))
			return false;
	}
	return heap->pages.n;
}

struct share {
	const struct ap_heap *heap;
	atomic_size_t *next;
};

static void *run(void *arg)
{
	const struct share *share = arg;
	const size_t n = share->heap->pages.n;

	for (size_t first; (first = atomic_fetch_add(share->next, BLOCK)) < n;)
		ap_heap_fetch(share->heap, first, n - first < BLOCK ? n : first + BLOCK);
	return NULL;
}

void ap_heap_fetch_pages(struct ap_heap *heap)
{
	pthread_t threads[AP_MAX_THREADS];
	bool started[AP_MAX_THREADS] = {0};
	atomic_size_t next = 0;
	struct share share = {heap, &next};
	size_t n = ap_heap_threads(heap->pages.n / BLOCK);

	if (!is_in_memory(heap))
		return;
	for (size_t i = 1; i < n; i++)
		started[i] = pthread_create(&threads[i], NULL, run, &share) == 0;
	run(&share);
	for (size_t i = 1; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
	}
	heap->fetched = true;
}
