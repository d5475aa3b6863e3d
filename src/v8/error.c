/*
 * error.stack as it would have come: V8 captures the frames when an error is made and writes them
 * as text when somebody first asks (ErrorUtils::GetFormattedStack of src/execution/messages.cc),
 * with the name and message of that moment. A private symbol of the error holds the text or the
 * frames: a FixedArray of CallSiteInfo (StackFrameInfo in 9.4), one flat array in 14.6, or
 * ErrorStackData around either once the inspector or a warning had asked for more.
 */
#include "base/number.h"
#include "v8/builtin.h"
#include "v8/frame.h"

enum {
	MAX_FRAMES = 5000,
	MAX_PROTOTYPES = 100,
	MAX_SLOTS = 1000,
	FLAG_WASM = 1 << 0,
	FLAG_STRICT = 1 << 2,
	FLAG_CONSTRUCTOR = 1 << 3,
	FLAG_ASYNC = 1 << 5,
	FLAG_BASELINE_PC = 1 << 8, /* 14.6, raw frames: Code and a pc offset instead of bytecode */
	WRAPPED = 8,               /* BytecodeWrapper, CodeWrapper: what they stand for */
};

/* The value of the first private symbol that holds a stack, in order of creation. */
static bool captured_stack(struct ap_v8 *v8, ap_tagged error, ap_tagged *ret)
{
	struct ap_own_iter it;
	struct ap_own own;
	bool found = false;
	uint32_t order = UINT32_MAX;

	if (!ap_own_begin(v8, error, &it))
		return false;
	while (ap_own_next(&it, &own)) {
		int type;

		if (own.kind != AP_OWN_DATA || !own.readable || own.order >= order ||
		    !ap_is_object(own.slot.tagged) || ap_key_kind(v8, own.key) != AP_KEY_HIDDEN)
			continue;
		type = ap_v8_type(v8, own.slot.tagged);
		if (type < 0 || !(type == F(v8, T_FIXED_ARRAY) || ap_type_is_string(v8, type) ||
				  type == F(v8, T_ERROR_STACK_DATA)))
			continue;
		*ret = own.slot.tagged;
		order = own.order;
		found = true;
	}
	return found;
}

/* A value as text, for name and message: only what V8 could convert without running code. */
static struct ap_text plain_text(struct ap_v8 *v8, ap_tagged value, struct ap_arena *arena)
{
	double number;
	char buf[AP_NUMBER_MAX];

	if (ap_v8_number(v8, value, &number))
		return ap_text_of(ap_strdup(arena, ap_number_js(number, buf)));
	switch (ap_v8_oddball(v8, value)) {
	case AP_ODDBALL_TRUE:
		return AP_TEXT("true");
	case AP_ODDBALL_FALSE:
		return AP_TEXT("false");
	case AP_ODDBALL_NULL:
		return AP_TEXT("null");
	default:
		return ap_v8_text(v8, value, 1 << 20, arena);
	}
}

/*
 * Node's DOMException (an aborted fetch, a timeout) keeps name and message in a WeakMap that its
 * getters close over: error -> {name, message}.
 */
static bool kept_apart(struct ap_v8 *v8, ap_tagged error, ap_tagged getter, ap_tagged *ret)
{
	struct ap_function_info info;
	struct ap_arena scratch;
	bool found = false;

	ap_arena_init(&scratch, 1 << 20);
	if (ap_function_info(v8, getter, &scratch, &info) && info.script && info.context) {
		ap_tagged context = info.context;

		for (int depth = 0; depth < 3 && !found; depth++) {
			struct ap_slot slot;

			for (int i = 0; i < MAX_SLOTS && !found; i++) {
				struct ap_table_iter it;
				ap_tagged key, value;
				uint64_t table;

				if (!ap_context_value(v8, context, F(v8, CONTEXT_MIN_SLOTS) + i,
						      &slot))
					break;
				if (slot.is_raw_double ||
				    !ap_v8_is(v8, slot.tagged, AP_F_T_JS_WEAK_MAP) ||
				    !ap_v8_word(v8, slot.tagged, F(v8, TABLE), &table) ||
				    !ap_table_begin(v8, table, true, &it))
					continue;
				while (!found && ap_table_next(&it, &key, &value)) {
					found = key == error;
					if (found)
						*ret = value;
				}
			}
			if (!ap_context_previous(v8, context, &context))
				break;
		}
	}
	ap_arena_close(&scratch);
	return found;
}

struct ap_text ap_error_text(struct ap_v8 *v8, ap_tagged error, const char *key, uint32_t max_units,
			     struct ap_arena *arena)
{
	struct ap_own own;
	ap_tagged apart, value;

