/*
 * One thread in `bark(volume, evil)` of /app/dog.js line 7, called by Node:
 *
 *   this   Dog {name: "Rex", #age: 3, tags: [1, <hole>, "x"], self: -> this, get size()}
 *   evil   a string with an escape sequence, a quote and a lone surrogate
 */
#include "unit.h"

#include "fake_model.h"
#include "model/core.h"

#define T(s) AP_TEXT(s)

static const char source_text[] =
	"'use strict';\n\n\n\nfunction bark(volume, evil) {\n\tconst tags = this.tags;\n"
	"\tthrow new Error('no air');\n}\n";

static struct ap_value object(enum ap_type type, uint64_t ref, struct ap_text constructor)
{
	return (struct ap_value){.type = type,
				 .has_ref = true,
				 .has_address = true,
				 .ref = ref,
				 .address = ref & ~3ull,
				 .constructor = constructor};
}

static struct ap_value smi(int n, struct ap_text text)
{
	return (struct ap_value){.type = AP_T_NUMBER,
				 .has_ref = true,
				 .is_smi = true,
				 .ref = (uint64_t)n << 32,
				 .text = text};
}

static struct ap_value string(uint64_t ref, struct ap_text text)
{
	struct ap_value v = object(AP_T_STRING, ref, (struct ap_text){0});

	v.text = text;
	v.length = text.n;
	return v;
}

static struct ap_err *fake_describe(struct ap_model *model, uint64_t ref, struct ap_arena *arena,
				    struct ap_value *ret)
{
	(void)model;
	if ((ref & 0xffffffff) == 0) {
		char *text = arena ? ap_printf(arena, "%d", (int)(ref >> 32)) : NULL;

		*ret = smi((int)(ref >> 32), ap_text_of(text));
		return NULL;
	}
	switch (ref) {
	case FAKE_DOG:
		*ret = object(AP_T_OBJECT, ref, T("Dog"));
		return NULL;
	case FAKE_TAGS:
		*ret = object(AP_T_ARRAY, ref, T("Array"));
		return NULL;
	case FAKE_FUNCTION:
		*ret = object(AP_T_FUNCTION, ref, T("Function"));
		return NULL;
	case FAKE_MAP:
		*ret = object(AP_T_MAP, ref, T("Map"));
		return NULL;
	case FAKE_ERROR:
		*ret = object(AP_T_ERROR, ref, T("TypeError"));
		return NULL;
	case FAKE_NAME:
		*ret = string(ref, T("Rex"));
		return NULL;
	case FAKE_X:
		*ret = string(ref, T("x"));
		return NULL;
	case FAKE_EVIL:
		*ret = string(ref, T("a\033]0;x\007\"b\xed\xa0\xbd"));
		return NULL;
	default:
		return ap_err_new(AP_E_FAULT, "nothing lies at %llx", (unsigned long long)ref);
	}
}

static struct ap_value value_of(uint64_t ref)
{
	struct ap_value v = {0};

	assert_ok(fake_describe(NULL, ref, NULL, &v));
	return v;
}

static void add_property(struct ap_arena *arena, struct ap_detail *d, struct ap_text name,
			 struct ap_value value, bool private_name)
{
	(void)ap_vec_push(arena, &d->properties,
			  (struct ap_property){.name = name,
					       .has_value = true,
					       .value = value,
					       .private_name = private_name,
					       .enumerable = !private_name,
					       .writable = true,
					       .configurable = true});
}

static void add_element(struct ap_arena *arena, struct ap_detail *d, uint64_t index,
			struct ap_value value)
{
	(void)ap_vec_push(arena, &d->elements, (struct ap_element){.index = index, .value = value});
}

static void add_text(struct ap_arena *arena, struct ap_detail *d, const char *key,
		     struct ap_text text)
{
	(void)ap_vec_push(arena, &d->extras,
			  (struct ap_extra){.key = key, .kind = AP_EXTRA_TEXT, .text = text});
}

static struct ap_err *fake_detail(struct ap_model *model, uint64_t ref,
				  const struct ap_detail_limits *limits, struct ap_arena *arena,
				  struct ap_detail *ret)
{
	struct ap_detail d = {.length = -1, .prototype = {.type = AP_T_NULL, .text = T("null")}};

