/*
 * bt = ::jsstack = v8 bt: the stack of every thread that runs JavaScript.
 *
 * All dialects number frames alike, over all kinds; plain and mdb text leave V8's own entry and
 * exit frames out. mdb and llnode speak of one thread, as they always did.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/values.h"

enum { OPT_ALL, OPT_VERBOSE, OPT_FUNCTION, OPT_PROPERTY, OPT_LINES, OPT_LIMIT, OPT_THREAD };

static const struct ap_option options[] = {
	[OPT_ALL] =
		{'a', "all", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_MDB, NULL,
		 "plain: every thread, and V8's own frames; mdb: frame pointers, return addresses "
		 "and hidden frames"},
	[OPT_VERBOSE] = {'v', "verbose", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_MDB, NULL,
			 "receiver and arguments of each frame; in mdb its source too"},
	[OPT_FUNCTION] = {'f', "function", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "function",
			  "only frames of the function with exactly this name"},
	[OPT_PROPERTY] = {'p', NULL, AP_OPTION_TEXT, AP_IN_MDB, "property",
			  "print only this of each frame: file, posn, this, arg1, arg2 ..."},
	[OPT_LINES] = {'n', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "numlines",
		       "lines of context around the source (default 5); 0 shows no source"},
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "at most N frames"},
	[OPT_THREAD] = {'t', "thread", AP_OPTION_NUMBER, AP_IN_PLAIN, "TID", "only this thread"},
	{0},
};

struct bt {
	AP_VEC(struct ap_stack) stacks;
	size_t representative; /* in stacks */
	uint64_t limit;        /* 0: none */
};

static bool runs_javascript(const ap_frame_vec *frames)
{
	for (size_t i = 0; i < frames->n; i++) {
		if (frames->at[i].kind == AP_FRAME_JS || frames->at[i].kind == AP_FRAME_ASYNC)
			return true;
	}
	return false;
}

/* The one number that plain and llnode take as a word. */
static struct ap_err *word_limit(struct ap_ctx *ctx, struct bt *bt, bool *ret_all)
{
	for (size_t i = 0; i < ctx->args.n_words; i++) {
		const char *word = ctx->args.words[i];

		if (strcmp(word, "all") == 0 && ctx->dialect == AP_PLAIN)
			*ret_all = true;
		else if (ctx->dialect == AP_MDB || !ap_parse_number(word, 10, &bt->limit) ||
			 !bt->limit)
			return ap_err_new(AP_E_USAGE,
					  ctx->dialect == AP_LLNODE
						  ? "Invalid number of frames"
						  : "not a number of frames: \"%s\"",
					  word);
	}
	return NULL;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct bt *bt = ap_alloc(ctx->arena, sizeof(*bt));
	ap_thread_vec threads = {0};
	bool every = ctx->dialect == AP_PLAIN && ctx->args.given[OPT_ALL];
	bool values = ctx->json || ctx->dialect == AP_LLNODE || ctx->args.given[OPT_VERBOSE] ||
		      (ctx->dialect == AP_MDB && ctx->args.given[OPT_ALL]) ||
		      ctx->args.given[OPT_PROPERTY];

	if (!bt)
		return &ap_err_nomem;
	if (ctx->args.given[OPT_LIMIT])
		bt->limit = ctx->args.number[OPT_LIMIT];
	AP_TRY(word_limit(ctx, bt, &every));
	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	if (!threads.n)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no thread");
	size_t first = ap_representative_thread(&threads);
	for (size_t i = 0; i < threads.n && !ap_ctx_cancelled(ctx); i++) {
		const struct ap_thread_info *info = &threads.at[i];
		struct ap_stack stack;

		if (ctx->args.given[OPT_THREAD]
			    ? (uint64_t)info->tid != ctx->args.number[OPT_THREAD]
			    : !every && i != first &&
				      (info->role == AP_ROLE_NATIVE ||
				       (!ctx->json && ctx->dialect != AP_PLAIN)))
			continue;
		AP_TRY(ap_stack_of(ctx, i, values, &stack));
		/* An idle worker's stack says nothing in text; in JSON its threads are all there.
		 */
		if (!ctx->json && !every && !ctx->args.given[OPT_THREAD] && i != first &&
		    !runs_javascript(&stack.frames))
			continue;
		if (i == first)
			bt->representative = bt->stacks.n;
		if (!ap_vec_push(ctx->arena, &bt->stacks, stack))
			return &ap_err_nomem;
	}
	if (ctx->args.given[OPT_THREAD] && !bt->stacks.n)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no thread %" PRIu64,
					      ctx->args.number[OPT_THREAD]),
				   "`threads` lists them");
	*ret_data = bt;
	return NULL;
}