	if (!ap_own_lookup(v8, error, key, &own))
		return (struct ap_text){NULL, 0};
	if (own.kind == AP_OWN_DATA && own.readable)
		return ap_v8_text(v8, own.slot.tagged, max_units, arena);
	if (own.kind == AP_OWN_ACCESSOR && own.getter &&
	    kept_apart(v8, error, own.getter, &apart) && ap_own_value(v8, apart, key, &value))
		return ap_v8_text(v8, value, max_units, arena);
	return (struct ap_text){NULL, 0};
}

static struct ap_text text_property(struct ap_v8 *v8, ap_tagged error, const char *name,
				    const char *otherwise, struct ap_arena *arena)
{
	struct ap_text text = ap_error_text(v8, error, name, 1 << 20, arena);
	ap_tagged value;

	/* What is no string is converted. */
	if (!text.s && ap_own_value(v8, error, name, &value) && !ap_v8_is_undefined(v8, value))
		text = plain_text(v8, value, arena);
	return text.s ? text : ap_text_of(otherwise);
}

/* Node marks its own errors with a symbol, and shows their code: "TypeError [ERR_X]: message". */
static bool is_node_error(struct ap_v8 *v8, ap_tagged error)
{
	for (int i = 0; i < MAX_PROTOTYPES; i++) {
		struct ap_own_iter it;
		struct ap_own own;
		uint64_t description;

		if (!ap_own_begin(v8, error, &it))
			return false;
		while (ap_own_next(&it, &own)) {
			if (ap_key_kind(v8, own.key) == AP_KEY_SYMBOL &&
			    ap_v8_word(v8, own.key, F(v8, SYMBOL_NAME), &description) &&
			    ap_v8_text_equals(v8, description, "kIsNodeError"))
				return true;
		}
		error = it.map.prototype;
	}
	return false;
}

struct ap_text ap_error_header(struct ap_v8 *v8, ap_tagged error, struct ap_arena *arena)
{
	AP_STR_AUTO out = {0};
	struct ap_text name = text_property(v8, error, "name", "Error", arena);
	struct ap_text message = text_property(v8, error, "message", "", arena);

	if (is_node_error(v8, error)) {
		struct ap_text code = text_property(v8, error, "code", "undefined", arena);

		ap_str_addf(&out, "%.*s [%.*s]: %.*s", AP_TEXT_ARG(name), AP_TEXT_ARG(code),
			    AP_TEXT_ARG(message));
		return ap_str_text(&out, arena);
	}
	ap_str_add(&out, name.s, name.n);
	if (name.n && message.n)
		ap_str_adds(&out, ": ");
	ap_str_add(&out, message.s, message.n);
	return ap_str_text(&out, arena);
}

struct raw_site {
	ap_tagged code, receiver, function;
	int32_t offset;
	uint32_t flags;
};

/* The source position of a frame; -1 unknown. */
static int32_t site_position(struct ap_v8 *v8, const struct raw_site *raw,
			     const struct ap_function_info *info)
{
	ap_tagged code = raw->code;
	int32_t position = -1, offset = raw->offset;
	uint64_t w;

	if (raw->flags & (uint32_t)F(v8, CALL_SITE_COMPUTED_MASK))
		return offset;
	if (ap_v8_is(v8, code, AP_F_T_BYTECODE_WRAPPER) ||
	    ap_v8_is(v8, code, AP_F_T_CODE_WRAPPER)) {
		if (!ap_v8_word(v8, code, WRAPPED, &w))
			return -1;
		code = w;
	}
	if (ap_v8_is(v8, code, AP_F_T_BYTECODE_ARRAY)) {
		(void)ap_bytecode_position(v8, code, offset, &position);
		return position;
	}
	if ((raw->flags & FLAG_BASELINE_PC) && ap_has_fact(v8, AP_F_CALL_SITE_RAW_WORDS) &&
	    info->bytecode) {
		struct ap_code baseline = {.code = code, .is_baseline = true};
		uint32_t size;

		if (ap_v8_word(v8, code, F(v8, CODE_INSTRUCTION_START), &baseline.start) &&
		    ap_v8_u32(v8, code, F(v8, CODE_INSTRUCTION_SIZE), &size) && offset >= 0) {
			baseline.end = baseline.start + size;
			if (ap_baseline_offset(v8, &baseline, info->bytecode,
					       baseline.start + (uint32_t)offset, false, &offset))
				(void)ap_bytecode_position(v8, info->bytecode, offset, &position);
		}
	}
	return position;
}

