#include "heap/owned.h"

#include <stdlib.h>

bool ap_paint_open(struct ap_paint *paint, const struct ap_bodies *b)
{
	uint64_t words = 0;

	for (size_t i = 0; i < b->n_pages; i++)
		words += ap_body_page_words(&b->pages[i]) * 2;
	paint->pages = calloc(b->n_pages + 1, sizeof(*paint->pages));
	if (!paint->pages || !ap_slab_open(&paint->slab, words))
		return false;
	_Atomic uint64_t *at = paint->slab.at;
	for (size_t i = 0; i < b->n_pages; i++) {
		paint->pages[i] = at;
		at += ap_body_page_words(&b->pages[i]) * 2;
	}
	return true;
}

void ap_paint_close(struct ap_paint *paint)
{
	ap_slab_close(&paint->slab);
	free(paint->pages);
	*paint = (struct ap_paint){0};
}

void ap_paint_to_live(struct ap_paint *paint, const struct ap_bodies *b, struct ap_slab *ret_live)
{
	uint64_t *live = paint->slab.at;
	uint64_t n = 0;

	for (size_t i = 0; i < b->n_pages; i++) {
		const struct ap_body_page *p = &b->pages[i];
		uint64_t words = ap_body_page_words(p);

		/* Never ahead of what is read. */
		for (uint64_t k = 0; k < words; k++) {
			uint64_t marked =
				atomic_load_explicit(&paint->pages[i][2 * k], memory_order_relaxed);

			live[n++] = p->large       ? marked & 1
				    : p->read_only ? p->bits[k]
						   : marked & p->bits[k];
		}
	}
	ap_slab_trim(&paint->slab, n);
	*ret_live = paint->slab;
	paint->slab = (struct ap_slab){NULL, 0};
}

bool ap_owned_open(struct ap_owned_state *s, const struct ap_bodies *b,
		   const struct ap_paint *paint)
{
	s->b = b;
	s->paint = paint;
	ap_arena_init(&s->arena, 0);
	s->sums = calloc(b->heap->maps.cap + 1, sizeof(*s->sums));
	return s->sums;
}

void ap_owned_close(struct ap_owned_state *s)
{
	free(s->sums);
	ap_arena_close(&s->arena);
	s->sums = NULL;
}

/* Claims the store at `w` for its first owner; literals share theirs until they are written to. */
static uint64_t claim(struct ap_owned_state *s, uint64_t w)
{
	const struct ap_body_page *page;
	struct ap_body store;
	uint64_t word;

	if (!ap_is_object(w) || w == s->common)
		return 0;
	page = ap_body_page_at(s->b, w - 1);
	if (page && page->isolate == UINT32_MAX)
		s->common = w;
	if (!page || page->isolate == UINT32_MAX || !(page = ap_body_find(s->b, w, &word)))
		return 0;
	ap_addr address = page->start + 8 * word;
	_Atomic uint64_t *claimed = &s->paint->pages[page - s->b->pages][word / 64 * 2 + 1];
	uint64_t bit = 1ull << (word % 64);
	if (atomic_load_explicit(claimed, memory_order_relaxed) & bit ||
	    atomic_fetch_or_explicit(claimed, bit, memory_order_relaxed) & bit)
		return 0;
	if (!ap_body_on_page(s->b, page, address, &store))
		return 0;
	/* A large one may not be in hand whole. */
	uint64_t have = page->bytes - (address - page->start);
	uint64_t size = page->large ? ap_heap_size(s->b->heap, store.map, address,
						   (const uint8_t *)store.w, have)
				    : store.n * 8ull;
	return size <= page->end - (address) ? size : 0;
}

static bool has_table(const struct ap_v8 *v8, int type)
{
	return type == F(v8, T_JS_MAP) || type == F(v8, T_JS_SET) || type == F(v8, T_JS_WEAK_MAP) ||
	       type == F(v8, T_JS_WEAK_SET);
}

void ap_owned_note(struct ap_owned_state *s, const struct ap_body *body)
{
	const struct ap_heap *heap = s->b->heap;
	const struct ap_v8 *v8 = heap->v8;
	const struct ap_heap_map *map = body->map;
	struct ap_map_sum *sum = &s->sums[map - heap->maps.at];
	uint64_t bytes = body->n * 8ull, elements = 0, properties = 0, backing = 0;

	if (body->page->large)
		bytes = ap_heap_size(heap, map, body->address, (const uint8_t *)body->w,
				     body->page->bytes - (body->address - body->page->start));
	sum->count++;
	sum->bytes += bytes;
	if (!sum->first || body->address < sum->first)
		sum->first = body->address;
	if (map->kind != AP_HEAP_OBJECT && map->kind != AP_HEAP_CLOSURE)
		return;
	if (map->type != F(v8, T_JS_PROXY)) {
		properties = claim(s, ap_body_word(body, F(v8, OBJECT_PROPERTIES)));
		elements = claim(s, ap_body_word(body, F(v8, OBJECT_ELEMENTS)));
	}
	if (has_table(v8, map->type))
		backing = claim(s, ap_body_word(body, F(v8, TABLE)));
	else if (map->type == F(v8, T_JS_ARRAY_BUFFER) &&
		 ap_body_word(body, F(v8, BUFFER_BACKING_STORE)))
		backing = ap_body_word(body, F(v8, BUFFER_BYTE_LENGTH));
	if (backing > 1ull << 47)
		backing = 0;
	sum->elements += elements;
	sum->properties += properties;
	sum->backing += backing;
	if (!map->per_object)
		return;
	const struct ap_heap_single single = {body->address,
					      bytes,
					      elements,
					      properties,
					      backing,
					      AP_NO_GROUP,
					      s->which == AP_DEAD_OBJECTS};
	if (s->singles.n >= AP_MAX_SINGLES || !ap_vec_push(&s->arena, &s->singles, single))
		s->failed = true;
}

bool ap_owned_page(void *state, const struct ap_heap_page *page, const struct ap_page_bytes *bytes)
{
	struct ap_owned_state *s = state;
	const struct ap_body_page *p = ap_body_page_at(s->b, page->start);
	struct ap_objects it = {.which = s->which};
	struct ap_body body;
	ap_addr a;

	(void)bytes;
	while (p && ap_objects_next(page, &it, &a)) {
		if (ap_body_on_page(s->b, p, a, &body))
			ap_owned_note(s, &body);
	}
	return !s->failed;
}
