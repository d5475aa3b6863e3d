/*
 * Own properties: descriptors with in-object and out-of-object fields
 * (src/objects/descriptor-array.h, property-details.h, field-index.h), NameDictionary and
 * GlobalDictionary (dictionary.h). A double field holds a HeapNumber box since 8.x.
 */
#include "v8/property.h"

enum {
	MAX_PROTOTYPES = 1000,
	MAX_STEPS = 1 << 20,                /* of one question to a whole prototype chain */
	INTERESTING = 1,                    /* NameDictionary::MayHaveInterestingPropertiesBit */
	PROPERTY_ARRAY_LENGTH_MASK = 0x3ff, /* PropertyArray::LengthField */
	DICTIONARY_HEADER = 3,              /* elements, deleted, capacity */
	DESCRIPTOR_SIZE = 24,
};

bool ap_map_is_extensible(const struct ap_v8 *v8, const struct ap_map_info *map)
{
	return map->bit_field3 >> F(v8, MAP_EXTENSIBLE_SHIFT) & 1;
}

bool ap_map_is_prototype(const struct ap_v8 *v8, const struct ap_map_info *map)
{
	return map->bit_field3 >> F(v8, MAP_PROTOTYPE_SHIFT) & 1;
}

ap_tagged ap_map_constructor(struct ap_v8 *v8, const struct ap_map_info *map)
{
	ap_tagged at = map->constructor;

	for (int i = 0; i < MAX_PROTOTYPES; i++) {
		int type = ap_is_object(at) ? ap_v8_type(v8, at) : -1;

		if (type < 0)
			return 0;
		if (type != F(v8, T_MAP))
			return ap_type_is_function(v8, type) ||
					       type == F(v8, T_FUNCTION_TEMPLATE_INFO)
				       ? at
				       : 0;
		if (!ap_v8_word(v8, at, F(v8, MAP_CONSTRUCTOR), &at))
			return 0;
	}
	return 0;
}

static unsigned details_attributes(const struct ap_v8 *v8, uint32_t details)
{
	return (details & (uint32_t)F(v8, DETAILS_ATTRIBUTES_MASK)) >>
	       F(v8, DETAILS_ATTRIBUTES_SHIFT);
}

/* Index of the first entry: name dictionaries got a word of flags in 11.3, global ones did not. */
static uint64_t dictionary_first(const struct ap_v8 *v8, bool global)
{
	return DICTIONARY_HEADER +
	       (uint64_t)(global ? F(v8, GLOBAL_DICTIONARY_PREFIX) : F(v8, NAME_DICTIONARY_PREFIX));
}

bool ap_own_begin(struct ap_v8 *v8, ap_tagged object, struct ap_own_iter *ret_iter)
{
	struct ap_own_iter it = {.v8 = v8, .object = object, .mode = AP_OWN_NONE};
	uint64_t properties;
	uint32_t length;
	int32_t capacity;
	uint16_t described;

	if (!ap_v8_map(v8, object, &it.map) || !ap_type_is_receiver(v8, it.map.type))
		return false;
	if (it.map.type == F(v8, T_JS_PROXY)) {
		*ret_iter = it;
		return true;
	}
	if (!ap_map_is_dictionary(v8, &it.map)) {
		it.n = (it.map.bit_field3 & (uint32_t)F(v8, MAP_NOF_MASK)) >> F(v8, MAP_NOF_SHIFT);
		it.table = it.map.descriptors;
		it.mode = AP_OWN_FAST;
		/* A map shares its descriptors with those it grew into: never more than there are.
		 */
		if (it.n && (!ap_v8_u16(v8, it.table, F(v8, DESCRIPTORS_COUNT), &described) ||
			     described < it.n)) {
			it.broken = true;
			it.n = 0;
		}
		*ret_iter = it;
		return true;
	}
	if (!ap_v8_word(v8, object, F(v8, OBJECT_PROPERTIES), &properties) ||
	    !ap_v8_array_length(v8, properties, &length)) {
		it.broken = true;
		*ret_iter = it;
		return true;
	}
	it.table = properties;
	if (it.map.type == F(v8, T_JS_GLOBAL_OBJECT)) {
		it.mode = AP_OWN_GLOBAL;
		it.n = 1;
	} else {
		it.mode = AP_OWN_DICTIONARY;
		it.n = 3;
	}
	/* The capacity has to fit what the array itself says it holds. */
	uint64_t prefix = dictionary_first(v8, it.mode == AP_OWN_GLOBAL);
	if (!ap_v8_smi(v8, properties, F(v8, FIXED_ARRAY_DATA) + 16, &capacity) || capacity < 0 ||
	    prefix + (uint64_t)capacity * it.n > length) {
		it.broken = true;
		it.mode = AP_OWN_NONE;
		it.n = 0;
	} else {
		it.n = (uint64_t)capacity;
	}
	*ret_iter = it;
	return true;
}

