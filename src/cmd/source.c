/*
 * source = ::jssource = v8 source list: the lines of a function or of the selected frame, with the
 * line being executed marked.
 */
#include "cmd/source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/values.h"

enum { OPT_LINES, OPT_FROM, OPT_WHOLE };
enum { CONTEXT = 5, LLNODE_LINES = 4, JSON_LINES = 20000 };

static const struct ap_option options[] = {
	[OPT_LINES] = {'n', "lines", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_MDB, "lines",
		       "lines of context on each side (default 5)"},
	[OPT_FROM] = {'l', NULL, AP_OPTION_NUMBER, AP_IN_LLNODE, "line",
		      "begin below this line of the script"},
	[OPT_WHOLE] = {'a', "all", AP_OPTION_FLAG, AP_IN_PLAIN, NULL, "the whole script"},
	{0},
};

struct source {
	struct ap_source source;
	struct ap_value function;
	bool of_frame;
	size_t frame; /* number in bt's list */
	int from, to; /* lines to show */
};

/* `source 3`: a frame by its number, as long as it cannot be an address. */
static bool frame_word(const struct ap_ctx *ctx, uint64_t *ret_frame)
{
	return ctx->dialect == AP_PLAIN && ctx->args.n_words == 1 &&
	       strlen(ctx->args.words[0]) < 6 && ap_parse_number(ctx->args.words[0], 10, ret_frame);
}

static struct ap_err *of_frame(struct ap_ctx *ctx, bool has_number, uint64_t number,
			       struct source *s)
{
	struct ap_stack stack;
	size_t index;

	AP_TRY(ap_selected_frame(ctx, true, &stack, &index));
	if (has_number)
		index = number;
	if (index >= stack.frames.n)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
					      "there is no frame %zu: the stack has %zu", index,
					      stack.frames.n),
				   "`bt` lists them");
	const struct ap_frame *f = &stack.frames.at[index];
	if (!ap_frame_is_js(f) || !f->callee.has_ref)
		return ap_err_hint(ap_err_new(AP_E_TYPE, "frame %zu is no JavaScript function (%s)",
					      index, ap_frame_kind_name(f->kind)),
				   "`bt` lists the frames, `frame N` selects one");
	s->of_frame = true;
	s->frame = index;
	s->function = f->callee;
	return ctx->model->ops->source(ctx->model, f->callee.ref, f, ctx->arena, &s->source);
}

/* llnode pages: each call goes on where the last one on the same frame ended. */
static void llnode_range(struct ap_ctx *ctx, struct source *s)
{
	const char *last = ap_session_setting(ctx->session, "source-list");
	unsigned long frame = 0, next = 0;
	int begin = s->source.first_line;

	if (ctx->args.given[OPT_FROM])
		begin = ctx->args.number[OPT_FROM] > 100000000 ? 100000000
							       : (int)ctx->args.number[OPT_FROM];
	else if (last && sscanf(last, "%lu %lu", &frame, &next) == 2 && frame == s->frame &&
		 next < 100000000)
		begin = (int)next;
	s->from = begin;
	s->to = begin + LLNODE_LINES - 1;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct source *s = ap_alloc(ctx->arena, sizeof(*s));
	uint64_t number = 0;
	bool given = false;

	if (!s)
		return &ap_err_nomem;
	bool numbered = frame_word(ctx, &number);
	if (!numbered && ctx->dialect != AP_LLNODE)
		AP_TRY(ap_ctx_value(ctx, &s->function, &given, NULL));
	if (given || ctx->dialect == AP_MDB) {
		if (s->function.type != AP_T_FUNCTION && s->function.type != AP_T_CLASS)
			return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSFunction",
					  s->function.has_ref ? s->function.ref : ctx->address);
		AP_TRY(ctx->model->ops->source(ctx->model, s->function.ref, NULL, ctx->arena,
					       &s->source));
	} else {
		AP_TRY(of_frame(ctx, numbered, number, s));
	}
	int context = CONTEXT;
	if (ctx->args.given[OPT_LINES])
		context = ctx->args.number[OPT_LINES] > 1000000 ? 1000000
								: (int)ctx->args.number[OPT_LINES];
	if (ctx->dialect == AP_LLNODE) {
		llnode_range(ctx, s);
	} else if (ctx->args.given[OPT_WHOLE]) {
		s->from = 1;
		s->to = ap_source_last_line(&s->source);
	} else if (s->source.line) {
		s->from = s->source.line - context;
		s->to = s->source.line + context;
	} else {
		s->from = s->source.first_line - (ctx->dialect == AP_MDB ? context : 0);
		s->to = s->source.last_line + (ctx->dialect == AP_MDB ? context : 0);
	}
	if (s->from < 1)
		s->from = 1;
	*ret_data = s;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct source *s = p;

	ap_json_object(j, "data");
	ap_json_text(j, "script", s->source.script);
	ap_json_value(ctx, j, "function", &s->function);
	ap_json_position(j, "first_line", s->source.first_line);
	ap_json_position(j, "last_line", s->source.last_line);
	ap_json_position(j, "line", s->source.line);
	ap_json_position(j, "column", s->source.column);
	ap_json_array(j, "lines");
	int last = ap_source_last_line(&s->source);
	for (int line = s->from; line <= s->to && line <= last && line - s->from < JSON_LINES;
	     line++) {
		struct ap_text text = ap_source_line(&s->source, line);

		ap_json_object(j, NULL);
		ap_json_int(j, "line", line);
		ap_json_text(j, "text", text);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct source *s = p;

	ap_out_styled_text(ctx->out, AP_STYLE_HEAD,
			   s->source.script.n ? s->source.script : AP_TEXT("<anonymous>"));
	if (s->source.line)
		ap_out_f(ctx->out, ":%d:%d", s->source.line, s->source.column);
	ap_out_s(ctx->out, "\n");
	ap_plain_source_lines(ctx, &s->source, s->from, s->to, ctx->args.given[OPT_WHOLE]);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct source *s = p;
	uint64_t lines = ctx->args.given[OPT_LINES] ? ctx->args.number[OPT_LINES] : CONTEXT;

	ap_out_s(ctx->out, "file: ");
	ap_mdb_ascii(ctx->out, s->source.script);
	ap_out_s(ctx->out, "\n\n");
	ap_mdb_source_lines(ctx, &s->source, lines, 0);
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct source *s = p;
	int line = s->from;
	char next[64];

	for (; line <= s->to && line <= ap_source_last_line(&s->source); line++) {
		struct ap_text text = ap_source_line(&s->source, line);

		ap_out_f(ctx->out, "%s%d ", line == s->source.line ? "->" : "  ", line);
		ap_out_text(ctx->out, text);
		ap_out_s(ctx->out, "\n");
	}
	snprintf(next, sizeof(next), "%zu %d", s->frame, line);
	AP_ERR_AUTO ignored = ap_session_set(ctx->session, "source-list", next);
	(void)ignored;
}

const struct ap_cmd ap_cmd_source = {
	.names = {[AP_PLAIN] = "source|list|l",
		  [AP_MDB] = "jssource",
		  [AP_LLNODE] = "source list|jssource"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "source lines, the executing one marked",
	.synopsis = {[AP_PLAIN] = "[N|ADDR|NAME] [-n LINES] [-a]",
		     [AP_MDB] = "[-n numlines]",
		     [AP_LLNODE] = "[-l line]"},
	.help = "Of the selected frame, of frame N, or of a function by its address or name. The text is "
		"what V8 ran, as it lies in the core: no file is read.",
	.options = options,
	.example = "source",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
