/* What is known of what lives: kept with the pages, a bit for every eight bytes of heap. */
#include "heap/mark.h"

enum { MIN_ACCOUNTED = 9999 }; /* of 10,000: beyond that references may be missing */

const char *ap_heap_unknowable(const struct ap_heap *heap)
{
	uint64_t area = 0, unread = 0;

	if (heap->scanned)
		return "the heap's pages were not recognised";
	for (size_t i = 0; i < heap->pages.n; i++) {
		if (!heap->pages.at[i].walked && !heap->pages.at[i].stale)
			return "not all of the heap was walked";
	}
	for (size_t i = 0; i < heap->spaces.n; i++) {
		const struct ap_heap_space *s = &heap->spaces.at[i];

		/* Nothing but the holes of 14.6 is missing from what all isolates share. */
		if (s->isolate == SIZE_MAX)
			continue;
		area += s->area_bytes;
		unread += s->gap_bytes + s->absent_bytes;
	}
	if (unread * 10000 > area * (10000 - MIN_ACCOUNTED))
		return "parts of the heap are missing, and with them references";
	return NULL;
}

void ap_heap_forget_live(struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->pages.n; i++)
		heap->pages.at[i].live = NULL;
	ap_slab_close(&heap->live);
	heap->liveness_known = false;
	heap->why_unknown = NULL;
}

void ap_heap_keep_live(struct ap_heap *heap, const struct ap_bodies *b, struct ap_paint *paint)
{
	ap_slab_close(&heap->live);
	ap_paint_to_live(paint, b, &heap->live);
	uint64_t *at = heap->live.at;
	for (size_t i = 0; i < b->n_pages; i++) {
		ap_heap_page_at(heap, b->pages[i].start)->live = at;
		at += ap_body_page_words(&b->pages[i]);
	}
	heap->liveness_known = true;
}

void ap_heap_liveness(const struct ap_heap *heap, struct ap_heap_liveness *ret)
{
	struct ap_heap_liveness l = {.known = heap->liveness_known,
				     .why_unknown = heap->why_unknown};

	for (size_t i = 0; i < heap->spaces.n; i++) {
		l.dead += heap->spaces.at[i].objects;
		l.dead_bytes += heap->spaces.at[i].object_bytes;
	}
	for (size_t i = 0; heap->grouped && i < heap->groups.n; i++) {
		if (heap->groups.at[i].live == AP_LIVE_NO)
			continue;
		l.live += heap->groups.at[i].count;
		l.live_bytes += heap->groups.at[i].self_bytes;
	}
	l.dead = l.known && l.dead > l.live ? l.dead - l.live : 0;
	l.dead_bytes = l.known && l.dead_bytes > l.live_bytes ? l.dead_bytes - l.live_bytes : 0;
	*ret = l;
}

enum ap_heap_live ap_heap_is_live(const struct ap_heap *heap, uint64_t address)
{
	const struct ap_heap_page *page = ap_heap_page_at(heap, address);

	if (!heap->liveness_known || !page || !page->live || (address & 7))
		return AP_LIVE_UNKNOWN;
	return ap_page_is_live(page, address) ? AP_LIVE_YES : AP_LIVE_NO;
}

static struct ap_err *mark_anew(struct ap_bodies *b, const struct ap_tagged_rules *rules,
				const struct ap_heap_watch *watch, const struct ap_roots *roots,
				struct ap_paint *paint)
{
	uint64_t *at;

	if (!ap_paint_open(paint, b))
		return &ap_err_nomem;
	AP_TRY(ap_mark(b, rules, watch, roots, paint, NULL, ap_heap_threads(b->n_pages)));
	if (!roots->guessed && !ap_heap_unknowable(b->heap)) {
		ap_heap_keep_live(b->heap, b, paint);
		return NULL;
	}
	ap_paint_to_live(paint, b, &b->live);
	at = b->live.at;
	for (size_t i = 0; i < b->n_pages; i++) {
		b->pages[i].live = at;
		at += ap_body_page_words(&b->pages[i]);
	}
	return NULL;
}

struct ap_err *ap_bodies_mark(struct ap_bodies *b, const struct ap_tagged_rules *rules,
			      const struct ap_heap_watch *watch, const struct ap_roots *roots)
{
	struct ap_paint paint = {0};
	struct ap_err *err =
		b->heap->liveness_known ? NULL : mark_anew(b, rules, watch, roots, &paint);

	ap_paint_close(&paint);
	if (err)
		return err;
	for (size_t i = 0; b->heap->liveness_known && i < b->n_pages; i++)
		b->pages[i].live = ap_heap_page_at(b->heap, b->pages[i].start)->live;
	return ap_bodies_number(b);
}
