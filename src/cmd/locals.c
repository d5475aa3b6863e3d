/* locals: receiver, arguments and local variables of the selected frame. */
#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/values.h"

struct locals {
	const struct ap_frame *frame;
	size_t index;
	ap_scope_vec scopes;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct locals *l = ap_alloc(ctx->arena, sizeof(*l));
	struct ap_stack stack;
	ap_scope_vec all = {0};

	if (!l)
		return &ap_err_nomem;
	AP_TRY(ap_selected_frame(ctx, true, &stack, &l->index));
	l->frame = &stack.frames.at[l->index];
	if (!ap_frame_is_js(l->frame))
		return ap_err_hint(ap_err_new(AP_E_TYPE, "frame %zu is no JavaScript function (%s)",
					      l->index, ap_frame_kind_name(l->frame->kind)),
				   "`bt` lists the frames, `frame N` selects one");
	AP_TRY(ctx->model->ops->scopes(ctx->model,
				       l->frame->callee.has_ref ? l->frame->callee.ref : 0,
				       l->frame, ctx->arena, &all));
	/* What belongs to the running function; what it closes over is `scope`'s business. */
	for (size_t i = 0; i < all.n; i++) {
		enum ap_scope_kind kind = all.at[i].kind;

		if (kind != AP_SCOPE_LOCAL && kind != AP_SCOPE_BLOCK && kind != AP_SCOPE_CATCH)
			break;
		if (!ap_vec_push(ctx->arena, &l->scopes, all.at[i]))
			return &ap_err_nomem;
	}
	*ret_data = l;
	return NULL;
}

/* Arguments also come as variables of the local scope: said once, under their own head. */
static bool is_argument(const struct locals *l, struct ap_text name)
{
	for (size_t i = 0; i < l->frame->arguments.n; i++) {
		if (ap_text_eq(l->frame->arguments.at[i].name, name))
			return true;
	}
	return false;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct locals *l = p;

	ap_json_object(j, "data");
	ap_json_uint(j, "frame", l->index);
	ap_json_text(j, "function", l->frame->function);
	if (l->frame->has_receiver)
		ap_json_value(ctx, j, "receiver", &l->frame->receiver);
	else
		ap_json_null(j, "receiver");
	ap_json_variables(ctx, j, "arguments", l->frame->arguments.at, l->frame->arguments.n);
	ap_json_array(j, "locals");
	for (size_t i = 0; i < l->scopes.n; i++) {
		const struct ap_scope *scope = &l->scopes.at[i];

		for (size_t k = 0; k < scope->variables.n; k++) {
			const struct ap_variable *v = &scope->variables.at[k];

			if (is_argument(l, v->name))
				continue;
			ap_json_object(j, NULL);
			ap_json_text(j, "name", v->name);
			ap_json_value(ctx, j, "value", &v->value);
			ap_json_end_object(j);
		}
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct locals *l = p;
	size_t shown = l->frame->arguments.n;

	ap_out_styled(ctx->out, AP_STYLE_HEAD, "frame %zu", l->index);
	ap_out_s(ctx->out, "  ");
	ap_out_text(ctx->out, ap_frame_title(l->frame));
	ap_out_s(ctx->out, "  ");
	ap_out_text(ctx->out, ap_frame_place(l->frame, ctx->arena));
	ap_out_s(ctx->out, "\n");
	if (l->frame->has_receiver)
		ap_plain_variable(ctx, &(struct ap_variable){AP_TEXT("this"), l->frame->receiver},
				  2);
	for (size_t i = 0; i < l->frame->arguments.n; i++)
		ap_plain_variable(ctx, &l->frame->arguments.at[i], 2);
	for (size_t i = 0; i < l->scopes.n; i++) {
		const struct ap_scope *scope = &l->scopes.at[i];

		for (size_t k = 0; k < scope->variables.n; k++) {
			if (is_argument(l, scope->variables.at[k].name))
				continue;
			ap_plain_variable(ctx, &scope->variables.at[k], 2);
			shown++;
		}
	}
	if (!shown)
		ap_out_s(ctx->out, "  no arguments, no locals\n");
}

const struct ap_cmd ap_cmd_locals = {
	.names = {[AP_PLAIN] = "locals|info locals|frame variable"},
	.group = AP_GROUP_DIED,
	.summary = "this, arguments and locals of the selected frame",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "Values are those at the moment of death; a variable that was not reached yet is undefined. "
		"Optimised code keeps only what it still needs: the rest is <optimised out>. `scope` adds what the "
		"function closes over.\n\n"
		"V8 keeps no names of variables that live in registers: they are found from what the bytecode of each "
		"declaration stores. What no declaration explains is shown by its register, r0, r1 ...: "
		"temporaries, and variables whose name would be a guess.",
	.example = "locals",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