/* SerializeCallSiteInfo. */
static void append_site(struct ap_v8 *v8, const struct raw_site *raw, struct ap_arena *arena,
			struct ap_str *out)
{
	struct ap_call_site site = {
		.function = raw->function,
		.receiver = raw->receiver,
		.is_strict = raw->flags & FLAG_STRICT,
		.is_constructor = raw->flags & FLAG_CONSTRUCTOR,
		.is_async = raw->flags & FLAG_ASYNC,
		.is_toplevel = ap_receiver_is_toplevel(v8, raw->receiver),
	};
	struct ap_function_info info;
	struct ap_text name;

	ap_str_adds(out, "\n    at ");
	if ((raw->flags & FLAG_WASM) && ap_is_smi(raw->function)) {
		ap_str_addf(out, "wasm-function[%d]", ap_smi(raw->function));
		return;
	}
	if (!ap_function_info(v8, raw->function, arena, &info)) {
		ap_str_adds(out, "<unreadable>");
		return;
	}
	if (site.is_async && !info.script) {
		/* Promise.all and its kin: the offset is the index. */
		ap_str_addf(out, "async Promise.%.*s (index %d)", AP_TEXT_ARG(info.name),
			    raw->offset);
		return;
	}
	name = ap_call_site_name(v8, &site, arena);
	/* What is only "async " has no name: V8 prints the place alone. */
	if (ap_text_is(name, "async "))
		ap_str_adds(out, "async ");
	bool named = name.n && !ap_text_is(name, "async ");
	if (named) {
		ap_str_add(out, name.s, name.n);
		ap_str_adds(out, " (");
	}
	ap_call_site_place(v8, info.script, site_position(v8, raw, &info), arena, out);
	if (named)
		ap_str_addc(out, ')');
}

static bool read_site(struct ap_v8 *v8, ap_tagged info, struct raw_site *ret)
{
	struct raw_site raw;
	int32_t flags;

	if (!ap_v8_is(v8, info, AP_F_T_CALL_SITE_INFO) ||
	    !ap_v8_word(v8, info, F(v8, CALL_SITE_CODE), &raw.code) ||
	    !ap_v8_word(v8, info, F(v8, CALL_SITE_RECEIVER), &raw.receiver) ||
	    !ap_v8_word(v8, info, F(v8, CALL_SITE_FUNCTION), &raw.function) ||
	    !ap_v8_smi(v8, info, F(v8, CALL_SITE_OFFSET), &raw.offset) ||
	    !ap_v8_smi(v8, info, F(v8, CALL_SITE_FLAGS), &flags))
		return false;
	raw.flags = (uint32_t)flags;
	*ret = raw;
	return true;
}

/* Six words in the array itself (14.6). */
static bool read_raw_site(struct ap_v8 *v8, ap_tagged sites, uint64_t at, struct raw_site *ret)
{
	struct raw_site raw;
	uint64_t offset, flags;

	if (!ap_v8_array_at(v8, sites, at, &raw.code) ||
	    !ap_v8_array_at(v8, sites, at + 1, &raw.receiver) ||
	    !ap_v8_array_at(v8, sites, at + 2, &raw.function) ||
	    !ap_v8_array_at(v8, sites, at + 3, &offset) || !ap_is_smi(offset) ||
	    !ap_v8_array_at(v8, sites, at + 5, &flags) || !ap_is_smi(flags))
		return false;
	raw.offset = ap_smi(offset);
	raw.flags = (uint32_t)ap_smi(flags);
	*ret = raw;
	return true;
}

/* The frames of a captured stack, read one by one. */
struct sites {
	struct ap_v8 *v8;
	ap_tagged array;
	uint64_t length, step, n;
};

static bool sites_begin(struct ap_v8 *v8, ap_tagged array, struct sites *ret)
{
	struct sites s = {.v8 = v8, .array = array, .step = 1};
	uint32_t length;
	uint64_t first;

	if (!ap_v8_array_length(v8, array, &length))
		return false;
	if (ap_has_fact(v8, AP_F_CALL_SITE_RAW_WORDS) && ap_v8_array_at(v8, array, 0, &first) &&
	    !ap_v8_is(v8, first, AP_F_T_CALL_SITE_INFO))
		s.step = (uint64_t)F(v8, CALL_SITE_RAW_WORDS);
	s.n = length / s.step;
	if (s.n > MAX_FRAMES)
		s.n = MAX_FRAMES;
	*ret = s;
	return true;
}

enum site_state { SITE_OK, SITE_NONE, SITE_UNREADABLE };

static enum site_state sites_at(const struct sites *s, uint64_t i, struct raw_site *ret)
{
	uint64_t w = 0;

	if (s->step > 1)
		return read_raw_site(s->v8, s->array, i * s->step, ret) ? SITE_OK : SITE_UNREADABLE;
	if (ap_v8_array_at(s->v8, s->array, i, &w) && read_site(s->v8, w, ret))
		return SITE_OK;
	/* Room that capture did not use. */
	return !ap_is_object(w) || ap_v8_oddball(s->v8, w) != AP_ODDBALL_NONE ? SITE_NONE
									      : SITE_UNREADABLE;
}

