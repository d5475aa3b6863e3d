#include <stdlib.h>

#include "v8/v8.h"

bool ap_v8_map_word(const struct ap_v8 *v8, ap_tagged object, uint64_t *ret)
{
	uint64_t w;

	if (!ap_v8_word(v8, object, 0, &w))
		return false;
	if (w && !(w & 7) && !ap_image_u64(v8->image, w, &w))
		return false;
	if (!ap_is_object(w))
		return false;
	*ret = w;
	return true;
}

/*
 * Maps are read once and cached by address. The cache only holds words whose own map is the map of
 * maps (or another meta map: 22 and later have one per native context), so that a hit is proof.
 */
static bool map_read(struct ap_v8 *v8, ap_tagged address, struct ap_map_info *ret)
{
	ap_addr a = address & ~3ull;
	uint8_t head[24]; /* ap_profile_build() lets no offset beyond it through */
	uint64_t meta, meta_meta;
	uint16_t meta_type;
	struct ap_map_info m = {.address = address};

	if (!ap_v8_map_word(v8, address, &meta) || !ap_image_read(v8->image, a, head, sizeof(head)))
		return false;
	if (meta != v8->map_map) {
		if (!ap_v8_u16(v8, meta, F(v8, MAP_INSTANCE_TYPE), &meta_type) ||
		    meta_type != F(v8, T_MAP) || !ap_v8_map_word(v8, meta, &meta_meta))
			return false;
		v8->map_map = meta;
	}
	memcpy(&m.type, head + F(v8, MAP_INSTANCE_TYPE), sizeof(m.type));
	m.size_words = head[F(v8, MAP_INSTANCE_SIZE)];
	m.inobject_start = head[F(v8, MAP_INOBJECT_START)];
	m.used_or_unused = head[F(v8, MAP_USED_SIZE)];
	m.bit_field = head[F(v8, MAP_BIT_FIELD)];
	m.bit_field2 = head[F(v8, MAP_BIT_FIELD2)];
	memcpy(&m.bit_field3, head + F(v8, MAP_BIT_FIELD3), sizeof(m.bit_field3));
	if (!ap_v8_word(v8, address, F(v8, MAP_PROTOTYPE), &m.prototype) ||
	    !ap_v8_word(v8, address, F(v8, MAP_CONSTRUCTOR), &m.constructor) ||
	    !ap_v8_word(v8, address, F(v8, MAP_DESCRIPTORS), &m.descriptors))
		return false;
	*ret = m;
	return true;
}

static size_t map_slot(const struct ap_v8 *v8, ap_tagged address)
{
	size_t mask = v8->maps.cap - 1;
	size_t i = (size_t)((address >> 3) * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (v8->maps.at[i].address && v8->maps.at[i].address != address)
		i = (i + 1) & mask;
	return i;
}

static bool map_cache_grow(struct ap_v8 *v8)
{
	size_t old_cap = v8->maps.cap, cap = old_cap ? old_cap * 2 : 1024;
	struct ap_map_info *old = v8->maps.at;
	struct ap_map_info *fresh = calloc(cap, sizeof(*fresh));

	if (!fresh)
		return false;
	v8->maps.at = fresh;
	v8->maps.cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].address)
			fresh[map_slot(v8, old[i].address)] = old[i];
	}
	free(old);
	return true;
}

bool ap_v8_map(struct ap_v8 *v8, ap_tagged object, struct ap_map_info *ret_map)
{
	uint64_t address;
	struct ap_map_info m;

	if (!ap_v8_map_word(v8, object, &address))
		return false;
	if (v8->maps.cap) {
		size_t i = map_slot(v8, address);

		if (v8->maps.at[i].address) {
			*ret_map = v8->maps.at[i];
			return true;
		}
	}
	if (!map_read(v8, address, &m))
		return false;
	if (v8->maps.n * 2 >= v8->maps.cap && !map_cache_grow(v8)) {
		*ret_map = m;
		return true;
	}
	v8->maps.at[map_slot(v8, address)] = m;
	v8->maps.n++;
	*ret_map = m;
	return true;
}

int ap_v8_type(struct ap_v8 *v8, ap_tagged object)
{
	struct ap_map_info m;

	return ap_v8_map(v8, object, &m) ? m.type : -1;
}

bool ap_type_is_string(const struct ap_v8 *v8, int type)
{
	return type >= 0 && type < F(v8, T_FIRST_NONSTRING);
}

/* Receivers are the types from JSProxy on: the last range of the enumeration in all of 16..26. */
bool ap_type_is_receiver(const struct ap_v8 *v8, int type)
{
	int first = F(v8, T_JS_PROXY);

	/* The proxy stands after the Wasm objects; V8 sorts proxies and special objects first. */
	return first != AP_FACT_NONE && type >= first;
}

bool ap_type_is_function(const struct ap_v8 *v8, int type)
{
	return F(v8, T_JS_FUNCTION) != AP_FACT_NONE && type >= F(v8, T_JS_FUNCTION) &&
	       type <= F(v8, T_JS_LAST_FUNCTION);
}

bool ap_type_is_context(const struct ap_v8 *v8, int type)
{
	return F(v8, T_FIRST_CONTEXT) != AP_FACT_NONE && type >= F(v8, T_FIRST_CONTEXT) &&
	       type <= F(v8, T_LAST_CONTEXT);
}

int ap_map_elements_kind(const struct ap_v8 *v8, const struct ap_map_info *map)
{
	return (map->bit_field2 & F(v8, MAP_ELEMENTS_KIND_MASK)) >> F(v8, MAP_ELEMENTS_KIND_SHIFT);
}

bool ap_map_is_dictionary(const struct ap_v8 *v8, const struct ap_map_info *map)
{
	return map->bit_field3 >> F(v8, MAP_DICTIONARY_SHIFT) & 1;
}

bool ap_v8_array_length(struct ap_v8 *v8, ap_tagged array, uint32_t *ret_length)
{
	int32_t length;
	uint64_t last;

	if (!ap_v8_smi(v8, array, F(v8, FIXED_ARRAY_LENGTH), &length) || length < 0)
		return false;
	/* A length that memory cannot hold is a lie. */
	if (length && !ap_v8_array_at(v8, array, (uint64_t)length - 1, &last))
		return false;
	*ret_length = (uint32_t)length;
	return true;
}
