/* autopsy ps, top: the Node processes of this machine and what can be done to each. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/number.h"
#include "capture/snapshot/pmap.h"
#include "capture/snapshot/procs.h"
#include "tools/snapshot_private.h"

static const char ps_usage[] =
	"usage: autopsy ps [--json]\n"
	"The Node processes of this machine, also in containers, oldest first.\n";
static const char top_usage[] =
	"usage: autopsy top [--every 2s] [--count N] [--json]\n"
	"autopsy ps again and again, with the CPU used meanwhile; on a terminal until ^C, else once.\n";

struct row {
	struct ap_proc proc;
	struct ap_kind_sum sums[AP_N_KINDS];
	bool have_sums;
	double cpu_percent; /* since the last look, or since it began */
	struct ap_snapshot_prospect prospect;
	struct ap_err *refused;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	stop_asked = sig;
}

/* "40 s", "12 min", "5 h", "3 d": one unit is enough in a table. */
static void short_time(double s, char *buf, size_t bytes)
{
	if (s < 90)
		snprintf(buf, bytes, "%.0f s", s);
	else if (s < 90 * 60)
		snprintf(buf, bytes, "%.0f min", s / 60);
	else if (s < 36 * 3600)
		snprintf(buf, bytes, "%.0f h", s / 3600);
	else
		snprintf(buf, bytes, "%.0f d", s / 86400);
}

static void look(struct row *r, const struct ap_procs *before, double seconds)
{
	AP_PMAP_AUTO pmap = {0};
	AP_ERR_AUTO unread = ap_pmap_of(r->proc.pid, &pmap);

	r->have_sums = !unread;
	if (r->have_sums)
		ap_pmap_sums(&pmap, r->sums);
	r->refused = ap_snapshot_prospect(r->proc.pid, &r->prospect);
	r->cpu_percent = r->proc.uptime > 0 ? 100 * r->proc.cpu / r->proc.uptime : 0;
	for (size_t i = 0; i < before->n; i++) {
		const struct ap_proc *p = &before->at[i];

		if (p->pid == r->proc.pid && p->stat.start_ticks == r->proc.stat.start_ticks &&
		    seconds > 0)
			r->cpu_percent = 100 * (r->proc.cpu - p->cpu) / seconds;
	}
}

static uint64_t kind(const struct row *r, enum ap_kind k)
{
	return r->sums[k].rss + r->sums[k].swap;
}

static void row_json(struct ap_json *j, const struct row *r)
{
	const struct ap_proc *p = &r->proc;

	ap_json_object(j, NULL);
	ap_json_int(j, "pid", p->pid);
	ap_json_int(j, "pid_inside", p->status.ns_pid);
	ap_json_bool(j, "contained", p->contained);
	ap_json_uint(j, "uid", p->status.euid);
	ap_json_cstr(j, "script", p->script);
	ap_json_cstr(j, "program", *p->exe ? p->exe : NULL);
	ap_json_double(j, "uptime_s", p->uptime);
	ap_json_double(j, "cpu_percent", r->cpu_percent);
	ap_json_uint(j, "threads", p->status.n_threads);
	ap_json_uint(j, "rss_bytes", p->status.rss);
	ap_json_object(j, "memory");
	for (int k = 0; k < AP_N_KINDS; k++) {
		if (r->have_sums)
			ap_json_uint(j, ap_kind_key((enum ap_kind)k), kind(r, (enum ap_kind)k));
		else
			ap_json_null(j, ap_kind_key((enum ap_kind)k));
	}
	ap_json_end_object(j);
	ap_json_cstr(j, "snapshot", r->refused ? NULL : ap_snapshot_mode_name(r->prospect.mode));
	ap_json_cstr(j, "snapshot_reason",
		     r->refused ? r->refused->message
				: (*r->prospect.reason ? r->prospect.reason : NULL));
	ap_json_bool(j, "inspector", p->inspector);
	ap_json_end_object(j);
}

static void size_or_dash(const struct row *r, enum ap_kind k, char buf[static AP_NUMBER_MAX])
{
	if (r->have_sums)
		ap_bytes_human(kind(r, k), buf);
	else
		snprintf(buf, AP_NUMBER_MAX, "-");
}