static bool site_is_hidden(const struct sites *s, uint64_t i, struct ap_arena *arena)
{
	struct raw_site raw = {0};
	struct ap_text name;

	if (sites_at(s, i, &raw) != SITE_OK)
		return false;
	name = ap_function_debug_name(s->v8, raw.function, arena);
	return name.n >= 16 && memcmp(name.s, "__node_internal_", 16) == 0;
}

/* Error.stackTraceLimit of the realm that the error is from. */
static uint64_t stack_trace_limit(struct ap_v8 *v8, ap_tagged error)
{
	struct ap_map_info map;

	for (int i = 0; i < MAX_PROTOTYPES && ap_v8_map(v8, error, &map); i++) {
		struct ap_own constructor, limit;
		double n;

		error = map.prototype;
		if (ap_own_find(v8, error, "constructor", &constructor) &&
		    constructor.kind == AP_OWN_DATA && constructor.readable &&
		    ap_own_find(v8, constructor.slot.tagged, "stackTraceLimit", &limit) &&
		    limit.kind == AP_OWN_DATA && limit.readable &&
		    ap_v8_number(v8, limit.slot.tagged, &n))
			return n >= 0 && n < MAX_FRAMES ? (uint64_t)n : MAX_FRAMES;
	}
	return 10;
}

/* True if the text got too long and frames were left out. */
static bool append_sites(struct ap_v8 *v8, ap_tagged error, ap_tagged array, size_t max_bytes,
			 struct ap_arena *arena, struct ap_str *out)
{
	struct sites s;
	uint64_t first = 0, end;

	if (!sites_begin(v8, array, &s))
		return false;
	end = s.n;
	/* Node up to 20 captures more frames for its own errors, and drops those of its helpers
	 * when the text is written (prepareStackTrace of lib/internal/errors.js). */
	if (s.n && site_is_hidden(&s, 0, arena)) {
		for (uint64_t i = s.n; i-- > 0 && !first;)
			first = site_is_hidden(&s, i, arena) ? i + 1 : 0;
		uint64_t limit = stack_trace_limit(v8, error);
		if (end - first > limit)
			end = first + limit;
	}
	for (uint64_t i = first; i < end; i++) {
		struct raw_site raw = {0};
		enum site_state state = sites_at(&s, i, &raw);

		if (out->n > max_bytes)
			return true;
		if (state == SITE_OK)
			append_site(v8, &raw, arena, out);
		else if (state == SITE_UNREADABLE)
			ap_str_adds(out, "\n    at <unreadable>");
	}
	return false;
}

struct ap_text ap_error_stack(struct ap_v8 *v8, ap_tagged error, uint32_t max_units,
			      struct ap_arena *arena, bool *ret_cut)
{
	AP_STR_AUTO out = {0};
	ap_tagged stack;
	uint32_t units;

	*ret_cut = false;
	if (!captured_stack(v8, error, &stack))
		return (struct ap_text){NULL, 0};
	if (ap_v8_is(v8, stack, AP_F_T_ERROR_STACK_DATA) &&
	    !ap_v8_word(v8, stack, F(v8, ERROR_STACK_DATA_SITES), &stack))
		return (struct ap_text){NULL, 0};
	if (ap_v8_string_length(v8, stack, &units)) {
		*ret_cut = units > max_units;
		return ap_v8_text(v8, stack, max_units, arena);
	}
	if (!ap_v8_is(v8, stack, AP_F_T_FIXED_ARRAY))
		return (struct ap_text){NULL, 0};
	struct ap_text header = ap_error_header(v8, error, arena);
	ap_str_add(&out, header.s, header.n);
	*ret_cut = append_sites(v8, error, stack, max_units, arena, &out);
	return ap_str_text(&out, arena);
}

bool ap_error_is_native_stack(struct ap_v8 *v8, ap_tagged object, const struct ap_own *own)
{
	struct ap_function_info info;
	struct ap_arena scratch;
	ap_tagged stack;
	bool builtin;

	if (own->kind != AP_OWN_ACCESSOR || !own->getter ||
	    !ap_v8_text_equals(v8, own->key, "stack") || !captured_stack(v8, object, &stack))
		return false;
	ap_arena_init(&scratch, 1 << 20);
	/* A template is a function that nobody asked for yet. */
	builtin = ap_v8_is(v8, own->getter, AP_F_T_FUNCTION_TEMPLATE_INFO) ||
		  (ap_function_info(v8, own->getter, &scratch, &info) && !info.script);
	ap_arena_close(&scratch);
	return builtin;
}
