/* Work over all walked pages, shared out among threads; and the objects of one page in order. */
#include <pthread.h>
#include <stdlib.h>

#include "heap/heap_private.h"

enum { REPORT_EVERY = 64 };

struct job {
	struct ap_heap *heap;
	const struct ap_heap_watch *watch;
	const char *what;
	ap_page_fn *fn;
	void *state;
	atomic_size_t *next;
	_Atomic uint64_t *done;
	atomic_bool *stop;
	uint64_t total;
	bool is_caller;
};

static void *run(void *arg)
{
	struct job *job = arg;
	struct ap_heap *heap = job->heap;
	uint8_t *scratch = malloc(AP_CHUNK_BYTES);
	size_t mine = 0;

	if (!scratch) {
		atomic_store(job->stop, true);
		return NULL;
	}
	while (!atomic_load(job->stop)) {
		size_t i = atomic_fetch_add(job->next, 1);

		if (i >= heap->pages.n)
			break;
		if (job->watch && job->watch->cancelled && *job->watch->cancelled) {
			atomic_store(job->stop, true);
			break;
		}
		const struct ap_heap_page *page = &heap->pages.at[i];
		if (!page->walked || !page->objects)
			continue;
		struct ap_page_bytes bytes;
		ap_page_bytes(heap, page, scratch, &bytes);
		if (!job->fn(job->state, page, &bytes))
			atomic_store(job->stop, true);
		uint64_t done = atomic_fetch_add(job->done, page->end - page->start);
		if (job->is_caller && job->watch && job->watch->report &&
		    ++mine % REPORT_EVERY == 0)
			job->watch->report(job->watch->arg, job->what, done, job->total, 0);
	}
	free(scratch);
	return NULL;
}

bool ap_heap_parallel(struct ap_heap *heap, const struct ap_heap_watch *watch, const char *what,
		      ap_page_fn *fn, void *states, size_t state_bytes, size_t n)
{
	struct job jobs[AP_MAX_THREADS];
	pthread_t threads[AP_MAX_THREADS];
	bool started[AP_MAX_THREADS] = {0};
	atomic_size_t next = 0;
	_Atomic uint64_t done = 0;
	atomic_bool stop = false;
	uint64_t total = 0;

	for (size_t i = 0; i < heap->pages.n; i++)
		total += heap->pages.at[i].end - heap->pages.at[i].start;
	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct job){heap,  watch, what,  fn,    (char *)states + i * state_bytes,
				       &next, &done, &stop, total, i == 0};
	}
	for (size_t i = 1; i < n; i++)
		started[i] = pthread_create(&threads[i], NULL, run, &jobs[i]) == 0;
	run(&jobs[0]);
	for (size_t i = 1; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
	}
	return !atomic_load(&stop);
}

static uint64_t bits_of(const struct ap_heap_page *page, enum ap_which which, uint64_t i)
{
	return which == AP_ALL_OBJECTS    ? page->bits[i]
	       : which == AP_LIVE_OBJECTS ? page->live[i]
					  : page->bits[i] & ~page->live[i];
}

bool ap_objects_next(const struct ap_heap_page *page, struct ap_objects *it, ap_addr *ret)
{
	uint64_t words = (page->end - page->start + 511) / 512;

	if (page->large) {
		*ret = page->start;
		return page->objects && it->i++ == 0 &&
		       (it->which == AP_ALL_OBJECTS ||
			(*page->live & 1) == (it->which == AP_LIVE_OBJECTS));
	}
	if (!page->bits)
		return false;
	if (!it->begun) {
		it->begun = true;
		it->bits = bits_of(page, it->which, 0);
	}
	while (!it->bits) {
		if (++it->i >= words)
			return false;
		it->bits = bits_of(page, it->which, it->i);
	}
	*ret = page->start + 8 * (it->i * 64 + (uint64_t)__builtin_ctzll(it->bits));
	it->bits &= it->bits - 1;
	return true;
}
