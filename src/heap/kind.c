/* Which category DevTools shows an object under: HeapSnapshotGenerator's V8HeapExplorer::AddEntry.
 */
#include "heap/heap_private.h"

static const char *const kind_names[] = {
#define X(id, name) name,
	AP_HEAP_KINDS(X)
#undef X
};

const char *ap_heap_kind_name(enum ap_heap_kind kind)
{
	return kind < AP_N_HEAP_KINDS ? kind_names[kind] : NULL;
}

static enum ap_heap_kind string_kind(const struct ap_v8 *v8, int type)
{
	switch (type & F(v8, STRING_REPRESENTATION_MASK)) {
	case 1: /* kConsStringTag, kSlicedStringTag of src/objects/instance-type.h */
		return AP_HEAP_CONS_STRING;
	case 3:
		return AP_HEAP_SLICED_STRING;
	default:
		return AP_HEAP_STRING;
	}
}

struct ap_err *ap_heap_load_kinds(struct ap_heap *heap)
{
	static const struct {
		enum ap_fact_id type;
		enum ap_heap_kind kind;
	} kinds[] = {
		{AP_F_T_JS_BOUND_FUNCTION, AP_HEAP_CLOSURE},
		{AP_F_T_JS_WRAPPED_FUNCTION, AP_HEAP_CLOSURE},
		{AP_F_T_HEAP_NUMBER, AP_HEAP_NUMBER},
		{AP_F_T_BIGINT, AP_HEAP_BIGINT},
		{AP_F_T_SYMBOL, AP_HEAP_SYMBOL},
		{AP_F_T_FIXED_ARRAY, AP_HEAP_ARRAY},
		{AP_F_T_FIXED_DOUBLE_ARRAY, AP_HEAP_ARRAY},
		{AP_F_T_BYTE_ARRAY, AP_HEAP_ARRAY},
		{AP_F_T_EPHEMERON_HASH_TABLE, AP_HEAP_ARRAY},
		{AP_F_T_GLOBAL_DICTIONARY, AP_HEAP_ARRAY},
		{AP_F_T_NAME_DICTIONARY, AP_HEAP_ARRAY},
		{AP_F_T_NUMBER_DICTIONARY, AP_HEAP_ARRAY},
		{AP_F_T_ORDERED_HASH_MAP, AP_HEAP_ARRAY},
		{AP_F_T_ORDERED_HASH_SET, AP_HEAP_ARRAY},
		{AP_F_T_SHARED_FUNCTION_INFO, AP_HEAP_CODE},
		{AP_F_T_SCRIPT, AP_HEAP_CODE},
		{AP_F_T_CODE, AP_HEAP_CODE},
		{AP_F_T_BYTECODE_ARRAY, AP_HEAP_CODE},
		{AP_F_T_INSTRUCTION_STREAM, AP_HEAP_CODE},
		{AP_F_T_MAP, AP_HEAP_SHAPE},
		{AP_F_T_DESCRIPTOR_ARRAY, AP_HEAP_SHAPE},
		{AP_F_T_STRONG_DESCRIPTOR_ARRAY, AP_HEAP_SHAPE},
		{AP_F_T_TRANSITION_ARRAY, AP_HEAP_SHAPE},
	};
	const struct ap_v8 *v8 = heap->v8;

	heap->kinds = ap_alloc(&heap->arena, AP_N_TYPES);
	if (!heap->kinds)
		return &ap_err_nomem;
	for (int t = 0; t < AP_N_TYPES; t++) {
		enum ap_heap_kind kind = AP_HEAP_INTERNAL;

		if (ap_type_is_string(v8, t))
			kind = string_kind(v8, t);
		else if (ap_type_is_function(v8, t))
			kind = AP_HEAP_CLOSURE;
		else if (ap_type_is_receiver(v8, t))
			kind = AP_HEAP_OBJECT;
		else if (ap_type_is_context(v8, t) && t != F(v8, T_NATIVE_CONTEXT))
			kind = AP_HEAP_CONTEXT;
		heap->kinds[t] = (uint8_t)kind;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int32_t t = v8->profile.facts[kinds[i].type].value;

		if (t >= 0 && t < AP_N_TYPES)
			heap->kinds[t] = (uint8_t)kinds[i].kind;
	}
	return NULL;
}
