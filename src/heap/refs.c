/*
 * References the other way round: one pass over all words for those that point to what is asked
 * for. Reading the heap once more takes a fraction of a second, so no reverse index is kept.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	MAX_LEVELS = 4, /* value -> cell -> dictionary -> object */
	FILTER_BITS = 1 << 20,
	MAX_PARTS = 1 << 20,
};

static const char *const kind_names[] = {
#define X(id, name) name,
	AP_REF_KINDS(X)
#undef X
};

const char *ap_ref_kind_name(enum ap_ref_kind kind)
{
	return kind_names[kind];
}

struct search {
	struct ap_heap *heap;
	const ap_addr *targets; /* sorted */
	size_t n;
	const uint64_t *filter; /* FILTER_BITS; NULL for a single target */
	struct ap_map_table maps;
	struct ap_arena arena;
	AP_VEC(struct ap_hit) hits;
	bool failed;
};

static size_t filter_bit(ap_addr address)
{
	return (address >> 3) * 0x9e3779b97f4a7c15u >> 44; /* 20 bits */
}

static bool is_target(const struct search *s, ap_addr address)
{
	size_t lo = 0, hi = s->n, bit;

	if (!s->filter)
		return address == s->targets[0];
	bit = filter_bit(address);
	if (!(s->filter[bit / 64] >> (bit % 64) & 1))
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->targets[mid] < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->targets[lo] == address;
}

/* Objects whose body is data: a word that looks like a reference there is none. */
static bool holds_data(const struct ap_heap *heap, const struct ap_heap_map *map)
{
	const struct ap_v8 *v8 = heap->v8;

	return (ap_type_is_string(v8, map->type) &&
		(map->type & F(v8, STRING_REPRESENTATION_MASK)) == 0) ||
	       map->type == F(v8, T_BYTE_ARRAY) || map->type == F(v8, T_TRUSTED_BYTE_ARRAY) ||
	       map->type == F(v8, T_FIXED_DOUBLE_ARRAY) || map->type == F(v8, T_HEAP_NUMBER) ||
	       map->type == F(v8, T_BIGINT) || map->type == F(v8, T_FREE_SPACE) ||
	       map->type == F(v8, T_INSTRUCTION_STREAM);
}

static ap_addr holder_of(const struct ap_heap_page *page, uint64_t word)
{
	uint64_t i = word / 64;

	if (page->large)
		return page->start;
	uint64_t bits = page->bits[i] & (UINT64_MAX >> (63 - word % 64));
	while (!bits && i > 0)
		bits = page->bits[--i];
	return bits ? page->start + 8 * (i * 64 + 63 - (uint64_t)__builtin_clzll(bits)) : 0;
}

static bool note(struct search *s, const struct ap_heap_page *page,
		 const struct ap_page_bytes *bytes, uint64_t word, uint64_t w)
{
	ap_addr slot = page->start + 8 * word, holder = holder_of(page, word);
	struct ap_heap_map *map;
	uint64_t m;

	if (!holder || slot == holder) /* an object's map is no reference of its own */
		return true;
	memcpy(&m, bytes->at + (holder - page->start), sizeof(m));
	map = ap_map_get(s->heap, &s->maps, m);
	if (!map || holds_data(s->heap, map) ||
	    slot - holder >= ap_heap_size(s->heap, map, holder, bytes->at + (holder - page->start),
					  bytes->n - (holder - page->start)))
		return true;
	const struct ap_hit hit = {
		.target = w & ~3ull,
		.holder = holder,
		.offset_words = (uint32_t)((slot - holder) / 8),
		.weak = (w & 2) != 0,
		.dead = ap_heap_is_live(s->heap, holder) == AP_LIVE_NO,
	};
	if (ap_vec_push(&s->arena, &s->hits, hit))
		return true;
	s->failed = true;
	return false;
}

