/* autopsy agent: looks at what the kernel's handler kept, off the crash path. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "capture/agent/child.h"
#include "capture/agent/enrich.h"
#include "capture/agent/stack.h"
#include "tools/agent_ship.h"
#include "tools/crashes.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

enum {
	LOOK_AGAIN_SECONDS = 30,
	OUTPUT_BYTES = 16 << 20,
	FAILURES_A_ROUND = 3,
	ROOM_BYTES = 32 << 20, /* for an unpacked minicore */
};

static const char usage_text[] =
	"usage: autopsy agent [--once] [-c FILE]\n"
	"       autopsy agent sweep [-c FILE] [ID]\n"
	"       autopsy agent remove\n"
	"Makes stack.json of every crash that is kept here: of what it died, its first frames, and a\n"
	"fingerprint that is the same for the same death (`autopsy list --group`). The minicore is read\n"
	"by a confined child with limits. With a bucket (`s3_bucket` in autopsy.conf) crashes are shipped there\n"
	"as zips, verified, and go from here by and by. Runs until SIGTERM.\n"
	"  --once   what there is, then exit; 1 if something could not be looked at or shipped\n"
	"  sweep    the same at once, also what failed a moment ago; aborts uploads that nobody will finish\n"
	"  remove   undoes `autopsy setup` (for a container's preStop hook)\n";

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	stopped = sig;
}

static struct ap_err *lock_spool(const struct ap_spool *spool, int *ret_fd)
{
	int fd = openat(spool->root, "agent.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return ap_err_errno(errno, "cannot make agent.lock in %s", spool->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return ap_err_hint(ap_err_new(AP_E_IO, "an agent runs already for %s", spool->path),
				   "one a host is enough");
	}
	*ret_fd = fd;
	return NULL;
}

/* What the opener says of the core; an error is an answer, too, unless `*ret_again`. */
static struct ap_err *ask(const struct ap_crashes *c, const struct ap_record *r,
			  const char *scratch, struct ap_arena *arena, struct ap_stack_summary *ret,
			  bool *ret_again)
{
	struct ap_child_limits limits = {
		.memory_bytes = 8ull << 30,
		.file_bytes = 64ull << 30,
		.output_bytes = OUTPUT_BYTES,
		.seconds = (unsigned)c->config.stack_seconds,
		.directory = scratch,
		.stop = &stopped,
	};
	AP_STR_AUTO out = {0};
	char self[PATH_MAX], core[PATH_MAX + 64], program[PATH_MAX + 200];
	char *argv[10];
	int n = 0, status;
	uint64_t bytes;

	*ret_again = false;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length <= 0)
		return ap_err_errno(errno, "/proc/self/exe");
	self[length] = '\0';
	snprintf(core, sizeof(core), "%s/crashes/%s/%s", c->spool.path, r->uuid,
		 r->have_mini   ? "mini.core.zst"
		 : r->have_core ? "core.zst"
				: "core.cut.zst");
	argv[n++] = self;
	if (r->build_id && strspn(r->build_id, "0123456789abcdef") == strlen(r->build_id) &&
	    strlen(r->build_id) <= 128) {
		snprintf(program, sizeof(program), "programs/%s", r->build_id);
		if (ap_dir_size(c->spool.root, program, &bytes)) {
			snprintf(program, sizeof(program), "%s/programs/%s", c->spool.path,
				 r->build_id);
			argv[n++] = program;
		}
	}
	argv[n++] = core;
	argv[n++] = (char *)"--json";
	argv[n++] = (char *)"-ereport";
	argv[n++] = (char *)"-ebt";
	argv[n] = NULL;
	AP_TRY(ap_child_run(argv, &limits, &out, &status, ret_again));
	return ap_stack_parse(out.s ? out.s : "", out.n, arena, ret);
}

