/* The short form of any word that a V8 program holds. */
#include <inttypes.h>

#include "base/number.h"
#include "model/core_value.h"

enum { SHORT_TEXT_UNITS = 1024 };

/* What the instance types are to a person. Those not listed: see object_type(). */
static const struct {
	enum ap_fact_id fact;
	enum ap_type type;
} types[] = {
	{AP_F_T_JS_OBJECT, AP_T_OBJECT},
	{AP_F_T_JS_ARRAY, AP_T_ARRAY},
	{AP_F_T_JS_BOUND_FUNCTION, AP_T_BOUND_FUNCTION},
	{AP_F_T_JS_WRAPPED_FUNCTION, AP_T_FUNCTION},
	{AP_F_T_JS_ERROR, AP_T_ERROR},
	{AP_F_T_JS_DATE, AP_T_DATE},
	{AP_F_T_JS_REG_EXP, AP_T_REGEXP},
	{AP_F_T_JS_MAP, AP_T_MAP},
	{AP_F_T_JS_SET, AP_T_SET},
	{AP_F_T_JS_WEAK_MAP, AP_T_WEAKMAP},
	{AP_F_T_JS_WEAK_SET, AP_T_WEAKSET},
	{AP_F_T_JS_WEAK_REF, AP_T_WEAKREF},
	{AP_F_T_JS_FINALIZATION_REGISTRY, AP_T_FINALIZATION_REGISTRY},
	{AP_F_T_JS_PROMISE, AP_T_PROMISE},
	{AP_F_T_JS_PROXY, AP_T_PROXY},
	{AP_F_T_JS_GENERATOR, AP_T_GENERATOR},
	{AP_F_T_JS_ASYNC_GENERATOR, AP_T_ASYNC_GENERATOR},
	{AP_F_T_JS_ASYNC_FUNCTION, AP_T_ASYNC_FUNCTION},
	{AP_F_T_JS_ARGUMENTS, AP_T_ARGUMENTS},
	{AP_F_T_JS_PRIMITIVE_WRAPPER, AP_T_BOXED},
	{AP_F_T_JS_ARRAY_BUFFER, AP_T_ARRAYBUFFER},
	{AP_F_T_JS_TYPED_ARRAY, AP_T_TYPEDARRAY},
	{AP_F_T_JS_DETACHED_TYPED_ARRAY, AP_T_TYPEDARRAY},
	{AP_F_T_JS_DATA_VIEW, AP_T_DATAVIEW},
	{AP_F_T_JS_RAB_GSAB_DATA_VIEW, AP_T_DATAVIEW},
	{AP_F_T_JS_MODULE_NAMESPACE, AP_T_MODULE},
	{AP_F_T_JS_DEFERRED_MODULE_NAMESPACE, AP_T_MODULE},
	{AP_F_T_JS_ARRAY_ITERATOR, AP_T_ITERATOR},
	{AP_F_T_JS_STRING_ITERATOR, AP_T_ITERATOR},
	{AP_F_T_JS_REG_EXP_STRING_ITERATOR, AP_T_ITERATOR},
	{AP_F_T_JS_GLOBAL_OBJECT, AP_T_GLOBAL},
	{AP_F_T_JS_GLOBAL_PROXY, AP_T_GLOBAL},
	{AP_F_T_WASM_MODULE, AP_T_WASM},
	{AP_F_T_WASM_INSTANCE, AP_T_WASM},
	{AP_F_T_WASM_MEMORY, AP_T_WASM},
	{AP_F_T_WASM_TABLE, AP_T_WASM},
	{AP_F_T_WASM_GLOBAL, AP_T_WASM},
	{AP_F_T_WASM_TAG, AP_T_WASM},
	{AP_F_T_WASM_EXCEPTION, AP_T_WASM},
};

/* Node's Buffer: a Uint8Array with an object above it whose `constructor` is called so. */
static bool is_node_buffer(struct ap_v8 *v8, ap_tagged view)
{
	struct ap_map_info map;
	struct ap_arena scratch;
	bool found = false;
	ap_tagged at;

	if (!ap_v8_map(v8, view, &map))
		return false;
	ap_arena_init(&scratch, 1 << 20);
	at = map.prototype;
	for (int i = 0; i < 8 && !found && ap_v8_map(v8, at, &map); i++, at = map.prototype) {
		struct ap_own own;

		found = ap_own_find(v8, at, "constructor", &own) && own.kind == AP_OWN_DATA &&
			own.readable &&
			ap_text_is(ap_function_debug_name(v8, own.slot.tagged, &scratch), "Buffer");
	}
	ap_arena_close(&scratch);
	return found;
}