static bool search_page(void *state, const struct ap_heap_page *page,
			const struct ap_page_bytes *bytes)
{
	struct search *s = state;
	uint64_t n = bytes->n / 8;
	uint64_t wanted = s->targets[0] | 3;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t w;

		memcpy(&w, bytes->at + 8 * i, sizeof(w));
		if (!s->filter ? (w | 2) != wanted : !(w & 1) || !is_target(s, w & ~3ull))
			continue;
		if (!note(s, page, bytes, i, w))
			return false;
	}
	return true;
}

static int by_slot(const void *a, const void *b)
{
	const struct ap_hit *x = a, *y = b;

	if (x->holder != y->holder)
		return x->holder < y->holder ? -1 : 1;
	return x->offset_words < y->offset_words ? -1 : x->offset_words > y->offset_words;
}

void ap_hits_close(struct ap_hits *hits)
{
	ap_arena_close(&hits->arena);
}

struct ap_err *ap_heap_find_words(struct ap_heap *heap, const struct ap_heap_watch *watch,
				  const ap_addr *targets, size_t n, struct ap_hits *ret_hits)
{
	struct search states[AP_MAX_THREADS] = {0};
	size_t threads = ap_heap_threads(heap->pages.n);
	uint64_t *filter = NULL;
	bool ok = true;

	memset(ret_hits, 0, sizeof(*ret_hits));
	ap_arena_init(&ret_hits->arena, 0);
	if (!n)
		return NULL;
	if (n > 1) {
		filter = calloc(FILTER_BITS / 64, sizeof(*filter));
		if (!filter)
			return &ap_err_nomem;
		for (size_t i = 0; i < n; i++)
			filter[filter_bit(targets[i]) / 64] |= 1ull
							       << (filter_bit(targets[i]) % 64);
	}
	for (size_t i = 0; i < threads; i++) {
		states[i].heap = heap;
		states[i].targets = targets;
		states[i].n = n;
		states[i].filter = filter;
		ap_arena_init(&states[i].arena, 0);
	}
	bool complete = ap_heap_parallel(heap, watch, "searching references", search_page, states,
					 sizeof(states[0]), threads);
	for (size_t i = 0; i < threads; i++) {
		ok = ok && !states[i].failed;
		for (size_t k = 0; ok && k < states[i].hits.n; k++)
			ok = ap_vec_push(&ret_hits->arena, &ret_hits->list, states[i].hits.at[k]);
		ap_arena_close(&states[i].arena);
		ap_map_table_close(&states[i].maps);
	}
	free(filter);
	if (!ok || !complete) {
		ap_hits_close(ret_hits);
		return ok ? &ap_err_cancelled : &ap_err_nomem;
	}
	if (ret_hits->list.n)
		qsort(ret_hits->list.at, ret_hits->list.n, sizeof(ret_hits->list.at[0]), by_slot);
	return NULL;
}

/* One reference on its way from the word to what a person calls its holder. */
struct pending {
	ap_addr target, slot, holder, part;
	int64_t offset, part_offset; /* in bytes */
	bool weak, dead, done;
};

static int by_value(const void *a, const void *b)
{
	ap_addr x = *(const ap_addr *)a, y = *(const ap_addr *)b;

	return x < y ? -1 : x > y;
}

static int by_target(const void *a, const void *b)
{
	const struct ap_hit *x = a, *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	if (x->dead != y->dead)
		return x->dead - y->dead;
	if (x->weak != y->weak)
		return x->weak - y->weak;
	return by_slot(a, b);
}

/* The first hit on `target` in hits by target: one of a live holder if there is any, a strong one.
 */
static const struct ap_hit *hit_on(const struct ap_hits *hits, ap_addr target)
{
	size_t lo = 0, hi = hits->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (hits->list.at[mid].target < target)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < hits->list.n && hits->list.at[lo].target == target ? &hits->list.at[lo] : NULL;
}