void ap_json_frame(struct ap_ctx *ctx, struct ap_json *j, const char *key, const struct ap_frame *f)
{
	bool js = ap_frame_is_js(f);
	bool code = f->kind == AP_FRAME_JS || f->kind == AP_FRAME_ASYNC;

	ap_json_object(j, key);
	ap_json_cstr(j, "kind", ap_frame_kind_name(f->kind));
	ap_json_text(j, "function", js ? f->function : (struct ap_text){0});
	ap_json_text(j, "script", code ? f->script : (struct ap_text){0});
	ap_json_position(j, "line", f->line);
	ap_json_position(j, "column", f->column);
	ap_json_cstr(j, "tier", ap_tier_name(f->tier));
	ap_json_bool(j, "inlined", f->inlined);
	if (f->fp)
		ap_json_addr(j, "fp", f->fp);
	else
		ap_json_null(j, "fp");
	if (f->pc)
		ap_json_addr(j, "pc", f->pc);
	else
		ap_json_null(j, "pc");
	if (js && f->callee.has_address)
		ap_json_addr(j, "function_address", f->callee.address);
	else
		ap_json_null(j, "function_address");
	ap_json_bool(j, "user_code", f->user_code);
	if (f->has_receiver)
		ap_json_value(ctx, j, "receiver", &f->receiver);
	else
		ap_json_null(j, "receiver");
	ap_json_variables(ctx, j, "arguments", f->arguments.at, f->arguments.n);
	ap_json_text(j, "module", f->module);
	ap_json_text(j, "symbol", f->symbol);
	if (f->symbol.s || f->module.s)
		ap_json_uint(j, "offset", f->offset);
	else if (code && f->position > 0)
		ap_json_int(j, "offset", f->position);
	else
		ap_json_null(j, "offset");
	ap_json_text(j, "internal", f->internal_name);
	ap_json_end_object(j);
}

