/* ::eval, $<, $<<, ::cat, ::echo: lines and texts that come from elsewhere. */
#include "cmd/answer.h"
#include "cmd/commands.h"

struct script {
	const char *lines;
};

static struct ap_err *script_of(struct ap_ctx *ctx, const char *lines, void **ret_data)
{
	struct script *script = ap_alloc(ctx->arena, sizeof(*script));

	if (!script || !lines)
		return &ap_err_nomem;
	script->lines = lines;
	*ret_data = script;
	return NULL;
}

static struct ap_err *eval_data(struct ap_ctx *ctx, void **ret_data)
{
	if (ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "expected one text"),
				   "::eval \"::status; $c\"");
	return script_of(ctx, ctx->args.words[0], ret_data);
}

static struct ap_err *source_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_text text;

	if (ctx->args.n_words < 2)
		return ap_err_new(AP_E_USAGE, "expected a file following %s",
				  ctx->args.n_words ? ctx->args.words[0] : "$<");
	AP_TRY(ap_file_text(ctx->args.words[1], ctx->arena, &text));
	return script_of(ctx, text.s ? text.s : "", ret_data);
}

/* Where a script cannot go on is said like any error of a line of it. */
static void run_script(struct ap_ctx *ctx, const struct script *script, struct ap_out *out)
{
	AP_ERR_AUTO err = ap_session_run_into(ctx->session, script->lines, out);

	if (err)
		ap_warn(ctx, "%s%s%s", err->message, err->hint ? ": " : "",
			err->hint ? err->hint : "");
}

static void script_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	struct ap_out out;

	ap_out_init(&out, NULL);
	out.width = ctx->out->width;
	run_script(ctx, p, &out);
	ap_json_object(j, "data");
	ap_json_text(j, "text", (struct ap_text){out.text.s ? out.text.s : "", out.text.n});
	ap_json_end_object(j);
	ap_out_close(&out);
}

static void script_text(struct ap_ctx *ctx, const void *p)
{
	run_script(ctx, p, ctx->out);
}

const struct ap_cmd ap_cmd_eval = {
	.names = {[AP_MDB] = "eval"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "run a text as a line",
	.synopsis = {[AP_MDB] = "\"command\""},
	.help = "A bare expression in it only sets dot.",
	.example = "::eval \"0t16=X\"",
	.data = eval_data,
	.json = script_json,
	.text = {[AP_PLAIN] = script_text},
};

const struct ap_cmd ap_cmd_source_file = {
	.names = {[AP_MDB] = "$<|$<<"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "run the lines of a file",
	.synopsis = {[AP_MDB] = "file"},
	.help = "An address in front becomes dot of its first line. A line that fails does not end the file.",
	.example = "$</dev/null",
	.bare = true,
	.data = source_data,
	.json = script_json,
	.text = {[AP_PLAIN] = script_text},
};

static struct ap_err *cat_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO all = {0};

	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which file?");
	for (size_t i = 0; i < ctx->args.n_words; i++) {
		struct ap_text text;

		AP_TRY(ap_file_text(ctx->args.words[i], ctx->arena, &text));
		ap_str_add(&all, text.s, text.n);
	}
	return ap_answer_text(ctx, ret_data, "%s", all.s ? all.s : "");
}

const struct ap_cmd ap_cmd_cat = {
	.names = {[AP_MDB] = "cat"},
	.group = AP_GROUP_SESSION,
	.summary = "print files: ::cat FILE | ::dcmd pipes addresses",
	.synopsis = {[AP_MDB] = "file ..."},
	.help = "Each line of a file that feeds a pipe is an expression.",
	.example = "::cat /dev/null",
	.data = cat_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *echo_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO line = {0};

	for (size_t i = 0; i < ctx->args.n_words; i++)
		ap_str_addf(&line, "%s%s", i ? " " : "", ctx->args.words[i]);
	return ap_answer_text(ctx, ret_data, "%s\n", line.s ? line.s : "");
}

const struct ap_cmd ap_cmd_echo = {
	.names = {[AP_MDB] = "echo"},
	.group = AP_GROUP_SESSION,
	.summary = "print words, $[expression] as a number",
	.synopsis = {[AP_MDB] = "word ..."},
	.help = "::echo two and two: $[2+2]",
	.example = "::echo $[2+2]",
	.data = echo_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
