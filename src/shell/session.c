/* What a session remembers, and how one command runs in it. */
#include "shell/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "graph/study.h"
#include "model/core.h"

enum { COMMAND_ARENA_BYTES = 1 << 30 };

struct ap_err *ap_session_open(const struct ap_session_options *options, struct ap_model *model,
			       struct ap_session **ret_session)
{
	struct ap_session *session = calloc(1, sizeof(*session));

	if (!session) {
		ap_model_close(model);
		return &ap_err_nomem;
	}
	session->options = *options;
	session->model = model;
	session->radix = 16;
	ap_out_init(&session->out, options->out);
	ap_console_open(session);
	*ret_session = session;
	return NULL;
}

void ap_session_close(struct ap_session *session)
{
	if (!session)
		return;
	ap_out_close(&session->out);
	ap_console_close(session);
	ap_session_let_go(session);
	ap_study_close(session->study);
	ap_model_close(session->model);
	for (size_t i = 0; i < AP_MAX_SETTINGS; i++) {
		free(session->settings[i].name);
		free(session->settings[i].value);
	}
	free(session->last);
	ap_variables_close(session->variables);
	free(session);
}

void ap_session_set_study(struct ap_session *session, struct ap_study *study)
{
	ap_study_close(session->study);
	session->study = study;
}

struct ap_study *ap_session_study(const struct ap_session *session)
{
	return session->study;
}

struct ap_selection ap_session_selection(const struct ap_session *session)
{
	return session->selection;
}

void ap_session_select(struct ap_session *session, struct ap_selection selection)
{
	session->selection = selection;
}

uint64_t ap_session_dot(const struct ap_session *session)
{
	return session->dot;
}

void ap_session_set_dot(struct ap_session *session, uint64_t dot)
{
	session->dot = dot;
}

unsigned ap_session_radix(const struct ap_session *session)
{
	return session->radix;
}

void ap_session_set_radix(struct ap_session *session, unsigned radix)
{
	session->radix = radix;
}

uint64_t ap_session_increment(const struct ap_session *session)
{
	return session->increment;
}

void ap_session_set_increment(struct ap_session *session, uint64_t increment)
{
	session->increment = increment;
}

void ap_session_set_width(struct ap_session *session, int columns)
{
	session->out.width = columns;
	session->width_set = true;
}

bool ap_session_show_secrets(const struct ap_session *session)
{
	return session->options.show_secrets;
}

bool *ap_session_v8_warnings(struct ap_session *session)
{
	return &session->v8_warnings;
}

const char *ap_session_setting(const struct ap_session *session, const char *name)
{
	for (size_t i = 0; i < AP_MAX_SETTINGS && session->settings[i].name; i++) {
		if (strcmp(session->settings[i].name, name) == 0)
			return session->settings[i].value;
	}
	return NULL;
}

struct ap_err *ap_session_set(struct ap_session *session, const char *name, const char *value)
{
	size_t i = 0;

	while (i < AP_MAX_SETTINGS && session->settings[i].name &&
	       strcmp(session->settings[i].name, name) != 0)
		i++;
	if (i == AP_MAX_SETTINGS)
		return ap_err_new(AP_E_LIMIT, "there are %d settings already", AP_MAX_SETTINGS);
	char *copy = strdup(value);
	if (!session->settings[i].name)
		session->settings[i].name = strdup(name);
	if (!copy || !session->settings[i].name) {
		free(copy);
		return &ap_err_nomem;
	}
	free(session->settings[i].value);
	session->settings[i].value = copy;
	return NULL;
}

void ap_session_quit(struct ap_session *session)
{
	session->quit = true;
}

int ap_session_status(const struct ap_session *session)
{
	return session->out.error ? AP_EXIT_FAILED : session->status;
}

void ap_session_raise_status(struct ap_session *session, int status)
{
	if (status > session->status)
		session->status = status;
}

bool ap_session_is_over(const struct ap_session *session)
{
	return session->quit || session->out.broken || session->out.error ||
	       session->status == AP_EXIT_INTERRUPTED;
}

/* The messages of an error and its causes: "x: y: z". */
static void error_text(struct ap_str *str, const struct ap_err *err)
{
	for (const struct ap_err *e = err; e; e = e->cause) {
		if (e != err)
			ap_str_adds(str, ": ");
		ap_str_adds(str, e->message);
	}
}

void ap_print_error(FILE *file, enum ap_dialect dialect, const char *command,
		    const struct ap_err *error)
{
	AP_STR_AUTO text = {0};
	const char *hint = ap_err_find_hint(error);

	error_text(&text, error);
	switch (dialect) {
	case AP_MDB:
		fprintf(file, "mdb: %s\n", text.s ? text.s : "");
		break;
	case AP_LLNODE:
		fprintf(file, "error: %s\n", text.s ? text.s : "");
		break;
	case AP_PLAIN:
	case AP_N_DIALECTS:
		fprintf(file, "autopsy: %s%s%s\n", command ? command : "", command ? ": " : "",
			text.s ? text.s : "");
		break;
	}
	if (hint)
		fprintf(file, dialect == AP_PLAIN ? "         %s\n" : "%s\n", hint);
}