static struct ap_err *make_stack(const struct ap_crashes *c, const struct ap_record *r,
				 const char *scratch)
{
	struct ap_stack_summary summary = {.kind = "unknown"};
	AP_STR_AUTO text = {0};
	struct ap_arena arena;
	struct ap_crash crash;
	struct statvfs fs;
	bool again;

	/* Without room the reader would fail, and that would be the answer for ever. */
	if (fstatvfs(c->spool.root, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < ROOM_BYTES)
		return ap_err_new(AP_E_IO, "not looked at: no room in %s", c->spool.path);
	ap_arena_init(&arena, 64 << 20);
	AP_ERR_AUTO failed = ask(c, r, scratch, &arena, &summary, &again);
	if (failed && (again || failed == &ap_err_cancelled)) {
		struct ap_err *no_answer = failed;

		failed = NULL;
		ap_arena_close(&arena);
		return no_answer;
	}
	if (failed)
		summary = (struct ap_stack_summary){.kind = "unknown", .error = failed->message};
	ap_stack_write(&summary, &text);
	struct ap_err *err =
		text.failed ? &ap_err_nomem : ap_crash_open(&c->spool, r->uuid, &crash);
	if (!err) {
		err = ap_dir_write(crash.dir, "stack.json", text.s, text.n);
		ap_crash_close(&c->spool, &crash);
	}
	if (!err)
		printf("%s stack: %s%s%s\n", r->uuid,
		       summary.fingerprint[0] ? summary.fingerprint : "none", failed ? ", " : "",
		       failed ? failed->message : "");
	fflush(stdout);
	ap_arena_close(&arena);
	return err;
}

/*
 * Whose container it was. A runtime that is being restarted is asked again, as long as it may know
 * of the crash; that keeps nothing else waiting. *ret_gone: a rule by label took the crash away.
 */
static struct ap_err *enrich(const struct ap_crashes *c, const struct ap_record *r, bool once,
			     bool *ret_gone)
{
	bool last = once || (double)time(NULL) - r->time > AP_ENRICH_SECONDS;
	enum ap_enrich_end end;

	*ret_gone = false;
	if (!ap_enrich_wanted(&c->config, r))
		return NULL;
	AP_TRY(ap_enrich(&c->spool, &c->config, r, last, &end));
	*ret_gone = end == AP_ENRICH_SKIPPED;
	printf("%s pod: %s\n", r->uuid,
	       end == AP_ENRICH_DONE    ? "written"
	       : end == AP_ENRICH_LATER ? "the container runtime does not answer, later again"
					: "a rule by label removed the crash");
	fflush(stdout);
	return NULL;
}

static struct ap_err *look_at(struct ap_crashes *c, const char *uuid, const char *scratch,
			      bool once)
{
	struct ap_err *err = NULL;
	struct ap_arena arena;
	struct ap_record r;
	bool taken = false;

	ap_arena_init(&arena, 4 << 20);
	/* Evicted meanwhile: no matter. */
	AP_ERR_AUTO gone = ap_record_read(&c->spool, uuid, &arena, &r);
	if (!gone && strcmp(r.state, "capturing") != 0) {
		err = enrich(c, &r, once, &taken);
		if (!err && !taken && !r.have_stack && (r.have_mini || r.have_core || r.have_cut))
			err = make_stack(c, &r, scratch);
	}
	ap_arena_close(&arena);
	return err;
}

/*
 * Newest first. What goes wrong with one is said, counted and tried again at the next look: a full
 * disk must not end who ships what fills it.
 */
static struct ap_err *look(struct ap_crashes *c, const char *scratch, bool once,
			   unsigned *ret_failed)
{
	char(*uuids)[AP_UUID_SIZE];
	unsigned in_a_row = 0;
	size_t n;

	*ret_failed = 0;
	AP_TRY(ap_spool_list(&c->spool, &uuids, &n));
	for (size_t i = n; i-- > 0 && !stopped && in_a_row < FAILURES_A_ROUND;) {
		AP_ERR_AUTO err = look_at(c, uuids[i], scratch, once);

		if (err == &ap_err_cancelled)
			break;
		in_a_row = err ? in_a_row + 1 : 0;
		if (err) {
			fprintf(stderr, "autopsy agent: %s: %s\n", uuids[i], err->message);
			++*ret_failed;
		}
	}
	free(uuids);
	return NULL;
}

/* Until something happens, or SIGTERM, which may come at any moment, also just before the wait. */
static bool wait_for_crash(int watch)
{
	struct pollfd p = {watch, POLLIN, 0};
	struct timespec most = {.tv_sec = LOOK_AGAIN_SECONDS};
	sigset_t stops, before;
	int rc = 0;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, &before);
	if (!stopped)
		rc = ppoll(&p, 1, &most, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc > 0;
}

/* Until the handler let go of the newest crash. */
static void wait_for_handler(const struct ap_crashes *c)
{
	for (int i = 0; i < 600 && !stopped; i++) {
		struct ap_crash crash;
		AP_ERR_AUTO none = ap_crash_open(&c->spool, "last", &crash);

		if (none)
			break;
		bool busy = ap_crash_is_busy(&crash);
		ap_crash_close(&c->spool, &crash);
		if (!busy)
			break;
		poll(NULL, 0, 100);
	}
}

static struct ap_err *run(struct ap_crashes *c, bool once, const char *scratch,
			  unsigned *ret_failed)
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char path[PATH_MAX], events[4096];
	struct ap_err *err = NULL;
	pid_t shipping = -1;

	snprintf(path, sizeof(path), "%.*s/crashes", (int)(sizeof(path) - 16), c->spool.path);
	/* A crash appears when its directory is renamed; its core is there when nobody holds it any
	 * more. */
	if (watch >= 0)
		(void)inotify_add_watch(watch, path, IN_MOVED_TO);
	do {
		if (!once)
			ap_agent_ship_keep(c, &shipping);
		err = look(c, scratch, once, ret_failed);
		if (!err && !once && wait_for_crash(watch)) {
			(void)!read(watch, events, sizeof(events));
			wait_for_handler(c);
		}
	} while (!err && !once && !stopped);
	ap_agent_ship_end(shipping);
	if (watch >= 0)
		close(watch);
	return err;
}

