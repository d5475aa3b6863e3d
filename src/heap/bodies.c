#include "heap/bodies.h"

#include <stdlib.h>

static const uint64_t no_bits[AP_CHUNK_BYTES / 512];

static bool open_page(const struct ap_heap *heap, const struct ap_heap_page *from,
		      struct ap_body_page *p)
{
	uint64_t have = 0, area = from->end - from->start;
	size_t isolate = heap->spaces.at[from->space].isolate;
	const uint8_t *at = ap_image_view(heap->v8->image, from->start, &have);

	*p = (struct ap_body_page){
		.start = from->start,
		.end = from->end,
		.at = at,
		.bytes = area < have ? area : have,
		.bits = from->bits,
		.isolate = isolate == SIZE_MAX ? UINT32_MAX : (uint32_t)isolate,
		.large = from->large,
		.collecting = from->collecting,
		/* 9.4 has a read-only space for each isolate. */
		.read_only = isolate == SIZE_MAX ||
			     strcmp(heap->spaces.at[from->space].name, "read-only") == 0,
	};
	/* In pieces in the core. */
	if (!at || p->bytes < area) {
		uint8_t *copy = calloc(1, area);

		if (!copy)
			return false;
		for (ap_addr a = from->start; a < from->end;) {
			ap_addr next = (a & ~4095ull) + 4096;

			next = next < from->end ? next : from->end;
			(void)ap_image_read(heap->v8->image, a, copy + (a - from->start), next - a);
			a = next;
		}
		p->at = copy;
		p->bytes = area;
		p->copied = true;
	}
	/* All that was here may have moved on. */
	if (!p->bits && !p->large)
		p->bits = no_bits;
	return true;
}

static struct ap_err *hash_pages(struct ap_bodies *b)
{
	size_t chunks = 0, cap = 64;
	uint64_t first = 0;

	for (size_t i = 0; i < b->n_pages; i++)
		chunks += (b->pages[i].end >> 18) - (b->pages[i].start >> 18) + 1;
	while (cap < chunks * 4)
		cap *= 2;
	b->by_chunk = calloc(cap, sizeof(*b->by_chunk));
	if (!b->by_chunk)
		return &ap_err_nomem;
	b->mask = cap - 1;
	b->shift = 64 - (unsigned)__builtin_ctzll(cap);
	for (size_t i = 0; i < b->n_pages; i++) {
		const struct ap_body_page *p = &b->pages[i];
		const struct ap_body_slot slot = {p->start,        p->end,   first,
						  (uint32_t)i + 1, p->large, p->read_only};

		for (uint64_t c = p->start >> 18; c <= (p->end - 1) >> 18; c++) {
			size_t at = (size_t)(c * 0x9e3779b97f4a7c15u >> b->shift);

			while (b->by_chunk[at & b->mask].page)
				at++;
			b->by_chunk[at & b->mask] = slot;
		}
		first += ap_body_page_words(p);
		/* The first read-only page and those that follow it with nothing else between them.
		 */
		if (p->read_only && !p->large &&
		    (!b->constants || (b->pages[i - 1].read_only && !b->pages[i - 1].large &&
				       b->pages[i - 1].end == b->constants + b->constants_bytes))) {
			b->constants = b->constants ? b->constants : p->start;
			b->constants_bytes = p->end - b->constants;
		}
	}
	return NULL;
}

struct ap_err *ap_bodies_open(struct ap_heap *heap, struct ap_bodies *ret)
{
	struct ap_bodies b = {.heap = heap};
	struct ap_err *err = NULL;

	b.pages = calloc(heap->pages.n + 1, sizeof(*b.pages));
	if (!b.pages)
		err = &ap_err_nomem;
	for (size_t i = 0; !err && i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		/* From a page that a collection has emptied and given back lead the ways to where
		 * its objects went, until all references are updated. */
		bool emptied = page->released && page->collecting && !page->large;

		if (!emptied &&
		    (!page->walked || (!page->objects && (page->large || !page->collecting))))
			continue;
		if (!open_page(heap, page, &b.pages[b.n_pages]))
			err = &ap_err_nomem;
		b.n_pages++;
	}
	if (!err)
		err = hash_pages(&b);
	if (err) {
		ap_bodies_close(&b);
		return err;
	}
	*ret = b;
	return NULL;
}