static void print_warnings(struct ap_session *session, const struct ap_ctx *ctx)
{
	static const char *const prefix[] = {
		[AP_PLAIN] = "autopsy: ", [AP_MDB] = "mdb: ", [AP_LLNODE] = "warning: "};
	const struct ap_gaps *gaps = ctx->model ? &ctx->model->gaps : NULL;
	FILE *err = session->options.err;

	for (size_t i = 0; i < ctx->warnings.n; i++)
		fprintf(err, "%s%.*s\n", prefix[ctx->dialect], AP_TEXT_ARG(ctx->warnings.at[i]));
	/* mdb_v8 kept such things to itself unless asked. */
	if (!gaps || (!gaps->absent && !gaps->bad) ||
	    (ctx->dialect == AP_MDB && !session->v8_warnings))
		return;
	if (gaps->absent)
		fprintf(err, "%s%" PRIu64 " read%s of memory that the core does not hold",
			prefix[ctx->dialect], gaps->absent, gaps->absent == 1 ? "" : "s");
	if (gaps->bad)
		fprintf(err, "%s%" PRIu64 " thing%s that could not be decoded",
			gaps->absent ? "; " : prefix[ctx->dialect], gaps->bad,
			gaps->bad == 1 ? "" : "s");
	fprintf(err, " (first at 0x%" PRIx64 ")\n", gaps->first_address);
}

static void envelope_begin(struct ap_json *j, const char *target, const char *typed)
{
	ap_json_object(j, NULL);
	ap_json_cstr(j, "tool", "autopsy");
	ap_json_cstr(j, "version", AP_VERSION);
	ap_json_cstr(j, "target", target);
	ap_json_cstr(j, "command", typed);
}

static void envelope_end(struct ap_json *j, const struct ap_ctx *ctx, const struct ap_err *err)
{
	const struct ap_gaps *gaps = ctx && ctx->model ? &ctx->model->gaps : NULL;
	AP_STR_AUTO text = {0};

	if (err)
		ap_json_null(j, "data");
	ap_json_array(j, "warnings");
	for (size_t i = 0; ctx && i < ctx->warnings.n; i++)
		ap_json_text(j, NULL, ctx->warnings.at[i]);
	ap_json_end_array(j);
	ap_json_object(j, "gaps");
	ap_json_uint(j, "absent", gaps ? gaps->absent : 0);
	ap_json_uint(j, "bad", gaps ? gaps->bad : 0);
	if (gaps && (gaps->absent || gaps->bad))
		ap_json_addr(j, "first_address", gaps->first_address);
	else
		ap_json_null(j, "first_address");
	ap_json_end_object(j);
	if (err) {
		error_text(&text, err);
		ap_json_object(j, "error");
		ap_json_cstr(j, "code", ap_errc_name(err->code));
		ap_json_text(j, "message", (struct ap_text){text.s ? text.s : "", text.n});
		ap_json_cstr(j, "hint", ap_err_find_hint(err));
		ap_json_end_object(j);
	}
	ap_json_end_object(j);
	ap_json_newline(j);
}

void ap_print_json_error(FILE *file, const char *target, const char *command,
			 const struct ap_err *error)
{
	AP_STR_AUTO text = {0};
	struct ap_json j;

	ap_json_init(&j, &text, NULL);
	envelope_begin(&j, target, command);
	envelope_end(&j, NULL, error);
	(void)!fwrite(text.s ? text.s : "", 1, text.n, file);
}

static int status_of(const struct ap_err *err)
{
	if (err->code == AP_E_CANCELLED)
		return AP_EXIT_INTERRUPTED;
	return err->code == AP_E_USAGE ? AP_EXIT_USAGE : AP_EXIT_FAILED;
}

/* Straight into the file, unless a transcript has to see it too. */
static void json_begin(const struct ap_session *session, struct ap_json *j, struct ap_out *out)
{
	ap_json_init(j, &out->text, session->console.log ? NULL : out->file);
}

static void report_error(struct ap_session *session, const struct ap_ctx *ctx,
			 enum ap_dialect dialect, const char *command, const char *typed, bool json,
			 const struct ap_err *err, struct ap_out *out)
{
	/* Who left the pager knows that the command did not end. */
	if (err->code == AP_E_CANCELLED && session->console.quit)
		return;
	if (json) {
		struct ap_json j;

		json_begin(session, &j, out);
		envelope_begin(&j, session->options.target, typed);
		envelope_end(&j, ctx, err);
	} else {
		/* What was printed before stands above its error. */
		ap_out_flush(out);
		ap_print_error(session->options.err, dialect, command, err);
		if (session->console.log)
			ap_print_error(session->console.log, dialect, command, err);
	}
	/* At the prompt ^C ends a command, not the session. */
	if (err->code != AP_E_CANCELLED || !session->console.interactive)
		ap_session_raise_status(session, status_of(err));
}