void ap_own_accessor(struct ap_v8 *v8, ap_tagged accessor, struct ap_own *ret)
{
	uint64_t w;

	ret->accessor = accessor;
	ret->getter = ret->setter = 0;
	ret->kind = AP_OWN_NATIVE;
	if (!ap_v8_is(v8, accessor, AP_F_T_ACCESSOR_PAIR))
		return;
	ret->kind = AP_OWN_ACCESSOR;
	/* Absent ones are null; templates of native code stand in for functions made on demand. */
	if (ap_v8_word(v8, accessor, F(v8, ACCESSOR_GETTER), &w) && ap_is_object(w) &&
	    ap_v8_oddball(v8, w) == AP_ODDBALL_NONE)
		ret->getter = w;
	if (ap_v8_word(v8, accessor, F(v8, ACCESSOR_SETTER), &w) && ap_is_object(w) &&
	    ap_v8_oddball(v8, w) == AP_ODDBALL_NONE)
		ret->setter = w;
}

/* The field `index` of a fast object. */
static void field_read(struct ap_own_iter *it, uint32_t index, struct ap_own *own)
{
	struct ap_v8 *v8 = it->v8;
	uint32_t in_object = it->map.size_words > it->map.inobject_start
				     ? (uint32_t)it->map.size_words - it->map.inobject_start
				     : 0;
	int64_t offset;
	ap_tagged holder = it->object;

	if (index < in_object) {
		offset = 8 * ((int64_t)it->map.inobject_start + index);
	} else {
		int32_t length;

		if (!ap_v8_word(v8, it->object, F(v8, OBJECT_PROPERTIES), &holder) ||
		    !ap_v8_is(v8, holder, AP_F_T_PROPERTY_ARRAY) ||
		    !ap_v8_smi(v8, holder, F(v8, FIXED_ARRAY_LENGTH), &length) ||
		    index - in_object >= (uint32_t)(length & PROPERTY_ARRAY_LENGTH_MASK))
			return;
		offset = F(v8, FIXED_ARRAY_DATA) + 8 * (int64_t)(index - in_object);
	}
	own->address = (holder & ~3ull) + (uint64_t)offset;
	own->readable = ap_v8_word(v8, holder, offset, &own->slot.tagged);
}

static void data_or_accessor(struct ap_v8 *v8, uint32_t details, uint64_t value, struct ap_own *own)
{
	if (details & (uint32_t)F(v8, DETAILS_KIND_MASK)) {
		ap_own_accessor(v8, value, own);
		own->readable = true;
		return;
	}
	own->slot.tagged = value;
	own->readable = true;
}

static bool fast_next(struct ap_own_iter *it, struct ap_own *own)
{
	struct ap_v8 *v8 = it->v8;
	int64_t at = F(v8, DESCRIPTORS_HEADER) + DESCRIPTOR_SIZE * (int64_t)it->i;
	uint64_t value;
	int32_t raw;

	own->order = (uint32_t)it->i;
	if (!ap_v8_word(v8, it->table, at, &own->key) || !ap_v8_smi(v8, it->table, at + 8, &raw)) {
		it->broken = true;
		return false;
	}
	uint32_t details = (uint32_t)raw;
	own->attributes = details_attributes(v8, details);
	if (!(details & (uint32_t)F(v8, DETAILS_LOCATION_MASK))) {
		field_read(it,
			   (details & (uint32_t)F(v8, DETAILS_INDEX_MASK)) >>
				   F(v8, DETAILS_INDEX_SHIFT),
			   own);
		return true;
	}
	if (ap_v8_word(v8, it->table, at + 16, &value)) {
		own->address = (it->table & ~3ull) + (uint64_t)at + 16;
		data_or_accessor(v8, details, value, own);
	}
	return true;
}

/* False also for an empty or deleted entry. */
static bool dictionary_next(struct ap_own_iter *it, struct ap_own *own)
{
	struct ap_v8 *v8 = it->v8;
	bool global = it->mode == AP_OWN_GLOBAL;
	uint64_t entry = dictionary_first(v8, global) + it->i * (global ? 1 : 3), value;
	ap_tagged holder = it->table;
	int64_t offset = F(v8, FIXED_ARRAY_DATA) + 8 * (int64_t)entry + 8;
	int32_t details;

	if (!ap_v8_array_at(v8, it->table, entry, &own->key)) {
		it->broken = true;
		return false;
	}
	if (!ap_is_object(own->key))
		return false;
	if (global) {
		if (!ap_v8_is(v8, own->key, AP_F_T_PROPERTY_CELL))
			return false;
		holder = own->key;
		offset = F(v8, PROPERTY_CELL_VALUE);
		if (!ap_v8_word(v8, holder, F(v8, PROPERTY_CELL_NAME), &own->key) ||
		    !ap_v8_smi(v8, holder, F(v8, PROPERTY_CELL_DETAILS), &details))
			return false;
	} else if (!ap_v8_smi(v8, it->table, offset + 8, &details)) {
		return false;
	}
	int type = ap_v8_type(v8, own->key);
	if (!ap_type_is_string(v8, type) && type != F(v8, T_SYMBOL))
		return false;
	own->attributes = details_attributes(v8, (uint32_t)details);
	own->order = ((uint32_t)details & 0x7fffffff) >> F(v8, DETAILS_ENUMERATION_SHIFT);
	own->address = (holder & ~3ull) + (uint64_t)offset;
	if (ap_v8_word(v8, holder, offset, &value)) {
		/* A hole in a cell: a global that was deleted. */
		if (global && ap_v8_oddball(v8, value) == AP_ODDBALL_HOLE)
			return false;
		data_or_accessor(v8, (uint32_t)details, value, own);
	}
	return true;
}

