/*
 * Elements: own properties whose names are array indexes, in all of V8's containers, and the memory
 * behind buffers and typed arrays.
 *
 * Ownership as in v8/v8.h; nothing is allocated. Every length is checked against memory.
 */
#ifndef AP_V8_ELEMENT_H
#define AP_V8_ELEMENT_H

#include "v8/property.h"

struct ap_element_iter {
	struct ap_v8 *v8;
	ap_tagged object, store; /* the backing store that is walked now */
	struct ap_map_info map;
	enum {
		AP_ELEMENTS_NONE,
		AP_ELEMENTS_FAST,
		AP_ELEMENTS_DOUBLE,
		AP_ELEMENTS_DICTIONARY, /* in the table's order, not the indexes' */
		AP_ELEMENTS_SLOPPY,
	} mode;
	unsigned attributes; /* of all fast elements */
	uint64_t i, n;
	bool broken;
	ap_tagged hole; /* the word that stands for a hole; 0: none was met */
	/* Sloppy arguments: the mapped ones live in the context. */
	ap_tagged context, mapped;
	uint32_t n_mapped;
	/* String wrappers: the characters come first. */
	ap_tagged string;
	uint32_t n_string, i_string;
};

struct ap_own_element {
	uint64_t index;
	struct ap_own own; /* kind, attributes, slot, accessor, address */
	bool is_char;      /* a string wrapper's character: units [index, index + 1) of `string` */
	ap_tagged string;
};

/* False if `object` has no elements of its own kind (no object, a proxy). Not for typed arrays. */
bool ap_elements_begin(struct ap_v8 *v8, ap_tagged object, struct ap_element_iter *ret_iter);
bool ap_elements_next(struct ap_element_iter *iter, struct ap_own_element *ret);
/* The one at `index`, without walking where the store allows it. */
bool ap_element_at(struct ap_v8 *v8, ap_tagged object, uint64_t index, struct ap_own_element *ret);

/* JSArray's length; false if `object` is no array. */
bool ap_array_length(struct ap_v8 *v8, ap_tagged object, double *ret);

enum ap_typed {
	AP_TYPED_UINT8,
	AP_TYPED_INT8,
	AP_TYPED_UINT16,
	AP_TYPED_INT16,
	AP_TYPED_UINT32,
	AP_TYPED_INT32,
	AP_TYPED_FLOAT32,
	AP_TYPED_FLOAT64,
	AP_TYPED_UINT8_CLAMPED,
	AP_TYPED_BIGUINT64,
	AP_TYPED_BIGINT64,
	AP_TYPED_FLOAT16,
	AP_TYPED_NONE,
};

const char *ap_typed_name(enum ap_typed type); /* "Uint8Array" */
unsigned ap_typed_size(enum ap_typed type);

#endif
