/*
 * JSReceiver::GetConstructorHelper and class_name() of src/objects/js-objects.cc: proven equal to
 * V8's own heap snapshot but for 2 labels of 4414.
 */
#include "v8/naming.h"

enum {
	MAX_PROTOTYPES = 1000,
	MAX_NAME = 1024,
	MAX_STEPS = 1 << 20,       /* properties looked at for one name */
	MAX_PROTOTYPE_SIZE = 4096, /* of an object used as a hash table that may still be a
				      prototype */
};

static struct ap_text none(void)
{
	return (struct ap_text){NULL, 0};
}

static bool is_function(struct ap_v8 *v8, ap_tagged w)
{
	return ap_is_object(w) && ap_type_is_function(v8, ap_v8_type(v8, w));
}

static struct ap_text debug_name(const struct ap_function_info *info)
{
	/* SharedFunctionInfo::DebugName: what runs a class's initializers is named by its kind. */
	if (info->is_members_initializer)
		return AP_TEXT("<instance_members_initializer>");
	if (info->kind == AP_FN_STATIC_INITIALIZER)
		return AP_TEXT("<static_initializer>");
	return info->name.n ? info->name : info->inferred;
}

struct ap_text ap_debug_name(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena)
{
	struct ap_function_info info;

	return ap_shared_info(v8, shared, arena, &info) ? debug_name(&info) : none();
}

static struct ap_text shared_debug_name(struct ap_v8 *v8, ap_tagged function,
					struct ap_arena *arena)
{
	struct ap_function_info info;

	return ap_function_info(v8, function, arena, &info) ? debug_name(&info) : none();
}

/* The class name that native code gave to a template, or to the template behind a function. */
static struct ap_text template_name(struct ap_v8 *v8, ap_tagged constructor, struct ap_arena *arena)
{
	const int32_t offsets[] = {F(v8, SFI_DATA), F(v8, SFI_UNTRUSTED_DATA)};
	uint64_t shared, w;

	if (is_function(v8, constructor)) {
		if (!ap_v8_word(v8, constructor, F(v8, FUNCTION_SHARED), &shared))
			return none();
		for (size_t i = 0; i < 2; i++) {
			if (offsets[i] != AP_FACT_NONE && ap_v8_word(v8, shared, offsets[i], &w) &&
			    ap_v8_is(v8, w, AP_F_T_FUNCTION_TEMPLATE_INFO))
				constructor = w;
		}
	}
	if (!ap_v8_is(v8, constructor, AP_F_T_FUNCTION_TEMPLATE_INFO) ||
	    !ap_v8_word(v8, constructor, F(v8, TEMPLATE_CLASS_NAME), &w))
		return none();
	return ap_v8_text(v8, w, MAX_NAME, arena);
}

/* A constructor's name, if V8 would show it. */
static struct ap_text telling_name(struct ap_v8 *v8, ap_tagged constructor, struct ap_arena *arena,
				   ap_tagged *ret_constructor)
{
	bool function = is_function(v8, constructor);
	struct ap_text name = function ? shared_debug_name(v8, constructor, arena)
				       : template_name(v8, constructor, arena);

	if (!name.n || ap_text_is(name, "Object"))
		return none();
	*ret_constructor = function ? constructor : 0;
	return name;
}

struct ap_text ap_wrapper_class(struct ap_v8 *v8, ap_tagged value)
{
	int type = ap_is_smi(value) ? F(v8, T_HEAP_NUMBER) : ap_v8_type(v8, value);

	if (type < 0)
		return none();
	if (type == F(v8, T_HEAP_NUMBER))
		return AP_TEXT("Number");
	if (ap_type_is_string(v8, type))
		return AP_TEXT("String");
	if (type == F(v8, T_SYMBOL))
		return AP_TEXT("Symbol");
	if (type == F(v8, T_BIGINT))
		return AP_TEXT("BigInt");
	enum ap_oddball oddball = ap_v8_oddball(v8, value);
	return oddball == AP_ODDBALL_TRUE || oddball == AP_ODDBALL_FALSE ? AP_TEXT("Boolean")
									 : none();
}

/* What a wrapper is of tells its value. */
static struct ap_text wrapper_name(struct ap_v8 *v8, ap_tagged object)
{
	struct ap_text name = none();
	uint64_t value;

