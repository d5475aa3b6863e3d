/*
 * ScopeInfo and Context (src/objects/scope-info.tq, contexts.h).
 *
 * A ScopeInfo is a header and then parts that are there or not as its flags say; the parts are
 * walked in order, and what does not add up to the object's kind is refused.
 */
#include "v8/function.h"

enum {
	FLAG_SCOPE_TYPE_BITS = 4,
	FLAG_SAVED_CLASS_VARIABLE = 1 << 10,
	FLAG_RECEIVER_SHIFT = 7,           /* 2 bits; 1 stack, 2 context allocated */
	FLAG_FUNCTION_VARIABLE_SHIFT = 12, /* 2 bits */
	FLAG_INFERRED_NAME = 1 << 14,
	FLAG_KIND_SHIFT = 17, /* 5 bits */
	FLAG_OUTER = 1 << 22,
	FLAG_EXTENSION = 1 << 26,
	FLAG_EMPTY = 1 << 29,
	RAW_TYPE_REALM = 8, /* SHADOW_REALM, in the order up to 12.4 */
	MAX_LOCALS = 1 << 24,
	ISOLATE_HEAD_BYTES = 0x8000,
	HEAP_HEAD_BYTES = 0x1000, /* of the Heap, from its start */
};

static enum ap_scope_type scope_type_of(const struct ap_v8 *v8, unsigned type)
{
	static const enum ap_scope_type old_order[] = {
		AP_SCOPE_TYPE_CLASS,  AP_SCOPE_TYPE_EVAL,   AP_SCOPE_TYPE_FUNCTION,
		AP_SCOPE_TYPE_MODULE, AP_SCOPE_TYPE_SCRIPT, AP_SCOPE_TYPE_CATCH,
		AP_SCOPE_TYPE_BLOCK,  AP_SCOPE_TYPE_WITH,
	};
	static const enum ap_scope_type new_order[] = {
		AP_SCOPE_TYPE_SCRIPT, AP_SCOPE_TYPE_SCRIPT,   AP_SCOPE_TYPE_CLASS,
		AP_SCOPE_TYPE_EVAL,   AP_SCOPE_TYPE_FUNCTION, AP_SCOPE_TYPE_MODULE,
		AP_SCOPE_TYPE_CATCH,  AP_SCOPE_TYPE_BLOCK,    AP_SCOPE_TYPE_WITH,
	};

	if (F(v8, SCOPE_TYPE_ORDER) == 0)
		return type < 8 ? old_order[type] : AP_SCOPE_TYPE_OTHER;
	return type < 9 ? new_order[type] : AP_SCOPE_TYPE_OTHER;
}

/* 16..22 keep the positions in the variable part, for these scopes only. */
static bool scope_has_positions(const struct ap_v8 *v8, const struct ap_scope_info *s,
				unsigned raw_type)
{
	if (ap_has_fact(v8, AP_F_SCOPE_INFO_START) || (s->flags & FLAG_EMPTY))
		return false;
	switch (s->type) {
	case AP_SCOPE_TYPE_FUNCTION:
	case AP_SCOPE_TYPE_SCRIPT:
	case AP_SCOPE_TYPE_EVAL:
	case AP_SCOPE_TYPE_MODULE:
		return true;
	case AP_SCOPE_TYPE_CLASS:
		return F(v8, SCOPE_INFO_CLASS_POSITIONS);
	default:
		return raw_type == RAW_TYPE_REALM && F(v8, SCOPE_INFO_REALM_POSITIONS);
	}
}

