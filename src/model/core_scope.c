/*
 * Scopes and sources of functions and frames: every level of context, by name.
 */
#include "model/core_private.h"
#include "v8/frame.h"
#include "v8/interpreter.h"
#include "v8/naming.h"
#include "v8/property.h"

enum { MAX_LEVELS = 256, MAX_VARIABLES = 100000, MAX_SOURCE_UNITS = 64 << 20 };

static enum ap_scope_kind scope_kind_of(enum ap_scope_type type)
{
	switch (type) {
	case AP_SCOPE_TYPE_CLASS:
		return AP_SCOPE_CLASS;
	case AP_SCOPE_TYPE_EVAL:
		return AP_SCOPE_EVAL;
	case AP_SCOPE_TYPE_FUNCTION:
		return AP_SCOPE_CLOSURE;
	case AP_SCOPE_TYPE_MODULE:
		return AP_SCOPE_MODULE;
	case AP_SCOPE_TYPE_SCRIPT:
		return AP_SCOPE_SCRIPT;
	case AP_SCOPE_TYPE_CATCH:
		return AP_SCOPE_CATCH;
	case AP_SCOPE_TYPE_BLOCK:
		return AP_SCOPE_BLOCK;
	case AP_SCOPE_TYPE_WITH:
		return AP_SCOPE_WITH;
	case AP_SCOPE_TYPE_OTHER:
		break;
	}
	return AP_SCOPE_BLOCK;
}

/* Names that V8 invents start with a dot (".this_function") and are not the program's. */
static bool is_synthetic(struct ap_text name)
{
	return !name.n || name.s[0] == '.';
}

static struct ap_err *scope_variables(struct ap_core_model *core, ap_tagged context,
				      const struct ap_scope_info *info, struct ap_arena *arena,
				      struct ap_scope *scope)
{
	struct ap_v8 *v8 = core->v8;
	int first = ap_scope_first_slot(v8, info);

