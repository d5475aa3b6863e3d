#include "heap/tagged.h"

#include <stdlib.h>

enum {
	MAX_SAMPLES = 1024,
	PAGE_SAMPLES = 24,
	FIRST_SAMPLES = 8, /* tell whether it is worth asking the others */
	TABLE_STEPS = 64,
	TABLE_ALIGN = 1 << 16,
	OS_PAGE = 4096,
	HANDLE_SHIFT = 8, /* of a dispatch handle: src/sandbox/js-dispatch-table.h */
	CODE_SHIFT = 16,
	MAX_HEAD = 255,
};

static void rule(struct ap_tagged_rules *r, const struct ap_v8 *v8, enum ap_fact_id type,
		 enum ap_tagged_how how, int64_t head, int64_t at)
{
	int32_t t = v8->profile.facts[type].value;

	if (t >= 0 && t < AP_N_TYPES && head >= 0 && head <= MAX_HEAD && at >= 0 && at <= MAX_HEAD)
		r->by_type[t] =
			(struct ap_tagged_rule){(uint8_t)how, (uint8_t)head, (uint8_t)at, 0};
}

static ap_tagged code_of(const struct ap_bodies *b, ap_addr table, uint32_t handle)
{
	uint64_t word;

	/* Entry: where to jump, then the Code and how many parameters it takes. */
	if (!ap_image_u64(b->heap->v8->image, table + 16ull * (handle >> HANDLE_SHIFT) + 8, &word))
		return 0;
	return (word >> CODE_SHIFT) + 1;
}

struct samples {
	uint32_t handles[MAX_SAMPLES];
	size_t n;
};

static void sample(const struct ap_bodies *b, struct samples *ret)
{
	const struct ap_v8 *v8 = b->heap->v8;

	ret->n = 0;
	for (size_t i = b->n_pages; i-- > 0 && ret->n < MAX_SAMPLES;) {
		struct ap_objects it = {0};
		unsigned of_page = 0;
		ap_addr a;

		while (ret->n < MAX_SAMPLES && ap_bodies_next(&b->pages[i], false, &it, &a)) {
			struct ap_body body;

			if (!ap_body_on_page(b, &b->pages[i], a, &body) ||
			    !ap_type_is_function(v8, body.map->type))
				continue;
			ret->handles[ret->n++] = ap_body_u32(&body, F(v8, FUNCTION_DISPATCH));
			if (++of_page == PAGE_SAMPLES)
				break;
		}
	}
}

static size_t votes(const struct ap_bodies *b, ap_addr table, const struct samples *s)
{
	size_t good = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct ap_body code;

		if (i == FIRST_SAMPLES && good < FIRST_SAMPLES / 2)
			return 0;
		good += s->handles[i] && ap_body_get(b, code_of(b, table, s->handles[i]), &code) &&
			code.map->type == F(b->heap->v8, T_CODE);
	}
	return good;
}

/* The best of all places at that distance from each other, from some before each segment on. */
static ap_addr best_place(const struct ap_bodies *b, const struct samples *s, uint64_t step,
			  size_t *ret_votes)
{
	size_t n;
	const struct ap_segment *segments = ap_image_segments(b->heap->v8->image, &n);
	ap_addr best = 0;

	*ret_votes = 0;
	for (size_t i = 0; i < n; i++) {
		ap_addr from = segments[i].start;

		if (!segments[i].data || segments[i].origin == AP_SEGMENT_FILE ||
		    from < TABLE_STEPS * step)
			continue;
		from -= TABLE_STEPS * step;
		for (ap_addr base = from; base < segments[i].end && base >= from; base += step) {
			size_t v = ap_heap_page_at(b->heap, base) ? 0 : votes(b, base, s);

			if (v > *ret_votes) {
				*ret_votes = v;
				best = base;
			}
		}
	}
	return best;
}