/*
 * Some prototypes have instance types of their own: in one row, after the primitive wrapper (9.4)
 * or after the functions (10.2 and later). All other types not listed are native code's.
 */
static bool is_prototype_type(struct ap_v8 *v8, int type)
{
	return (type > F(v8, T_JS_PRIMITIVE_WRAPPER) && type < F(v8, T_JS_GENERATOR) &&
		type < F(v8, T_JS_OBJECT)) ||
	       (type > F(v8, T_JS_LAST_FUNCTION) && type < F(v8, T_JS_MAP_KEY_ITERATOR));
}

static enum ap_type object_type(struct ap_v8 *v8, ap_tagged object, const struct ap_map_info *map)
{
	enum ap_type found = AP_T_UNREADABLE;
	struct ap_buffer buffer;
	struct ap_view view;

	if (ap_type_is_function(v8, map->type)) {
		struct ap_arena scratch;
		struct ap_function_info info;

		ap_arena_init(&scratch, 1 << 20);
		bool is_class = ap_function_info(v8, object, &scratch, &info) &&
				info.kind == AP_FN_CLASS_CONSTRUCTOR;
		ap_arena_close(&scratch);
		return is_class ? AP_T_CLASS : AP_T_FUNCTION;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && found == AP_T_UNREADABLE; i++) {
		if (map->type == v8->profile.facts[types[i].fact].value)
			found = types[i].type;
	}
	if (found == AP_T_ARRAYBUFFER && ap_buffer_read(v8, object, &buffer) && buffer.shared)
		return AP_T_SHAREDARRAYBUFFER;
	if (found == AP_T_TYPEDARRAY && ap_view_read(v8, object, &view) &&
	    view.type == AP_TYPED_UINT8 && is_node_buffer(v8, object))
		return AP_T_BUFFER;
	if (found != AP_T_UNREADABLE)
		return found;
	if (ap_core_collection_iterator(v8, map->type) >= 0)
		return AP_T_ITERATOR;
	return is_prototype_type(v8, map->type) ? AP_T_OBJECT : AP_T_API;
}

int ap_core_collection_iterator(struct ap_v8 *v8, int type)
{
	int first = F(v8, T_JS_MAP_KEY_ITERATOR);

	return first != AP_FACT_NONE && type >= first && type - first < 5 ? type - first : -1;
}

struct ap_value ap_core_number(double number, struct ap_arena *arena)
{
	char buf[AP_NUMBER_MAX];
	char *text = ap_strdup(arena, ap_number_js(number, buf));

	return (struct ap_value){.type = AP_T_NUMBER, .text = ap_text_of(text)};
}

static void set_text(struct ap_v8 *v8, struct ap_value *v, uint32_t max_units,
		     struct ap_arena *arena)
{
	uint32_t units;
	AP_STR_AUTO out = {0};

	if (!ap_v8_string_length(v8, v->ref, &units)) {
		v->type = AP_T_UNREADABLE;
		v->text = AP_TEXT("a string without a length");
		return;
	}
	v->length = units;
	v->truncated = units > max_units;
	/* What is readable of a broken string stays. */
	if (!ap_v8_string_range(v8, v->ref, 0, v->truncated ? max_units : units, &out) && !out.n &&
	    units) {
		v->type = AP_T_UNREADABLE;
		v->text = AP_TEXT("a string whose characters are not in the core");
		return;
	}
	v->text = ap_str_text(&out, arena);
}

static void describe_primitive(struct ap_core_model *core, int type, uint32_t max_units,
			       struct ap_arena *arena, struct ap_value *v)
{
	struct ap_v8 *v8 = core->v8;
	double number;

