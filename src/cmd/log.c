/* ::log = $>: a transcript of the session. */
#include "cmd/answer.h"
#include "cmd/commands.h"

enum { OPT_DISABLE };

static const struct ap_option options[] = {
	[OPT_DISABLE] = {'d', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "no more"},
	{0},
};

static struct ap_err *log_to(struct ap_ctx *ctx, const char *path, void **ret_data)
{
	const char *old = ap_session_log_path(ctx->session);
	/* The name is the session's, and gone with the old transcript. */
	const char *before = old ? ap_strndup(ctx->arena, old, strlen(old)) : NULL;

	AP_TRY(ap_session_log(ctx->session, path));
	if (path)
		return ap_answer_text(ctx, ret_data, "mdb: logging to \"%s\"\n", path);
	return ap_answer_text(ctx, ret_data, before ? "mdb: logging to \"%s\" disabled\n" : "%s",
			      before ? before : "mdb: logging is already disabled\n");
}

static struct ap_err *log_data(struct ap_ctx *ctx, void **ret_data)
{
	const char *now = ap_session_log_path(ctx->session);

	if (ctx->args.n_words > 1 || (ctx->args.n_words && ctx->args.given[OPT_DISABLE]))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "one file, or -d"),
				   "::log FILE, ::log -d");
	if (ctx->args.given[OPT_DISABLE])
		return log_to(ctx, NULL, ret_data);
	if (ctx->args.n_words)
		return log_to(ctx, ctx->args.words[0], ret_data);
	return ap_answer_text(ctx, ret_data, now ? "mdb: logging to \"%s\"\n" : "%s",
			      now ? now : "mdb: logging is disabled\n");
}

const struct ap_cmd ap_cmd_log = {
	.names = {[AP_MDB] = "log"},
	.group = AP_GROUP_SESSION,
	.summary = "append what is typed and printed to a file",
	.synopsis = {[AP_MDB] = "[-d | file]"},
	.help = "Results and messages go to the terminal as well. Without a word it tells where the transcript "
		"goes.",
	.options = options,
	.example = "::log",
	.data = log_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *dollar_data(struct ap_ctx *ctx, void **ret_data)
{
	return log_to(ctx, ctx->args.n_words > 1 ? ctx->args.words[1] : NULL, ret_data);
}

const struct ap_cmd ap_cmd_log_dollar = {
	.names = {[AP_MDB] = "$>"},
	.group = AP_GROUP_SESSION,
	.summary = "append what is typed and printed to a file: $>file",
	.synopsis = {[AP_MDB] = "[file]"},
	.help = "Without a file, no more; as ::log and ::log -d.",
	.example = "$>",
	.bare = true,
	.data = dollar_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