/*
 * The table lies somewhere in a reservation of its own, of which parts of 64 KB are in use; the
 * functions' handles say where: taken from everywhere, for at a neighbouring place many would be
 * plausible too. Where its mapping was joined with another, any page may be its first. Entries of
 * dead functions may be free.
 */
static ap_addr find_dispatch_table(const struct ap_bodies *b)
{
	struct samples s;
	size_t n;

	if (!ap_has_fact(b->heap->v8, AP_F_FUNCTION_DISPATCH))
		return 0;
	sample(b, &s);
	if (!s.n)
		return 0;
	ap_addr table = best_place(b, &s, TABLE_ALIGN, &n);
	if (n * 10 < s.n * 9)
		table = best_place(b, &s, OS_PAGE, &n);
	return n * 2 > s.n ? table : 0;
}

struct ap_err *ap_tagged_open(const struct ap_bodies *b, struct ap_tagged_rules *ret)
{
	const struct ap_v8 *v8 = b->heap->v8;
	struct ap_tagged_rules r = {.by_type = calloc(AP_N_TYPES, sizeof(*r.by_type))};
	static const enum ap_fact_id data[] = {
		AP_F_T_BYTE_ARRAY,
		AP_F_T_TRUSTED_BYTE_ARRAY,
		AP_F_T_FIXED_DOUBLE_ARRAY,
		AP_F_T_HEAP_NUMBER,
		AP_F_T_BIGINT,
		AP_F_T_FREE_SPACE,
		AP_F_T_FILLER,
		AP_F_T_FEEDBACK_METADATA,
	};

	if (!r.by_type)
		return &ap_err_nomem;
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		rule(&r, v8, data[i], AP_TAGGED_NONE, 0, 0);
	for (int32_t t = 0; t < F(v8, T_FIRST_NONSTRING) && t < AP_N_TYPES; t++) {
		int shape = t & F(v8, STRING_REPRESENTATION_MASK);

		if (shape != 1 && shape != 3 && shape != 5) /* cons, sliced, thin */
			r.by_type[t].how = AP_TAGGED_NONE;
	}
	rule(&r, v8, AP_F_T_BYTECODE_ARRAY, AP_TAGGED_HEAD, F(v8, BYTECODE_HEADER) / 8, 0);
	if (ap_has_fact(v8, AP_F_T_INSTRUCTION_STREAM))
		rule(&r, v8, AP_F_T_INSTRUCTION_STREAM, AP_TAGGED_STREAM,
		     F(v8, STREAM_INSTRUCTIONS) / 8, 0);
	else
		rule(&r, v8, AP_F_T_CODE, AP_TAGGED_STREAM, F(v8, CODE_INSTRUCTION_START) / 8, 0);
	rule(&r, v8, AP_F_T_WEAK_CELL, AP_TAGGED_PAIR, 0, F(v8, WEAK_CELL_TARGET) / 8);
	rule(&r, v8, AP_F_T_JS_WEAK_REF, AP_TAGGED_ONE, 0, F(v8, WEAK_REF_TARGET) / 8);
	rule(&r, v8, AP_F_T_ALLOCATION_SITE, AP_TAGGED_ONE, 0, F(v8, ALLOCATION_SITE_NEXT) / 8);
	rule(&r, v8, AP_F_T_JS_FINALIZATION_REGISTRY, AP_TAGGED_ONE, 0,
	     F(v8, REGISTRY_NEXT_DIRTY) / 8);
	rule(&r, v8, AP_F_T_NATIVE_CONTEXT, AP_TAGGED_LAST, 0, F(v8, NATIVE_CONTEXT_WEAK_SLOTS));
	rule(&r, v8, AP_F_T_EPHEMERON_HASH_TABLE, AP_TAGGED_EPHEMERONS, 0, 0);
	rule(&r, v8, AP_F_T_JS_TYPED_ARRAY, AP_TAGGED_RAW, 0, F(v8, VIEW_BUFFER) / 8);
	if (F(v8, T_JS_TYPED_ARRAY) >= 0 && F(v8, TYPED_ARRAY_BASE_POINTER) > 0)
		r.by_type[F(v8, T_JS_TYPED_ARRAY)].to =
			(uint8_t)(F(v8, TYPED_ARRAY_BASE_POINTER) / 8);
	if (ap_has_fact(v8, AP_F_FUNCTION_DISPATCH)) {
		for (int32_t t = F(v8, T_JS_FUNCTION);
		     t <= F(v8, T_JS_LAST_FUNCTION) && t < AP_N_TYPES; t++) {
			if (t >= 0)
				r.by_type[t].how = AP_TAGGED_FUNCTION;
		}
	}
	r.dispatch = find_dispatch_table(b);
	*ret = r;
	return NULL;
}

