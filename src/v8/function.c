#include "v8/function.h"

/* FunctionKind (src/objects/function-kind.h), numbered alike in 9.4 to 14.6. */
enum {
	KIND_NORMAL,
	KIND_MODULE,
	KIND_ASYNC_MODULE,
	KIND_BASE_CONSTRUCTOR,
	KIND_DEFAULT_BASE_CONSTRUCTOR,
	KIND_DEFAULT_DERIVED_CONSTRUCTOR,
	KIND_DERIVED_CONSTRUCTOR,
	KIND_GETTER,
	KIND_STATIC_GETTER,
	KIND_SETTER,
	KIND_STATIC_SETTER,
	KIND_ARROW,
	KIND_ASYNC_ARROW,
	KIND_ASYNC,
	KIND_ASYNC_METHOD,
	KIND_STATIC_ASYNC_METHOD,
	KIND_ASYNC_GENERATOR_METHOD,
	KIND_STATIC_ASYNC_GENERATOR_METHOD,
	KIND_ASYNC_GENERATOR,
	KIND_GENERATOR,
	KIND_GENERATOR_METHOD,
	KIND_STATIC_GENERATOR_METHOD,
	KIND_METHOD,
	KIND_STATIC_METHOD,
	KIND_MEMBERS_INITIALIZER,
	KIND_STATIC_INITIALIZER,
	KIND_STATIC_INITIALIZER_2, /* 14.6 tells those after a field from the first */
};

enum {
	/* SharedFunctionInfoFlags: kind in 5 bits, then is_native, is_strict. */
	SFI_KIND_MASK = 31,
	SFI_NATIVE_BIT = 1 << 5, /* exposed builtin: visible in stack traces */
	SFI_STRICT_BIT = 1 << 6,
	FORMAL_PARAMETERS_NOT_ADAPTED = 65535,
};

const char *ap_function_kind_name(enum ap_function_kind kind)
{
	static const char *const names[] = {
		[AP_FN_NORMAL] = "normal",
		[AP_FN_ARROW] = "arrow",
		[AP_FN_ASYNC] = "async",
		[AP_FN_ASYNC_ARROW] = "async-arrow",
		[AP_FN_GENERATOR] = "generator",
		[AP_FN_ASYNC_GENERATOR] = "async-generator",
		[AP_FN_METHOD] = "method",
		[AP_FN_ASYNC_METHOD] = "async-method",
		[AP_FN_GENERATOR_METHOD] = "generator-method",
		[AP_FN_ASYNC_GENERATOR_METHOD] = "async-generator-method",
		[AP_FN_GETTER] = "getter",
		[AP_FN_SETTER] = "setter",
		[AP_FN_STATIC_INITIALIZER] = "static-initializer",
		[AP_FN_CLASS_CONSTRUCTOR] = "class-constructor",
		[AP_FN_BUILTIN] = "builtin",
		[AP_FN_API] = "api",
	};

	return names[kind];
}

static enum ap_function_kind function_kind_of(unsigned kind)
{
	switch (kind) {
	case KIND_BASE_CONSTRUCTOR:
	case KIND_DEFAULT_BASE_CONSTRUCTOR:
	case KIND_DEFAULT_DERIVED_CONSTRUCTOR:
	case KIND_DERIVED_CONSTRUCTOR:
		return AP_FN_CLASS_CONSTRUCTOR;
	case KIND_GETTER:
	case KIND_STATIC_GETTER:
		return AP_FN_GETTER;
	case KIND_SETTER:
	case KIND_STATIC_SETTER:
		return AP_FN_SETTER;
	case KIND_ARROW:
		return AP_FN_ARROW;
	case KIND_ASYNC_ARROW:
		return AP_FN_ASYNC_ARROW;
	case KIND_ASYNC:
	case KIND_ASYNC_MODULE:
		return AP_FN_ASYNC;
	case KIND_ASYNC_METHOD:
	case KIND_STATIC_ASYNC_METHOD:
		return AP_FN_ASYNC_METHOD;
	case KIND_ASYNC_GENERATOR_METHOD:
	case KIND_STATIC_ASYNC_GENERATOR_METHOD:
		return AP_FN_ASYNC_GENERATOR_METHOD;
	case KIND_ASYNC_GENERATOR:
		return AP_FN_ASYNC_GENERATOR;
	case KIND_GENERATOR:
		return AP_FN_GENERATOR;
	case KIND_GENERATOR_METHOD:
	case KIND_STATIC_GENERATOR_METHOD:
		return AP_FN_GENERATOR_METHOD;
	case KIND_METHOD:
	case KIND_STATIC_METHOD:
	case KIND_MEMBERS_INITIALIZER:
		return AP_FN_METHOD;
	case KIND_STATIC_INITIALIZER:
	case KIND_STATIC_INITIALIZER_2:
		return AP_FN_STATIC_INITIALIZER;
	default:
		return AP_FN_NORMAL;
	}
}