void ap_line_error(struct ap_session *session, enum ap_dialect dialect, const char *typed,
		   struct ap_err *err, struct ap_out *out)
{
	report_error(session, NULL, dialect, NULL, typed, session->options.json, err, out);
	ap_err_free(err);
}

static struct ap_err *prepare(struct ap_ctx *ctx, const struct ap_invocation *inv, unsigned radix,
			      void **ret_data)
{
	bool snapshot = !ctx->model && ap_session_study(ctx->session);

	if (inv->cmd->needs_model && snapshot && !inv->cmd->snapshot_too)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					      "a heap snapshot holds objects only: this "
					      "needs a core"),
				   "suspects, classes, dominators, why and diff work on snapshots");
	if (inv->cmd->needs_model && !ctx->model && !snapshot)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "there is no core to look at"),
				   "start with: autopsy [NODE] CORE");
	AP_TRY(ap_args_parse(inv->cmd, inv->dialect, radix, inv->words, inv->n_words, ctx->arena,
			     &ctx->args));
	return inv->cmd->data(ctx, ret_data);
}

bool ap_run_invocation(struct ap_session *session, const struct ap_invocation *inv,
		       struct ap_out *out)
{
	struct ap_arena arena;
	bool json = inv->answer || (session->options.json && !inv->text);
	struct ap_ctx ctx = {
		.session = session,
		.model = session->model,
		.arena = &arena,
		.dialect = inv->dialect,
		.has_address = inv->has_address,
		.address = inv->has_address ? inv->address : session->dot,
		.has_count = inv->has_count,
		.count = inv->has_count ? inv->count : 1,
		.values = inv->values,
		.n_values = inv->n_values,
		.rows = inv->rows,
		.json = json,
		.out = out,
		.cancelled = &ap_cancelled,
	};
	void *data = NULL;
	bool ok = true;

	ap_arena_init(&arena, COMMAND_ARENA_BYTES);
	if (session->model)
		session->model->gaps = (struct ap_gaps){0};
	if (inv->has_address) {
		session->last_dot = session->dot;
		session->dot = inv->address;
	}
	AP_ERR_AUTO err = prepare(&ctx, inv, session->radix, &data);
	if (err) {
		const char *name = ap_cmd_name(inv->cmd, inv->dialect, &arena);

		if (inv->answer)
			report_error(session, &ctx, inv->dialect, name, inv->typed,
				     session->options.json, err, &session->out);
		else
			report_error(session, &ctx, inv->dialect, name, inv->typed, json, err, out);
		ok = false;
	} else if (json) {
		struct ap_json j;

		json_begin(session, &j, out);
		envelope_begin(&j, session->options.target, inv->typed);
		inv->cmd->json(&ctx, data, &j);
		envelope_end(&j, &ctx, NULL);
	} else if (inv->cmd->text[inv->dialect]) {
		inv->cmd->text[inv->dialect](&ctx, data);
	} else {
		inv->cmd->text[AP_PLAIN](&ctx, data);
	}
	if (!inv->text)
		ap_out_flush(out);
	if (!json || (inv->answer && !session->options.json))
		print_warnings(session, &ctx);
	if (session->model && (session->model->gaps.absent || session->model->gaps.bad))
		ap_session_raise_status(session, AP_EXIT_INCOMPLETE);
	ap_arena_close(&arena);
	return ok;
}

void ap_session_check_target(struct ap_session *session)
{
	struct ap_image *image = session->model ? ap_core_model_image(session->model) : NULL;
	const struct ap_err *v8_error = image ? ap_core_model_v8_error(session->model) : NULL;
	const struct ap_image_gaps *gaps = image ? ap_image_gaps(image) : NULL;
	FILE *err = session->options.err;
	const char *tool = session->options.mdb ? "mdb" : "autopsy";
	char is[AP_NUMBER_MAX], should[AP_NUMBER_MAX];

	if (gaps && gaps->cut_bytes) {
		fprintf(err,
			"%s: the core is cut off: %s of %s are there; what needs the rest is shown as unreadable\n",
			tool, ap_bytes_human(gaps->file_bytes, is),
			ap_bytes_human(gaps->expected_bytes, should));
		ap_session_raise_status(session, AP_EXIT_INCOMPLETE);
	}
	if (gaps && gaps->missing_headers) {
		fprintf(err,
			"%s: the core is cut off inside its headers: %" PRIu64 " are missing\n",
			tool, gaps->missing_headers);
		ap_session_raise_status(session, AP_EXIT_INCOMPLETE);
	}
	if (v8_error) {
		ap_print_error(err, session->options.mdb ? AP_MDB : AP_PLAIN, NULL, v8_error);
		ap_session_raise_status(session, AP_EXIT_INCOMPLETE);
	}
	if (session->model && session->model->incomplete)
		ap_session_raise_status(session, AP_EXIT_INCOMPLETE);
}
