/*
 * Which pages are in use. A Space keeps its pages in a list (memory_chunk_list_ of
 * src/heap/spaces.h); a page that is in none was given back and waits to be used again or unmapped:
 * its content is stale.
 *
 * A SemiSpace (src/heap/new-spaces.h) allocates in its pages one after the other, up to its
 * current_page_: what stands in those behind it was left by an earlier cycle. The half that is not
 * allocated in is stale as a whole, but while a collection is at work: then what was not moved yet
 * is still there.
 *
 * Where the list's ends stand in a Space and its links in a page is asked of them: only the true
 * ones make one chain, forth and back, from one end to the other. Without that proof nothing is
 * changed.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	LINKS_BYTES = 0x200,      /* of a page's header: its links are among them */
	LIST_BYTES = 0x100,       /* of a Space: the list's ends are among them */
	SEMI_SPACE_BYTES = 0x180, /* more than a SemiSpace has in 9.4 to 14.6 */
};

/* A Space with its pages, by their headers. */
struct list {
	struct ap_heap *heap;
	ap_addr owner;
	struct ap_heap_page **pages;
	ap_addr *headers; /* of the pages */
	size_t n;
};

static struct ap_heap_page *find(const struct list *s, ap_addr header)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->headers[mid] < header)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->headers[lo] == header ? s->pages[lo] : NULL;
}

static bool word_at(const struct list *s, ap_addr address, uint64_t *ret)
{
	return ap_image_u64(s->heap->v8->image, address, ret);
}

/* How many pages stand between the ends, if they are those of a chain with its links at `offset`;
 * else 0. */
static size_t chain_length(const struct list *s, ap_addr front, ap_addr back, size_t offset)
{
	ap_addr at = front, before = 0;
	size_t n = 0;

	for (;;) {
		uint64_t links[2]; /* next, previous */

		if (n++ == s->n || !find(s, at) ||
		    !ap_image_read(s->heap->v8->image, at + offset, links, sizeof(links)) ||
		    links[1] != before)
			return 0;
		if (at == back)
			return links[0] ? 0 : n;
		before = at;
		at = links[0];
	}
}

/* The i-th pair of words in the Space that may be the ends of its list. */
static bool ends_at(const struct list *s, size_t at, ap_addr *ret_front, ap_addr *ret_back)
{
	return word_at(s, s->owner + at, ret_front) && find(s, *ret_front) &&
	       word_at(s, s->owner + at + 8, ret_back) && find(s, *ret_back);
}

/* Adds to votes[offset / 8] the pages that links at that offset would chain. */
static void vote(const struct list *s, uint64_t *votes)
{
	ap_addr front, back;

	for (size_t at = 0; at + 16 <= LIST_BYTES; at += 8) {
		if (!ends_at(s, at, &front, &back) || front == back)
			continue;
		for (size_t offset = 0; offset + 16 <= LINKS_BYTES; offset += 8)
			votes[offset / 8] += chain_length(s, front, back, offset);
	}
}

/*
 * The page that is allocated in: the first word behind the list's ends that is one of the pages,
 * with id_ before it, which is 0 in from-space and 1 in to-space. Not the last one: what follows a
 * SemiSpace in memory may name its pages, too.
 */
static struct ap_heap_page *current_page(const struct list *s, size_t behind_ends)
{
	for (size_t at = behind_ends + 8; at <= SEMI_SPACE_BYTES; at += 8) {
		struct ap_heap_page *page;
		uint64_t w, id;

		if (word_at(s, s->owner + at, &w) && (page = find(s, w)) &&
		    word_at(s, s->owner + at - 8, &id) && (uint32_t)id == page->to_space)
			return page;
	}
	return NULL;
}

static void sort_out(const struct list *s, size_t offset)
{
	ap_addr front, back, next;
	size_t at = 0, n = 0;

	for (;; at += 8) {
		if (at + 16 > LIST_BYTES)
			return;
		if (ends_at(s, at, &front, &back) && (n = chain_length(s, front, back, offset)))
			break;
	}
	struct ap_heap_page *page = find(s, front), *current = NULL;
	bool behind = false;

	if (page->semi)
		current = current_page(s, at + 16);
	if (current == page && page->collecting && F(s->heap->v8, SEMI_CURRENT_STAYS) == 1)
		current = NULL;
	for (size_t i = 0; i < s->n; i++)
		s->pages[i]->released = true;
	for (; n && page; n--) {
		page->released = false;
		page->linked = true;
		if (current) {
			page->unused = false;
			page->stale = behind || (page->from_space && !page->collecting);
			page->current = page == current;
			behind = behind || page->current;
		}
		page = word_at(s, page->header + offset, &next) ? find(s, next) : NULL;
	}
}

/*
 * Pages in no list were given back; what stands there is of an earlier time, or of another isolate
 * that shares the pool. Only while a collection moves half-space pages from list to list one that
 * is in none may be on its way: what was given back has a flag (UNREGISTERED, PRE_FREED) that no
 * page of a list has.
 */
static void drop_released(struct ap_heap *heap)
{
	uint64_t usual = 0;

	for (size_t i = 0; i < heap->pages.n; i++)
		usual |= heap->pages.at[i].linked ? heap->pages.at[i].flags : 0;
	for (size_t i = 0; i < heap->pages.n; i++) {
		struct ap_heap_page *page = &heap->pages.at[i];

		page->released = page->released &&
				 (!page->collecting || !page->semi || (page->flags & ~usual));
		page->stale = page->stale || page->released;
	}
}

static int by_owner(const void *a, const void *b)
{
	const struct ap_heap_page *const *x = a, *const *y = b;

	if ((*x)->owner != (*y)->owner)
		return (*x)->owner < (*y)->owner ? -1 : 1;
	return (*x)->header < (*y)->header ? -1 : (*x)->header > (*y)->header;
}

/* The next Space's share of `all`; false behind the last. */
static bool next_list(struct list *s, struct ap_heap_page **all, ap_addr *headers, size_t n)
{
	size_t i = s->pages ? (size_t)(s->pages - all) + s->n : 0;

	if (i == n)
		return false;
	s->pages = all + i;
	s->headers = headers + i;
	s->owner = all[i]->owner;
	for (s->n = 0; i < n && all[i]->owner == s->owner; i++)
		s->n++;
	return true;
}

struct ap_err *ap_heap_use_lists(struct ap_heap *heap)
{
	uint64_t votes[LINKS_BYTES / 8] = {0};
	struct ap_heap_page **all = calloc(heap->pages.n + 1, sizeof(struct ap_heap_page *));
	ap_addr *headers = calloc(heap->pages.n + 1, sizeof(*headers));
	struct list s = {.heap = heap};
	size_t n = 0, best = 0;

	if (!all || !headers) {
		free(all);
		free(headers);
		return &ap_err_nomem;
	}
	for (size_t i = 0; i < heap->pages.n; i++) {
		if (heap->pages.at[i].owner)
			all[n++] = &heap->pages.at[i];
	}
	if (n)
		qsort(all, n, sizeof(struct ap_heap_page *), by_owner);
	for (size_t i = 0; i < n; i++)
		headers[i] = all[i]->header;
	while (next_list(&s, all, headers, n))
		vote(&s, votes);
	for (size_t i = 0; i < sizeof(votes) / sizeof(votes[0]); i++)
		best = votes[i] > votes[best] ? i : best;
	for (s = (struct list){.heap = heap}; votes[best] && next_list(&s, all, headers, n);)
		sort_out(&s, best * 8);
	drop_released(heap);
	free(all);
	free(headers);
	return NULL;
}
