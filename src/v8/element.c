/*
 * Elements kinds (src/objects/elements-kind.h): Smi, tagged and double arrays, packed or holey; the
 * same non-extensible, sealed and frozen; NumberDictionary; sloppy arguments (arguments.h); string
 * wrappers. Holes are the hole object, or one NaN among doubles.
 */
#include "v8/element.h"

enum {
	KIND_LAST_TAGGED = 3, /* PACKED_SMI, HOLEY_SMI, PACKED, HOLEY */
	KIND_LAST_DOUBLE = 5,
	/* After DICTIONARY: */
	AFTER_FAST_SLOPPY = 1,
	AFTER_SLOW_SLOPPY = 2,
	AFTER_FAST_STRING = 3,
	AFTER_SLOW_STRING = 4,
	/* SloppyArgumentsElements: length, context, arguments, mapped entries. */
	SLOPPY_CONTEXT = 16,
	SLOPPY_ARGUMENTS = 24,
	SLOPPY_ENTRIES = 32,
	DICTIONARY_HEADER = 3,
	DICTIONARY_ENTRY = 3,
	MAX_DOUBLES = 1 << 28,
};

static const uint64_t double_hole = 0xfff7fffffff7ffff; /* kHoleNanInt64, 9.4 to 14.6 */

/* Points the iterator at a backing store of the given kind. */
static void begin_store(struct ap_element_iter *it, ap_tagged store, int type)
{
	struct ap_v8 *v8 = it->v8;
	uint32_t length;
	int32_t capacity, n;
	uint64_t last;

	it->store = store;
	it->i = it->n = 0;
	it->mode = AP_ELEMENTS_NONE;
	if (type == F(v8, T_NUMBER_DICTIONARY)) {
		uint64_t prefix = DICTIONARY_HEADER + (uint64_t)F(v8, NUMBER_DICTIONARY_PREFIX);

		if (!ap_v8_array_length(v8, store, &length) ||
		    !ap_v8_smi(v8, store, F(v8, FIXED_ARRAY_DATA) + 16, &capacity) ||
		    capacity < 0 || prefix + (uint64_t)capacity * DICTIONARY_ENTRY > length) {
			it->broken = true;
			return;
		}
		it->mode = AP_ELEMENTS_DICTIONARY;
		it->n = (uint64_t)capacity;
	} else if (type == F(v8, T_FIXED_DOUBLE_ARRAY)) {
		if (!ap_v8_smi(v8, store, F(v8, FIXED_ARRAY_LENGTH), &n) || n < 0 ||
		    n > MAX_DOUBLES || (n && !ap_v8_array_at(v8, store, (uint64_t)n - 1, &last))) {
			it->broken = true;
			return;
		}
		it->mode = AP_ELEMENTS_DOUBLE;
		it->n = (uint64_t)n;
	} else if (type == F(v8, T_FIXED_ARRAY)) {
		if (!ap_v8_array_length(v8, store, &length)) {
			it->broken = true;
			return;
		}
		it->mode = AP_ELEMENTS_FAST;
		it->n = length;
	} else {
		it->broken = true;
	}
}

static void begin_sloppy(struct ap_element_iter *it, ap_tagged elements)
{
	struct ap_v8 *v8 = it->v8;
	uint64_t arguments, last;
	int32_t n;

	if (!ap_v8_word(v8, elements, SLOPPY_ARGUMENTS, &arguments) ||
	    !ap_v8_word(v8, elements, SLOPPY_CONTEXT, &it->context) ||
	    !ap_v8_smi(v8, elements, F(v8, FIXED_ARRAY_LENGTH), &n) || n < 0 ||
	    (n && !ap_v8_word(v8, elements, SLOPPY_ENTRIES + 8 * ((int64_t)n - 1), &last))) {
		it->broken = true;
		return;
	}
	begin_store(it, arguments, ap_v8_type(v8, arguments));
	it->mapped = elements;
	it->n_mapped = (uint32_t)n;
	if (it->mode == AP_ELEMENTS_FAST)
		it->mode = AP_ELEMENTS_SLOPPY;
}

