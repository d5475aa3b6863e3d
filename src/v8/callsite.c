/*
 * A stack frame's name as error.stack prints it: SerializeJSStackFrame and AppendMethodCall of
 * src/objects/call-site-info.cc (stack-frame-info.cc in 9.4).
 */
#include "v8/naming.h"

enum { MAX_PROTOTYPES = 1000, MAX_NAME = 1024, MAX_EVAL_DEPTH = 32, MAX_STEPS = 1 << 20 };

bool ap_receiver_is_toplevel(struct ap_v8 *v8, ap_tagged receiver)
{
	enum ap_oddball oddball =
		ap_is_object(receiver) ? ap_v8_oddball(v8, receiver) : AP_ODDBALL_NONE;

	return oddball == AP_ODDBALL_UNDEFINED || oddball == AP_ODDBALL_NULL ||
	       ap_v8_is(v8, receiver, AP_F_T_JS_GLOBAL_PROXY);
}

static bool holds_function(const struct ap_own *own, ap_tagged function)
{
	if (own->kind == AP_OWN_ACCESSOR)
		return own->getter == function || own->setter == function;
	return own->kind == AP_OWN_DATA && own->readable && own->slot.tagged == function;
}

/* The one name under which the receiver or its prototypes hold the function. */
static struct ap_text infer_method(struct ap_v8 *v8, ap_tagged receiver, ap_tagged function,
				   struct ap_arena *arena)
{
	ap_tagged name = 0;
	uint64_t steps = 0;

	for (int i = 0; i < MAX_PROTOTYPES && steps < MAX_STEPS; i++) {
		struct ap_own_iter it;
		struct ap_own own;

		if (!ap_own_begin(v8, receiver, &it) || it.map.type == F(v8, T_JS_PROXY))
			break;
		while (ap_own_next(&it, &own)) {
			if ((own.attributes & AP_DONT_ENUM) ||
			    ap_key_kind(v8, own.key) != AP_KEY_STRING ||
			    !holds_function(&own, function))
				continue;
			if (name && name != own.key)
				return (struct ap_text){NULL, 0}; /* two names: V8 says none */
			name = own.key;
		}
		steps += it.n;
		receiver = it.map.prototype;
	}
	return name ? ap_v8_text(v8, name, MAX_NAME, arena) : (struct ap_text){NULL, 0};
}

/* CallSiteInfo::GetMethodName. */
static struct ap_text method_name(struct ap_v8 *v8, const struct ap_call_site *site,
				  const struct ap_function_info *info, struct ap_arena *arena)
{
	struct ap_text name = info->name;
	struct ap_own own;

	if (name.n > 4 && (memcmp(name.s, "get ", 4) == 0 || memcmp(name.s, "set ", 4) == 0)) {
		name.s += 4;
		name.n -= 4;
	} else if (!name.n) {
		const char *dot =
			info->inferred.n ? memrchr(info->inferred.s, '.', info->inferred.n) : NULL;

		name = info->inferred;
		if (dot) {
			name.n -= (size_t)(dot + 1 - name.s);
			name.s = dot + 1;
		}
	}
	if (name.n) {
		char *key = ap_strndup(arena, name.s, name.n);

		if (key && ap_own_lookup(v8, site->receiver, key, &own) &&
		    holds_function(&own, site->function))
			return name;
	}
	return infer_method(v8, site->receiver, site->function, arena);
}

