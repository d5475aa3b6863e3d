/*
 * JSArrayBuffer, JSTypedArray, JSDataView (src/objects/js-array-buffer.tq and .h). A typed array's
 * elements lie at external_pointer + base_pointer: inside the heap the second is the tagged
 * ByteArray and the first the distance to its data; outside the second is 0. The length field of
 * old versions is not needed: byte length and kind say it all.
 */
#include <math.h>

#include "v8/builtin.h"

enum {
	FLAG_SHARED = 1 << 4,
	FLAG_RESIZABLE = 1 << 5,
	VIEW_LENGTH_TRACKING = 1 << 0,
	VIEW_ON_RESIZABLE = 1 << 1,
	EXTENSION_WORDS = 10,
};

/*
 * A growable SharedArrayBuffer's length is in its BackingStore alone: {start, byte length, ...},
 * found behind the buffer's extension as the object that begins with the data's address.
 */
static bool backing_store_length(struct ap_v8 *v8, ap_tagged buffer, ap_addr data, uint64_t *ret)
{
	uint64_t extension, store, start;

	if (!ap_v8_word(v8, buffer, F(v8, BUFFER_EXTENSION), &extension) || !extension)
		return false;
	for (uint64_t i = 0; i < EXTENSION_WORDS; i++) {
		if (ap_image_u64(v8->image, extension + 8 * i, &store) && store &&
		    ap_image_u64(v8->image, store, &start) && start == data)
			return ap_image_u64(v8->image, store + 8, ret);
	}
	return false;
}

bool ap_buffer_read(struct ap_v8 *v8, ap_tagged buffer, struct ap_buffer *ret)
{
	struct ap_buffer b = {0};
	uint32_t flags;

	if (!ap_v8_is(v8, buffer, AP_F_T_JS_ARRAY_BUFFER) ||
	    !ap_v8_word(v8, buffer, F(v8, BUFFER_BYTE_LENGTH), &b.byte_length) ||
	    !ap_v8_word(v8, buffer, F(v8, BUFFER_MAX_BYTE_LENGTH), &b.max_byte_length) ||
	    !ap_v8_word(v8, buffer, F(v8, BUFFER_BACKING_STORE), &b.data) ||
	    !ap_v8_u32(v8, buffer, F(v8, BUFFER_FLAGS), &flags))
		return false;
	b.detached = flags & (uint32_t)F(v8, BUFFER_DETACHED_MASK);
	b.shared = flags & FLAG_SHARED;
	b.resizable = flags & FLAG_RESIZABLE;
	if (b.shared && b.resizable)
		backing_store_length(v8, buffer, b.data, &b.byte_length);
	if (b.detached) {
		b.byte_length = 0;
		b.data = 0;
	}
	*ret = b;
	return true;
}

static enum ap_typed typed_of(const struct ap_v8 *v8, const struct ap_map_info *map)
{
	/* 9.4 to 12.4, and 13.6 on. */
	static const unsigned char order[2][12] = {
		{AP_TYPED_UINT8, AP_TYPED_INT8, AP_TYPED_UINT16, AP_TYPED_INT16, AP_TYPED_UINT32,
		 AP_TYPED_INT32, AP_TYPED_FLOAT32, AP_TYPED_FLOAT64, AP_TYPED_UINT8_CLAMPED,
		 AP_TYPED_BIGUINT64, AP_TYPED_BIGINT64, AP_TYPED_FLOAT16},
		{AP_TYPED_UINT8, AP_TYPED_INT8, AP_TYPED_UINT16, AP_TYPED_INT16, AP_TYPED_UINT32,
		 AP_TYPED_INT32, AP_TYPED_BIGUINT64, AP_TYPED_BIGINT64, AP_TYPED_UINT8_CLAMPED,
		 AP_TYPED_FLOAT32, AP_TYPED_FLOAT64, AP_TYPED_FLOAT16},
	};
	int kind = ap_map_elements_kind(v8, map), count = F(v8, ELEMENTS_TYPED_COUNT);

	if (!ap_has_fact(v8, AP_F_ELEMENTS_TYPED_KIND))
		return AP_TYPED_NONE;
	kind -= F(v8, ELEMENTS_TYPED_KIND);
	if (kind >= count)
		kind -= count; /* on a resizable buffer */
	if (kind < 0 || kind >= count || count > 12)
		return AP_TYPED_NONE;
	return order[F(v8, ELEMENTS_TYPED_ORDER) ? 1 : 0][kind];
}