static unsigned fast_attributes(const struct ap_v8 *v8, int kind)
{
	int base = F(v8, ELEMENTS_NON_EXTENSIBLE_KIND);

	if (kind >= base + 4 && kind <= base + 5)
		return AP_READ_ONLY | AP_DONT_DELETE;                     /* frozen */
	return kind >= base + 2 && kind <= base + 3 ? AP_DONT_DELETE : 0; /* sealed */
}

bool ap_elements_begin(struct ap_v8 *v8, ap_tagged object, struct ap_element_iter *ret_iter)
{
	struct ap_element_iter it = {.v8 = v8, .object = object};
	uint64_t elements;
	double length;

	if (!ap_v8_map(v8, object, &it.map) || !ap_type_is_receiver(v8, it.map.type) ||
	    it.map.type == F(v8, T_JS_PROXY))
		return false;
	int kind = ap_map_elements_kind(v8, &it.map), slow = F(v8, ELEMENTS_DICTIONARY_KIND);

	if (it.map.type == F(v8, T_JS_TYPED_ARRAY) ||
	    (ap_has_fact(v8, AP_F_T_JS_DETACHED_TYPED_ARRAY) &&
	     it.map.type == F(v8, T_JS_DETACHED_TYPED_ARRAY))) {
		*ret_iter = it;
		return true;
	}
	if (kind == slow + AFTER_FAST_STRING || kind == slow + AFTER_SLOW_STRING) {
		if (!ap_v8_word(v8, object, F(v8, WRAPPER_VALUE), &it.string) ||
		    !ap_v8_string_length(v8, it.string, &it.n_string))
			it.broken = true;
	}
	if (!ap_v8_word(v8, object, F(v8, OBJECT_ELEMENTS), &elements)) {
		it.broken = true;
		*ret_iter = it;
		return true;
	}
	if (kind == slow + AFTER_FAST_SLOPPY || kind == slow + AFTER_SLOW_SLOPPY)
		begin_sloppy(&it, elements);
	else
		begin_store(&it, elements, ap_v8_type(v8, elements));
	it.attributes = fast_attributes(v8, kind);
	/* An array's store has room to grow beyond its length. */
	if (it.map.type == F(v8, T_JS_ARRAY) && it.mode != AP_ELEMENTS_DICTIONARY &&
	    ap_array_length(v8, object, &length) && length < (double)it.n)
		it.n = length > 0 ? (uint64_t)length : 0;
	*ret_iter = it;
	return true;
}

/* What stands at place `i` of the store: false for a hole or an empty entry. */
static bool store_read(struct ap_element_iter *it, uint64_t i, struct ap_own_element *e)
{
	struct ap_v8 *v8 = it->v8;
	int64_t data = F(v8, FIXED_ARRAY_DATA);
	uint64_t word;
	int32_t details;
	double key;

	if (it->mode == AP_ELEMENTS_DICTIONARY) {
		uint64_t at = DICTIONARY_HEADER + (uint64_t)F(v8, NUMBER_DICTIONARY_PREFIX) +
			      i * DICTIONARY_ENTRY;

		if (!ap_v8_array_at(v8, it->store, at, &word)) {
			it->broken = true;
			return false;
		}
		if (!ap_v8_number(v8, word, &key) || key < 0 || key > UINT32_MAX)
			return false;
		e->index = (uint64_t)key;
		if (!ap_v8_array_at(v8, it->store, at + 2, &word) || !ap_is_smi(word))
			return false;
		details = ap_smi(word);
		e->own.address = (it->store & ~3ull) + (uint64_t)data + 8 * (at + 1);
		e->own.attributes =
			((uint32_t)details & (uint32_t)F(v8, DETAILS_ATTRIBUTES_MASK)) >>
			F(v8, DETAILS_ATTRIBUTES_SHIFT);
		if (!ap_v8_array_at(v8, it->store, at + 1, &word))
			return true;
		e->own.readable = true;
		if ((uint32_t)details & (uint32_t)F(v8, DETAILS_KIND_MASK))
			ap_own_accessor(v8, word, &e->own);
		else
			e->own.slot.tagged = word;
		return true;
	}
	e->index = i;
	e->own.attributes = it->attributes;
	e->own.address = (it->store & ~3ull) + (uint64_t)data + 8 * i;
	if (!ap_v8_array_at(v8, it->store, i, &word))
		return true; /* there, but not readable */
	e->own.readable = true;
	if (it->mode == AP_ELEMENTS_DOUBLE) {
		if (word == double_hole)
			return false;
		e->own.slot.is_raw_double = true;
		memcpy(&e->own.slot.number, &word, sizeof(word));
		return true;
	}
	e->own.slot.tagged = word;
	if (ap_v8_oddball(v8, word) != AP_ODDBALL_HOLE)
		return true;
	it->hole = word;
	return false;
}