bool ap_own_next(struct ap_own_iter *it, struct ap_own *ret)
{
	while (it->i < it->n) {
		struct ap_own own = {0};
		bool found =
			it->mode == AP_OWN_FAST ? fast_next(it, &own) : dictionary_next(it, &own);

		it->i++;
		if (found) {
			*ret = own;
			return true;
		}
	}
	return false;
}

/* Most keys differ in length: that is one word to look at. */
static bool key_is(struct ap_v8 *v8, ap_tagged key, const char *name, size_t n)
{
	uint32_t length;

	return ap_v8_u32(v8, key, F(v8, STRING_LENGTH), &length) && length == n &&
	       ap_v8_text_equals(v8, key, name);
}

static bool find(struct ap_own_iter *it, const char *name, struct ap_own *ret)
{
	size_t n = strlen(name);
	struct ap_own own;

	while (ap_own_next(it, &own)) {
		if (key_is(it->v8, own.key, name, n)) {
			*ret = own;
			return true;
		}
	}
	return false;
}

bool ap_own_find(struct ap_v8 *v8, ap_tagged object, const char *name, struct ap_own *ret)
{
	struct ap_own_iter it;

	return ap_own_begin(v8, object, &it) && find(&it, name, ret);
}

bool ap_own_lookup(struct ap_v8 *v8, ap_tagged object, const char *name, struct ap_own *ret)
{
	struct ap_own_iter it;
	uint64_t steps = 0;

	for (int i = 0; i < MAX_PROTOTYPES && steps < MAX_STEPS && ap_own_begin(v8, object, &it);
	     i++) {
		if (find(&it, name, ret))
			return true;
		steps += it.n;
		object = it.map.prototype;
	}
	return false;
}

bool ap_own_value(struct ap_v8 *v8, ap_tagged object, const char *name, ap_tagged *ret)
{
	struct ap_own own;

	if (!ap_own_lookup(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable)
		return false;
	*ret = own.slot.tagged;
	return true;
}

enum ap_key_kind ap_key_kind(struct ap_v8 *v8, ap_tagged key)
{
	uint32_t flags;

	if (!ap_v8_is(v8, key, AP_F_T_SYMBOL))
		return AP_KEY_STRING;
	if (!ap_v8_u32(v8, key, F(v8, SYMBOL_FLAGS), &flags))
		return AP_KEY_HIDDEN;
	if (!(flags & (uint32_t)F(v8, SYMBOL_PRIVATE_MASK)))
		return AP_KEY_SYMBOL;
	/* A brand says "private name" too, and more. */
	return (flags & (uint32_t)F(v8, SYMBOL_PRIVATE_NAME_MASK)) ==
			       (uint32_t)F(v8, SYMBOL_PRIVATE_NAME)
		       ? AP_KEY_PRIVATE_NAME
		       : AP_KEY_HIDDEN;
}

bool ap_own_may_be_tagged(const struct ap_own_iter *it)
{
	uint64_t flags;

	if (!(it->map.bit_field3 >> F(it->v8, MAP_INTERESTING_SHIFT) & 1))
		return false;
	/* A map in dictionary mode says yes to be safe. */
	return it->mode != AP_OWN_DICTIONARY || !ap_has_fact(it->v8, AP_F_NAME_DICTIONARY_FLAGS) ||
	       !ap_v8_array_at(it->v8, it->table, (uint64_t)F(it->v8, NAME_DICTIONARY_FLAGS),
			       &flags) ||
	       !ap_is_smi(flags) || (ap_smi(flags) & INTERESTING);
}

bool ap_key_is_well_known(struct ap_v8 *v8, ap_tagged key, const char *description)
{
	uint32_t flags;
	uint64_t name;

	return ap_v8_is(v8, key, AP_F_T_SYMBOL) &&
	       ap_v8_u32(v8, key, F(v8, SYMBOL_FLAGS), &flags) &&
	       (flags & (uint32_t)F(v8, SYMBOL_WELL_KNOWN_MASK)) &&
	       ap_v8_word(v8, key, F(v8, SYMBOL_NAME), &name) &&
	       ap_v8_text_equals(v8, name, description);
}