	if (ap_type_is_string(v8, type)) {
		v->type = AP_T_STRING;
		set_text(v8, v, max_units, arena);
		if (v->type == AP_T_UNREADABLE)
			ap_core_gap(core, v->address);
		return;
	}
	if (type == F(v8, T_HEAP_NUMBER) && ap_v8_number(v8, v->ref, &number)) {
		v->type = AP_T_NUMBER;
		v->text = ap_core_number(number, arena).text;
		return;
	}
	if (type == F(v8, T_BIGINT)) {
		v->type = AP_T_BIGINT;
		v->text = ap_bigint_text(v8, v->ref, arena);
		if (!v->text.s) {
			v->type = AP_T_UNREADABLE;
			v->text = AP_TEXT("a BigInt whose digits are not in the core");
			ap_core_gap(core, v->address);
		}
		return;
	}
	if (type == F(v8, T_SYMBOL)) {
		v->type = AP_T_SYMBOL;
		(void)ap_symbol_description(v8, v->ref, max_units, arena, &v->text);
		return;
	}
	switch (ap_v8_oddball(v8, v->ref)) {
	case AP_ODDBALL_TRUE:
	case AP_ODDBALL_FALSE:
		v->type = AP_T_BOOLEAN;
		v->text = ap_v8_oddball(v8, v->ref) == AP_ODDBALL_TRUE ? AP_TEXT("true")
								       : AP_TEXT("false");
		return;
	case AP_ODDBALL_NULL:
		v->type = AP_T_NULL;
		v->text = AP_TEXT("null");
		return;
	case AP_ODDBALL_UNDEFINED:
		v->type = AP_T_UNDEFINED;
		v->text = AP_TEXT("undefined");
		return;
	case AP_ODDBALL_HOLE:
		v->type = AP_T_HOLE;
		return;
	default:
		v->type = AP_T_INTERNAL;
		v->text = ap_v8_type_name(v8, type, arena);
		return;
	}
}

struct ap_err *ap_core_describe_limited(struct ap_core_model *core, uint64_t ref,
					uint32_t max_units, struct ap_arena *arena,
					struct ap_value *ret)
{
	struct ap_v8 *v8 = core->v8;
	struct ap_map_info map;
	struct ap_value v = {.ref = ref, .has_ref = true};

	if (!v8) {
		*ret = ap_value_unreadable("the V8 in this core cannot be read");
		return NULL;
	}
	if (ap_is_smi(ref)) {
		v = ap_core_number(ap_smi(ref), arena);
		v.ref = ref;
		v.has_ref = v.is_smi = true;
		if (!v.text.s)
			return &ap_err_nomem;
		*ret = v;
		return NULL;
	}
	if (ap_is_weak(ref)) {
		/* A cleared weak reference has nothing but its tag. */
		if ((ref & 0xffffffff) == 3) {
			*ret = (struct ap_value){.type = AP_T_UNDEFINED,
						 .text = AP_TEXT("undefined")};
			return NULL;
		}
		ref = v.ref = (ref & ~3ull) | 1;
	}
	v.address = ref & ~3ull;
	v.has_address = true;
	if (!ap_v8_map(v8, ref, &map)) {
		uint64_t word;

		v.type = AP_T_UNREADABLE;
		v.text = ap_image_u64(v8->image, v.address, &word)
				 ? AP_TEXT("no V8 object stands at this address")
				 : AP_TEXT("this address is not in the core");
		ap_core_gap(core, v.address);
		*ret = v;
		return NULL;
	}
	if (!ap_type_is_receiver(v8, map.type)) {
		describe_primitive(core, map.type, max_units, arena, &v);
	} else {
		v.type = object_type(v8, ref, &map);
		v.constructor = ap_constructor_name(v8, ref, arena);
	}
	*ret = v;
	return NULL;
}

struct ap_err *ap_core_describe(struct ap_model *model, uint64_t ref, struct ap_arena *arena,
				struct ap_value *ret)
{
	return ap_core_describe_limited(ap_core_of(model), ref, SHORT_TEXT_UNITS, arena, ret);
}

struct ap_err *ap_core_slot(struct ap_core_model *core, const struct ap_slot *slot,
			    struct ap_arena *arena, struct ap_value *ret)
{
	if (!slot->is_raw_double)
		return ap_core_describe(&core->base, slot->tagged, arena, ret);
	struct ap_value v = ap_core_number(slot->number, arena);
	if (!v.text.s)
		return &ap_err_nomem;
	*ret = v;
	return NULL;
}