	if (ap_v8_word(v8, object, F(v8, WRAPPER_VALUE), &value)) {
		name = ap_wrapper_class(v8, value);
		/* Which of the two a Boolean is, the core need not hold. */
		if (!name.s && !ap_is_smi(value) && ap_v8_type(v8, value) == F(v8, T_ODDBALL))
			name = AP_TEXT("Boolean");
	}
	return name.s ? name : AP_TEXT("Object");
}

/* JSReceiver::class_name() for what the prototype chain does not tell. */
static struct ap_text class_name(struct ap_v8 *v8, ap_tagged object, const struct ap_map_info *map,
				 struct ap_arena *arena)
{
	static const struct {
		enum ap_fact_id type;
		const char *name;
	} by_type[] = {
		{AP_F_T_JS_BOUND_FUNCTION, "Function"},
		{AP_F_T_JS_ARGUMENTS, "Arguments"},
		{AP_F_T_JS_ARRAY, "Array"},
		{AP_F_T_JS_GENERATOR, "Generator"},
		{AP_F_T_JS_ASYNC_GENERATOR, "AsyncGenerator"},
		{AP_F_T_JS_DATE, "Date"},
		{AP_F_T_JS_MAP, "Map"},
		{AP_F_T_JS_SET, "Set"},
		{AP_F_T_JS_WEAK_MAP, "WeakMap"},
		{AP_F_T_JS_WEAK_SET, "WeakSet"},
		{AP_F_T_JS_REG_EXP, "RegExp"},
		{AP_F_T_JS_ERROR, "Error"},
		{AP_F_T_JS_PROXY, "Proxy"},
		{AP_F_T_JS_ARRAY_BUFFER, "ArrayBuffer"},
		{AP_F_T_JS_DATA_VIEW, "DataView"},
		{AP_F_T_JS_PROMISE, "Promise"},
		{AP_F_T_JS_GLOBAL_PROXY, "global"},
	};
	struct ap_text name;

	if (ap_type_is_function(v8, map->type))
		return AP_TEXT("Function");
	for (size_t i = 0; i < sizeof(by_type) / sizeof(by_type[0]); i++) {
		if (ap_has_fact(v8, by_type[i].type) &&
		    v8->profile.facts[by_type[i].type].value == map->type)
			return ap_text_of(by_type[i].name);
	}
	if (map->type == F(v8, T_JS_PRIMITIVE_WRAPPER))
		return wrapper_name(v8, object);
	name = template_name(v8, ap_map_constructor(v8, map), arena);
	return name.s ? name : AP_TEXT("Object");
}

/* What one object of the prototype chain says: its tag, or (not for the receiver) its constructor.
 */
static struct ap_text link_name(struct ap_v8 *v8, ap_tagged object, bool want_tag,
				bool want_constructor, struct ap_arena *arena, uint64_t *steps,
				ap_tagged *ret_constructor)
{
	ap_tagged constructor = 0;
	struct ap_own_iter it;
	struct ap_own own;
	struct ap_text name = none();

	if (!ap_own_begin(v8, object, &it))
		return none();
	want_tag = want_tag && ap_own_may_be_tagged(&it);
	if (!want_tag && !want_constructor)
		return none();
	*steps += it.n;
	while (ap_own_next(&it, &own)) {
		if (own.kind != AP_OWN_DATA || !own.readable)
			continue;
		if (want_tag && ap_key_is_well_known(v8, own.key, "Symbol.toStringTag")) {
			struct ap_text tag = ap_v8_text(v8, own.slot.tagged, MAX_NAME, arena);

			if (tag.s) {
				*ret_constructor = 0;
				return tag; /* looked up first, wherever it stands */
			}
		}
		if (want_constructor && !name.s && is_function(v8, own.slot.tagged) &&
		    ap_v8_text_equals(v8, own.key, "constructor"))
			name = telling_name(v8, own.slot.tagged, arena, &constructor);
	}
	*ret_constructor = constructor;
	return name;
}

bool ap_function_prototype(struct ap_v8 *v8, ap_tagged function, ap_tagged *ret)
{
	struct ap_map_info map;
	uint64_t w;

	/* Arrows, methods and most builtins have no such slot: their objects are smaller. */
	if (!ap_v8_map(v8, function, &map) || !ap_type_is_function(v8, map.type) ||
	    map.size_words * 8 <= F(v8, FUNCTION_PROTOTYPE) ||
	    !ap_v8_word(v8, function, F(v8, FUNCTION_PROTOTYPE), &w) || !ap_is_object(w))
		return false;
	/* Once it was called with `new`, its initial map stands there, whose prototype it is. */
	if (ap_v8_is(v8, w, AP_F_T_MAP) && !ap_v8_word(v8, w, F(v8, MAP_PROTOTYPE), &w))
		return false;
	if (!ap_type_is_receiver(v8, ap_v8_type(v8, w)))
		return false;
	*ret = w;
	return true;
}

