/* autopsy ncore, ncore: a JSON dump of a running program, on demand. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/number.h"
#include "capture/snapshot/procs.h"
#include "live/ncore.h"
#include "tools/snapshot_private.h"
#include "tools/tools.h"

static const char usage[] =
	"usage: ncore PID|NAME|--oldest [--continue] [-o FILE] [--timeout 5s] [--port N] [--json] [--quiet]\n"
	"Makes a Node program that uses autopsy-node/panic panic: it writes its state to ncore.PID and ends.\n"
	"Works in the middle of an endless loop. A program without panic goes on, and gets a JSON file with its\n"
	"stack, memory and handles. `autopsy FILE` opens both.\n"
	"  --continue      write the dump, but let the program go on as it was\n"
	"  -o FILE         where to (default: where the program writes it; without panic ncore.PID here)\n"
	"  --timeout T     for the inspector to open, and for each answer (default 5s)\n"
	"  --port N        where the inspector listens, if the program chose that itself\n"
	"  --show-secrets  do not mask what looks like a password, token or key\n"
	"Exit status: 0 the dump is there, 1 it is not (and why), 64 wrong usage.\n";

enum { PANIC_MS = 120000, LEAST_MS = 100, MOST_MS = 600000 };

struct view {
	bool quiet, dots, attached;
	pid_t pid;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	stop_asked = sig;
}

static bool cancelled(void *arg)
{
	(void)arg;
	return stop_asked;
}

/* node-panic's line: "attempting to attach to process 1369 ... . ok." */
static void tick(void *arg)
{
	struct view *v = arg;

	if (v->quiet)
		return;
	fputs(v->dots ? "." : " ... .", stderr);
	v->dots = true;
	fflush(stderr);
}

static void attached(void *arg)
{
	struct view *v = arg;

	if (!v->quiet)
		fputs(v->dots ? " ok.\n" : " ... ok.\n", stderr);
	v->attached = true;
}

static int failed(const struct view *v, const struct ap_target *target, struct ap_err *err)
{
	if (!v->quiet && !v->attached && target->pidfd)
		fputs(v->dots ? " failed.\n" : " ... failed.\n", stderr);
	/* A native core needs nothing of the program. */
	if (target->pidfd && err->code != AP_E_CANCELLED && err->code != AP_E_NOMEM &&
	    err->code != AP_E_NOTFOUND && !ap_err_find_hint(err))
		err = ap_err_hint(
			err,
			"autopsy snapshot %d -o core.%d   (a native core; the program goes on)",
			v->pid, v->pid);
	int status = ap_tool_fail("ncore", err);
	return status == 64 ? 64 : 1;
}

static void print_json(const struct ap_target *t, const struct ap_ncore_options *o,
		       const struct ap_ncore_result *r)
{
	AP_STR_AUTO out = {0};
	char target[32], hex[2 * AP_BUILD_ID_MAX + 1];
	struct ap_json j;

	ap_json_init(&j, &out, NULL);
	snprintf(target, sizeof(target), "pid %d", t->pid);
	ap_tool_json_begin(&j, "ncore", target);
	ap_json_int(&j, "pid", t->pid);
	ap_json_int(&j, "pid_inside", t->status.ns_pid);
	ap_json_cstr(&j, "program", t->exe);
	ap_json_cstr(&j, "node", t->module);
	ap_json_cstr(&j, "build_id", t->build_id.n ? ap_build_id_hex(t->build_id, hex) : NULL);
	ap_json_cstr(&j, "node_version", r->version);
	ap_json_cstr(&j, "file", r->path);
	ap_json_bool(&j, "file_is_inside", r->elsewhere);
	ap_json_uint(&j, "bytes", r->bytes);
	ap_json_bool(&j, "panic_loaded", r->panic_loaded);
	ap_json_bool(&j, "panicked", r->ended && r->panic_loaded && !o->keep_running);
	ap_json_bool(&j, "ended", r->ended);
	ap_json_uint(&j, "inspector_port", r->port);
	ap_json_bool(&j, "inspector_was_open", r->was_open);
	ap_json_bool(&j, "inspector_left_open", r->left_open);
	ap_tool_json_end(&j, stdout);
}