	for (int i = 0; i < info->n_locals && i < MAX_VARIABLES; i++) {
		struct ap_variable v = {.name = {NULL, 0}};
		struct ap_slot slot;
		ap_tagged name;

		if (!ap_scope_local_name(v8, info, i, &name)) {
			ap_core_gap(core, info->address);
			continue;
		}
		v.name = ap_v8_text(v8, name, 1024, arena);
		if (!v.name.s || is_synthetic(v.name))
			continue;
		if (!ap_context_value(v8, context, first + i, &slot)) {
			v.value = ap_value_unreadable("the context slot could not be read");
			ap_core_gap(core, context);
		} else {
			AP_TRY(ap_core_slot(core, &slot, arena, &v.value));
		}
		if (!ap_vec_push(arena, &scope->variables, v))
			return &ap_err_nomem;
	}
	if (info->function_slot >= 0 && info->function_name) {
		struct ap_variable v = {.name = ap_v8_text(v8, info->function_name, 1024, arena)};
		struct ap_slot slot;

		if (v.name.n && ap_context_value(v8, context, info->function_slot, &slot)) {
			AP_TRY(ap_core_slot(core, &slot, arena, &v.value));
			if (!ap_vec_push(arena, &scope->variables, v))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static struct ap_err *scope_chain(struct ap_core_model *core, ap_tagged context,
				  struct ap_arena *arena, ap_scope_vec *out)
{
	struct ap_v8 *v8 = core->v8;

	for (int level = 0; level < MAX_LEVELS && context; level++) {
		struct ap_scope_info info;
		struct ap_scope scope = {.kind = AP_SCOPE_BLOCK, .context = context & ~3ull};
		ap_tagged scope_info, previous;

		if (ap_v8_is(v8, context, AP_F_T_NATIVE_CONTEXT))
			break;
		if (!ap_context_scope_info(v8, context, &scope_info) ||
		    !ap_scope_info_read(v8, scope_info, &info)) {
			ap_core_gap(core, context);
			break;
		}
		scope.kind = scope_kind_of(info.type);
		if (info.function_name)
			scope.owner = ap_v8_text(v8, info.function_name, 1024, arena);
		else if (info.inferred_name)
			scope.owner = ap_v8_text(v8, info.inferred_name, 1024, arena);
		AP_TRY(scope_variables(core, context, &info, arena, &scope));
		if (!ap_vec_push(arena, out, scope))
			return &ap_err_nomem;
		if (!ap_context_previous(v8, context, &previous))
			break;
		context = previous;
	}
	return NULL;
}

/* What the interpreter's registers hold: variables by their names, temporaries as r0, r1 ... */
static struct ap_err *scope_registers(struct ap_core_model *core, const struct ap_v8_frame *f,
				      struct ap_arena *arena, struct ap_scope *scope)
{
	struct ap_v8 *v8 = core->v8;
	struct ap_function_info info = {0};
	struct ap_text *names = NULL;
	int32_t position = -1;
	bool in_memory = f->kind == AP_V8_FRAME_INTERPRETED || f->kind == AP_V8_FRAME_BASELINE;

	if (!(f->function && ap_function_info(v8, f->function, arena, &info)) &&
	    !(f->shared && ap_shared_info(v8, f->shared, arena, &info)))
		return NULL;
	if (f->bytecode)
		info.bytecode = f->bytecode;
	if (info.bytecode && f->offset >= 0)
		(void)ap_bytecode_position(v8, info.bytecode, f->offset, &position);
	AP_TRY(ap_register_names(v8, &info, position, f->n_registers, arena, &names));
	for (size_t i = 0; i < f->n_registers; i++) {
		struct ap_variable v = {.name = names[i]};
		bool missing = f->register_missing && f->register_missing[i];

		/* Of optimised code only variables are of interest: it has no temporaries to show.
		 */
		if (!v.name.s && !in_memory)
			continue;
		if (!v.name.s)
			v.name = ap_text_of(ap_printf(arena, "r%zu", i));
		if (missing)
			v.value = (struct ap_value){.type = AP_T_OPTIMISED_OUT};
		else
			AP_TRY(ap_core_slot(core, &f->registers[i], arena, &v.value));
		/* Contexts, holes and scratch words of the interpreter are not the program's
		 * values. */
		if (v.value.type == AP_T_INTERNAL || v.value.type == AP_T_HOLE ||
		    v.value.type == AP_T_UNREADABLE)
			continue;
		if (!ap_vec_push(arena, &scope->variables, v))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Parameters and local variables of an executing frame. */
static struct ap_err *scope_locals(struct ap_core_model *core, const struct ap_frame *frame,
				   struct ap_arena *arena, ap_scope_vec *out,
				   ap_tagged *ret_context)
{
	struct ap_scope scope = {.kind = AP_SCOPE_LOCAL, .owner = frame->name};
	ap_v8_frame_vec decoded = {0};

	AP_TRY(ap_v8_frame_decode(core->v8, frame->fp, frame->pc, frame->exact_pc, arena,
				  &decoded));
	for (size_t i = 0; i < frame->arguments.n; i++) {
		if (frame->arguments.at[i].name.s &&
		    !ap_vec_push(arena, &scope.variables, frame->arguments.at[i]))
			return &ap_err_nomem;
	}
	if (frame->level < decoded.n) {
		const struct ap_v8_frame *f = &decoded.at[frame->level];

		if (f->context)
			*ret_context = f->context;
		AP_TRY(scope_registers(core, f, arena, &scope));
	}
	return ap_vec_push(arena, out, scope) ? NULL : &ap_err_nomem;
}

/* The function behind a value: itself, or the target of a bound one. */
static struct ap_err *function_of(struct ap_core_model *core, uint64_t ref, struct ap_arena *arena,
				  struct ap_function_info *ret)
{
	uint64_t target;

	for (int i = 0; i < 16 && ap_v8_is(core->v8, ref, AP_F_T_JS_BOUND_FUNCTION); i++) {
		if (!ap_v8_word(core->v8, ref, F(core->v8, BOUND_TARGET), &target))
			break;
		ref = target;
	}
	if (ap_function_info(core->v8, ref, arena, ret))
		return NULL;
	return ap_err_hint(ap_err_new(AP_E_TYPE, "%llx is not a JSFunction",
				      (unsigned long long)(ref & ~3ull)),
			   "give the address of a function: `bt` and `print` show them");
}

struct ap_err *ap_core_scopes(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			      struct ap_arena *arena, ap_scope_vec *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	struct ap_function_info info;
	ap_scope_vec out = {0};
	ap_tagged context = 0;

	AP_TRY(ap_core_need_v8(core));
	AP_TRY(ap_profile_require(&core->v8->profile, AP_G_SCOPES));
	if (frame && frame->kind == AP_FRAME_JS)
		AP_TRY(scope_locals(core, frame, arena, &out, &context));
	if (!context) {
		AP_TRY(function_of(core, ref, arena, &info));
		context = info.context;
	}
	AP_TRY(scope_chain(core, context, arena, &out));
	*ret = out;
	return NULL;
}

struct ap_err *ap_core_source(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			      struct ap_arena *arena, struct ap_source *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	struct ap_source source = {.text_first_line = 1};
	struct ap_function_info info;
	struct ap_place place;
	uint32_t units;

	AP_TRY(ap_core_need_v8(core));
	AP_TRY(ap_profile_require(&core->v8->profile, AP_G_FUNCTIONS));
	AP_TRY(function_of(core, ref, arena, &info));
	if (!info.script)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "%.*s has no JavaScript source",
				   AP_TEXT_ARG(info.name.n ? info.name : AP_TEXT("this function"))),
			"it is a builtin or native code");
	source.script = ap_script_name(core->v8, info.script, arena);
	if (ap_script_length(core->v8, info.script, &units) && units <= MAX_SOURCE_UNITS)
		source.text = ap_script_text(core->v8, info.script, 0, (int32_t)units, arena);
	if (!source.text.s)
		return ap_err_hint(ap_err_new(AP_E_FAULT, "the source of %.*s is not in the core",
					      AP_TEXT_ARG(source.script)),
				   "read the file itself, if you have the same version of it");
	if (ap_script_place(core->v8, info.script, info.start, arena, &place))
		source.first_line = place.line;
	if (ap_script_place(core->v8, info.script, info.end, arena, &place))
		source.last_line = place.line;
	if (frame) {
		source.line = frame->line;
		source.column = frame->column;
	}
	*ret = source;
	return NULL;
}