static struct ap_err *make_scratch(const struct ap_spool *spool, char scratch[static PATH_MAX])
{
	int fd;

	AP_TRY(ap_spool_directory(spool, "scratch", &fd));
	close(fd);
	snprintf(scratch, PATH_MAX, "%.*s/scratch", PATH_MAX - 16, spool->path);
	return NULL;
}

/* In a pod the agent may be there before whoever sets the host up. */
static struct ap_err *make_spool(const char *config)
{
	AP_SPOOL_AUTO spool = {-1, -1, ""};
	extern char **environ;
	struct ap_config c;

	AP_TRY(ap_config_load(config, environ, &c));
	struct ap_err *err = ap_spool_open(c.spool, true, &spool);
	ap_config_close(&c);
	return err;
}

int ap_tool_agent(int argc, char **argv)
{
	struct sigaction stop = {.sa_handler = on_stop};
	const char *config = NULL, *id = NULL;
	bool once = false, sweep = false;
	char scratch[PATH_MAX];
	struct ap_crashes c;
	int lock = -1, failed = 0;

	if (argc > 1 && strcmp(argv[1], "remove") == 0)
		return ap_tool_remove(argc - 1, argv + 1);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--once") == 0)
			once = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			config = argv[++i];
		else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return fputs(usage_text, stdout), 0;
		else if (!sweep && strcmp(argv[i], "sweep") == 0)
			sweep = true;
		else if (sweep && !id && argv[i][0] != '-')
			id = argv[i];
		else
			return ap_tool_usage("agent", usage_text, "unknown option %s", argv[i]);
	}
	once = once || sweep;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	struct ap_err *err = make_spool(config);
	if (!err)
		err = ap_crashes_open(config, &c);
	if (err)
		return ap_tool_fail("agent", err);
	err = lock_spool(&c.spool, &lock);
	if (!err) {
		unsigned unread = 0;

		if (!ap_child_can_confine())
			err = ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
						     "this kernel cannot confine a child that "
						     "reads hostile cores"),
					  "Landlock is needed: 5.13 or later, with lsm=landlock");
		if (!err)
			err = make_scratch(&c.spool, scratch);
		if (!err)
			err = run(&c, once, scratch, &unread);
		if (!err && once)
			err = ap_agent_ship_now(&c, &stopped, sweep, id, &failed);
		failed = failed || (once && unread);
		close(lock);
	}
	ap_crashes_close(&c);
	return err ? ap_tool_fail("agent", err) : failed;
}
