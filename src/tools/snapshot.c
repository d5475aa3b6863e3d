/* autopsy snapshot, repair: cores of running processes. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/number.h"
#include "base/str.h"
#include "capture/snapshot/bundle.h"
#include "capture/snapshot/procs.h"
#include "capture/snapshot/snapshot.h"
#include "tools/snapshot_private.h"
#include "tools/tools.h"

const struct ap_tool ap_snapshot_tools[] = {
	{"snapshot", ap_tool_snapshot_take,
	 "core of a running process, with a pause of milliseconds"},
	{"watch", ap_tool_watch, "snapshots and memory in series, until something happens"},
	{"pmap", ap_tool_pmap, "memory of a process or snapshot by kind, and what grew"},
	{"ps", ap_tool_ps, "the Node processes of this machine"},
	{"top", ap_tool_top, "the same, again and again"},
	{"repair", ap_tool_repair, "put right what a killed dumper left in a process"},
	{0},
};

int ap_tool_snapshot(int argc, char **argv)
{
	for (const struct ap_tool *t = ap_snapshot_tools; t->name; t++) {
		if (argc && strcmp(t->name, argv[0]) == 0)
			return t->run(argc, argv);
	}
	fprintf(stderr, "autopsy: no such subcommand; there are:\n");
	for (const struct ap_tool *t = ap_snapshot_tools; t->name; t++)
		fprintf(stderr, "  %-10s %s\n", t->name, t->summary);
	return 64;
}

static bool json_errors;

void ap_tool_json_errors(void)
{
	json_errors = true;
}

static void json_head(struct ap_json *j, const char *command, const char *target)
{
	ap_json_object(j, NULL);
	ap_json_cstr(j, "tool", "autopsy");
	ap_json_cstr(j, "version", AP_VERSION);
	ap_json_cstr(j, "target", target);
	ap_json_cstr(j, "command", command);
}

void ap_tool_json_begin(struct ap_json *j, const char *command, const char *target)
{
	json_head(j, command, target);
	ap_json_object(j, "data");
}

void ap_tool_json_end(struct ap_json *j, FILE *to)
{
	ap_json_end_object(j);
	ap_json_array(j, "warnings");
	ap_json_end_array(j);
	ap_json_array(j, "gaps");
	ap_json_end_array(j);
	ap_json_end_object(j);
	ap_json_newline(j);
	if (!j->out->failed)
		fwrite(j->out->s, 1, j->out->n, to);
	fflush(to);
}

static void json_error(const char *name, const struct ap_err *err)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;

	ap_json_init(&j, &out, NULL);
	json_head(&j, name, NULL);
	ap_json_null(&j, "data");
	ap_json_object(&j, "error");
	ap_json_cstr(&j, "code", ap_errc_name(err->code));
	ap_json_cstr(&j, "message", err->message);
	ap_json_cstr(&j, "hint", ap_err_find_hint(err));
	ap_tool_json_end(&j, stdout);
}

int ap_tool_fail(const char *name, struct ap_err *err)
{
	const char *hint = ap_err_find_hint(err);
	int status = err->code == AP_E_USAGE ? 64 : 2;

	if (json_errors)
		json_error(name, err);

	fprintf(stderr, "autopsy %s: %s", name, err->message);
	for (const struct ap_err *c = err->cause; c; c = c->cause)
		fprintf(stderr, ": %s", c->message);
	fputc('\n', stderr);
	if (hint)
		fprintf(stderr, "  try: %s\n", hint);
	ap_err_free(err);
	return status;
}

int ap_tool_usage(const char *name, const char *usage, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fprintf(stderr, "autopsy %s: ", name);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fputs(usage, stderr);
	return 64;
}

static const char take_usage[] =
	"usage: autopsy snapshot PID|NAME|--oldest [-o FILE|-] [--mode auto|precopy|fork|direct]\n"
	"                        [--compress zstd|none] [--bundle] [--max-pause MS] [--force]\n"
	"                        [--json] [--quiet]\n"
	"A core of a running process that gdb and autopsy read; the process goes on.\n"
	"  -o FILE       where to (default: core.NAME.PID[.zst] here); - is standard output\n"
	"  --mode        precopy: copy while it runs, stop for what changed (kernel 6.7 or later)\n"
	"                fork: stop, clone, read the clone; direct: stop and read\n"
	"                auto: the first of these that works, and it says which and why\n"
	"  --bundle      program and libraries too, in FILE.root (gdb: set sysroot FILE.root)\n"
	"  --max-pause   give up rather than stop it longer (default 2000 ms, direct 60000)\n"
	"  --verify      for tests: read all twice while it stands still, compare with the file\n"
	"  --force       replace FILE\n";

struct take_view {
	bool quiet, tty;
	uint64_t shown_ns;
	bool line_open;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	stop_asked = sig;
}

static bool take_cancelled(void *arg)
{
	(void)arg;
	return stop_asked;
}

static void take_clear(struct take_view *view)
{
	if (view->line_open)
		fputs("\r\033[K", stderr);
	view->line_open = false;
}

static void take_say(void *arg, const char *sentence)
{
	struct take_view *view = arg;

	take_clear(view);
	if (!view->quiet)
		fprintf(stderr, "autopsy snapshot: %s\n", sentence);
}

static void take_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct take_view *view = arg;
	struct timespec now;
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	if (!view->tty || view->quiet)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (ns - view->shown_ns < 100000000)
		return;
	view->shown_ns = ns;
	view->line_open = true;
	fprintf(stderr, "\r\033[K%s  %s of %s  %d %%", what, ap_bytes_human(done, a),
		ap_bytes_human(total, b), total ? (int)(done * 100 / total) : 0);
}

static void take_json(const struct ap_snapshot_options *o, const struct ap_snapshot_result *r)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;
	char target[32];

	ap_json_init(&j, &out, NULL);
	snprintf(target, sizeof(target), "pid %d", o->pid);
	ap_tool_json_begin(&j, "snapshot", target);
	ap_json_int(&j, "pid", o->pid);
	ap_json_cstr(&j, "file", o->path);
	ap_json_cstr(&j, "mode", ap_snapshot_mode_name(r->mode));
	ap_json_double(&j, "pause_ms", r->pause_ms);
	ap_json_double(&j, "total_ms", r->total_ms);
	ap_json_uint(&j, "file_bytes", r->file_bytes);
	ap_json_uint(&j, "core_bytes", r->core_bytes);
	ap_json_uint(&j, "memory_bytes", r->memory_bytes);
	ap_json_uint(&j, "paused_bytes", r->paused_bytes);
	ap_json_uint(&j, "unreadable_bytes", r->unreadable_bytes);
	ap_json_uint(&j, "threads", r->n_threads);
	ap_json_uint(&j, "mappings", r->n_mappings);
	ap_json_uint(&j, "segments", r->n_segments);
	ap_tool_json_end(&j, o->path ? stdout : stderr);
}

static void take_report(const struct ap_snapshot_options *o, const struct ap_snapshot_result *r)
{
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];
	FILE *to = o->path ? stdout : stderr;

	fprintf(to, "%s  %s%s%s  paused %.1f ms (%s)  %zu threads  %.1f s in all\n",
		o->path ? o->path : "-", ap_bytes_human(r->file_bytes, a),
		o->compress ? " of " : "", o->compress ? ap_bytes_human(r->core_bytes, b) : "",
		r->pause_ms, ap_snapshot_mode_name(r->mode), r->n_threads, r->total_ms / 1000);
	if (r->unreadable_bytes)
		fprintf(to, "%s of it could not be read and are zeros\n",
			ap_bytes_human(r->unreadable_bytes, a));
}

static struct ap_err *take_bundle(const struct ap_snapshot_options *o, struct take_view *view)
{
	char dir[PATH_MAX], line[PATH_MAX + 128], a[AP_NUMBER_MAX];
	struct ap_bundle_result r;

	snprintf(dir, sizeof(dir), "%s.root", o->path);
	AP_TRY(ap_bundle(o->pid, dir, &r));
	snprintf(line, sizeof(line), "%u files (%s) in %s%s", r.n_files, ap_bytes_human(r.bytes, a),
		 dir, r.n_missing ? "; some could not be read, see manifest.json there" : "");
	take_say(view, line);
	return NULL;
}

static void default_name(pid_t pid, bool compress, char *buf, size_t bytes)
{
	struct ap_proc_status st = {.name = "process"};

	ap_err_free(ap_proc_status(pid, 0, &st));
	for (char *p = st.name; *p; p++) {
		if (*p == '/' || *p <= ' ' || *p >= 127)
			*p = '_';
	}
	snprintf(buf, bytes, "core.%s.%d%s", st.name, pid, compress ? ".zst" : "");
}

int ap_tool_snapshot_take(int argc, char **argv)
{
	enum { MODE = 256, COMPRESS, MAX_PAUSE, FORCE, JSON, OLDEST, BUNDLE, VERIFY };
	static const struct option longs[] = {
		{"mode", required_argument, NULL, MODE},
		{"compress", required_argument, NULL, COMPRESS},
		{"max-pause", required_argument, NULL, MAX_PAUSE},
		{"force", no_argument, NULL, FORCE},
		{"json", no_argument, NULL, JSON},
		{"quiet", no_argument, NULL, 'q'},
		{"oldest", no_argument, NULL, OLDEST},
		{"bundle", no_argument, NULL, BUNDLE},
		{"verify", no_argument, NULL, VERIFY},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct take_view view = {.tty = isatty(STDERR_FILENO)};
	struct ap_snapshot_options o = {
		.fd = STDOUT_FILENO,
		.say = take_say,
		.progress = take_progress,
		.cancelled = take_cancelled,
		.arg = &view,
	};
	struct ap_snapshot_result r;
	const char *output = NULL;
	char name[128];
	bool oldest = false, json = false, bundle = false;

	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "o:qh", longs, NULL)) != -1;) {
		switch (c) {
		case MODE:
			if (!ap_snapshot_mode_named(optarg, &o.mode))
				return ap_tool_usage("snapshot", take_usage, "no mode \"%s\"",
						     optarg);
			break;
		case COMPRESS:
			o.compress = strcmp(optarg, "zstd") == 0;
			if (!o.compress && strcmp(optarg, "none") != 0)
				return ap_tool_usage("snapshot", take_usage,
						     "--compress zstd or none");
			break;
		case MAX_PAUSE: {
			char *end;

			o.max_pause_ms = (unsigned)strtoul(optarg, &end, 10);
			if (end == optarg || *end || !o.max_pause_ms || o.max_pause_ms > 3600000)
				return ap_tool_usage("snapshot", take_usage,
						     "--max-pause takes milliseconds");
			break;
		}
		case FORCE:
			o.replace = true;
			break;
		case JSON:
			json = true;
			break;
		case OLDEST:
			oldest = true;
			break;
		case VERIFY:
			o.verify = true;
			break;
		case BUNDLE:
			bundle = true;
			break;
		case 'o':
			output = optarg;
			break;
		case 'q':
			view.quiet = true;
			break;
		case 'h':
			fputs(take_usage, stdout);
			return 0;
		default:
			return ap_tool_usage("snapshot", take_usage, NULL);
		}
	}
	if (argc - optind != (oldest ? 0 : 1))
		return ap_tool_usage("snapshot", take_usage, NULL);
	if (json && (!output || strcmp(output, "-") != 0))
		ap_tool_json_errors();
	struct ap_err *err = oldest ? ap_procs_oldest(&o.pid) : ap_procs_find(argv[optind], &o.pid);
	if (err)
		return ap_tool_fail("snapshot", err);
	if (!output) {
		default_name(o.pid, o.compress, name, sizeof(name));
		output = name;
	}
	if (strcmp(output, "-") != 0) {
		o.path = output;
	} else if (isatty(STDOUT_FILENO)) {
		return ap_tool_usage("snapshot", take_usage,
				     "a core on a terminal helps nobody: pipe it, or give -o FILE");
	}
	if (bundle && !o.path)
		return ap_tool_usage("snapshot", take_usage, "--bundle needs -o FILE");
	struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = ap_snapshot_take(&o, &r);
	take_clear(&view);
	if (err)
		return ap_tool_fail("snapshot", err);
	if (bundle) {
		err = take_bundle(&o, &view);
		if (err)
			return ap_tool_fail("snapshot", err);
	}
	if (json)
		take_json(&o, &r);
	else if (!view.quiet)
		take_report(&o, &r);
	return r.unreadable_bytes ? 1 : 0;
}

int ap_tool_repair(int argc, char **argv)
{
	static const char usage[] =
		"usage: autopsy repair PID|NAME\n"
		"After a dumper that was killed: reaps the dead copy that it left as a "
		"zombie, and\nexcludes V8's heap from forks again (MADV_DONTFORK, Node 20 and "
		"later).\n";
	struct ap_snapshot_repair r;
	pid_t pid;

	if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 2)
		return ap_tool_usage("repair", usage, NULL);
	struct ap_err *err = ap_procs_find(argv[1], &pid);
	if (!err)
		err = ap_snapshot_repair(pid, &r);
	if (err)
		return ap_tool_fail("repair", err);
	if (r.n_zombies)
		printf("process %d: %u dead cop%s reaped\n", pid, r.n_zombies,
		       r.n_zombies == 1 ? "y" : "ies");
	if (r.n_marked)
		printf("process %d: %u stretch%s of its heap excluded from forks again\n", pid,
		       r.n_marked, r.n_marked == 1 ? "" : "es");
	if (!r.n_zombies && !r.n_marked)
		printf("process %d: nothing to repair\n", pid);
	return 0;
}