/* A mapped argument is a variable of the function: its value stands in the context. */
static bool mapped_read(struct ap_element_iter *it, uint64_t i, struct ap_own_element *e)
{
	uint64_t slot;

	if (i >= it->n_mapped ||
	    !ap_v8_word(it->v8, it->mapped, SLOPPY_ENTRIES + 8 * (int64_t)i, &slot) ||
	    !ap_is_smi(slot))
		return false;
	e->index = i;
	e->own.readable = ap_context_value(it->v8, it->context, ap_smi(slot), &e->own.slot);
	return true;
}

bool ap_elements_next(struct ap_element_iter *it, struct ap_own_element *ret)
{
	if (it->i_string < it->n_string) {
		*ret = (struct ap_own_element){
			.index = it->i_string++,
			.is_char = true,
			.string = it->string,
			.own = {.readable = true, .attributes = AP_READ_ONLY | AP_DONT_DELETE},
		};
		return true;
	}
	uint64_t n = it->mode == AP_ELEMENTS_SLOPPY && it->n_mapped > it->n ? it->n_mapped : it->n;
	while (it->i < n && it->mode != AP_ELEMENTS_NONE) {
		struct ap_own_element e = {0};
		uint64_t i = it->i++;

		if ((it->mode == AP_ELEMENTS_SLOPPY && mapped_read(it, i, &e)) ||
		    (i < it->n && store_read(it, i, &e))) {
			*ret = e;
			return true;
		}
	}
	return false;
}

bool ap_element_at(struct ap_v8 *v8, ap_tagged object, uint64_t index, struct ap_own_element *ret)
{
	struct ap_element_iter it;
	struct ap_own_element e = {0};

	if (!ap_elements_begin(v8, object, &it))
		return false;
	if (index < it.n_string) {
		it.i_string = (uint32_t)index;
		return ap_elements_next(&it, ret);
	}
	if (it.mode == AP_ELEMENTS_DICTIONARY) {
		while (ap_elements_next(&it, &e)) {
			if (e.index == index && !e.is_char) {
				*ret = e;
				return true;
			}
		}
		return false;
	}
	if (!(it.mode == AP_ELEMENTS_SLOPPY && mapped_read(&it, index, &e)) &&
	    (it.mode == AP_ELEMENTS_NONE || index >= it.n || !store_read(&it, index, &e)))
		return false;
	*ret = e;
	return true;
}

bool ap_array_length(struct ap_v8 *v8, ap_tagged object, double *ret)
{
	uint64_t w;

	return ap_v8_is(v8, object, AP_F_T_JS_ARRAY) &&
	       ap_v8_word(v8, object, F(v8, ARRAY_LENGTH), &w) && ap_v8_number(v8, w, ret);
}

const char *ap_typed_name(enum ap_typed type)
{
	static const char *const names[] = {
		"Uint8Array",        "Int8Array",      "Uint16Array",   "Int16Array",
		"Uint32Array",       "Int32Array",     "Float32Array",  "Float64Array",
		"Uint8ClampedArray", "BigUint64Array", "BigInt64Array", "Float16Array",
		"TypedArray",
	};

	return names[type];
}

unsigned ap_typed_size(enum ap_typed type)
{
	static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 8, 1, 8, 8, 2, 1};

	return sizes[type];
}
