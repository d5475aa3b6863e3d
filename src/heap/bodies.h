/*
 * All objects in place and by number: what passes over the whole heap need that follow references.
 *
 * Ownership: struct ap_bodies borrows the walked heap, which must outlive it and not be walked
 * anew; it owns its tables and copies of pages that the core does not hold in one piece, until
 * ap_bodies_close(). Read-only once the live objects are numbered, so threads may share it.
 *
 * Memory: a bit for every eight bytes of heap, and 1/64 of that for numbering.
 */
#ifndef AP_HEAP_BODIES_H
#define AP_HEAP_BODIES_H

#include "heap/heap_private.h"

enum { AP_RANK_WORDS = 8 }; /* words of `live` that share one count */

struct ap_body_page {
	ap_addr start, end;
	const uint8_t *at;    /* the area */
	uint64_t bytes;       /* in hand */
	const uint64_t *bits; /* object starts; NULL for large pages */
	/* Once they are marked: */
	const uint64_t *live; /* of those the live ones; one word for large pages */
	uint32_t *ranks;      /* live objects before each AP_RANK_WORDS words */
	uint32_t first;       /* number of its first live object */
	uint32_t isolate;     /* UINT32_MAX: shared */
	bool large, read_only, copied;
	bool collecting; /* objects of it may have moved already */
};

/* What is asked of a page for every reference, in half a line of memory. */
struct ap_body_slot {
	ap_addr start, end;
	uint64_t first; /* words of bit maps of the pages before it */
	uint32_t page;  /* + 1 */
	bool large, read_only;
};

struct ap_bodies {
	struct ap_heap *heap;
	struct ap_body_page *pages;
	size_t n_pages;
	struct ap_body_slot *by_chunk; /* hashed by chunk */
	unsigned shift;
	size_t mask;
	/* Small read-only objects stand here, if anywhere: much of what is referred to is
	 * `undefined` and its like. */
	ap_addr constants;
	uint64_t constants_bytes;
	uint32_t n_live;
	struct ap_slab live; /* where the heap does not keep it */
	struct ap_slab ranks;
};

/* Cores hold the heap at any place. */
typedef uint64_t ap_word __attribute__((aligned(1)));

/* An object in hand. */
struct ap_body {
	ap_addr address;
	const ap_word *w; /* its words, n of them */
	uint32_t n;
	const struct ap_heap_map *map;
	const struct ap_body_page *page;
};

struct ap_err *ap_bodies_open(struct ap_heap *heap, struct ap_bodies *ret);
void ap_bodies_close(struct ap_bodies *b);

static inline const struct ap_body_slot *ap_body_slot_at(const struct ap_bodies *b, ap_addr address)
{
	uint64_t chunk = address >> 18; /* AP_CHUNK_BYTES */
	size_t i = (size_t)(chunk * 0x9e3779b97f4a7c15u >> b->shift);

	for (; b->by_chunk[i & b->mask].page; i++) {
		const struct ap_body_slot *s = &b->by_chunk[i & b->mask];

		if (address >= s->start && address < s->end)
			return s;
	}
	return NULL;
}

static inline const struct ap_body_page *ap_body_page_at(const struct ap_bodies *b, ap_addr address)
{
	const struct ap_body_slot *s = ap_body_slot_at(b, address);

	return s ? &b->pages[s->page - 1] : NULL;
}

/* Where an object went that a collection was moving: its first word says it. */
const struct ap_body_page *ap_body_moved(const struct ap_bodies *b, const struct ap_body_page *from,
					 ap_addr address, uint64_t *ret_word);

/*
 * The page of a tagged word if it points to an object that was walked, or to where that was before;
 * the object's word in it.
 */
static inline const struct ap_body_page *ap_body_find(const struct ap_bodies *b, ap_tagged w,
						      uint64_t *ret_word)
{
	ap_addr address = w & ~3ull;
	const struct ap_body_page *p;

	if (!(w & 1) || (address & 7) || !(p = ap_body_page_at(b, address)))
		return NULL;
	uint64_t word = p->large ? 0 : (address - p->start) / 8;
	if (p->large ? address != p->start : !(p->bits[word / 64] >> (word % 64) & 1))
		return p->collecting && !p->large ? ap_body_moved(b, p, address, ret_word) : NULL;
	*ret_word = word;
	return p;
}

static inline bool ap_body_exists(const struct ap_bodies *b, ap_tagged w)
{
	uint64_t word;

	return ap_body_find(b, w, &word) != NULL;
}

static inline bool ap_body_is_live(const struct ap_bodies *b, ap_tagged w)
{
	uint64_t word;
	const struct ap_body_page *p = ap_body_find(b, w, &word);

	return p && (p->live[word / 64] >> (word % 64) & 1);
}

/* The same object's word, wherever it pointed. */
static inline ap_tagged ap_body_tagged(const struct ap_bodies *b, ap_tagged w)
{
	uint64_t word;
	const struct ap_body_page *p = ap_body_find(b, w, &word);

	return p ? p->start + 8 * word + 1 : w;
}

/* The number of the live object at a word of a page, or UINT32_MAX. After ap_bodies_number(). */
static inline uint32_t ap_body_number_at(const struct ap_body_page *p, uint64_t word)
{
	if (!(p->live[word / 64] >> (word % 64) & 1))
		return UINT32_MAX;
	uint64_t i = word / 64, from = i / AP_RANK_WORDS * AP_RANK_WORDS;
	uint32_t n = p->first + p->ranks[i / AP_RANK_WORDS];
	for (uint64_t k = from; k < i; k++)
		n += (uint32_t)__builtin_popcountll(p->live[k]);
	return n + (uint32_t)__builtin_popcountll(p->live[i] & ((1ull << (word % 64)) - 1));
}

static inline uint32_t ap_body_number(const struct ap_bodies *b, ap_tagged w)
{
	uint64_t word;
	const struct ap_body_page *p = ap_body_find(b, w, &word);

	return p ? ap_body_number_at(p, word) : UINT32_MAX;
}

/* The object behind a tagged word; false if it is none, or not all of it is in hand. */
bool ap_body_get(const struct ap_bodies *b, ap_tagged w, struct ap_body *ret);
/* The same for an object start that is known to be one. */
bool ap_body_on_page(const struct ap_bodies *b, const struct ap_body_page *page, ap_addr address,
		     struct ap_body *ret);
/* The word at `offset` bytes; 0 beyond the end. */
static inline uint64_t ap_body_word(const struct ap_body *body, int64_t offset)
{
	return offset >= 0 && (uint64_t)offset / 8 < body->n ? body->w[offset / 8] : 0;
}
static inline uint32_t ap_body_u32(const struct ap_body *body, int64_t offset)
{
	uint64_t w = ap_body_word(body, offset & ~7ll);

	return (uint32_t)(offset & 4 ? w >> 32 : w);
}

/* Numbers the live objects by address. */
struct ap_err *ap_bodies_number(struct ap_bodies *b);
static inline uint64_t ap_body_page_words(const struct ap_body_page *page)
{
	return page->large ? 1 : (page->end - page->start + 511) / 512;
}
/* The objects of a page by address, all or the live ones; zero the iterator first. */
bool ap_bodies_next(const struct ap_body_page *page, bool live, struct ap_objects *it,
		    ap_addr *ret);

struct ap_roots;
struct ap_tagged_rules;
/* live.c: marks what the roots keep alive, and numbers it. Read-only objects always live. */
struct ap_err *ap_bodies_mark(struct ap_bodies *b, const struct ap_tagged_rules *rules,
			      const struct ap_heap_watch *watch, const struct ap_roots *roots);

#endif
