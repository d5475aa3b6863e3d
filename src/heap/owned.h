/*
 * What objects own besides themselves: elements, properties, and tables or memory behind
 * collections and buffers; counted by map, one state a thread.
 *
 * Ownership: the caller opens and closes; the states borrow the bodies and each other's nothing.
 */
#ifndef AP_HEAP_OWNED_H
#define AP_HEAP_OWNED_H

#include "heap/bodies.h"

enum { AP_MAX_SINGLES = 1 << 20 };

/*
 * Two bits for each word of the heap, side by side so that one line of memory serves both: words 2i
 * hold what is marked, words 2i + 1 which stores have an owner already. By page of the bodies.
 */
struct ap_paint {
	struct ap_slab slab;
	_Atomic uint64_t **pages;
};

/* The two words of number i, counted over all pages of the bodies. */
static inline _Atomic uint64_t *ap_paint_words(const struct ap_paint *paint, uint64_t i)
{
	return (_Atomic uint64_t *)paint->slab.at + 2 * i;
}

bool ap_paint_open(struct ap_paint *paint, const struct ap_bodies *b);
void ap_paint_close(struct ap_paint *paint);
/*
 * What is marked and an object (read-only objects always are), a bit for each word of all pages in
 * their order. In the paint's own memory, which goes over to *ret_live: fresh memory costs more
 * than all that is done here.
 */
void ap_paint_to_live(struct ap_paint *paint, const struct ap_bodies *b, struct ap_slab *ret_live);

struct ap_owned_state {
	const struct ap_bodies *b;
	const struct ap_paint *paint;
	enum ap_which which;     /* of ap_owned_page() */
	struct ap_map_sum *sums; /* by place in heap->maps */
	uint64_t common;         /* a store that nobody owns: most objects have none of their own */
	struct ap_arena arena;
	AP_VEC(struct ap_heap_single) singles;
	bool failed;
};

bool ap_owned_open(struct ap_owned_state *s, const struct ap_bodies *b,
		   const struct ap_paint *paint);
void ap_owned_close(struct ap_owned_state *s);
/* Counts an object. */
void ap_owned_note(struct ap_owned_state *s, const struct ap_body *body);
/* All of a page; an ap_page_fn. */
bool ap_owned_page(void *state, const struct ap_heap_page *page, const struct ap_page_bytes *bytes);

#endif
