/* By what name an object holds something: the property, element, variable or entry behind a slot.
 */
#include <inttypes.h>

#include "heap/heap_private.h"
#include "v8/element.h"
#include "v8/naming.h"

enum { MAX_NAME_UNITS = 200, MAX_STEPS = 1 << 16 };

struct slot {
	struct ap_heap *heap;
	struct ap_v8 *v8;
	ap_tagged holder;
	int64_t offset; /* of the word in the holder */
	ap_tagged part; /* the store that holds the value, 0 if the holder does */
	int64_t part_offset;
	struct ap_arena *arena;
	struct ap_heap_ref *ret;
	struct ap_map_info map;
};

static bool is_type(const struct ap_v8 *v8, int type, enum ap_fact_id id)
{
	return v8->profile.facts[id].value != AP_FACT_NONE && v8->profile.facts[id].value == type;
}

bool ap_heap_is_part(struct ap_heap *heap, ap_addr holder)
{
	static const enum ap_fact_id parts[] = {
		AP_F_T_FIXED_ARRAY,       AP_F_T_PROPERTY_ARRAY,
		AP_F_T_NAME_DICTIONARY,   AP_F_T_NUMBER_DICTIONARY,
		AP_F_T_GLOBAL_DICTIONARY, AP_F_T_EPHEMERON_HASH_TABLE,
		AP_F_T_ORDERED_HASH_MAP,  AP_F_T_ORDERED_HASH_SET,
		AP_F_T_PROPERTY_CELL,     AP_F_T_CONTEXT_CELL,
		AP_F_T_ACCESSOR_PAIR,     AP_F_T_SLOPPY_ARGUMENTS_ELEMENTS,
	};
	int type = ap_v8_type(heap->v8, holder + 1);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (is_type(heap->v8, type, parts[i]))
			return true;
	}
	return false;
}

static void named(struct slot *s, enum ap_ref_kind kind, struct ap_text name)
{
	s->ret->kind = kind;
	s->ret->name = name;
}

static struct ap_text key_text(struct slot *s, ap_tagged key)
{
	uint64_t description;
	double number;

	if (ap_v8_number(s->v8, key, &number)) {
		char *text = ap_printf(s->arena, "%.0f", number);
		return ap_text_of(text);
	}
	if (ap_type_is_string(s->v8, ap_v8_type(s->v8, key)))
		return ap_v8_text(s->v8, key, MAX_NAME_UNITS, s->arena);
	if (!ap_v8_is(s->v8, key, AP_F_T_SYMBOL) ||
	    !ap_v8_word(s->v8, key, F(s->v8, SYMBOL_NAME), &description))
		return (struct ap_text){NULL, 0};
	struct ap_text text = ap_v8_text(s->v8, description, MAX_NAME_UNITS, s->arena);
	if (ap_key_kind(s->v8, key) == AP_KEY_PRIVATE_NAME)
		return text;
	return ap_text_of(ap_printf(s->arena, "[Symbol(%.*s)]", AP_TEXT_ARG(text)));
}

/* The own property whose value stands at `address`, or whose accessor is `part`. */
static bool own_property(struct slot *s, ap_addr address)
{
	struct ap_own_iter it;
	struct ap_own own;

	if (!ap_own_begin(s->v8, s->holder, &it))
		return false;
	for (int i = 0; i < MAX_STEPS && ap_own_next(&it, &own); i++) {
		if (own.address != address && !(s->part && own.accessor == s->part))
			continue;
		struct ap_text key = key_text(s, own.key);

		if (!key.s)
			return false;
		named(s, AP_REF_PROPERTY, key);
		return true;
	}
	return false;
}

/* The key in front of a value in a dictionary's entry. */
static bool dictionary_key(struct slot *s, enum ap_ref_kind kind)
{
	uint64_t key;

	if (!ap_v8_word(s->v8, s->part, s->part_offset - 8, &key))
		return false;
	struct ap_text text = key_text(s, key);
	if (!text.s)
		return false;
	named(s, kind, text);
	return true;
}

/* Words before the entries: live, deleted, buckets, then the buckets themselves. */
static void table_entry(struct slot *s, int type)
{
	int32_t buckets;
	bool is_map = is_type(s->v8, type, AP_F_T_ORDERED_HASH_MAP);
	int64_t data = F(s->v8, FIXED_ARRAY_DATA), i;
	uint64_t key;

	named(s, AP_REF_ENTRY, AP_TEXT("entry"));
	if (!ap_v8_smi(s->v8, s->part, data + 16, &buckets))
		return;
	i = (s->part_offset - data) / 8 - 3 - buckets;
	if (!is_map || i < 0 || i % 3 == 0) {
		named(s, AP_REF_ENTRY, is_map ? AP_TEXT("key") : AP_TEXT("member"));
		return;
	}
	if (!ap_v8_word(s->v8, s->part, s->part_offset - 8, &key))
		return;
	struct ap_text text = key_text(s, key);
	if (text.s)
		named(s, AP_REF_ENTRY,
		      ap_text_of(ap_printf(s->arena, "value of %.*s", AP_TEXT_ARG(text))));
	else
		named(s, AP_REF_ENTRY,
		      ap_text_of(
			      ap_printf(s->arena, "value of 0x%" PRIx64, (uint64_t)(key & ~3ull))));
}

