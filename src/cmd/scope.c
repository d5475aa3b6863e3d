/*
 * scope = ::jsclosure = ::jsscope: the variables that code sees, level by level, by name.
 *
 * mdb_v8 showed only the innermost context; all levels are shown here, which its users asked for,
 * with the same line per variable.
 */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/values.h"

struct scope {
	struct ap_value function;
	bool of_frame;
	size_t frame;
	ap_scope_vec levels;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct scope *s = ap_alloc(ctx->arena, sizeof(*s));
	bool given = false;

	if (!s)
		return &ap_err_nomem;
	AP_TRY(ap_ctx_value(ctx, &s->function, &given, NULL));
	if (given || ctx->dialect == AP_MDB) {
		if (!s->function.has_ref)
			return ap_err_new(AP_E_TYPE, "a %s has no scope",
					  ap_type_name(s->function.type));
		AP_TRY(ctx->model->ops->scopes(ctx->model, s->function.ref, NULL, ctx->arena,
					       &s->levels));
	} else {
		struct ap_stack stack;

		AP_TRY(ap_selected_frame(ctx, true, &stack, &s->frame));
		const struct ap_frame *f = &stack.frames.at[s->frame];
		if (!ap_frame_is_js(f))
			return ap_err_hint(ap_err_new(AP_E_TYPE,
						      "frame %zu is no JavaScript function (%s)",
						      s->frame, ap_frame_kind_name(f->kind)),
					   "`bt` lists the frames, `frame N` selects one");
		s->of_frame = true;
		s->function = f->callee;
		AP_TRY(ctx->model->ops->scopes(ctx->model, f->callee.has_ref ? f->callee.ref : 0, f,
					       ctx->arena, &s->levels));
	}
	*ret_data = s;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct scope *s = p;

	ap_json_object(j, "data");
	ap_json_value(ctx, j, "function", &s->function);
	if (s->of_frame)
		ap_json_uint(j, "frame", s->frame);
	else
		ap_json_null(j, "frame");
	ap_json_array(j, "scopes");
	for (size_t i = 0; i < s->levels.n; i++) {
		const struct ap_scope *level = &s->levels.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_scope_kind_name(level->kind));
		ap_json_text(j, "owner", level->owner);
		if (level->context)
			ap_json_addr(j, "address", level->context);
		else
			ap_json_null(j, "address");
		ap_json_variables(ctx, j, "variables", level->variables.at, level->variables.n);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct scope *s = p;
	struct ap_out *out = ctx->out;

	for (size_t i = 0; i < s->levels.n && !out->broken; i++) {
		const struct ap_scope *level = &s->levels.at[i];

		ap_out_styled(out, AP_STYLE_HEAD, "%s", ap_scope_kind_name(level->kind));
		if (level->owner.n) {
			ap_out_s(out, "  of ");
			ap_out_text(out, level->owner);
		}
		ap_out_s(out, level->variables.n ? "\n" : "  (no variables)\n");
		for (size_t k = 0; k < level->variables.n; k++)
			ap_plain_variable(ctx, &level->variables.at[k], 2);
	}
	if (!s->levels.n)
		ap_out_s(out, "no scopes\n");
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct scope *s = p;
	const struct ap_mdb_print print = {.addresses = true, .depth = 1};

	for (size_t i = 0; i < s->levels.n && !ctx->out->broken; i++) {
		const struct ap_scope *level = &s->levels.at[i];

		for (size_t k = 0; k < level->variables.n; k++) {
			ap_out_s(ctx->out, "    \"");
			ap_mdb_ascii(ctx->out, level->variables.at[k].name);
			ap_out_s(ctx->out, "\": ");
			ap_mdb_value(ctx, &level->variables.at[k].value, &print, 4);
			ap_out_s(ctx->out, "\n");
		}
	}
}

const struct ap_cmd ap_cmd_scope = {
	.names = {[AP_PLAIN] = "scope|closure", [AP_MDB] = "jsclosure|jsscope"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "variables in scope, level by level",
	.synopsis = {[AP_PLAIN] = "[ADDR|NAME]", [AP_MDB] = ""},
	.help = "Of the selected frame, its locals first, or of a function: what its closure holds at "
		"every level, up to the script's. A variable that nothing captured and that the code no "
		"longer held when the program died is <optimised out>.",
	.example = "scope",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb},
};
