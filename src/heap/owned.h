/*
 * The pass of owned.c, one state a thread.
 *
 * Ownership: the caller opens and closes the states; `claimed` is shared by all of them.
 */
#ifndef AP_HEAP_OWNED_H
#define AP_HEAP_OWNED_H

#include "heap/heap_private.h"

enum { AP_MAX_SINGLES = 1 << 20 };

/* Which stores have an owner already: like the index, a bit a word. */
struct ap_claimed {
	_Atomic uint64_t *bits; /* NULL for large pages */
	_Atomic uint64_t one;
};

struct ap_owned_state {
	struct ap_heap *heap;
	struct ap_claimed *claimed;
	struct ap_map_table maps;
	struct ap_arena arena;
	AP_VEC(struct ap_heap_single) singles;
	bool failed;
};

/* An ap_page_fn. */
bool ap_owned_page(void *state, const struct ap_heap_page *page, const struct ap_page_bytes *bytes);

#endif
