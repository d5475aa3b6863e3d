/* info = ::status = v8 nodeinfo: which process this was. */
#include <inttypes.h>
#include <signal.h>

#include "base/mask.h"
#include "base/number.h"
#include "cmd/commands.h"
#include "cmd/process.h"
#include "model/core.h"

struct info {
	struct ap_info info;
	struct ap_text command_line;
	const struct ap_process *process; /* NULL if the target is no core */
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct info *i = ap_alloc(ctx->arena, sizeof(*i));
	struct ap_image *image = ap_core_model_image(ctx->model);

	if (!i)
		return &ap_err_nomem;
	AP_TRY(ctx->model->ops->info(ctx->model, ctx->arena, &i->info));
	i->process = image ? ap_image_process(image) : NULL;
	AP_TRY(ap_masked_command_line(ctx, &i->info, &i->command_line));
	*ret_data = i;
	return NULL;
}

struct ap_err *ap_masked_command_line(struct ap_ctx *ctx, const struct ap_info *info,
				      struct ap_text *ret_line)
{
	struct ap_image *image = ap_core_model_image(ctx->model);
	const char **argv = image ? ap_image_process(image)->argv : NULL;
	bool show = ap_session_show_secrets(ctx->session);
	AP_STR_AUTO line = {0};

	/* Word by word: "--token x" is a secret only as two words. */
	if (argv)
		ap_mask_command_line(&line, (const char *const *)argv, show);
	else if (show)
		ap_str_add(&line, info->command_line.s, info->command_line.n);
	else
		ap_mask_value(&line, (struct ap_text){0}, info->command_line);
	*ret_line = ap_str_text(&line, ctx->arena);
	return ret_line->s ? NULL : &ap_err_nomem;
}

void ap_json_sourced(struct ap_json *j, const char *key, const struct ap_sourced *fact)
{
	ap_json_object(j, key);
	ap_json_text(j, "value", fact->value);
	ap_json_text(j, "source", fact->source);
	ap_json_end_object(j);
}

static void json_words(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		       const struct ap_text *words, size_t n)
{
	struct ap_text previous = {0};

	ap_json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		AP_STR_AUTO word = {0};

		if (ap_session_show_secrets(ctx->session))
			ap_str_add(&word, words[i].s, words[i].n);
		else
			ap_mask_word(&word, previous, words[i]);
		ap_json_text(j, NULL, (struct ap_text){word.s ? word.s : "", word.n});
		previous = words[i];
	}
	ap_json_end_array(j);
}

void ap_json_process(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		     const struct ap_info *i, struct ap_text command_line)
{
	const char *signal = i->signal ? sigabbrev_np(i->signal) : NULL;
	char name[32];

	snprintf(name, sizeof(name), "SIG%s", signal ? signal : "?");
	ap_json_object(j, key);
	ap_json_int(j, "pid", i->pid);
	ap_json_int(j, "ppid", i->ppid);
	if (i->container)
		ap_json_null(j, "uid");
	else
		ap_json_uint(j, "uid", i->uid);
	ap_json_bool(j, "died", i->died);
	ap_json_cstr(j, "signal", i->signal ? name : NULL);
	ap_json_text(j, "executable", i->executable);
	ap_json_text(j, "node_version", i->node_version);
	ap_json_text(j, "v8_version", i->v8_version);
	ap_json_text(j, "arch", i->arch);
	ap_json_text(j, "command_line", command_line);
	json_words(ctx, j, "argv", i->argv.at, i->argv.n);
	json_words(ctx, j, "exec_argv", i->exec_argv.at, i->exec_argv.n);
	ap_json_object(j, "versions");
	for (size_t k = 0; k < i->versions.n; k++) {
		const struct ap_variable *v = &i->versions.at[k];
		const char *version = ap_strndup(ctx->arena, v->name.s, v->name.n);

		ap_json_text(j, version ? version : "", v->value.text);
	}
	ap_json_end_object(j);
	ap_json_sourced(j, "hostname", &i->hostname);
	ap_json_sourced(j, "died_at", &i->died_at);
	ap_json_sourced(j, "uptime", &i->uptime);
	ap_json_sourced(j, "cwd", &i->cwd);
	ap_json_sourced(j, "title", &i->title);
	if (i->uptime.value.s)
		ap_json_double(j, "uptime_seconds", i->uptime_seconds);
	else
		ap_json_null(j, "uptime_seconds");
	ap_json_uint(j, "isolates", i->n_isolates);
	ap_json_uint(j, "core_bytes", i->core_bytes);
	ap_json_uint(j, "core_expected_bytes", i->core_expected_bytes);
	ap_json_bool(j, "truncated", i->truncated);
	ap_json_text(j, "layout", i->layout);
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct info *i = p;

	ap_json_process(ctx, j, "data", &i->info, i->command_line);
}

