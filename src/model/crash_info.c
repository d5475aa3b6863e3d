/* Which process it was, and what ended it. */
#include <stdlib.h>
#include <time.h>

#include "base/number.h"
#include "model/crash_private.h"

enum { MAX_CAUSES = 20 };

static struct ap_sourced sourced(struct ap_text value)
{
	return value.s ? (struct ap_sourced){value, (struct ap_text){0}} : (struct ap_sourced){0};
}

static uint32_t first(uint32_t a, uint32_t b)
{
	return a ? a : b;
}

typedef AP_VEC(struct ap_text) text_vec;

static struct ap_err *add_words(const struct ap_jdoc *doc, uint32_t list, struct ap_arena *arena,
				text_vec *words)
{
	AP_JEACH(doc, list, i)
	{
		if (ap_jtext(doc, i).s && !ap_vec_push(arena, words, ap_jtext(doc, i)))
			return &ap_err_nomem;
	}
	return NULL;
}

/* ISO 8601 to seconds; false if it is none. */
static bool parse_time(struct ap_text text, int64_t *ret)
{
	struct tm tm = {0};
	char copy[32];

	if (!text.n || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.s, text.n);
	copy[text.n] = 0;
	if (!strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	*ret = timegm(&tm);
	return true;
}

static struct ap_err *info_times(const struct ap_crash *crash, struct ap_arena *arena,
				 struct ap_info *info)
{
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_text at = ap_jget_string(doc, crash->root, "Time");
	double uptime;
	char buf[AP_NUMBER_MAX];

	if (!at.s)
		at = ap_jget_string(doc, crash->header, "dumpEventTime");
	if (!at.s)
		at = ap_jget_string(doc, crash->root, "panic.time");
	info->died_at = sourced(at);
	if (at.s && !parse_time(at, &info->died_at_unix))
		info->died_at = (struct ap_sourced){0};
	if (ap_jnumber(doc, ap_jget(doc, crash->process, "uptime"), &uptime) ||
	    (crash->kind == AP_CRASH_PANIC &&
	     ap_jnumber(doc, ap_jget(doc, crash->root, "panic.time-ms"), &uptime) &&
	     ap_jnumber(doc, ap_jget(doc, crash->root, "init.time-ms"), &info->uptime_seconds))) {
		if (crash->kind == AP_CRASH_PANIC)
			uptime = (uptime - info->uptime_seconds) / 1000;
		info->uptime_seconds = uptime;
		info->uptime =
			sourced(ap_text_of(ap_strdup(arena, ap_duration_human(uptime, buf))));
		if (!info->uptime.value.s)
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *info_versions(const struct ap_crash *crash, struct ap_arena *arena,
				    struct ap_info *info)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t versions = ap_jget(doc, crash->header, "componentVersions");

	info->node_version = ap_jtext(doc, first(ap_jget(doc, crash->process, "version"),
						 ap_jget(doc, crash->header, "nodejsVersion")));
	if (!info->node_version.s)
		info->node_version = ap_jget_string(doc, crash->root, "init.process.version");
	info->v8_version = ap_jtext(
		doc, first(ap_jget(doc, crash->process, "v8"), ap_jget(doc, versions, "v8")));
	info->arch = ap_jtext(doc, first(ap_jget(doc, crash->process, "arch"),
					 ap_jget(doc, crash->header, "arch")));
	AP_JEACH(doc, versions, i)
	{
		struct ap_variable v = {.name = doc->at[i].key};

		if (!ap_jtext(doc, i).s || !v.name.s)
			continue;
		v.value = (struct ap_value){.type = AP_T_STRING,
					    .text = ap_jtext(doc, i),
					    .length = ap_jtext(doc, i).n};
		if (!ap_vec_push(arena, &info->versions, v))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *info_memory(const struct ap_crash *crash, struct ap_arena *arena,
				  struct ap_info *info)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t memory = first(ap_jget(doc, crash->process, "memory"),
				ap_jget(doc, crash->root, "panic.memusage"));
	int64_t rss = ap_jget_int(doc, memory, "rss", 0),
		heap = ap_jget_int(doc, memory, "heapTotal", 0);
	int64_t external = ap_jget_int(doc, memory, "external", 0);
	const struct ap_memory_kind kinds[] = {
		{"JS heap", heap > 0 ? (uint64_t)heap : 0},
		{"External", external > 0 ? (uint64_t)external : 0},
		{"Other", rss > heap + external && heap >= 0 && external >= 0
				  ? (uint64_t)(rss - heap - external)
				  : 0},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].bytes && !ap_vec_push(arena, &info->memory, kinds[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *info_command(const struct ap_crash *crash, struct ap_arena *arena,
				   struct ap_info *info)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t argv = first(ap_jget(doc, crash->process, "argv"),
			      ap_jget(doc, crash->root, "init.process.argv"));
	uint32_t reported = ap_jget(doc, crash->header, "commandLine");
	text_vec words = {0}, options = {0};
	AP_STR_AUTO line = {0};

	AP_TRY(add_words(doc, first(argv, reported), arena, &words));
	AP_TRY(add_words(doc, ap_jget(doc, crash->process, "execArgv"), arena, &options));
	for (size_t i = 0; i < words.n; i++) {
		if (!ap_vec_push(arena, &info->argv, words.at[i]))
			return &ap_err_nomem;
		ap_str_adds(&line, i ? " " : "");
		ap_str_add(&line, words.at[i].s, words.at[i].n);
		for (size_t k = 0; i == 0 && k < options.n; k++) {
			ap_str_addc(&line, ' ');
			ap_str_add(&line, options.at[k].s, options.at[k].n);
		}
	}
	for (size_t i = 0; i < options.n; i++) {
		if (!ap_vec_push(arena, &info->exec_argv, options.at[i]))
			return &ap_err_nomem;
	}
	if (!line.n)
		return NULL;
	info->command_line = ap_str_text(&line, arena);
	return info->command_line.s ? NULL : &ap_err_nomem;
}

static struct ap_err *info_warnings(const struct ap_crash *crash, struct ap_arena *arena,
				    struct ap_info *info)
{
	const struct ap_jdoc *doc = &crash->doc;
	char *text = NULL;

	if (crash->n_pauses > 1) {
		text = ap_printf(arena, "%zu pauses are in the file; this is the one that ended it",
				 crash->n_pauses);
		if (!text || !ap_vec_push(arena, &info->warnings, ap_text_of(text)))
			return &ap_err_nomem;
	}
	AP_JEACH(doc, ap_jget(doc, crash->root, "Truncated"), i)
	{
		text = ap_printf(arena, "left out by the collector: %lld %.*s (%.*s)",
				 (long long)ap_jget_int(doc, i, "count", 0),
				 AP_TEXT_ARG(ap_jget_string(doc, i, "what")),
				 AP_TEXT_ARG(ap_jget_string(doc, i, "reason")));
		if (!text || !ap_vec_push(arena, &info->warnings, ap_text_of(text)))
			return &ap_err_nomem;
	}
	return NULL;
}

struct ap_err *ap_crash_info(struct ap_model *model, struct ap_arena *arena, struct ap_info *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_info info = {.died = true, .n_isolates = 1, .command_line = AP_TEXT("")};
	int64_t pid = ap_jget_int(doc, crash->process, "pid", -1);

	info.container = crash->kind == AP_CRASH_PANIC ? "panic dump" : "crash file";
	if (pid < 0)
		pid = ap_jget_int(doc, crash->header, "processId", -1);
	if (pid < 0)
		pid = ap_jget_int(doc, ap_jget(doc, crash->root, "Report"), "processId", -1);
	if (pid < 0)
		pid = ap_jget_int(doc, crash->root, "init.process.pid", 0);
	info.pid = (pid_t)pid;
	info.ppid = (pid_t)ap_jget_int(doc, crash->process, "ppid", 0);
	info.executable = ap_jget_string(doc, crash->process, "execPath");
	info.core_bytes = info.core_expected_bytes = crash->bytes;
	info.hostname = sourced(ap_jget_string(doc, crash->header, "host"));
	info.cwd =
		sourced(ap_jtext(doc, first(ap_jget(doc, crash->process, "cwd"),
					    first(ap_jget(doc, crash->header, "cwd"),
						  ap_jget(doc, crash->root, "init.process.cwd")))));
	info.title = sourced(ap_jget_string(doc, crash->process, "title"));
	AP_TRY(info_times(crash, arena, &info));
	AP_TRY(info_versions(crash, arena, &info));
	AP_TRY(info_memory(crash, arena, &info));
	AP_TRY(info_command(crash, arena, &info));
	AP_TRY(info_warnings(crash, arena, &info));
	if (!info.executable.s && info.argv.n)
		info.executable = info.argv.at[0];
	*ret = info;
	return NULL;
}

/* "Name: message" of an error and what it was caused by, as values. */
static struct ap_err *look_into_error(struct ap_crash *crash, struct ap_arena *arena,
				      struct ap_verdict *v)
{
	struct ap_value at = v->error;

	for (int level = 0; level <= MAX_CAUSES && at.type == AP_T_ERROR; level++) {
		struct ap_detail d;

		AP_TRY(ap_crash_detail(&crash->base, at.ref, &ap_detail_default_limits, arena, &d));
		const struct ap_extra *name = ap_detail_extra(&d, "name");
		const struct ap_extra *message = ap_detail_extra(&d, "message");
		const struct ap_extra *stack = ap_detail_extra(&d, "stack");
		const struct ap_extra *cause = ap_detail_extra(&d, "cause");
		if (level == 0) {
			v->error_name = name ? name->text : (struct ap_text){0};
			v->error_message = message ? message->text : (struct ap_text){0};
			v->error_stack = stack ? stack->text : (struct ap_text){0};
		} else {
			char *text = ap_printf(arena, "%.*s: %.*s",
					       AP_TEXT_ARG(name ? name->text : AP_TEXT("Error")),
					       AP_TEXT_ARG(message ? message->text : AP_TEXT("")));

			if (!text || !ap_vec_push(arena, &v->causes, ap_text_of(text)))
				return &ap_err_nomem;
		}
		if (!cause || cause->kind != AP_EXTRA_VALUE)
			break;
		at = cause->values[0];
	}
	return NULL;
}

/* The collector asked the error itself, whose name and message may be accessors or inherited. */
static void error_in_words(const struct ap_crash *crash, struct ap_verdict *v)
{
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_text name = ap_jget_string(doc, crash->error, "name");
	struct ap_text message = ap_jget_string(doc, crash->error, "message");
	struct ap_text stack = ap_jget_string(doc, crash->error, "stack");

	if (!ap_jget_true(doc, crash->error, "isError"))
		return;
	if (name.s)
		v->error_name = name;
	if (message.s)
		v->error_message = message;
	if (stack.s)
		v->error_stack = stack;
}

static struct ap_err *say(struct ap_crash *crash, struct ap_arena *arena, struct ap_verdict *v)
{
	char *text;

	if (v->error_name.s || v->error_message.s) {
		text = ap_printf(arena, "%.*s%s%.*s",
				 AP_TEXT_ARG(v->error_name.n || crash->kind == AP_CRASH_PANIC
						     ? v->error_name
						     : AP_TEXT("Error")),
				 v->error_name.n && v->error_message.n ? ": " : "",
				 AP_TEXT_ARG(v->error_message));
	} else {
		const char *how = v->kind == AP_VERDICT_UNHANDLED_REJECTION
					  ? "A promise was rejected and nobody listened"
					  : "An uncaught exception";
		struct ap_text preview = v->has_error
						 ? ap_value_preview(&crash->base, &v->error, arena)
						 : AP_TEXT("what was thrown is not in the file");

		text = ap_printf(arena, "%s: %.*s", how, AP_TEXT_ARG(preview));
	}
	v->text = ap_text_of(text);
	return text ? NULL : &ap_err_nomem;
}

struct ap_err *ap_crash_verdict(struct ap_model *model, struct ap_arena *arena,
				struct ap_verdict *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_verdict v = {.kind = AP_VERDICT_UNCAUGHT_ERROR, .evidence = AP_TEXT("")};
	uint32_t error =
		first(ap_jget(doc, crash->error, "value"), ap_jget(doc, crash->pause, "data"));

	if (crash->kind == AP_CRASH_PANIC) {
		error = ap_jget(doc, crash->root, "panic.error");
		v.error_name = crash->error_name;
		v.error_message = crash->error_message;
		v.error_stack = crash->error_stack;
		v.certainty = AP_LIKELY;
		v.evidence = AP_TEXT("panic.error of the dump; a call of panic() looks the same");
		for (size_t i = 0; i < crash->causes.n; i++) {
			if (!ap_vec_push(arena, &v.causes, crash->causes.at[i]))
				return &ap_err_nomem;
		}
		/* What ncore says to a panic, and writes of a program that has none. */
		if (ap_text_is(v.error_message, "core dump initiated at user request")) {
			v.kind = AP_VERDICT_LIVE;
			v.certainty = AP_CERTAIN;
		}
		if (!error)
			v.kind = AP_VERDICT_UNKNOWN;
	} else if (ap_text_is(ap_jget_string(doc, crash->error, "origin"), "unhandledRejection") ||
		   (crash->kind == AP_CRASH_OLD &&
		    ap_text_is(ap_jget_string(doc, crash->pause, "reason"), "promiseRejection"))) {
		v.kind = AP_VERDICT_UNHANDLED_REJECTION;
	} else if (!error) {
		/* An old file whose collector never paused. */
		v.certainty = AP_LIKELY;
		v.evidence = AP_TEXT("a crash file was written, but no exception is in it");
	}
	if (error) {
		v.has_error = true;
		v.error = ap_crash_value(crash, error, AP_CRASH_SHORT_UNITS, arena);
		AP_TRY(look_into_error(crash, arena, &v));
		error_in_words(crash, &v);
	}
	if (v.kind == AP_VERDICT_UNKNOWN)
		v.text = AP_TEXT(
			"A dump that was asked for; the program did not die of an error it tells");
	else if (v.kind == AP_VERDICT_LIVE)
		v.text = AP_TEXT(
			"Nothing failed: it was running, and somebody asked for a dump (ncore)");
	else
		AP_TRY(say(crash, arena, &v));
	*ret = v;
	return NULL;
}