	(void)limits;
	AP_TRY(fake_describe(model, ref, arena, &d.self));
	switch (ref) {
	case FAKE_DOG:
		add_property(arena, &d, T("name"), value_of(FAKE_NAME), false);
		add_property(arena, &d, T("#age"), smi(3, T("3")), true);
		add_property(arena, &d, T("tags"), value_of(FAKE_TAGS), false);
		add_property(arena, &d, T("self"), value_of(FAKE_DOG), false);
		(void)ap_vec_push(arena, &d.properties,
				  (struct ap_property){.name = T("size"),
						       .kind = AP_PROPERTY_ACCESSOR,
						       .getter = value_of(FAKE_FUNCTION),
						       .setter = {.type = AP_T_NULL}});
		break;
	case FAKE_TAGS:
		d.length = 3;
		add_element(arena, &d, 0, smi(1, T("1")));
		add_element(arena, &d, 2, value_of(FAKE_X));
		break;
	case FAKE_FUNCTION:
		add_text(arena, &d, "name", T("bark"));
		add_text(arena, &d, "function_kind", T("method"));
		add_text(arena, &d, "script", T("/app/dog.js"));
		(void)ap_vec_push(
			arena, &d.extras,
			(struct ap_extra){.key = "line", .kind = AP_EXTRA_INT, .number = 5});
		break;
	case FAKE_MAP:
		d.has_entries = true;
		(void)ap_vec_push(
			arena, &d.extras,
			(struct ap_extra){.key = "size", .kind = AP_EXTRA_INT, .number = 1});
		(void)ap_vec_push(arena, &d.entries,
				  (struct ap_entry){true, value_of(FAKE_NAME), value_of(FAKE_DOG)});
		break;
	case FAKE_ERROR:
		add_text(arena, &d, "name", T("TypeError"));
		add_text(arena, &d, "message", T("no air"));
		add_text(arena, &d, "stack", T("TypeError: no air\n    at bark (/app/dog.js:7:8)"));
		break;
	default:
		break;
	}
	*ret = d;
	return NULL;
}

static struct ap_err *fake_threads(struct ap_model *model, struct ap_arena *arena,
				   ap_thread_vec *ret)
{
	(void)model;
	(void)ap_vec_push(arena, ret, (struct ap_thread_info){.tid = 10, .role = AP_ROLE_NATIVE});
	(void)ap_vec_push(
		arena, ret,
		(struct ap_thread_info){
			.tid = 11, .role = AP_ROLE_MAIN, .crashed = true, .pc = 0x400000});
	return NULL;
}

static struct ap_err *fake_frames(struct ap_model *model, size_t thread,
				  const struct ap_frames_options *options, struct ap_arena *arena,
				  ap_frame_vec *ret)
{
	struct ap_frame bark = {
		.kind = AP_FRAME_JS,
		.tier = AP_TIER_INTERPRETED,
		.fp = 0x7000,
		.pc = 0x500000,
		.function = T("Dog.bark"),
		.name = T("bark"),
		.script = T("/app/dog.js"),
		.line = 7,
		.column = 8,
		.user_code = true,
		.callee = value_of(FAKE_FUNCTION),
		.has_receiver = true,
		.receiver = value_of(FAKE_DOG),
	};

	(void)model;
	(void)options;
	if (thread != 1)
		return NULL;
	(void)ap_vec_push(arena, &bark.arguments,
			  (struct ap_variable){T("volume"), smi(11, T("11"))});
	(void)ap_vec_push(arena, &bark.arguments,
			  (struct ap_variable){T("evil"), value_of(FAKE_EVIL)});
	(void)ap_vec_push(
		arena, ret,
		(struct ap_frame){
			.kind = AP_FRAME_NATIVE,
			.fp = 0x6f00,
			.pc = 0x400000,
			.module = T("/usr/bin/node"),
			.symbol = T(
				"node::Abort(a_very_long_type_name_one, a_very_long_type_name_two)"),
			.offset = 0x22});
	(void)ap_vec_push(arena, ret,
			  (struct ap_frame){.kind = AP_FRAME_INTERNAL,
					    .fp = 0x6f80,
					    .pc = 0x400100,
					    .internal_name = T("ExitFrame")});
	(void)ap_vec_push(arena, ret, bark);
	for (int i = 0; i < 2; i++)
		(void)ap_vec_push(arena, ret,
				  (struct ap_frame){.kind = AP_FRAME_INTERNAL,
						    .fp = 0x7100,
						    .pc = 0x400200,
						    .internal_name = T("EntryFrame")});
	(void)ap_vec_push(arena, ret,
			  (struct ap_frame){.kind = AP_FRAME_JS,
					    .fp = 0x7200,
					    .pc = 0x500100,
					    .function = T("Module._compile"),
					    .script = T("node:internal/modules/cjs/loader"),
					    .line = 1,
					    .column = 2,
					    .callee = {.type = AP_T_UNREADABLE}});
	return NULL;
}

