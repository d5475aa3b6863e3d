/*
 * Modules (src/objects/module.tq, source-text-module.tq, synthetic-module.tq): a namespace knows
 * its Module, whose exports map names to Cells. The namespace's own properties are accessors of
 * V8's.
 */
#include "v8/builtin.h"

enum {
	HASH_HEADER = 3, /* elements, deleted, capacity */
	HASH_ENTRY = 2,
	MODULE_WORDS = 18,
};

bool ap_namespace_module(struct ap_v8 *v8, ap_tagged ns, ap_tagged *ret_module)
{
	uint64_t w;

	if (!ap_v8_word(v8, ns, F(v8, NAMESPACE_MODULE), &w) ||
	    (!ap_v8_is(v8, w, AP_F_T_SOURCE_TEXT_MODULE) &&
	     !ap_v8_is(v8, w, AP_F_T_SYNTHETIC_MODULE)))
		return false;
	*ret_module = w;
	return true;
}

bool ap_module_exports(struct ap_v8 *v8, ap_tagged module, struct ap_export_iter *ret_iter)
{
	struct ap_export_iter it = {.v8 = v8, .first = HASH_HEADER, .stride = HASH_ENTRY};
	uint64_t capacity;
	uint32_t length;

	if (!ap_v8_word(v8, module, F(v8, MODULE_EXPORTS), &it.exports) ||
	    !ap_v8_array_length(v8, it.exports, &length) ||
	    !ap_v8_array_at(v8, it.exports, 2, &capacity) || !ap_is_smi(capacity) ||
	    ap_smi(capacity) < 0)
		return false;
	it.n = (uint64_t)ap_smi(capacity);
	if (it.first + it.n * it.stride > length)
		return false;
	*ret_iter = it;
	return true;
}

bool ap_export_next(struct ap_export_iter *it, ap_tagged *ret_name, ap_tagged *ret_value)
{
	while (it->i < it->n) {
		uint64_t at = it->first + it->i++ * it->stride, name, cell, value;

		if (!ap_v8_array_at(it->v8, it->exports, at, &name) ||
		    !ap_type_is_string(it->v8, ap_v8_type(it->v8, name)) ||
		    !ap_v8_array_at(it->v8, it->exports, at + 1, &cell) ||
		    !ap_v8_is(it->v8, cell, AP_F_T_CELL) ||
		    !ap_v8_word(it->v8, cell, F(it->v8, CELL_VALUE), &value))
			continue;
		*ret_name = name;
		*ret_value = value;
		return true;
	}
	return false;
}

struct ap_text ap_module_script_name(struct ap_v8 *v8, ap_tagged module, struct ap_arena *arena)
{
	bool synthetic = ap_v8_is(v8, module, AP_F_T_SYNTHETIC_MODULE);

	/* Its code is a SharedFunctionInfo, then a function, then a generator, as it gets on. */
	for (int i = 1; i < MODULE_WORDS; i++) {
		struct ap_function_info info;
		uint64_t w;
		int type;

		if (!ap_v8_word(v8, module, 8 * i, &w))
			break;
		type = ap_is_object(w) ? ap_v8_type(v8, w) : -1;
		if (type < 0)
			continue;
		if (synthetic) {
			if (ap_type_is_string(v8, type))
				return ap_v8_text(v8, w, 65536, arena);
			continue;
		}
		if ((type == F(v8, T_JS_GENERATOR) || type == F(v8, T_JS_ASYNC_FUNCTION) ||
		     type == F(v8, T_JS_ASYNC_GENERATOR)) &&
		    ap_v8_word(v8, w, F(v8, GENERATOR_FUNCTION), &w))
			type = ap_v8_type(v8, w);
		if (type == F(v8, T_SCRIPT))
			return ap_script_name(v8, w, arena);
		if ((ap_function_info(v8, w, arena, &info) ||
		     ap_shared_info(v8, w, arena, &info)) &&
		    info.script)
			return ap_script_name(v8, info.script, arena);
	}
	return (struct ap_text){NULL, 0};
}
