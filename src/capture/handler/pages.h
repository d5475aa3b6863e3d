/*
 * The pages that a minicore keeps: a set with their bytes, and which words of them were followed.
 *
 * Ownership: struct ap_pages owns everything until ap_pages_close(). Its memory is bounded by the
 * number of pages that it was opened for.
 */
#ifndef AP_CAPTURE_HANDLER_PAGES_H
#define AP_CAPTURE_HANDLER_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "capture/handler/memory.h"

struct ap_page {
	uint64_t addr;
	uint8_t followed[AP_HANDLE_PAGE / 8 / 8]; /* a bit per word: an object that begins there */
};

struct ap_pages {
	struct ap_page *at;
	uint8_t *bytes; /* AP_HANDLE_PAGE each, in the order of `at` */
	size_t n, cap;
	uint32_t *table; /* index + 1, by hash of the address; 0: free */
	size_t n_table;
	uint64_t unreadable;
};

struct ap_err *ap_pages_open(size_t cap, struct ap_pages *ret_pages);
void ap_pages_close(struct ap_pages *pages);
/* The page that holds `addr`, or NULL. */
struct ap_page *ap_pages_find(const struct ap_pages *pages, uint64_t addr);
/* The same, read now if need be; NULL when the set is full or the page cannot be read. */
struct ap_page *ap_pages_keep(struct ap_pages *pages, const struct ap_dying *dying, uint64_t addr);
const uint8_t *ap_pages_bytes(const struct ap_pages *pages, const struct ap_page *page);
static inline bool ap_pages_full(const struct ap_pages *pages)
{
	return pages->n == pages->cap;
}
/* Indices into `at` by address, pages->n of them. */
void ap_pages_sort(const struct ap_pages *pages, uint32_t *ret_order);

#endif