void ap_bodies_close(struct ap_bodies *b)
{
	for (size_t i = 0; b->pages && i < b->n_pages; i++) {
		struct ap_body_page *p = &b->pages[i];

		if (p->copied) {
			uint8_t *copy;

			memcpy(&copy, &p->at, sizeof(copy));
			free(copy);
		}
	}
	free(b->pages);
	ap_slab_close(&b->live);
	ap_slab_close(&b->ranks);
	free(b->by_chunk);
	*b = (struct ap_bodies){0};
}

bool ap_body_on_page(const struct ap_bodies *b, const struct ap_body_page *page, ap_addr address,
		     struct ap_body *ret)
{
	uint64_t offset = address - page->start, left = page->bytes - offset, m;
	const struct ap_heap_map *map;

	if (offset + 8 > page->bytes)
		return false;
	memcpy(&m, page->at + offset, sizeof(m));
	map = ap_map_find(&b->heap->maps, m);
	if (!map)
		return false;
	uint64_t size = ap_heap_size(b->heap, map, address, page->at + offset, left);
	if (size > left)
		size = left;
	*ret = (struct ap_body){address, (const ap_word *)(const void *)(page->at + offset),
				(uint32_t)(size / 8), map, page};
	return ret->n != 0;
}

const struct ap_body_page *ap_body_moved(const struct ap_bodies *b, const struct ap_body_page *from,
					 ap_addr address, uint64_t *ret_word)
{
	const struct ap_body_page *p;
	uint64_t to, word;

	if (address - from->start + 8 > from->bytes)
		return NULL;
	memcpy(&to, from->at + (address - from->start), sizeof(to));
	if (!to || (to & 7) || !(p = ap_body_page_at(b, to)) || p->large)
		return NULL;
	word = (to - p->start) / 8;
	if (!(p->bits[word / 64] >> (word % 64) & 1))
		return NULL;
	*ret_word = word;
	return p;
}

bool ap_body_get(const struct ap_bodies *b, ap_tagged w, struct ap_body *ret)
{
	uint64_t word;
	const struct ap_body_page *page = ap_body_find(b, w, &word);

	return page && ap_body_on_page(b, page, page->start + 8 * word, ret);
}

struct ap_err *ap_bodies_number(struct ap_bodies *b)
{
	uint32_t n = 0, *at;
	uint64_t all = 0;

	for (size_t i = 0; i < b->n_pages; i++)
		all += ap_body_page_words(&b->pages[i]) / AP_RANK_WORDS + 1;
	if (!b->ranks.at && !ap_slab_open(&b->ranks, (all + 1) / 2))
		return &ap_err_nomem;
	at = b->ranks.at;

	for (size_t i = 0; i < b->n_pages; i++) {
		struct ap_body_page *p = &b->pages[i];
		uint64_t words = ap_body_page_words(p);
		uint32_t rank = 0;

		p->ranks = at;
		at += words / AP_RANK_WORDS + 1;

		p->first = n;
		for (uint64_t k = 0; k < words; k++) {
			if (k % AP_RANK_WORDS == 0)
				p->ranks[k / AP_RANK_WORDS] = rank;
			rank += (uint32_t)__builtin_popcountll(p->live[k]);
		}
		n += rank;
	}
	b->n_live = n;
	return NULL;
}

bool ap_bodies_next(const struct ap_body_page *page, bool live, struct ap_objects *it, ap_addr *ret)
{
	uint64_t words = (page->end - page->start + 511) / 512;
	const uint64_t *bits = live ? page->live : page->bits;

	if (page->large) {
		*ret = page->start;
		return it->i++ == 0 && (!live || *page->live);
	}
	if (!it->begun) {
		it->begun = true;
		it->bits = bits[0];
	}
	while (!it->bits) {
		if (++it->i >= words)
			return false;
		it->bits = bits[it->i];
	}
	*ret = page->start + 8 * (it->i * 64 + (uint64_t)__builtin_ctzll(it->bits));
	it->bits &= it->bits - 1;
	return true;
}