bool ap_scope_info_known(const struct ap_v8 *v8, ap_tagged scope_info, struct ap_scope_info *ret)
{
	struct ap_scope_info s = {
		.address = scope_info, .start = -1, .end = -1, .function_slot = -1};
	int64_t at = F(v8, SCOPE_INFO_VARIABLE);
	int32_t parameters, locals, slot;
	uint64_t w;

	if (!ap_v8_u32(v8, scope_info, F(v8, SCOPE_INFO_FLAGS), &s.flags) ||
	    !ap_v8_smi(v8, scope_info, F(v8, SCOPE_INFO_PARAMETERS), &parameters) ||
	    !ap_v8_smi(v8, scope_info, F(v8, SCOPE_INFO_LOCALS), &locals) || parameters < 0 ||
	    locals < 0 || locals > MAX_LOCALS)
		return false;
	unsigned raw_type = s.flags & ((1u << FLAG_SCOPE_TYPE_BITS) - 1);
	s.type = scope_type_of(v8, raw_type);
	s.function_kind = (int)(s.flags >> FLAG_KIND_SHIFT & 31);
	s.n_parameters = parameters;
	s.n_locals = locals;
	if (ap_has_fact(v8, AP_F_SCOPE_INFO_START)) {
		(void)ap_v8_smi(v8, scope_info, F(v8, SCOPE_INFO_START), &s.start);
		(void)ap_v8_smi(v8, scope_info, F(v8, SCOPE_INFO_END), &s.end);
	}
	if (s.type == AP_SCOPE_TYPE_MODULE && F(v8, SCOPE_INFO_MODULE_COUNT_FIRST)) {
		if (!ap_v8_smi(v8, scope_info, at, &s.n_module_variables))
			return false;
		at += 8;
	}
	if (F(v8, SCOPE_INFO_MAX_INLINED) == AP_FACT_NONE ||
	    locals < F(v8, SCOPE_INFO_MAX_INLINED)) {
		s.names = at;
		at += 8 * (int64_t)locals;
	} else {
		if (!ap_v8_word(v8, scope_info, at, &w) || !ap_is_object(w))
			return false;
		s.names_table = w;
		at += 8;
	}
	s.infos = at;
	at += 8 * (int64_t)locals;
	if (s.flags & FLAG_SAVED_CLASS_VARIABLE)
		at += 8;
	unsigned receiver = s.flags >> FLAG_RECEIVER_SHIFT & 3;
	if (F(v8, SCOPE_INFO_HAS_RECEIVER_SLOT) == 1 && (receiver == 1 || receiver == 2))
		at += 8;
	if (s.flags >> FLAG_FUNCTION_VARIABLE_SHIFT & 3) {
		if (ap_v8_word(v8, scope_info, at, &w) && ap_is_object(w))
			s.function_name = w;
		/* 2: allocated in the context, at that slot. */
		if ((s.flags >> FLAG_FUNCTION_VARIABLE_SHIFT & 3) == 2 &&
		    ap_v8_smi(v8, scope_info, at + 8, &slot))
			s.function_slot = slot;
		at += 16;
	}
	if (s.flags & FLAG_INFERRED_NAME) {
		if (ap_v8_word(v8, scope_info, at, &w) && ap_is_object(w))
			s.inferred_name = w;
		at += 8;
	}
	if (scope_has_positions(v8, &s, raw_type)) {
		(void)ap_v8_smi(v8, scope_info, at, &s.start);
		(void)ap_v8_smi(v8, scope_info, at + 8, &s.end);
		at += 16;
	}
	if (s.flags & FLAG_OUTER) {
		if (ap_v8_word(v8, scope_info, at, &w) && ap_is_object(w))
			s.outer = w;
		at += 8;
	}
	if (s.type == AP_SCOPE_TYPE_MODULE) {
		at += 8; /* the module info */
		if (!F(v8, SCOPE_INFO_MODULE_COUNT_FIRST)) {
			(void)ap_v8_smi(v8, scope_info, at, &s.n_module_variables);
			at += 8;
		}
		s.module_variables = at;
	}
	*ret = s;
	return true;
}

bool ap_scope_info_read(struct ap_v8 *v8, ap_tagged scope_info, struct ap_scope_info *ret)
{
	struct ap_scope_info s;

	if (!ap_v8_is(v8, scope_info, AP_F_T_SCOPE_INFO) ||
	    !ap_scope_info_known(v8, scope_info, &s))
		return false;
	if (s.outer && !ap_v8_is(v8, s.outer, AP_F_T_SCOPE_INFO))
		s.outer = 0;
	*ret = s;
	return true;
}

bool ap_scope_local_name(struct ap_v8 *v8, const struct ap_scope_info *scope, int i,
			 ap_tagged *ret_name)
{
	uint64_t w;

	if (i < 0 || i >= scope->n_locals)
		return false;
	if (!scope->names_table) {
		if (!ap_v8_word(v8, scope->address, scope->names + 8 * (int64_t)i, &w) ||
		    !ap_is_object(w))
			return false;
		*ret_name = w;
		return true;
	}
	/* NameToIndexHashTable: FixedArray of elements, deleted, capacity, then (name, index)
	 * pairs. */
	uint32_t length;
	if (!ap_v8_array_length(v8, scope->names_table, &length))
		return false;
	for (uint32_t k = 3; k + 1 < length; k += 2) {
		uint64_t index;

		if (ap_v8_array_at(v8, scope->names_table, k + 1, &index) && ap_is_smi(index) &&
		    ap_smi(index) == i && ap_v8_array_at(v8, scope->names_table, k, &w) &&
		    ap_type_is_string(v8, ap_v8_type(v8, w))) {
			*ret_name = w;
			return true;
		}
	}
	return false;
}

int ap_scope_first_slot(const struct ap_v8 *v8, const struct ap_scope_info *scope)
{
	return F(v8, CONTEXT_MIN_SLOTS) + ((scope->flags & FLAG_EXTENSION) ? 1 : 0);
}

