/* autopsy watch: maps and cores in series, within limits. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "capture/snapshot/pmap.h"
#include "capture/snapshot/procs.h"
#include "capture/snapshot/snapshot.h"
#include "os/outfile.h"
#include "tools/snapshot_private.h"

static const char usage[] =
	"usage: autopsy watch PID|NAME|--oldest [--every 60s] [--count N] [--keep N] [--max-disk SIZE]\n"
	"                     [-d DIR] [--on-rss SIZE] [--on-growth SIZE] [--maps-only]\n"
	"                     [--mode MODE] [--compress zstd|none]\n"
	"Every so often the list of mappings and a core go into DIR: PID-NNNN.pmap, PID-NNNN.core.zst.\n"
	"  --count      stop after so many (default 100)\n"
	"  --keep       keep the newest N cores, and the first (default: all)\n"
	"  --max-disk   stop before DIR holds more than that (default 10G); a tenth of the disk stays free\n"
	"  --on-rss     a core only when resident memory is over SIZE, then when it grew another tenth\n"
	"  --on-growth  a core only when resident memory grew by SIZE since the last core\n"
	"Ends when the process does. Compare: autopsy pmap diff DIR/PID-0001.pmap DIR/PID-0010.pmap\n";

struct watch {
	pid_t pid;
	uint64_t start_ticks;
	double every;
	long count, keep;
	uint64_t max_disk, on_rss, on_growth, last_rss;
	const char *dir;
	bool maps_only, compress;
	enum ap_snapshot_mode mode;
	long first_core;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	stop_asked = sig;
}

static bool asked(void *arg)
{
	(void)arg;
	return stop_asked;
}

static void say(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "autopsy watch: %s\n", sentence);
}

static void name_of(const struct watch *w, long i, const char *suffix, char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%d-%04ld.%s", w->dir, w->pid, i, suffix);
}

static const char *core_suffix(const struct watch *w)
{
	return w->compress ? "core.zst" : "core";
}

/* What our own files take. */
static uint64_t disk_used(const struct watch *w)
{
	char prefix[32], path[PATH_MAX];
	uint64_t bytes = 0;
	struct stat st;
	DIR *dir = opendir(w->dir);

	snprintf(prefix, sizeof(prefix), "%d-", w->pid);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", w->dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (stat(path, &st) == 0)
			bytes += (uint64_t)st.st_blocks * 512;
	}
	if (dir)
		closedir(dir);
	return bytes;
}

static struct ap_err *save_maps(const struct watch *w, long i, uint64_t *ret_rss)
{
	AP_PMAP_AUTO pmap = {0};
	AP_STR_AUTO text = {0};
	AP_OUTFILE_AUTO file = {0};
	struct ap_kind_sum sums[AP_N_KINDS];
	char path[PATH_MAX];

	AP_TRY(ap_pmap_of(w->pid, &pmap));
	ap_pmap_sums(&pmap, sums);
	*ret_rss = 0;
	for (int k = 0; k < AP_N_KINDS; k++)
		*ret_rss += sums[k].rss + sums[k].swap;
	ap_pmap_text(&pmap.maps, w->pid, &text);
	if (text.failed)
		return &ap_err_nomem;
	name_of(w, i, "pmap", path);
	AP_TRY(ap_outfile_open(path, true, &file));
	AP_TRY(ap_write_all(file.fd, text.s, text.n));
	return ap_outfile_commit(&file, true, false);
}

static bool wants_core(struct watch *w, uint64_t rss)
{
	bool want;

	if (w->maps_only)
		return false;
	if (!w->on_rss && !w->on_growth)
		return true;
	/* The first growth counts from where the watch began. */
	if (!w->last_rss && w->on_growth && !w->on_rss) {
		w->last_rss = rss;
		return false;
	}
	want = (w->on_rss && rss >= w->on_rss && rss >= w->last_rss + w->last_rss / 10) ||
	       (w->on_growth && w->last_rss && rss >= w->last_rss + w->on_growth);
	if (want)
		w->last_rss = rss;
	return want;
}

/* In a process of its own: each begins anew, and a failure ends nothing else. */
static int take_core(const struct watch *w, long i)
{
	char path[PATH_MAX], a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		struct ap_snapshot_options o = {
			.pid = w->pid,
			.mode = w->mode,
			.path = path,
			.compress = w->compress,
			.replace = true,
			.say = i == 1 ? say : NULL,
			.cancelled = asked,
		};
		struct ap_snapshot_result r;

		name_of(w, i, core_suffix(w), path);
		struct ap_err *err = ap_snapshot_take(&o, &r);
		if (err)
			_exit(ap_tool_fail("watch", err));
		printf("%s  %s of %s  paused %.1f ms (%s)\n", path, ap_bytes_human(r.file_bytes, a),
		       ap_bytes_human(r.core_bytes, b), r.pause_ms, ap_snapshot_mode_name(r.mode));
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* The first stays: what one compares with. */
static void drop_old(const struct watch *w, long i)
{
	char path[PATH_MAX];

	for (long k = i - w->keep; w->keep && k > w->first_core; k--) {
		name_of(w, k, core_suffix(w), path);
		if (unlink(path) < 0 && errno == ENOENT && k < i - w->keep - 1)
			break;
	}
}

static bool same_process(const struct watch *w)
{
	struct ap_proc_stat st;
	AP_ERR_AUTO err = ap_proc_stat(w->pid, 0, &st);

	return !err && st.start_ticks == w->start_ticks && st.state != 'Z' && st.state != 'X';
}

/* Would one more core of this size go over a limit? */
static bool fits(const struct watch *w, uint64_t rss)
{
	char probe[PATH_MAX], a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];
	/* zstd makes a seventh of a V8 heap; a third leaves room for one that it likes less. */
	uint64_t next = w->compress ? rss / 3 : rss, used = disk_used(w), room;

	name_of(w, 0, "pmap", probe);
	room = ap_free_space(probe);
	if (used + next > w->max_disk) {
		fprintf(stderr, "autopsy watch: stopped: %s holds %s of at most %s (--max-disk)\n",
			w->dir, ap_bytes_human(used, a), ap_bytes_human(w->max_disk, b));
		return false;
	}
	if (room < next + next / 10) {
		fprintf(stderr, "autopsy watch: stopped: only %s are free for %s\n",
			ap_bytes_human(room, a), w->dir);
		return false;
	}
	return true;
}