/* Replaces parts by who holds them. */
static struct ap_err *climb(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    struct pending *pending, size_t n, struct ap_arena *arena,
			    bool *ret_more)
{
	ap_addr *parts = ap_alloc_array(arena, n ? n : 1, sizeof(*parts));
	struct ap_hits hits;
	size_t n_parts = 0, unique = 0;

	*ret_more = false;
	if (!parts)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++) {
		if (!pending[i].done && ap_heap_is_part(heap, pending[i].holder))
			parts[n_parts++] = pending[i].holder;
		else
			pending[i].done = true;
	}
	if (!n_parts)
		return NULL;
	qsort(parts, n_parts, sizeof(*parts), by_value);
	for (size_t i = 0; i < n_parts; i++) {
		if (!unique || parts[unique - 1] != parts[i])
			parts[unique++] = parts[i];
	}
	AP_TRY(ap_heap_find_words(heap, watch, parts, unique, &hits));
	if (hits.list.n)
		qsort(hits.list.at, hits.list.n, sizeof(hits.list.at[0]), by_target);
	for (size_t i = 0; i < n; i++) {
		struct pending *p = &pending[i];
		const struct ap_hit *h;

		if (p->done)
			continue;
		h = hit_on(&hits, p->holder);
		/* What holds a live part but is dead itself does not own it. */
		if (!h || (h->dead && !p->dead)) {
			p->done = true;
			continue;
		}
		/* Of a longer way the first part names it. */
		if (!p->part) {
			p->part_offset = p->offset;
			p->part = p->holder;
		}
		p->holder = h->holder;
		p->offset = 8 * (int64_t)h->offset_words;
		*ret_more = true;
	}
	ap_hits_close(&hits);
	return NULL;
}

/* A place that a target was moved from: references that were not updated yet lead there. */
struct alias {
	ap_addr old, target;
};

typedef AP_VEC(struct alias) ap_alias_vec;

static int by_old(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;

	return x->old < y->old ? -1 : x->old > y->old;
}

static ap_addr target_of(const ap_alias_vec *aliases, ap_addr address)
{
	const struct alias key = {.old = address};
	const struct alias *a =
		aliases->n ? bsearch(&key, aliases->at, aliases->n, sizeof(key), by_old) : NULL;

	return a ? a->target : address;
}

/* In the middle of a collection only: *ret_targets are the targets with their old places, sorted.
 */
static struct ap_err *add_aliases(struct ap_heap *heap, const ap_addr *targets, size_t n,
				  struct ap_arena *arena, ap_alias_vec *aliases,
				  const ap_addr **ret_targets, size_t *ret_n)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		uint64_t have, start, bytes;
		bool left = page->collecting && (page->walked || page->released);
		const uint8_t *p = left ? ap_image_view(heap->v8->image, page->start, &have) : NULL;

		for (uint64_t at = 0; p && at + 8 <= have && at < page->end - page->start;
		     at += 8) {
			ap_addr w;

			memcpy(&w, p + at, sizeof(w));
			if (!w || (w & 7) || !bsearch(&w, targets, n, sizeof(w), by_value) ||
			    ap_heap_object_at(heap, page->start + at, &start, &bytes))
				continue;
			if (!ap_vec_push(arena, aliases, ((struct alias){page->start + at, w})))
				return &ap_err_nomem;
		}
	}
	if (!aliases->n)
		return NULL;
	ap_addr *all = ap_alloc_array(arena, n + aliases->n, sizeof(*all));
	if (!all)
		return &ap_err_nomem;
	memcpy(all, targets, n * sizeof(*all));
	for (size_t i = 0; i < aliases->n; i++)
		all[n + i] = aliases->at[i].old;
	qsort(all, n + aliases->n, sizeof(*all), by_value);
	qsort(aliases->at, aliases->n, sizeof(aliases->at[0]), by_old);
	*ret_targets = all;
	*ret_n = n + aliases->n;
	return NULL;
}

