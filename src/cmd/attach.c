/* ::attach, ::release: a running process as the target, stopped while we hold it. */
#include "cmd/answer.h"
#include "cmd/commands.h"

static struct ap_err *attach_data(struct ap_ctx *ctx, void **ret_data)
{
	uint64_t pid = ctx->address;

	if (ctx->dialect == AP_MDB && ctx->has_address ? ctx->args.n_words : ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which process?"),
				   "`autopsy ps` lists those of Node");
	if (ctx->args.n_words && !ap_parse_number(ctx->args.words[0], 10, &pid))
		return ap_err_new(AP_E_USAGE, "\"%s\" is not a process id", ctx->args.words[0]);
	if (pid < 1 || pid > INT32_MAX)
		return ap_err_new(AP_E_USAGE, "%llu is not a process id", (unsigned long long)pid);
	AP_TRY(ap_session_attach(ctx->session, (pid_t)pid));
	return ap_answer_text(ctx, ret_data,
			      ap_session_live(ctx->session)
				      ? "attached to %d: it is stopped until ::release or the end\n"
				      : "read %d: it runs on\n",
			      (int)pid);
}

const struct ap_cmd ap_cmd_attach = {
	.names = {[AP_PLAIN] = "attach", [AP_MDB] = "attach"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "stop a running process and look at it",
	.synopsis = {[AP_PLAIN] = "PID", [AP_MDB] = "[pid]"},
	.help = "The same as `autopsy -p PID`. All its threads stand still until `release`, the end of the "
		"session, or our own death, however it comes; then they go on as if nothing had been. The "
		"memory is read at once, and what was read stays after `release`. `autopsy snapshot PID` "
		"takes a core with a pause of milliseconds instead.",
	.example = "help attach",
	.data = attach_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *release_data(struct ap_ctx *ctx, void **ret_data)
{
	pid_t pid = ap_session_live(ctx->session);

	AP_TRY(ap_session_release(ctx->session));
	return ap_answer_text(ctx, ret_data, "%d runs again; what was read of it stays\n",
			      (int)pid);
}

const struct ap_cmd ap_cmd_release = {
	.names = {[AP_PLAIN] = "release|detach", [AP_MDB] = "release|detach|:R"},
	.group = AP_GROUP_SESSION,
	.summary = "let the process that is held go on",
	.synopsis = {[AP_PLAIN] = "", [AP_MDB] = "[-a]"},
	.help = "The session keeps the picture that was taken when it was attached.",
	.options = (const struct ap_option[]){{'a', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
					       "as mdb: nothing else here"},
					      {0}},
	.example = "help release",
	.data = release_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