static void row_text(struct ap_str *out, const struct row *r)
{
	const struct ap_proc *p = &r->proc;
	char up[32], rss[AP_NUMBER_MAX], js[AP_NUMBER_MAX], large[AP_NUMBER_MAX],
		native[AP_NUMBER_MAX];
	AP_STR_AUTO script = {0};

	short_time(p->uptime, up, sizeof(up));
	ap_bytes_human(p->status.rss, rss);
	size_or_dash(r, AP_KIND_JS_HEAP, js);
	size_or_dash(r, AP_KIND_LARGE, large);
	size_or_dash(r, AP_KIND_NATIVE, native);
	ap_escape(&script, ap_text_of(p->script));
	ap_str_addf(out, "%7d %7s %5.1f %4u %8s %8s %8s %8s  %-8s %-9s %s%s\n", p->pid, up,
		    r->cpu_percent, p->status.n_threads, rss, js, large, native,
		    r->refused ? "no" : ap_snapshot_mode_name(r->prospect.mode),
		    p->inspector ? "yes" : "no", script.s ? script.s : "",
		    p->contained ? "  (container)" : "");
}

static struct ap_err *screen(struct ap_procs *before, double seconds, bool json, bool clear)
{
	AP_PROCS_AUTO now = {0};
	AP_STR_AUTO out = {0};
	struct ap_json j;
	size_t refused = 0;
	char why[256] = "";

	AP_TRY(ap_procs_read(&now));
	ap_json_init(&j, &out, NULL);
	if (json) {
		ap_tool_json_begin(&j, "ps", NULL);
		ap_json_array(&j, "processes");
	} else {
		if (clear)
			ap_str_adds(&out, "\033[H\033[J");
		ap_str_adds(&out, "    PID      UP  CPU%  THR      RSS  JS HEAP    LARGE   NATIVE  "
				  "SNAPSHOT INSPECTOR SCRIPT\n");
	}
	for (size_t i = 0; i < now.n; i++) {
		struct row r = {.proc = now.at[i]};

		look(&r, before, seconds);
		if (r.refused && !refused++)
			snprintf(why, sizeof(why), "%s", r.refused->message);
		if (json)
			row_json(&j, &r);
		else
			row_text(&out, &r);
		ap_err_free(r.refused);
	}
	if (json) {
		ap_json_end_array(&j);
		ap_tool_json_end(&j, stdout);
		ap_str_clear(&out);
	} else if (!now.n) {
		ap_str_adds(&out, "no Node process runs here\n");
	} else if (refused) {
		ap_str_addf(&out, "\nno snapshot of %zu: %s\n", refused, why);
	}
	if (out.n)
		fwrite(out.s, 1, out.n, stdout);
	fflush(stdout);
	ap_procs_close(before);
	*before = now;
	now = (struct ap_procs){0};
	return NULL;
}

int ap_tool_ps(int argc, char **argv)
{
	AP_PROCS_AUTO before = {0};
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(ps_usage, stdout);
		return 0;
	}
	if (argc != (json ? 2 : 1))
		return ap_tool_usage("ps", ps_usage, NULL);
	struct ap_err *err = screen(&before, 0, json, false);
	return err ? ap_tool_fail("ps", err) : 0;
}

int ap_tool_top(int argc, char **argv)
{
	enum { EVERY = 256, COUNT };
	static const struct option longs[] = {{"every", required_argument, NULL, EVERY},
					      {"count", required_argument, NULL, COUNT},
					      {"json", no_argument, NULL, 'j'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	AP_PROCS_AUTO before = {0};
	bool tty = isatty(STDOUT_FILENO), json = false;
	double every = 2;
	long count = tty ? 0 : 1;

	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		switch (c) {
		case EVERY:
			if (!ap_duration_parse(optarg, &every) || every < 0.1)
				return ap_tool_usage("top", top_usage,
						     "--every takes 100ms or more");
			break;
		case COUNT:
			count = atol(optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(top_usage, stdout);
			return 0;
		default:
			return ap_tool_usage("top", top_usage, NULL);
		}
	}
	if (optind != argc)
		return ap_tool_usage("top", top_usage, NULL);
	struct sigaction sa = {.sa_handler = on_stop};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	for (long i = 0; !stop_asked && (!count || i < count); i++) {
		struct timespec t = {(time_t)every, (long)((every - (double)(time_t)every) * 1e9)};
		struct ap_err *err = screen(&before, i ? every : 0, json, tty && !json);

		if (err)
			return ap_tool_fail("top", err);
		if (!count || i + 1 < count)
			nanosleep(&t, NULL);
	}
	return 0;
}
