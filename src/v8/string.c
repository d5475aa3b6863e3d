#include <stdlib.h>

#include "v8/v8.h"

enum {
	MAX_STRING_UNITS = (1 << 29) - 24, /* v8::String::kMaxLength */
	MAX_CHAIN = 4096,                  /* thin and sliced links */
	MAX_PIECES = 1 << 24,              /* pending right halves of a rope */
	SHAPE_SEQ = 0,
	SHAPE_CONS = 1,
	SHAPE_EXTERNAL = 2,
	SHAPE_SLICED = 3,
	SHAPE_THIN = 5,
	UNCACHED_BIT = 16, /* external without a cached data pointer (v8-layout 6) */
};

bool ap_v8_string_length(struct ap_v8 *v8, ap_tagged string, uint32_t *ret_units)
{
	uint32_t length;

	if (!ap_type_is_string(v8, ap_v8_type(v8, string)) ||
	    !ap_v8_u32(v8, string, F(v8, STRING_LENGTH), &length) || length > MAX_STRING_UNITS)
		return false;
	*ret_units = length;
	return true;
}

bool ap_v8_string_external(struct ap_v8 *v8, ap_tagged string, int type, ap_addr *ret_data)
{
	uint64_t resource, data;

	if (!ap_v8_word(v8, string, F(v8, EXTERNAL_RESOURCE), &resource) || !resource)
		return false;
	/* The cached pointer follows the resource; the resource keeps it behind its vtable. */
	if (!(type & UNCACHED_BIT) && ap_v8_word(v8, string, F(v8, EXTERNAL_RESOURCE) + 8, &data) &&
	    data) {
		*ret_data = data;
		return true;
	}
	if (!ap_image_u64(v8->image, resource + 8, &data) || !data)
		return false;
	*ret_data = data;
	return true;
}

static bool string_copy_flat(struct ap_v8 *v8, ap_addr data, bool one_byte, uint32_t start,
			     uint32_t units, struct ap_str *out)
{
	unsigned shift = one_byte ? 0 : 1;
	ap_addr a = data + ((uint64_t)start << shift);
	uint64_t left = (uint64_t)units << shift;

	while (left) {
		uint64_t have;
		const uint8_t *p = ap_image_view(v8->image, a, &have);

		if (!p)
			return false;
		if (have > left)
			have = left;
		if (one_byte)
			ap_str_latin1(out, p, have);
		else
			ap_str_utf16(out, p, have / 2);
		if (!one_byte && (have & 1))
			return false;
		a += have;
		left -= have;
	}
	return true;
}

struct piece {
	ap_tagged string;
	uint32_t start, units;
};

struct pieces {
	struct piece *at;
	size_t n, cap;
};

static void pieces_close(struct pieces *p)
{
	free(p->at);
}

static bool pieces_push(struct pieces *p, struct piece piece)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct piece *fresh =
			cap <= MAX_PIECES ? realloc(p->at, cap * sizeof(*fresh)) : NULL;

		if (!fresh)
			return false;
		p->at = fresh;
		p->cap = cap;
	}
	p->at[p->n++] = piece;
	return true;
}

bool ap_v8_string_range(struct ap_v8 *v8, ap_tagged string, uint32_t start, uint32_t units,
			struct ap_str *out)
{
	/* `s += x` makes ropes as deep as they are long: the right halves wait here, not on the
	 * stack. */
	AP_CLEANUP(pieces_close) struct pieces stack = {0};
	uint32_t whole = 0;
	/* A rope leans to one side as deep as it is long, whatever part of it is asked for. */
	uint64_t steps = 0,
		 budget = MAX_CHAIN + (ap_v8_string_length(v8, string, &whole) ? whole : 0) * 4ull;
	struct piece cur = {string, start, units};