static uint64_t leave_out_dead(struct ap_hits *hits)
{
	size_t n = 0, all = hits->list.n;

	for (size_t i = 0; i < all; i++) {
		if (!hits->list.at[i].dead)
			hits->list.at[n++] = hits->list.at[i];
	}
	hits->list.n = n;
	return all - n;
}

/* References to `targets` (sorted): the words number `offset` to `offset + limit` of them. */
static struct ap_err *refs_to(struct ap_heap *heap, const struct ap_heap_watch *watch,
			      const ap_addr *targets, size_t n_targets, uint64_t offset,
			      uint64_t limit, bool dead, struct ap_arena *arena,
			      struct ap_heap_refs *ret)
{
	const struct ap_heap_group *groups;
	size_t n_groups;
	struct ap_heap_refs refs = {0};
	ap_alias_vec aliases = {0};
	struct ap_hits hits;
	struct ap_err *err = NULL;

	/* With the groups it is known what lives. */
	AP_TRY(ap_heap_groups(heap, watch, false, &groups, &n_groups));
	AP_TRY(add_aliases(heap, targets, n_targets, arena, &aliases, &targets, &n_targets));
	AP_TRY(ap_heap_find_words(heap, watch, targets, n_targets, &hits));
	if (!dead)
		refs.dead = leave_out_dead(&hits);
	refs.total = hits.list.n;
	size_t first = offset < hits.list.n ? offset : hits.list.n;
	size_t n = hits.list.n - first;
	n = limit && n > limit ? limit : n;
	n = n > MAX_PARTS ? MAX_PARTS : n;
	struct pending *pending = ap_alloc_array(arena, n ? n : 1, sizeof(*pending));
	struct ap_heap_ref *list = ap_alloc_array(arena, n ? n : 1, sizeof(*list));
	if (!pending || !list) {
		ap_hits_close(&hits);
		return &ap_err_nomem;
	}
	for (size_t i = 0; i < n; i++) {
		const struct ap_hit *h = &hits.list.at[first + i];

		pending[i] = (struct pending){.target = target_of(&aliases, h->target),
					      .slot = h->holder + 8ull * h->offset_words,
					      .holder = h->holder,
					      .offset = 8 * (int64_t)h->offset_words,
					      .weak = h->weak,
					      .dead = h->dead};
	}
	ap_hits_close(&hits);
	bool more = n > 0;
	for (int level = 0; level < MAX_LEVELS && more && !err; level++)
		err = climb(heap, watch, pending, n, arena, &more);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct pending *p = &pending[i];

		list[i] = (struct ap_heap_ref){.target = p->target,
					       .holder = p->holder,
					       .slot = p->slot,
					       .weak = p->weak,
					       .live = p->dead ? AP_LIVE_NO
							       : ap_heap_is_live(heap, p->holder)};
		ap_heap_name_ref(heap, p->holder, p->offset, p->part, p->part_offset, arena,
				 &list[i]);
	}
	refs.refs = list;
	refs.n = n;
	*ret = refs;
	return NULL;
}

struct ap_err *ap_heap_refs(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    uint64_t address, uint64_t offset, uint64_t limit, bool dead,
			    struct ap_arena *arena, struct ap_heap_refs *ret)
{
	return refs_to(heap, watch, &address, 1, offset, limit, dead, arena, ret);
}

struct ap_err *ap_heap_refs_to(struct ap_heap *heap, const struct ap_heap_watch *watch,
			       const uint64_t *addresses, size_t n, bool dead,
			       struct ap_arena *arena, struct ap_heap_refs *ret)
{
	ap_addr *sorted = ap_alloc_array(arena, n ? n : 1, sizeof(*sorted));
	size_t unique = 0;

	if (!sorted)
		return &ap_err_nomem;
	memcpy(sorted, addresses, n * sizeof(*sorted));
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_value);
	for (size_t i = 0; i < n; i++) {
		if (!unique || sorted[unique - 1] != sorted[i])
			sorted[unique++] = sorted[i];
	}
	return refs_to(heap, watch, sorted, unique, 0, 0, dead, arena, ret);
}