static void line(struct ap_out *out, const char *name, struct ap_text value, struct ap_text source)
{
	if (!value.s)
		return;
	ap_out_styled(out, AP_STYLE_NAME, "%-12s", name);
	ap_out_s(out, "  ");
	ap_out_text(out, value);
	if (source.n) {
		ap_out_style(out, AP_STYLE_DIM);
		ap_out_s(out, "  (from ");
		ap_out_text(out, source);
		ap_out_s(out, ")");
		ap_out_style(out, AP_STYLE_PLAIN);
	}
	ap_out_s(out, "\n");
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct info *i = p;
	const struct ap_text none = {0};
	struct ap_out *out = ctx->out;
	char size[AP_NUMBER_MAX], expected[AP_NUMBER_MAX];

	line(out, "node", i->info.node_version, none);
	line(out, "v8", i->info.v8_version, none);
	line(out, "executable", i->info.executable, none);
	line(out, "command", i->command_line, none);
	line(out, "directory", i->info.cwd.value, i->info.cwd.source);
	line(out, "host", i->info.hostname.value, i->info.hostname.source);
	line(out, "title", i->info.title.value, i->info.title.source);
	ap_out_styled(out, AP_STYLE_NAME, "%-12s", "process");
	ap_out_f(out, "  pid %d", (int)i->info.pid);
	if (i->info.ppid)
		ap_out_f(out, ", parent %d", (int)i->info.ppid);
	if (!i->info.container)
		ap_out_f(out, ", user %u", (unsigned)i->info.uid);
	ap_out_s(out, "\n");
	line(out, i->info.died ? "died" : "taken", i->info.died_at.value, i->info.died_at.source);
	line(out, "up", i->info.uptime.value, i->info.uptime.source);
	if (i->info.signal) {
		const char *name = sigabbrev_np(i->info.signal);

		ap_out_styled(out, AP_STYLE_NAME, "%-12s", "signal");
		ap_out_f(out, "  SIG%s (%s)\n", name ? name : "?", strsignal(i->info.signal));
	}
	ap_out_styled(out, AP_STYLE_NAME, "%-12s", i->info.container ? i->info.container : "core");
	ap_out_f(out, "  %s%s%s%s\n", ap_bytes_human(i->info.core_bytes, size),
		 i->info.truncated ? ", cut off: it should have " : ", whole",
		 i->info.truncated ? ap_bytes_human(i->info.core_expected_bytes, expected) : "",
		 "");
	line(out, "layout", i->info.layout, none);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct info *i = p;
	struct ap_out *out = ctx->out;
	const struct ap_process *process = i->process;

	if (ap_session_live(ctx->session)) {
		ap_out_f(out,
			 "debugging PID %d (64-bit)\nfile: ", (int)ap_session_live(ctx->session));
		ap_out_text(out, i->info.executable);
		ap_out_s(out, "\nthreading model: native threads\nstatus: stopped by debugger\n");
		return;
	}
	ap_out_s(out, "debugging core file of ");
	ap_out_text(out, process && process->fname ? ap_text_of(process->fname) : AP_TEXT("node"));
	ap_out_s(out, " (64-bit)");
	if (i->info.hostname.value.n) {
		ap_out_s(out, " from ");
		ap_out_text(out, i->info.hostname.value);
	}
	ap_out_s(out, "\nfile: ");
	ap_out_text(out, i->info.executable);
	ap_out_s(out, "\ninitial argv: ");
	ap_out_text(out, i->command_line);
	ap_out_s(out, "\nthreading model: native threads\nstatus: ");
	if (!i->info.died) {
		ap_out_s(out, "process core file generated with gcore(1)\n");
		return;
	}
	if (i->info.container) {
		ap_out_f(out, "process wrote a %s and exited, pid=%d\n", i->info.container,
			 (int)i->info.pid);
		return;
	}
	const char *name = sigabbrev_np(i->info.signal);
	ap_out_f(out, "process terminated by SIG%s (%s), pid=%d uid=%u", name ? name : "?",
		 strsignal(i->info.signal), (int)i->info.pid, (unsigned)i->info.uid);
	if (process && process->siginfo.present) {
		ap_out_f(out, " code=%d", process->siginfo.code);
		if (i->info.signal == SIGSEGV || i->info.signal == SIGBUS ||
		    i->info.signal == SIGILL || i->info.signal == SIGFPE)
			ap_out_f(out, " addr=%" PRIx64, process->siginfo.address);
	}
	ap_out_s(out, "\n");
}

static void llnode_list(struct ap_out *out, const struct ap_text *words, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		ap_out_f(out, "    [%zu] = '", k);
		ap_out_text(out, words[k]);
		ap_out_s(out, "'\n");
	}
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct info *i = p;
	struct ap_out *out = ctx->out;

	ap_out_f(out, "Information for process id %d\n", (int)i->info.pid);
	ap_out_s(out, "Platform = linux, Architecture = ");
	ap_out_text(out, i->info.arch);
	ap_out_s(out, ", Node Version = ");
	ap_out_text(out, i->info.node_version);
	ap_out_s(out, "\nComponent versions (process.versions):\n");
	for (size_t k = 0; k < i->info.versions.n; k++) {
		ap_out_s(out, "    ");
		ap_out_text(out, i->info.versions.at[k].name);
		ap_out_s(out, " = ");
		ap_out_text(out, i->info.versions.at[k].value.text);
		ap_out_s(out, "\n");
	}
	ap_out_s(out, "Executable Path = ");
	ap_out_text(out, i->info.executable);
	ap_out_s(out, "\nCommand line arguments (process.argv):\n");
	llnode_list(out, i->info.argv.at, i->info.argv.n);
	ap_out_s(out, "Node.js Command line arguments (process.execArgv):\n");
	llnode_list(out, i->info.exec_argv.at, i->info.exec_argv.n);
}

const struct ap_cmd ap_cmd_info = {
	.names = {[AP_PLAIN] = "info", [AP_MDB] = "status", [AP_LLNODE] = "nodeinfo"},
	.group = AP_GROUP_DIED,
	.summary = "which process this was: versions, command, times",
	.synopsis = {[AP_PLAIN] = "", [AP_MDB] = "", [AP_LLNODE] = ""},
	.help = "What cannot be told with certainty is left out; where something else than the core says "
		"it (a file's date, say), that is named.",
	.example = "info",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