static bool is_identifier(struct ap_text t)
{
	if (!t.n || (t.s[0] >= '0' && t.s[0] <= '9'))
		return false;
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.s[i];

		if (!(c >= 0x80 || c == '_' || c == '$' || (c >= '0' && c <= '9') ||
		      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
	}
	return true;
}

static bool ends_with_method(const struct ap_v8 *v8, struct ap_text subject, struct ap_text pattern)
{
	if (ap_text_eq(subject, pattern))
		return true;
	if (subject.n <= pattern.n ||
	    memcmp(subject.s + subject.n - pattern.n, pattern.s, pattern.n) != 0)
		return false;
	char before = subject.s[subject.n - pattern.n - 1];
	/* "get value" ends with the method `value` only since 12.4. */
	return before == '.' || (before == ' ' && F(v8, CALL_SITE_METHOD_SPACE));
}

/* The receiver's type: a primitive's is that of its wrapper. */
static struct ap_text type_name(struct ap_v8 *v8, ap_tagged receiver, struct ap_arena *arena)
{
	struct ap_text name = ap_wrapper_class(v8, receiver);

	return name.s ? name : ap_constructor_name(v8, receiver, arena);
}

static void append_method_call(struct ap_v8 *v8, const struct ap_call_site *site,
			       const struct ap_function_info *info, struct ap_text function,
			       struct ap_arena *arena, struct ap_str *out)
{
	struct ap_text type = type_name(v8, site->receiver, arena);
	/* "<instance_members_initializer>", "<static_initializer>": never methods. */
	struct ap_text method = function.n && function.s[0] == '<'
					? (struct ap_text){NULL, 0}
					: method_name(v8, site, info, arena);
	struct ap_function_info receiver;

	/* A static method is called on its class: since 10.2 the class is named, not "Function";
	 * since 13.6 any function. */
	if (F(v8, CALL_SITE_NAMES_CLASS) &&
	    ap_function_info(v8, site->receiver, arena, &receiver) &&
	    (receiver.kind == AP_FN_CLASS_CONSTRUCTOR || F(v8, CALL_SITE_NAMES_CLASS) == 2)) {
		struct ap_text name = ap_function_debug_name(v8, site->receiver, arena);

		if (name.n)
			type = name;
	}
	if (!function.n) {
		if (type.n) {
			ap_str_add(out, type.s, type.n);
			ap_str_addc(out, '.');
		}
		if (method.n)
			ap_str_add(out, method.s, method.n);
		else
			ap_str_adds(out, "<anonymous>");
		return;
	}
	/* 9.4 leaves the type out only before a name that begins with it, later V8 before any path.
	 */
	bool with_type = F(v8, CALL_SITE_NAMES_CLASS)
				 ? is_identifier(function) && !ap_text_eq(function, type)
				 : !(type.n && function.n >= type.n &&
				     memcmp(function.s, type.s, type.n) == 0);
	if (type.n && with_type) {
		ap_str_add(out, type.s, type.n);
		ap_str_addc(out, '.');
	}
	ap_str_add(out, function.s, function.n);
	if (method.n && !ends_with_method(v8, function, method)) {
		ap_str_adds(out, " [as ");
		ap_str_add(out, method.s, method.n);
		ap_str_addc(out, ']');
	}
}

bool ap_script_is_eval(struct ap_v8 *v8, ap_tagged script)
{
	uint64_t from;

	return script && ap_v8_word(v8, script, F(v8, SCRIPT_EVAL_FROM), &from) &&
	       ap_v8_is(v8, from, AP_F_T_SHARED_FUNCTION_INFO);
}

/* Script::GetEvalPosition: a negative one is a bytecode offset that nobody translated yet. */
static bool eval_position(struct ap_v8 *v8, ap_tagged script, const struct ap_function_info *from,
			  int32_t *ret)
{
	int32_t position;

	if (!ap_v8_smi(v8, script, F(v8, SCRIPT_EVAL_POSITION), &position))
		return false;
	if (position >= 0) {
		*ret = position;
		return true;
	}
	return position != INT32_MIN && from->bytecode &&
	       ap_bytecode_position(v8, from->bytecode, -position, ret);
}

void ap_script_eval_origin(struct ap_v8 *v8, ap_tagged script, struct ap_arena *arena,
			   struct ap_str *out)
{
	int depth = 0;

	for (; depth < MAX_EVAL_DEPTH && ap_script_is_eval(v8, script); depth++) {
		struct ap_function_info from;
		struct ap_text name = ap_script_name(v8, script, arena);
		struct ap_place place;
		uint64_t shared;
		int32_t position;

		if (name.s) {
			ap_str_add(out, name.s, name.n);
			break;
		}
		ap_str_adds(out, "eval at ");
		if (!ap_v8_word(v8, script, F(v8, SCRIPT_EVAL_FROM), &shared) ||
		    !ap_shared_info(v8, shared, arena, &from)) {
			ap_str_adds(out, "<anonymous>");
			break;
		}
		name = from.name.n ? from.name : from.inferred;
		if (name.n)
			ap_str_add(out, name.s, name.n);
		else
			ap_str_adds(out, "<anonymous>");
		if (!from.script)
			break;
		ap_str_adds(out, " (");
		if (ap_script_is_eval(v8, from.script)) {
			script = from.script; /* an eval inside an eval: its origin inside the
						 brackets */
			continue;
		}
		name = ap_script_name(v8, from.script, arena);
		if (!name.s) {
			ap_str_adds(out, "unknown source)");
			break;
		}
		ap_str_add(out, name.s, name.n);
		if (eval_position(v8, script, &from, &position) &&
		    ap_script_place(v8, from.script, position, arena, &place))
			ap_str_addf(out, ":%d:%d", place.line, place.column);
		ap_str_addc(out, ')');
		break;
	}
	while (depth-- > 0)
		ap_str_addc(out, ')');
}

struct ap_text ap_call_site_name(struct ap_v8 *v8, const struct ap_call_site *site,
				 struct ap_arena *arena)
{
	AP_STR_AUTO out = {0};
	struct ap_function_info info;
	struct ap_text function;

	if (!ap_function_info(v8, site->function, arena, &info))
		return (struct ap_text){NULL, 0};
	function = ap_function_debug_name(v8, site->function, arena);
	if (!function.n && info.script && ap_script_is_eval(v8, info.script))
		function = AP_TEXT("eval");
	if (site->is_async)
		ap_str_adds(&out, "async ");
	if (site->is_constructor) {
		ap_str_adds(&out, "new ");
		if (function.n)
			ap_str_add(&out, function.s, function.n);
		else
			ap_str_adds(&out, "<anonymous>");
	} else if (!site->is_toplevel && site->receiver) {
		append_method_call(v8, site, &info, function, arena, &out);
	} else if (function.n) {
		ap_str_add(&out, function.s, function.n);
	}
	return ap_str_text(&out, arena);
}

void ap_call_site_place(struct ap_v8 *v8, ap_tagged script, int32_t position,
			struct ap_arena *arena, struct ap_str *out)
{
	struct ap_text name =
		script ? ap_script_name(v8, script, arena) : (struct ap_text){NULL, 0};
	struct ap_place place;

	if (!name.s && ap_script_is_eval(v8, script)) {
		ap_script_eval_origin(v8, script, arena, out);
		ap_str_adds(out, ", ");
	}
	if (name.n)
		ap_str_add(out, name.s, name.n);
	else
		ap_str_adds(out, "<anonymous>");
	if (script && position >= 0 && ap_script_place(v8, script, position, arena, &place))
		ap_str_addf(out, ":%d:%d", place.line, place.column);
}