bool ap_view_read(struct ap_v8 *v8, ap_tagged view, struct ap_view *ret)
{
	struct ap_view w = {.type = AP_TYPED_NONE};
	struct ap_map_info map;
	struct ap_buffer buffer;
	uint64_t external, base;
	uint32_t flags = 0;

	if (!ap_v8_map(v8, view, &map) || !ap_v8_word(v8, view, F(v8, VIEW_BUFFER), &w.buffer) ||
	    !ap_v8_word(v8, view, F(v8, VIEW_BYTE_OFFSET), &w.byte_offset) ||
	    !ap_v8_word(v8, view, F(v8, VIEW_BYTE_LENGTH), &w.byte_length))
		return false;
	if (map.type == F(v8, T_JS_DATA_VIEW) || map.type == F(v8, T_JS_RAB_GSAB_DATA_VIEW)) {
		if (!ap_v8_word(v8, view, F(v8, DATA_VIEW_POINTER), &w.data))
			return false;
	} else {
		w.type = typed_of(v8, &map);
		if (w.type == AP_TYPED_NONE ||
		    !ap_v8_word(v8, view, F(v8, TYPED_ARRAY_EXTERNAL_POINTER), &external) ||
		    !ap_v8_word(v8, view, F(v8, TYPED_ARRAY_BASE_POINTER), &base))
			return false;
		w.data = external + base;
	}
	if (ap_has_fact(v8, AP_F_VIEW_FLAGS))
		ap_v8_u32(v8, view, F(v8, VIEW_FLAGS), &flags);
	w.length_tracking = flags & VIEW_LENGTH_TRACKING;
	if (ap_buffer_read(v8, w.buffer, &buffer)) {
		uint64_t size = ap_typed_size(w.type);

		if (w.length_tracking && w.byte_offset <= buffer.byte_length)
			w.byte_length = (buffer.byte_length - w.byte_offset) / size * size;
		/* Detached, or the buffer shrank below the view: V8 says 0. */
		if (buffer.detached || ((flags & VIEW_ON_RESIZABLE || w.length_tracking) &&
					(w.byte_offset > buffer.byte_length ||
					 w.byte_length > buffer.byte_length - w.byte_offset)))
			w.byte_length = w.byte_offset = 0;
	}
	w.length = w.byte_length / ap_typed_size(w.type);
	*ret = w;
	return true;
}

bool ap_view_bits(struct ap_v8 *v8, const struct ap_view *view, uint64_t i, uint64_t *ret)
{
	unsigned size = ap_typed_size(view->type);
	uint64_t bits = 0;

	if (i >= view->length || !ap_image_read(v8->image, view->data + i * size, &bits, size))
		return false;
	*ret = bits;
	return true;
}

static double float16(uint16_t h)
{
	unsigned exponent = h >> 10 & 31;
	double fraction = (h & 0x3ff) / 1024.0, v;

	if (exponent == 31)
		v = h & 0x3ff ? NAN : INFINITY;
	else if (exponent == 0)
		v = ldexp(fraction, -14);
	else
		v = ldexp(1 + fraction, (int)exponent - 15);
	return h & 0x8000 ? -v : v;
}

bool ap_view_number(struct ap_v8 *v8, const struct ap_view *view, uint64_t i, double *ret)
{
	uint64_t bits;
	float f;

	if (!ap_view_bits(v8, view, i, &bits))
		return false;
	switch (view->type) {
	case AP_TYPED_INT8:
		*ret = (int8_t)bits;
		return true;
	case AP_TYPED_INT16:
		*ret = (int16_t)bits;
		return true;
	case AP_TYPED_INT32:
		*ret = (int32_t)bits;
		return true;
	case AP_TYPED_FLOAT16:
		*ret = float16((uint16_t)bits);
		return true;
	case AP_TYPED_FLOAT32: {
		uint32_t half = (uint32_t)bits;

		memcpy(&f, &half, sizeof(f));
		*ret = f;
		return true;
	}
	case AP_TYPED_FLOAT64:
		memcpy(ret, &bits, sizeof(*ret));
		return true;
	case AP_TYPED_BIGINT64:
	case AP_TYPED_BIGUINT64:
		return false;
	default:
		*ret = (double)bits;
		return true;
	}
}