/*
 * The BytecodeArray behind a SharedFunctionInfo's function data. Depending on version and tier that
 * is the array itself, InterpreterData, BaselineData (9.4) or baseline Code: all hold it in one of
 * their first words, so look there instead of knowing each.
 */
static ap_tagged shared_bytecode(struct ap_v8 *v8, ap_tagged data)
{
	for (int depth = 0; depth < 3; depth++) {
		int type = ap_is_object(data) ? ap_v8_type(v8, data) : -1;
		ap_tagged next = 0;

		if (type < 0)
			return 0;
		if (type == F(v8, T_BYTECODE_ARRAY))
			return data;
		if (type != F(v8, T_INTERPRETER_DATA) && type != F(v8, T_BASELINE_DATA) &&
		    type != F(v8, T_CODE))
			return 0;
		for (int offset = 8; offset <= 64 && !next; offset += 8) {
			uint64_t w;
			int t;

			if (!ap_v8_word(v8, data, offset, &w) || !ap_is_object(w))
				continue;
			t = ap_v8_type(v8, w);
			if (t == F(v8, T_BYTECODE_ARRAY))
				return w;
			if (t >= 0 && t == F(v8, T_INTERPRETER_DATA))
				next = w;
		}
		data = next;
	}
	return 0;
}

static bool is_uncompiled(struct ap_v8 *v8, int type)
{
	return type >= 0 && (type == F(v8, T_UNCOMPILED_WITH_PREPARSE) ||
			     type == F(v8, T_UNCOMPILED_WITHOUT_PREPARSE) ||
			     type == F(v8, T_UNCOMPILED_WITH_PREPARSE_JOB) ||
			     type == F(v8, T_UNCOMPILED_WITHOUT_PREPARSE_JOB));
}

/* Name, scope and positions from what name_or_scope_info holds. */
static void shared_name(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena,
			struct ap_function_info *info)
{
	struct ap_scope_info scope;
	uint64_t w;

	info->name = info->inferred = AP_TEXT("");
	if (!ap_v8_word(v8, shared, F(v8, SFI_NAME_OR_SCOPE_INFO), &w) || !ap_is_object(w))
		return;
	if (ap_type_is_string(v8, ap_v8_type(v8, w))) {
		struct ap_text name = ap_v8_text(v8, w, 1024, arena);

		if (name.s)
			info->name = name;
		return;
	}
	info->scope_info = w;
	/* Without a trusted layout of scopes the name is unknown, which is not the same as
	 * anonymous. */
	if (!v8->profile.groups[AP_G_SCOPES].on || !ap_scope_info_read(v8, w, &scope)) {
		info->name = AP_TEXT("<unknown>");
		return;
	}
	info->start = scope.start;
	info->end = scope.end;
	if (scope.function_name) {
		struct ap_text name = ap_v8_text(v8, scope.function_name, 1024, arena);

		if (name.s)
			info->name = name;
	}
	if (scope.inferred_name) {
		struct ap_text name = ap_v8_text(v8, scope.inferred_name, 1024, arena);

		if (name.s)
			info->inferred = name;
	}
}

/* Function data: bytecode, a builtin's number, an API template, or not compiled yet. */
static void shared_data(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena,
			struct ap_function_info *info)
{
	const int32_t offsets[] = {F(v8, SFI_DATA), F(v8, SFI_UNTRUSTED_DATA)};
	bool is_code = false;

