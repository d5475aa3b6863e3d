/*
 * A thread of the walk over all pages, and its work on one of them.
 *
 * Ownership: a walker owns its counters, gaps, maps and scratch, which walk.c opens, merges into
 * the heap and closes; all else is borrowed.
 */
#ifndef AP_HEAP_WALK_H
#define AP_HEAP_WALK_H

#include "heap/heap_private.h"

struct ap_walker {
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

/* Finds the objects of a page: its bits, its count, and what else fills it into w->spaces. */
void ap_walk_page(struct ap_walker *w, struct ap_heap_page *page);

#endif