/* Something in a store of a JavaScript object. */
static bool name_in_part(struct slot *s)
{
	struct ap_v8 *v8 = s->v8;
	int type = ap_v8_type(v8, s->part), holder = s->map.type;
	int64_t index = (s->part_offset - F(v8, FIXED_ARRAY_DATA)) / 8;

	if (is_type(v8, type, AP_F_T_ORDERED_HASH_MAP) ||
	    is_type(v8, type, AP_F_T_ORDERED_HASH_SET)) {
		table_entry(s, type);
		return true;
	}
	if (is_type(v8, type, AP_F_T_EPHEMERON_HASH_TABLE)) {
		bool is_key = (index - 3) % 2 == 0;

		s->ret->weak = s->ret->weak || is_key;
		named(s, AP_REF_ENTRY, is_key ? AP_TEXT("key") : AP_TEXT("value"));
		return true;
	}
	if (is_type(v8, type, AP_F_T_NAME_DICTIONARY))
		return dictionary_key(s, AP_REF_PROPERTY);
	if (is_type(v8, type, AP_F_T_NUMBER_DICTIONARY))
		return dictionary_key(s, AP_REF_ELEMENT);
	if (is_type(v8, type, AP_F_T_PROPERTY_CELL)) {
		uint64_t key;

		if (!ap_v8_word(v8, s->part, F(v8, PROPERTY_CELL_NAME), &key))
			return false;
		named(s, AP_REF_PROPERTY, key_text(s, key));
		return s->ret->name.s;
	}
	if (is_type(v8, type, AP_F_T_ACCESSOR_PAIR))
		return own_property(s, s->holder - 1 + (uint64_t)s->offset);
	if (is_type(v8, holder, AP_F_T_JS_BOUND_FUNCTION) && s->offset == F(v8, BOUND_ARGUMENTS)) {
		named(s, AP_REF_BOUND,
		      ap_text_of(ap_printf(s->arena, "argument %" PRIu64, (uint64_t)index)));
		return true;
	}
	if (s->offset == F(v8, OBJECT_ELEMENTS)) {
		named(s, AP_REF_ELEMENT,
		      ap_text_of(ap_printf(s->arena, "%" PRIu64, (uint64_t)index)));
		return true;
	}
	if (s->offset == F(v8, OBJECT_PROPERTIES))
		return own_property(s, s->part - 1 + (uint64_t)s->part_offset);
	if (s->offset == F(v8, GENERATOR_REGISTERS) &&
	    (is_type(v8, holder, AP_F_T_JS_GENERATOR) ||
	     is_type(v8, holder, AP_F_T_JS_ASYNC_FUNCTION) ||
	     is_type(v8, holder, AP_F_T_JS_ASYNC_GENERATOR))) {
		named(s, AP_REF_VARIABLE,
		      ap_text_of(ap_printf(s->arena, "register %" PRIu64, (uint64_t)index)));
		return true;
	}
	return false;
}