	for (;;) {
		int type = ap_v8_type(v8, cur.string);
		uint32_t length, first_length;
		uint64_t a, b;
		bool ok = true;

		if (steps++ > budget || out->failed ||
		    !ap_v8_string_length(v8, cur.string, &length) || cur.start > length ||
		    cur.units > length - cur.start)
			return false;
		switch (cur.units ? type & F(v8, STRING_REPRESENTATION_MASK) : -1) {
		case -1:
			break;
		case SHAPE_SEQ:
			ok = string_copy_flat(
				v8, (cur.string & ~3ull) + (uint64_t)F(v8, STRING_CHARS),
				type & F(v8, STRING_ONE_BYTE_TAG), cur.start, cur.units, out);
			break;
		case SHAPE_EXTERNAL:
			ok = ap_v8_string_external(v8, cur.string, type, &a) &&
			     string_copy_flat(v8, a, type & F(v8, STRING_ONE_BYTE_TAG), cur.start,
					      cur.units, out);
			break;
		case SHAPE_THIN:
			if (!ap_v8_word(v8, cur.string, F(v8, THIN_ACTUAL), &cur.string))
				return false;
			continue;
		case SHAPE_SLICED:
			if (!ap_v8_word(v8, cur.string, F(v8, SLICED_PARENT), &a) ||
			    !ap_v8_word(v8, cur.string, F(v8, SLICED_OFFSET), &b) ||
			    !ap_is_smi(b) || ap_smi(b) < 0 ||
			    (uint32_t)ap_smi(b) > UINT32_MAX - cur.start)
				return false;
			cur.string = a;
			cur.start += (uint32_t)ap_smi(b);
			continue;
		case SHAPE_CONS:
			if (!ap_v8_word(v8, cur.string, F(v8, CONS_FIRST), &a) ||
			    !ap_v8_word(v8, cur.string, F(v8, CONS_SECOND), &b) ||
			    !ap_v8_string_length(v8, a, &first_length))
				return false;
			if (cur.start >= first_length) {
				cur = (struct piece){b, cur.start - first_length, cur.units};
				continue;
			}
			if (cur.units > first_length - cur.start) {
				uint32_t in_first = first_length - cur.start;

				if (!pieces_push(&stack,
						 (struct piece){b, 0, cur.units - in_first}))
					return false;
				cur.units = in_first;
			}
			cur.string = a;
			continue;
		default:
			return false;
		}
		if (!ok)
			return false;
		if (!stack.n)
			return true;
		cur = stack.at[--stack.n];
	}
}

struct ap_text ap_v8_text(struct ap_v8 *v8, ap_tagged string, uint32_t max_units,
			  struct ap_arena *arena)
{
	AP_STR_AUTO out = {0};
	uint32_t units;

	if (!ap_v8_string_length(v8, string, &units) ||
	    !ap_v8_string_range(v8, string, 0, units < max_units ? units : max_units, &out))
		return (struct ap_text){NULL, 0};
	return ap_str_text(&out, arena);
}

bool ap_v8_text_equals(struct ap_v8 *v8, ap_tagged string, const char *ascii)
{
	AP_STR_AUTO out = {0};
	uint32_t units;
	size_t n = strlen(ascii);

	return ap_v8_string_length(v8, string, &units) && units == n &&
	       ap_v8_string_range(v8, string, 0, units, &out) && out.n == n &&
	       (n == 0 || memcmp(out.s, ascii, n) == 0);
}

bool ap_v8_number(struct ap_v8 *v8, ap_tagged value, double *ret)
{
	uint64_t bits;

	if (ap_is_smi(value)) {
		*ret = ap_smi(value);
		return true;
	}
	if (!ap_v8_is(v8, value, AP_F_T_HEAP_NUMBER) ||
	    !ap_v8_word(v8, value, F(v8, HEAP_NUMBER_VALUE), &bits))
		return false;
	memcpy(ret, &bits, sizeof(*ret));
	return true;
}

enum ap_oddball ap_v8_oddball(struct ap_v8 *v8, ap_tagged object)
{
	static const struct {
		const char *text;
		enum ap_oddball oddball;
	} known[] = {
		{"undefined", AP_ODDBALL_UNDEFINED}, {"null", AP_ODDBALL_NULL},
		{"true", AP_ODDBALL_TRUE},           {"false", AP_ODDBALL_FALSE},
		{"hole", AP_ODDBALL_HOLE},
	};
	int type = ap_is_object(object) ? ap_v8_type(v8, object) : -1;
	uint64_t name;

	if (type < 0)
		return AP_ODDBALL_NONE;
	if (F(v8, T_HOLE) != AP_FACT_NONE && type == F(v8, T_HOLE))
		return AP_ODDBALL_HOLE;
	if (type != F(v8, T_ODDBALL) || !ap_v8_word(v8, object, F(v8, ODDBALL_TO_STRING), &name))
		return AP_ODDBALL_NONE;
	/* By its text, not by its kind: the kinds' numbers moved in 22 (v8-layout 10). */
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (ap_v8_text_equals(v8, name, known[i].text))
			return known[i].oddball;
	}
	return AP_ODDBALL_OTHER;
}
