/* frame N, up, down: which frame locals, source, scope and variable names speak of. */
#include "cmd/source.h"

#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/values.h"

struct selected {
	struct ap_stack stack;
	size_t index;
	bool has_source;
	struct ap_source source;
};

static struct ap_err *select_frame(struct ap_ctx *ctx, struct selected *s, void **ret_data)
{
	const struct ap_frame *f = &s->stack.frames.at[s->index];

	ap_session_select(ctx->session, (struct ap_selection){.chosen = true,
							      .thread = s->stack.thread,
							      .frame = s->index});
	if (ap_frame_is_js(f) && f->callee.has_ref) {
		AP_ERR_AUTO err = ctx->model->ops->source(ctx->model, f->callee.ref, f, ctx->arena,
							  &s->source);
		s->has_source = !err && s->source.line;
	}
	*ret_data = s;
	return NULL;
}

static struct ap_err *find(struct ap_ctx *ctx, struct selected **ret)
{
	struct selected *s = ap_alloc(ctx->arena, sizeof(*s));

	if (!s)
		return &ap_err_nomem;
	AP_TRY(ap_selected_frame(ctx, true, &s->stack, &s->index));
	*ret = s;
	return NULL;
}

static struct ap_err *frame_data(struct ap_ctx *ctx, void **ret_data)
{
	struct selected *s;
	uint64_t n;

	AP_TRY(find(ctx, &s));
	if (ctx->args.n_words) {
		if (!ap_parse_number(ctx->args.words[0], 10, &n))
			return ap_err_hint(ap_err_new(AP_E_USAGE, "\"%s\" is not a frame number",
						      ctx->args.words[0]),
					   "`bt` shows the numbers");
		if (n >= s->stack.frames.n)
			return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
						      "there is no frame %" PRIu64
						      ": the stack has %zu",
						      n, s->stack.frames.n),
					   "`bt` lists them");
		s->index = n;
	}
	return select_frame(ctx, s, ret_data);
}

/* Up and down walk over JavaScript frames: native ones have nothing to show yet. */
static struct ap_err *move(struct ap_ctx *ctx, bool up, void **ret_data)
{
	struct selected *s;
	uint64_t steps = 1;

	AP_TRY(find(ctx, &s));
	if (ctx->args.n_words && !ap_parse_number(ctx->args.words[0], 10, &steps))
		return ap_err_new(AP_E_USAGE, "\"%s\" is not a number of frames",
				  ctx->args.words[0]);
	size_t i = s->index, last = s->index;
	while (steps) {
		if (up ? i + 1 >= s->stack.frames.n : i == 0)
			break;
		i = up ? i + 1 : i - 1;
		if (!ap_frame_is_js(&s->stack.frames.at[i]))
			continue;
		last = i;
		steps--;
	}
	if (last == s->index)
		return ap_err_new(AP_E_NOTFOUND, up ? "this is the outermost JavaScript frame"
						    : "this is the innermost JavaScript frame");
	s->index = last;
	return select_frame(ctx, s, ret_data);
}

static struct ap_err *up_data(struct ap_ctx *ctx, void **ret_data)
{
	return move(ctx, true, ret_data);
}

static struct ap_err *down_data(struct ap_ctx *ctx, void **ret_data)
{
	return move(ctx, false, ret_data);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct selected *s = p;
	const struct ap_frame *f = &s->stack.frames.at[s->index];

	ap_json_object(j, "data");
	ap_json_int(j, "tid", s->stack.info.tid);
	ap_json_uint(j, "frame", s->index);
	ap_json_cstr(j, "kind", ap_frame_kind_name(f->kind));
	ap_json_text(j, "function", ap_frame_is_js(f) ? f->function : (struct ap_text){0});
	ap_json_text(j, "script", f->script);
	ap_json_position(j, "line", f->line);
	ap_json_position(j, "column", f->column);
	if (f->has_receiver)
		ap_json_value(ctx, j, "receiver", &f->receiver);
	else
		ap_json_null(j, "receiver");
	ap_json_variables(ctx, j, "arguments", f->arguments.at, f->arguments.n);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct selected *s = p;
	const struct ap_frame *f = &s->stack.frames.at[s->index];

	ap_out_styled(ctx->out, AP_STYLE_HEAD, "frame %zu", s->index);
	ap_out_s(ctx->out, "  ");
	ap_out_styled_text(ctx->out, AP_STYLE_STRONG, ap_frame_title(f));
	ap_out_s(ctx->out, "  ");
	ap_out_text(ctx->out, ap_frame_place(f, ctx->arena));
	ap_out_s(ctx->out, "\n");
	if (s->has_source)
		ap_plain_source_lines(ctx, &s->source, s->source.line > 2 ? s->source.line - 2 : 1,
				      s->source.line + 2, false);
}

const struct ap_cmd ap_cmd_frame = {
	.names = {[AP_PLAIN] = "frame select|frame|f"},
	.group = AP_GROUP_DIED,
	.summary = "select a frame by its number in bt",
	.synopsis = {[AP_PLAIN] = "[N]"},
	.help = "`locals`, `source`, `scope` and names in `print` then speak of that frame. Without a "
		"number: which one is selected.",
	.example = "frame 0",
	.needs_model = true,
	.data = frame_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

const struct ap_cmd ap_cmd_up = {
	.names = {[AP_PLAIN] = "up"},
	.group = AP_GROUP_DIED,
	.summary = "select the next JavaScript frame outwards: the caller",
	.synopsis = {[AP_PLAIN] = "[N]"},
	.help = "Native frames are passed over.",
	.example = "frame 0; up",
	.needs_model = true,
	.data = up_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

const struct ap_cmd ap_cmd_down = {
	.names = {[AP_PLAIN] = "down"},
	.group = AP_GROUP_DIED,
	.summary = "select the next JavaScript frame inwards: the callee",
	.synopsis = {[AP_PLAIN] = "[N]"},
	.help = "Native frames are passed over.",
	.example = "up; down",
	.needs_model = true,
	.data = down_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