bool ap_context_slot(struct ap_v8 *v8, ap_tagged context, int slot, uint64_t *ret)
{
	uint32_t length;

	return ap_type_is_context(v8, ap_v8_type(v8, context)) &&
	       ap_v8_array_length(v8, context, &length) && slot >= 0 && (uint32_t)slot < length &&
	       ap_v8_array_at(v8, context, (uint64_t)slot, ret);
}

bool ap_context_scope_info(struct ap_v8 *v8, ap_tagged context, ap_tagged *ret)
{
	return ap_context_slot(v8, context, F(v8, CONTEXT_SCOPE_INFO), ret);
}

bool ap_context_previous(struct ap_v8 *v8, ap_tagged context, ap_tagged *ret)
{
	uint64_t w;

	if (!ap_context_slot(v8, context, F(v8, CONTEXT_PREVIOUS), &w) ||
	    !ap_type_is_context(v8, ap_v8_type(v8, w)))
		return false;
	*ret = w;
	return true;
}

bool ap_native_context_of(struct ap_v8 *v8, ap_tagged object, ap_tagged *ret)
{
	struct ap_map_info map;
	uint64_t context = object;

	if (ap_type_is_function(v8, ap_v8_type(v8, object)) &&
	    !ap_v8_word(v8, object, F(v8, FUNCTION_CONTEXT), &context))
		return false;
	/* The map of every context names its native context (v8-layout 2). */
	if (!ap_v8_map(v8, context, &map) || !ap_type_is_context(v8, map.type))
		return false;
	if (map.type == F(v8, T_NATIVE_CONTEXT)) {
		*ret = context;
		return true;
	}
	int type = ap_v8_type(v8, map.constructor);
	if (!ap_type_is_context(v8, type))
		return false;
	/* A V8 not seen before: that it is the only type of context in that place tells its number.
	 */
	if (!ap_has_fact(v8, AP_F_T_NATIVE_CONTEXT))
		v8->profile.facts[AP_F_T_NATIVE_CONTEXT] =
			(struct ap_fact){.value = type, .source = AP_FACT_DISCOVERED};
	if (type != F(v8, T_NATIVE_CONTEXT))
		return false;
	*ret = map.constructor;
	return true;
}

bool ap_isolate_native_context(struct ap_v8 *v8, const struct ap_isolate *isolate, ap_tagged *ret)
{
	uint64_t w;

	/* ThreadLocalTop holds the current context; any context leads to its native one. */
	for (uint64_t offset = 0; offset < ISOLATE_HEAD_BYTES; offset += 8) {
		if (ap_image_u64(v8->image, isolate->address + offset, &w) && ap_is_object(w) &&
		    ap_type_is_context(v8, ap_v8_type(v8, w)) && ap_native_context_of(v8, w, ret))
			return true;
	}
	/* During a collection there is none: Heap::native_contexts_list_ begins with the newest. */
	for (uint64_t offset = 0; ap_has_fact(v8, AP_F_ISOLATE_HEAP) && offset < HEAP_HEAD_BYTES;
	     offset += 8) {
		if (ap_image_u64(v8->image,
				 isolate->address + (uint64_t)F(v8, ISOLATE_HEAP) + offset, &w) &&
		    ap_is_object(w) && ap_v8_is(v8, w, AP_F_T_NATIVE_CONTEXT)) {
			*ret = w;
			return true;
		}
	}
	return false;
}

bool ap_context_value(struct ap_v8 *v8, ap_tagged context, int slot, struct ap_slot *ret)
{
	uint64_t w, raw;
	uint32_t state;

	if (!ap_context_slot(v8, context, slot, &w))
		return false;
	if (!ap_v8_is(v8, w, AP_F_T_CONTEXT_CELL)) {
		*ret = (struct ap_slot){.tagged = w};
		return true;
	}
	/* ContextCell (14.6): constant and Smi states keep a tagged value, the others a raw one. */
	if (!ap_v8_u32(v8, w, F(v8, CONTEXT_CELL_STATE), &state) ||
	    !ap_v8_word(v8, w, F(v8, CONTEXT_CELL_VALUE), &context) ||
	    !ap_v8_word(v8, w, F(v8, CONTEXT_CELL_RAW), &raw))
		return false;
	switch (state) {
	case 2: /* int32 */
		*ret = (struct ap_slot){.is_raw_double = true, .number = (int32_t)raw};
		return true;
	case 3: /* float64 */
		*ret = (struct ap_slot){.is_raw_double = true};
		memcpy(&ret->number, &raw, sizeof(raw));
		return true;
	default: /* 0 constant, 1 Smi, 4 detached */
		*ret = (struct ap_slot){.tagged = context};
		return true;
	}
}