static bool wanted(const struct ap_ctx *ctx, const struct ap_frame *f)
{
	return !ctx->args.given[OPT_FUNCTION] ||
	       ap_text_is(f->function, ctx->args.text[OPT_FUNCTION]) ||
	       ap_text_is(f->name, ctx->args.text[OPT_FUNCTION]);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct bt *bt = p;

	ap_json_object(j, "data");
	ap_json_array(j, "threads");
	for (size_t i = 0; i < bt->stacks.n; i++) {
		const struct ap_stack *stack = &bt->stacks.at[i];

		ap_json_object(j, NULL);
		ap_json_int(j, "tid", stack->info.tid);
		ap_json_cstr(j, "role", ap_thread_role_name(stack->info.role));
		ap_json_bool(j, "crashed", stack->info.crashed);
		ap_json_array(j, "frames");
		for (size_t k = 0; k < stack->frames.n && (!bt->limit || k < bt->limit); k++) {
			if (wanted(ctx, &stack->frames.at[k]))
				ap_json_frame(ctx, j, NULL, &stack->frames.at[k]);
		}
		ap_json_end_array(j);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

enum { TITLE_COLUMNS = 44 };

static void plain_frame(struct ap_ctx *ctx, const struct ap_frame *f, size_t index, bool selected)
{
	struct ap_out *out = ctx->out;
	struct ap_text title = ap_frame_title(f);
	bool js = ap_frame_is_js(f);
	AP_STR_AUTO name = {0};

	ap_str_add(&name, title.s, title.n);
	if (!js && f->symbol.n && f->offset)
		ap_str_addf(&name, "+0x%" PRIx64, f->offset);
	ap_out_f(out, "%c%4zu  ", selected ? '>' : ' ', index);
	ap_out_style(out, f->user_code ? AP_STYLE_STRONG : js ? AP_STYLE_PLAIN : AP_STYLE_DIM);
	/* Native names are long and matter least: cut; JavaScript's are never cut. */
	struct ap_text shown = {name.s ? name.s : "", name.n};
	if (js && shown.n > TITLE_COLUMNS)
		ap_out_text(out, shown);
	else
		ap_out_cell(out, shown, TITLE_COLUMNS, false);
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_s(out, "  ");
	ap_out_text(out, ap_frame_place(f, ctx->arena));
	if (f->tier == AP_TIER_MAGLEV || f->tier == AP_TIER_TURBOFAN || f->inlined)
		ap_out_styled(out, AP_STYLE_DIM, "  (%s%s)",
			      ap_tier_name(f->tier) ? ap_tier_name(f->tier) : "",
			      f->inlined ? ", inlined" : "");
	ap_out_s(out, "\n");
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct bt *bt = p;
	struct ap_selection selection = ap_session_selection(ctx->session);
	struct ap_out *out = ctx->out;

	for (size_t i = 0; i < bt->stacks.n && !out->broken; i++) {
		const struct ap_stack *stack = &bt->stacks.at[i];
		uint64_t shown = 0;

		if (bt->stacks.n > 1) {
			ap_out_styled(out, AP_STYLE_HEAD, "%s%s thread %d", i ? "\n" : "",
				      ap_thread_role_name(stack->info.role), (int)stack->info.tid);
			if (stack->info.crashed)
				ap_out_styled(out, AP_STYLE_BAD, ", crashed");
			if (stack->info.doing.n) {
				ap_out_s(out, ", ");
				ap_out_text(out, stack->info.doing);
			}
			ap_out_s(out, "\n");
		}
		for (size_t k = 0; k < stack->frames.n && !out->broken; k++) {
			const struct ap_frame *f = &stack->frames.at[k];

			if (!wanted(ctx, f) ||
			    (f->kind == AP_FRAME_INTERNAL && !ctx->args.given[OPT_ALL]))
				continue;
			if (bt->limit && shown++ == bt->limit) {
				ap_out_styled(out, AP_STYLE_DIM, "       ... %zu more frames\n",
					      stack->frames.n - k);
				break;
			}
			plain_frame(ctx, f, k,
				    selection.chosen && selection.thread == stack->thread &&
					    selection.frame == k);
			if (!ctx->args.given[OPT_VERBOSE])
				continue;
			if (f->has_receiver)
				ap_plain_variable(
					ctx, &(struct ap_variable){AP_TEXT("this"), f->receiver},
					10);
			for (size_t a = 0; a < f->arguments.n; a++)
				ap_plain_variable(ctx, &f->arguments.at[a], 10);
		}
		if (!stack->frames.n)
			ap_out_s(out, "       no frame could be read\n");
	}
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct bt *bt = p;
	const struct ap_stack *stack = &bt->stacks.at[bt->representative];
	struct ap_mdb_frames state = {
		.all = ctx->args.given[OPT_ALL],
		.verbose = ctx->args.given[OPT_VERBOSE],
		.function = ctx->args.text[OPT_FUNCTION],
		.property = ctx->args.text[OPT_PROPERTY],
		.lines = ctx->args.given[OPT_LINES] ? ctx->args.number[OPT_LINES] : 5,
	};
	/* An address in front is the frame pointer to begin with. */
	bool begun = !ctx->has_address;

	for (size_t i = 0; i < stack->frames.n && !ctx->out->broken; i++) {
		begun = begun || stack->frames.at[i].fp == ctx->address;
		if (begun)
			ap_mdb_frame(ctx, &stack->frames.at[i], &state);
	}
	ap_mdb_frames_end(ctx, &state);
	if (!begun)
		ap_warn(ctx, "no frame with frame pointer %" PRIx64, ctx->address);
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct bt *bt = p;
	const struct ap_stack *stack = &bt->stacks.at[bt->representative];
	struct ap_selection selection = ap_session_selection(ctx->session);
	size_t selected =
		selection.chosen && selection.thread == stack->thread ? selection.frame : 0;

	ap_llnode_thread(ctx, stack, stack->thread + 1);
	for (size_t i = 0; i < stack->frames.n && (!bt->limit || i < bt->limit); i++)
		ap_llnode_frame(ctx, &stack->frames.at[i], i, i == selected);
}

const struct ap_cmd ap_cmd_bt = {
	.names = {[AP_PLAIN] = "bt|stack|backtrace|where|thread backtrace",
		  [AP_MDB] = "jsstack",
		  [AP_LLNODE] = "bt|jsstack"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "the stack: JavaScript, native and async frames",
	.synopsis = {[AP_PLAIN] = "[N|all] [-av] [-f NAME] [-t TID]",
		     [AP_MDB] = "[-av] [-f function] [-p property] [-n numlines]",
		     [AP_LLNODE] = "[number]"},
	.help = "Every thread that runs JavaScript, innermost frame first: interpreted and optimised "
		"functions with those inlined into them, builtins, native frames in their places, and "
		"below them the async functions that wait for the result.\n\n"
		"The line is the one being executed, not the function's first. `frame N` selects a "
		"frame by its number; `locals`, `source` and `scope` then speak of it.",
	.options = options,
	.example = "bt",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