static struct ap_err *fake_scopes(struct ap_model *model, uint64_t ref,
				  const struct ap_frame *frame, struct ap_arena *arena,
				  ap_scope_vec *ret)
{
	struct ap_scope local = {.kind = AP_SCOPE_LOCAL},
			outer = {.kind = AP_SCOPE_CLOSURE, .owner = T("make")};

	(void)model;
	if (ref != FAKE_FUNCTION)
		return ap_err_new(AP_E_TYPE, "%llx is not a JSFunction", (unsigned long long)ref);
	(void)ap_vec_push(arena, &local.variables,
			  (struct ap_variable){T("list"), value_of(FAKE_TAGS)});
	(void)ap_vec_push(arena, &outer.variables,
			  (struct ap_variable){T("counter"), smi(5, T("5"))});
	if (frame)
		(void)ap_vec_push(arena, ret, local);
	(void)ap_vec_push(arena, ret, outer);
	return NULL;
}

static struct ap_err *fake_source(struct ap_model *model, uint64_t ref,
				  const struct ap_frame *frame, struct ap_arena *arena,
				  struct ap_source *ret)
{
	(void)model;
	(void)ref;
	(void)arena;
	*ret = (struct ap_source){.script = T("/app/dog.js"),
				  .text = {source_text, sizeof(source_text) - 1},
				  .first_line = 5,
				  .last_line = 8,
				  .line = frame ? 7 : 0,
				  .column = frame ? 8 : 0,
				  .text_first_line = 1};
	return NULL;
}

static struct ap_err *fake_info(struct ap_model *model, struct ap_arena *arena, struct ap_info *ret)
{
	(void)model;
	*ret = (struct ap_info){.pid = 41,
				.signal = 6,
				.died = true,
				.executable = T("/usr/bin/node"),
				.node_version = T("v22.1.0"),
				.arch = T("x64"),
				.layout = T("exact"),
				.command_line = T("node dog.js --url=http://me:hunter2@host/"),
				.core_bytes = 1000000,
				.core_expected_bytes = 1000000};
	(void)ap_vec_push(arena, &ret->memory, (struct ap_memory_kind){"JS heap", 750000});
	(void)ap_vec_push(arena, &ret->memory, (struct ap_memory_kind){"Native", 250000});
	return NULL;
}

static struct ap_err *fake_verdict(struct ap_model *model, struct ap_arena *arena,
				   struct ap_verdict *ret)
{
	(void)model;
	(void)arena;
	*ret = (struct ap_verdict){.kind = AP_VERDICT_UNCAUGHT_ERROR,
				   .certainty = AP_CERTAIN,
				   .text = T("TypeError: no air"),
				   .has_error = true,
				   .error = value_of(FAKE_ERROR)};
	return NULL;
}

static void fake_close(struct ap_model *model)
{
	(void)model;
}

struct ap_model *fake_model(void)
{
	static const struct ap_model_ops ops = {
		.close = fake_close,
		.info = fake_info,
		.verdict = fake_verdict,
		.threads = fake_threads,
		.frames = fake_frames,
		.scopes = fake_scopes,
		.describe = fake_describe,
		.detail = fake_detail,
		.source = fake_source,
	};
	static struct ap_model model;

	model = (struct ap_model){.ops = &ops};
	return &model;
}