void ap_tagged_close(struct ap_tagged_rules *rules)
{
	free(rules->by_type);
	*rules = (struct ap_tagged_rules){0};
}

ap_tagged ap_dispatch_code(const struct ap_bodies *b, const struct ap_tagged_rules *rules,
			   const struct ap_body *function)
{
	uint32_t handle = ap_body_u32(function, F(b->heap->v8, FUNCTION_DISPATCH));
	struct ap_body code;
	ap_tagged w;

	if (!rules->dispatch || !handle)
		return 0;
	w = code_of(b, rules->dispatch, handle);
	return ap_body_get(b, w, &code) && code.map->type == F(b->heap->v8, T_CODE) ? w : 0;
}

struct ap_embedded ap_embedded_begin(const struct ap_bodies *b, const struct ap_tagged_rules *rules,
				     const struct ap_body *stream)
{
	const struct ap_v8 *v8 = b->heap->v8;
	const uint8_t *start = (const uint8_t *)stream->w;
	uint32_t head = ap_tagged_words(&rules->by_type[stream->map->type], stream);
	struct ap_body code = *stream;
	struct ap_embedded it = {start + 8ull * head, start + 8ull * stream->n, false};

	if (ap_has_fact(v8, AP_F_T_INSTRUCTION_STREAM) &&
	    !ap_body_get(b, ap_body_word(stream, F(v8, STREAM_CODE)), &code))
		return it;
	/* Behind the instructions stand tables. */
	uint64_t size = ap_body_u32(&code, F(v8, CODE_INSTRUCTION_SIZE));
	if (size < (uint64_t)(it.end - it.at))
		it.end = it.at + size;
	unsigned kind = ap_body_u32(&code, F(v8, CODE_FLAGS)) & (uint32_t)F(v8, CODE_KIND_MASK);
	it.optimised = kind > (unsigned)F(v8, CODE_KIND_BASELINE);
	return it;
}

bool ap_embedded_next(const struct ap_bodies *b, struct ap_embedded *it, ap_tagged *ret,
		      bool *ret_weak)
{
	const struct ap_v8 *v8 = b->heap->v8;

	for (; it->at + 8 <= it->end; it->at++) {
		struct ap_body body;
		uint64_t w;

		memcpy(&w, it->at, sizeof(w));
		if ((w & 7) != 1 || w >> 48 || !ap_body_get(b, w, &body))
			continue;
		int type = body.map->type, of = -1;
		if (type == F(v8, T_MAP)) {
			int32_t at = F(v8, MAP_INSTANCE_TYPE);

			of = (int)(ap_body_u32(&body, at & ~3) >> (8 * (at & 3)) & 0xffff);
		}
		*ret = w;
		*ret_weak = it->optimised &&
			    (type == F(v8, T_PROPERTY_CELL) || ap_type_is_receiver(v8, type) ||
			     ap_type_is_context(v8, type) ||
			     (of > F(v8, T_JS_PROXY) && ap_type_is_receiver(v8, of)));
		it->at += 8;
		return true;
	}
	return false;
}