/* Fields that only objects of that type have. */
static bool name_field(struct slot *s)
{
	static const struct {
		enum ap_fact_id type, offset;
		const char *name;
		enum ap_ref_kind kind;
	} fields[] = {
		{AP_F_T_JS_BOUND_FUNCTION, AP_F_BOUND_TARGET, "target", AP_REF_BOUND},
		{AP_F_T_JS_BOUND_FUNCTION, AP_F_BOUND_THIS, "this", AP_REF_BOUND},
		{AP_F_T_JS_PROXY, AP_F_PROXY_TARGET, "[[target]]", AP_REF_PROPERTY},
		{AP_F_T_JS_PROXY, AP_F_PROXY_HANDLER, "[[handler]]", AP_REF_PROPERTY},
		{AP_F_T_JS_PROMISE, AP_F_PROMISE_RESULT, "[[result]]", AP_REF_PROPERTY},
		{AP_F_T_JS_WEAK_REF, AP_F_WEAK_REF_TARGET, "[[target]]", AP_REF_PROPERTY},
		{AP_F_T_JS_PRIMITIVE_WRAPPER, AP_F_WRAPPER_VALUE, "[[value]]", AP_REF_PROPERTY},
		{AP_F_T_JS_REG_EXP, AP_F_REGEXP_SOURCE, "source", AP_REF_PROPERTY},
		{AP_F_T_JS_GENERATOR, AP_F_GENERATOR_RECEIVER, "this", AP_REF_VARIABLE},
		{AP_F_T_JS_ASYNC_FUNCTION, AP_F_GENERATOR_RECEIVER, "this", AP_REF_VARIABLE},
		{AP_F_T_JS_GENERATOR, AP_F_GENERATOR_FUNCTION, "[[function]]", AP_REF_PROPERTY},
		{AP_F_T_JS_ASYNC_FUNCTION, AP_F_GENERATOR_FUNCTION, "[[function]]",
		 AP_REF_PROPERTY},
		{AP_F_T_JS_TYPED_ARRAY, AP_F_VIEW_BUFFER, "buffer", AP_REF_PROPERTY},
		{AP_F_T_JS_DATA_VIEW, AP_F_VIEW_BUFFER, "buffer", AP_REF_PROPERTY},
		{AP_F_T_ACCESSOR_PAIR, AP_F_ACCESSOR_GETTER, "getter", AP_REF_PROPERTY},
		{AP_F_T_ACCESSOR_PAIR, AP_F_ACCESSOR_SETTER, "setter", AP_REF_PROPERTY},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!is_type(s->v8, s->map.type, fields[i].type) ||
		    s->v8->profile.facts[fields[i].offset].value != s->offset)
			continue;
		named(s, fields[i].kind, ap_text_of(fields[i].name));
		if (fields[i].type == AP_F_T_JS_WEAK_REF)
			s->ret->weak = true;
		return true;
	}
	if (ap_type_is_function(s->v8, s->map.type) && s->offset == F(s->v8, FUNCTION_PROTOTYPE) &&
	    s->map.size_words * 8 > s->offset) {
		named(s, AP_REF_PROPERTY, AP_TEXT("prototype"));
		return true;
	}
	return false;
}

static bool name_variable(struct slot *s, int64_t offset)
{
	struct ap_v8 *v8 = s->v8;
	struct ap_scope_info info;
	ap_tagged scope, name;
	int slot = (int)((offset - F(v8, FIXED_ARRAY_DATA)) / 8), first;

	if (!ap_context_scope_info(v8, s->holder, &scope) || !ap_scope_info_read(v8, scope, &info))
		return false;
	first = ap_scope_first_slot(v8, &info);
	if (slot == F(v8, CONTEXT_PREVIOUS)) {
		named(s, AP_REF_INTERNAL, AP_TEXT("previous"));
		return true;
	}
	if (info.function_name && slot == info.function_slot) {
		named(s, AP_REF_VARIABLE,
		      ap_v8_text(v8, info.function_name, MAX_NAME_UNITS, s->arena));
		return s->ret->name.s;
	}
	if (slot < first || slot - first >= info.n_locals ||
	    !ap_scope_local_name(v8, &info, slot - first, &name))
		return false;
	struct ap_text text = ap_v8_text(v8, name, MAX_NAME_UNITS, s->arena);
	if (!text.n)
		return false;
	named(s, AP_REF_VARIABLE, text);
	return true;
}

static bool name_string_part(struct slot *s)
{
	switch (s->map.type & F(s->v8, STRING_REPRESENTATION_MASK)) {
	case 1:
		named(s, AP_REF_STRING,
		      s->offset == F(s->v8, CONS_FIRST) ? AP_TEXT("first part")
							: AP_TEXT("second part"));
		return true;
	case 3:
		named(s, AP_REF_STRING, AP_TEXT("sliced from"));
		return true;
	case 5:
		named(s, AP_REF_STRING, AP_TEXT("the same string"));
		return true;
	default:
		return false;
	}
}

bool ap_heap_name_ref(struct ap_heap *heap, ap_addr holder, int64_t offset, ap_addr part,
		      int64_t part_offset, struct ap_arena *arena, struct ap_heap_ref *ret)
{
	struct slot s = {.heap = heap,
			 .v8 = heap->v8,
			 .holder = holder + 1,
			 .offset = offset,
			 .part = part ? part + 1 : 0,
			 .part_offset = part_offset,
			 .arena = arena,
			 .ret = ret};
	bool ok = false;

	if (ap_v8_map(s.v8, s.holder, &s.map)) {
		/* A ContextCell (14.6) stands for the variable. */
		if (ap_type_is_context(s.v8, s.map.type))
			ok = name_variable(&s, offset);
		else if (ap_type_is_string(s.v8, s.map.type))
			ok = name_string_part(&s);
		else if (ap_type_is_receiver(s.v8, s.map.type) && s.part)
			ok = name_in_part(&s);
		else if (ap_type_is_receiver(s.v8, s.map.type))
			ok = name_field(&s) || own_property(&s, holder + (uint64_t)offset);
	}
	if (ok)
		return true;
	struct ap_text type = ap_v8_type_name(s.v8, ap_v8_type(s.v8, s.holder), arena);
	ret->kind = AP_REF_INTERNAL;
	ret->name = ap_text_of(ap_printf(arena, "%.*s+%" PRId64, AP_TEXT_ARG(type), offset));
	return false;
}