static int run(struct watch *w)
{
	struct timespec next;
	int worst = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 1; i <= w->count && !stop_asked; i++) {
		uint64_t rss = 0;

		if (!same_process(w)) {
			fprintf(stderr, "autopsy watch: process %d has ended\n", w->pid);
			break;
		}
		struct ap_err *err = save_maps(w, i, &rss);
		if (err && (err->code == AP_E_NOTFOUND || !same_process(w))) {
			fprintf(stderr, "autopsy watch: process %d has ended\n", w->pid);
			ap_err_free(err);
			break;
		}
		if (err)
			return ap_tool_fail("watch", err);
		if (wants_core(w, rss)) {
			if (!fits(w, rss))
				return 1;
			int status = take_core(w, i);
			if (status == 0 && !w->first_core)
				w->first_core = i;
			worst = status > worst ? status : worst;
			drop_old(w, i);
		}
		/* On the beat, whatever the snapshot took. */
		next.tv_nsec += (long)((w->every - (double)(time_t)w->every) * 1e9);
		next.tv_sec += (time_t)w->every + next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		if (i < w->count && !stop_asked)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return worst;
}

int ap_tool_watch(int argc, char **argv)
{
	enum {
		EVERY = 256,
		COUNT,
		KEEP,
		MAX_DISK,
		ON_RSS,
		ON_GROWTH,
		MAPS_ONLY,
		MODE,
		COMPRESS,
		OLDEST
	};
	static const struct option longs[] = {
		{"every", required_argument, NULL, EVERY},
		{"count", required_argument, NULL, COUNT},
		{"keep", required_argument, NULL, KEEP},
		{"max-disk", required_argument, NULL, MAX_DISK},
		{"on-rss", required_argument, NULL, ON_RSS},
		{"on-growth", required_argument, NULL, ON_GROWTH},
		{"maps-only", no_argument, NULL, MAPS_ONLY},
		{"mode", required_argument, NULL, MODE},
		{"compress", required_argument, NULL, COMPRESS},
		{"oldest", no_argument, NULL, OLDEST},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct watch w = {.every = 60,
			  .count = 100,
			  .max_disk = 10000000000ull,
			  .dir = ".",
			  .compress = true};
	struct ap_proc_stat now;
	struct stat dir;
	bool oldest = false, good = true;

	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "d:h", longs, NULL)) != -1;) {
		switch (c) {
		case EVERY:
			good = ap_duration_parse(optarg, &w.every) && w.every >= 0.1;
			break;
		case COUNT:
			good = (w.count = atol(optarg)) > 0;
			break;
		case KEEP:
			good = (w.keep = atol(optarg)) > 0;
			break;
		case MAX_DISK:
			good = ap_size_parse(optarg, &w.max_disk);
			break;
		case ON_RSS:
			good = ap_size_parse(optarg, &w.on_rss);
			break;
		case ON_GROWTH:
			good = ap_size_parse(optarg, &w.on_growth);
			break;
		case MAPS_ONLY:
			w.maps_only = true;
			break;
		case MODE:
			good = ap_snapshot_mode_named(optarg, &w.mode);
			break;
		case COMPRESS:
			w.compress = strcmp(optarg, "zstd") == 0;
			good = w.compress || strcmp(optarg, "none") == 0;
			break;
		case OLDEST:
			oldest = true;
			break;
		case 'd':
			w.dir = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return ap_tool_usage("watch", usage, NULL);
		}
		if (!good)
			return ap_tool_usage("watch", usage, "\"%s\" is not what this option takes",
					     optarg);
	}
	if (argc - optind != (oldest ? 0 : 1))
		return ap_tool_usage("watch", usage, NULL);
	struct ap_err *err = oldest ? ap_procs_oldest(&w.pid) : ap_procs_find(argv[optind], &w.pid);
	if (!err)
		err = ap_proc_stat(w.pid, 0, &now);
	if (!err && (stat(w.dir, &dir) < 0 || !S_ISDIR(dir.st_mode)))
		err = ap_err_hint(ap_err_new(AP_E_IO, "%s is not a directory", w.dir),
				  "mkdir -p %s", w.dir);
	if (err)
		return ap_tool_fail("watch", err);
	w.start_ticks = now.start_ticks;
	struct sigaction sa = {.sa_handler = on_stop};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	return run(&w);
}