static void print_text(const struct ap_target *t, const struct ap_ncore_result *r)
{
	char size[AP_NUMBER_MAX];
	AP_STR_AUTO path = {0};

	ap_escape(&path, ap_text_of(r->path));
	printf("%s  %s%s\n", path.s ? path.s : "", ap_bytes_human(r->bytes, size),
	       r->elsewhere ? "  (in the process's own file system)" : "");
	if (r->ended)
		fprintf(stderr, "process %d panicked and ended\n", t->pid);
	else
		fprintf(stderr, "process %d goes on%s\n", t->pid,
			r->was_open ? "" : "; its standard error has a few lines about a debugger");
	if (!r->panic_loaded)
		fprintf(stderr,
			"it does not load autopsy-node/panic: the file has its stack, memory and handles, and no state of "
			"its own\n  more: autopsy snapshot %d -o core.%d   (a native core: every object; the program goes on)\n",
			t->pid, t->pid);
	if (r->left_open)
		fprintf(stderr,
			"its inspector, which we opened, still listens on port %u: it did not answer to being shut\n",
			r->port);
}

/* -1: go on. */
static int parse(int argc, char **argv, struct ap_ncore_options *o, struct view *view,
		 bool *ret_json, bool *ret_oldest)
{
	enum { CONTINUE = 256, TIMEOUT, PORT, SECRETS, JSON, OLDEST };
	static const struct option longs[] = {
		{"continue", no_argument, NULL, CONTINUE},
		{"output", required_argument, NULL, 'o'},
		{"timeout", required_argument, NULL, TIMEOUT},
		{"port", required_argument, NULL, PORT},
		{"show-secrets", no_argument, NULL, SECRETS},
		{"json", no_argument, NULL, JSON},
		{"quiet", no_argument, NULL, 'q'},
		{"oldest", no_argument, NULL, OLDEST},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	double seconds;
	char *end;
	unsigned long port;

	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "o:qh", longs, NULL)) != -1;) {
		switch (c) {
		case CONTINUE:
			o->keep_running = true;
			break;
		case 'o':
			o->path = optarg;
			break;
		case TIMEOUT:
			if (!ap_duration_parse(optarg, &seconds) || seconds * 1000 < LEAST_MS ||
			    seconds * 1000 > MOST_MS)
				return ap_tool_usage("ncore", usage,
						     "--timeout takes 100ms to 10m");
			o->inspector.timeout_ms = (unsigned)(seconds * 1000);
			break;
		case PORT:
			port = strtoul(optarg, &end, 10);
			if (end == optarg || *end || !port || port > 65535)
				return ap_tool_usage("ncore", usage,
						     "--port takes a number from 1 to 65535");
			o->inspector.port = (uint16_t)port;
			break;
		case SECRETS:
			o->show_secrets = true;
			break;
		case JSON:
			*ret_json = true;
			break;
		case OLDEST:
			*ret_oldest = true;
			break;
		case 'q':
			view->quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return ap_tool_usage("ncore", usage, NULL);
		}
	}
	return argc - optind == (*ret_oldest ? 0 : 1) ? -1 : ap_tool_usage("ncore", usage, NULL);
}

int ap_tool_ncore(int argc, char **argv)
{
	struct view view = {0};
	struct ap_ncore_options o = {
		.inspector = {.timeout_ms = 5000,
			      .cancelled = cancelled,
			      .tick = tick,
			      .arg = &view},
		.panic_ms = PANIC_MS,
		.attached = attached,
	};
	struct ap_ncore_result r;
	AP_TARGET_AUTO target = {0};
	bool json = false, oldest = false;
	int status = parse(argc, argv, &o, &view, &json, &oldest);

	if (status >= 0)
		return status;
	if (json) {
		ap_tool_json_errors();
		view.quiet = true;
	}
	struct ap_err *err =
		oldest ? ap_procs_oldest(&view.pid) : ap_procs_find(argv[optind], &view.pid);
	if (!err)
		err = ap_target_open(view.pid, &target);
	if (err)
		return failed(&view, &target, err);
	struct sigaction stop = {.sa_handler = on_stop};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	if (!view.quiet)
		fprintf(stderr, "attempting to attach to process %d", view.pid);
	err = ap_ncore_take(&target, &o, &r);
	if (err)
		return failed(&view, &target, err);
	if (json)
		print_json(&target, &o, &r);
	else
		print_text(&target, &r);
	return 0;
}