	for (size_t i = 0; i < 2; i++) {
		uint64_t data;
		uint32_t position;

		if (offsets[i] == AP_FACT_NONE || !ap_v8_word(v8, shared, offsets[i], &data))
			continue;
		/* A Smi is a builtin's number; 0 stands in the other field of the two (13.6). */
		if (ap_is_smi(data))
			continue;
		int type = ap_v8_type(v8, data);
		if (type < 0)
			continue;
		if (type == F(v8, T_FUNCTION_TEMPLATE_INFO)) {
			info->kind = AP_FN_API;
			is_code = true;
		} else if (is_uncompiled(v8, type)) {
			struct ap_text name;
			uint64_t w;

			is_code = true;
			if (ap_v8_u32(v8, data, F(v8, UNCOMPILED_START), &position))
				info->start = (int32_t)position;
			if (ap_v8_u32(v8, data, F(v8, UNCOMPILED_END), &position))
				info->end = (int32_t)position;
			if (!info->inferred.n &&
			    ap_v8_word(v8, data, F(v8, UNCOMPILED_INFERRED_NAME), &w)) {
				name = ap_v8_text(v8, w, 1024, arena);
				if (name.s)
					info->inferred = name;
			}
		} else {
			info->bytecode = shared_bytecode(v8, data);
			is_code = is_code || info->bytecode;
		}
	}
	if (!is_code) {
		info->is_native_code = true;
		if (!ap_is_object(info->script))
			info->kind = AP_FN_BUILTIN;
	} else if (info->kind == AP_FN_API) {
		info->is_native_code = true;
	}
}

bool ap_shared_info(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena,
		    struct ap_function_info *ret)
{
	struct ap_function_info info = {.shared = shared, .start = -1, .end = -1};
	uint32_t flags = 0;
	uint16_t formal = 0;
	uint64_t script;

	if (!ap_v8_is(v8, shared, AP_F_T_SHARED_FUNCTION_INFO))
		return false;
	shared_name(v8, shared, arena, &info);
	if (ap_v8_word(v8, shared, F(v8, SFI_SCRIPT), &script) && ap_is_object(script)) {
		/* 16..20 put a DebugInfo in between once the inspector was used. */
		if (ap_v8_is(v8, script, AP_F_T_DEBUG_INFO)) {
			for (int offset = 8; offset <= 64; offset += 8) {
				uint64_t w;

				if (ap_v8_word(v8, script, offset, &w) &&
				    ap_v8_is(v8, w, AP_F_T_SCRIPT))
					script = w;
			}
		}
		if (ap_v8_is(v8, script, AP_F_T_SCRIPT))
			info.script = script;
	}
	if (ap_v8_u32(v8, shared, F(v8, SFI_FLAGS), &flags)) {
		unsigned kind = flags & SFI_KIND_MASK;

		info.kind = function_kind_of(kind);
		info.is_strict = flags & SFI_STRICT_BIT;
		info.is_exposed_builtin = (flags & SFI_NATIVE_BIT) && !info.script;
		info.is_default_constructor = kind == KIND_DEFAULT_BASE_CONSTRUCTOR ||
					      kind == KIND_DEFAULT_DERIVED_CONSTRUCTOR;
		info.is_members_initializer = kind == KIND_MEMBERS_INITIALIZER;
		info.is_async = kind == KIND_ASYNC_MODULE ||
				(kind >= KIND_ASYNC_ARROW && kind <= KIND_ASYNC_GENERATOR);
		info.is_generator = (kind >= KIND_ASYNC_GENERATOR_METHOD &&
				     kind <= KIND_STATIC_GENERATOR_METHOD);
	}
	shared_data(v8, shared, arena, &info);
	info.formal_parameters = -1;
	if (ap_v8_u16(v8, shared, F(v8, SFI_FORMAL_PARAMETERS), &formal) &&
	    formal != FORMAL_PARAMETERS_NOT_ADAPTED && ap_has_fact(v8, AP_F_ARGC_HAS_RECEIVER)) {
		/* With the receiver since 10.2, where 0 says "not adapted". */
		info.formal_parameters = formal - F(v8, ARGC_HAS_RECEIVER);
	}
	*ret = info;
	return true;
}

bool ap_function_info(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena,
		      struct ap_function_info *ret)
{
	struct ap_function_info info;
	uint64_t shared, context;

	if (!ap_type_is_function(v8, ap_v8_type(v8, function)) ||
	    !ap_v8_word(v8, function, F(v8, FUNCTION_SHARED), &shared) ||
	    !ap_shared_info(v8, shared, arena, &info))
		return false;
	info.function = function;
	if (ap_v8_word(v8, function, F(v8, FUNCTION_CONTEXT), &context) && ap_is_object(context))
		info.context = context;
	*ret = info;
	return true;
}
