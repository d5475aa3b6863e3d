#include "node/process.h"

#include "node/environment.h"
#include "v8/property.h"

enum {
	LOOP_TIME = 544, /* uv_loop_t.time in ms; the same in Node 12 to 26 */
};

static bool global_object(struct ap_v8 *v8, ap_tagged native, ap_tagged *ret)
{
	uint32_t n;
	uint64_t w;

	if (!ap_v8_array_length(v8, native, &n))
		return false;
	/* Its slot's number moves; its type is unique. */
	for (uint32_t i = 0; i < n; i++) {
		if (ap_v8_array_at(v8, native, i, &w) && ap_v8_is(v8, w, AP_F_T_JS_GLOBAL_OBJECT)) {
			*ret = w;
			return true;
		}
	}
	return false;
}

bool ap_node_process_object(struct ap_v8 *v8, const struct ap_isolate *isolate, ap_tagged *ret)
{
	ap_tagged native, global, found;
	struct ap_own own;

	if (!ap_isolate_native_context(v8, isolate, &native) ||
	    !global_object(v8, native, &global) || !ap_own_find(v8, global, "process", &own))
		return false;
	if (own.kind == AP_OWN_DATA && own.readable && !own.slot.is_raw_double) {
		*ret = own.slot.tagged;
		return true;
	}
	if (own.kind != AP_OWN_ACCESSOR || !own.getter)
		return false;
	if (!ap_node_closure_variable(v8, own.getter, "_process", &found) &&
	    !ap_node_closure_variable(v8, own.getter, "process", &found))
		return false;
	if (!ap_type_is_receiver(v8, ap_v8_type(v8, found)))
		return false;
	*ret = found;
	return true;
}

struct ap_text ap_node_process_text(struct ap_v8 *v8, ap_tagged process, const char *name,
				    struct ap_arena *arena)
{
	ap_tagged value;

	if (!ap_own_value(v8, process, name, &value))
		return (struct ap_text){NULL, 0};
	return ap_v8_text(v8, value, 65536, arena);
}

bool ap_node_uptime(struct ap_v8 *v8, double *ret_seconds)
{
	static const char *const starts[] = {"_ZN4node11performance25performance_process_startE",
					     "_ZN4node11performance10timeOriginE"};
	struct ap_symbol loop, start;
	uint64_t now_ms, start_ns;

	if (!ap_elf_symbol_named(v8->module->elf, "default_loop_struct", &loop))
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (!ap_elf_symbol_named(v8->module->elf, starts[i], &start))
			continue;
		if (!ap_image_u64(v8->image, loop.value + v8->module->bias + LOOP_TIME, &now_ms) ||
		    !ap_image_u64(v8->image, start.value + v8->module->bias, &start_ns) ||
		    !start_ns || !now_ms || now_ms > (uint64_t)1 << 44 ||
		    now_ms * 1000000 < start_ns)
			return false;
		*ret_seconds = (double)(now_ms * 1000000 - start_ns) / 1e9;
		return true;
	}
	return false;
}