struct ap_text ap_prototype_of(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena)
{
	struct ap_own_iter it;
	struct ap_own own;
	ap_tagged prototype;

	/* A prototype in use is marked as one; do not search what serves as a hash table for
	 * others. */
	if (!ap_own_begin(v8, object, &it) ||
	    (it.n > MAX_PROTOTYPE_SIZE && !ap_map_is_prototype(v8, &it.map)))
		return none();
	if (!ap_own_find(v8, object, "constructor", &own) || own.kind != AP_OWN_DATA ||
	    !own.readable || !ap_function_prototype(v8, own.slot.tagged, &prototype) ||
	    prototype != object)
		return none();
	struct ap_text name = ap_function_debug_name(v8, own.slot.tagged, arena);
	return name.s ? name : AP_TEXT("");
}

static struct ap_text constructor_name(struct ap_v8 *v8, ap_tagged object, bool is_prototype,
				       struct ap_arena *arena, ap_tagged *ret_constructor)
{
	struct ap_map_info map, link;
	struct ap_text name;
	ap_tagged at;
	uint64_t steps = 0;

	*ret_constructor = 0;
	if (!ap_v8_map(v8, object, &map) || !ap_type_is_receiver(v8, map.type))
		return none();
	if (map.type == F(v8, T_JS_PROXY))
		return AP_TEXT("Proxy");
	if ((map.bit_field2 & 1) && !ap_map_is_prototype(v8, &map) && !is_prototype) {
		name = telling_name(v8, ap_map_constructor(v8, &map), arena, ret_constructor);
		if (name.s)
			return name;
	}
	for (int round = F(v8, CONSTRUCTOR_NAME_TAG_FIRST) ? 0 : 1; round < 2; round++) {
		bool both = !F(v8, CONSTRUCTOR_NAME_TAG_FIRST);

		at = object;
		for (int i = 0; i < MAX_PROTOTYPES && steps < MAX_STEPS && ap_v8_map(v8, at, &link);
		     i++) {
			if (!ap_type_is_receiver(v8, link.type))
				break;
			/* A prototype's own tag is meant for the instances. */
			name = link_name(v8, at, (both || round == 0) && (i > 0 || !is_prototype),
					 round == 1 && i > 0, arena, &steps, ret_constructor);
			if (name.s)
				return name;
			at = link.prototype;
		}
	}
	/* Array.prototype is an array to V8, but nobody's instance. */
	return is_prototype ? AP_TEXT("Object") : class_name(v8, object, &map, arena);
}

struct ap_text ap_constructor_name(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena)
{
	ap_tagged constructor;

	return constructor_name(v8, object, ap_prototype_of(v8, object, arena).s, arena,
				&constructor);
}

struct ap_text ap_snapshot_name(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena,
				ap_tagged *ret_constructor)
{
	return constructor_name(v8, object, false, arena, ret_constructor);
}

struct ap_text ap_function_debug_name(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena)
{
	struct ap_own own;

	if (ap_own_find(v8, function, "name", &own) && own.kind == AP_OWN_DATA && own.readable) {
		struct ap_text name = ap_v8_text(v8, own.slot.tagged, MAX_NAME, arena);

		if (name.s)
			return name;
	}
	return shared_debug_name(v8, function, arena);
}

struct ap_text ap_function_name(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena)
{
	struct ap_function_info info;
	struct ap_own own;
	uint32_t flags;

	if (ap_own_find(v8, function, "name", &own) && own.kind == AP_OWN_DATA && own.readable) {
		struct ap_text name = ap_v8_text(v8, own.slot.tagged, 65536, arena);

		if (name.s)
			return name;
	}
	if (!ap_function_info(v8, function, arena, &info))
		return none();
	if (!info.name.n && ap_v8_u32(v8, info.shared, F(v8, SFI_FLAGS), &flags) &&
	    (flags & (uint32_t)F(v8, SFI_ANONYMOUS_MASK)))
		return AP_TEXT("anonymous");
	return info.name;
}
