#include "capture/handler/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/handler/guard.h"
#include "capture/handler/log.h"
#include "capture/handler/meta.h"
#include "capture/handler/pass.h"
#include "capture/handler/policy.h"
#include "capture/handler/program.h"
#include "capture/handler/state.h"
#include "capture/spool/retention.h"

/* A core shrinks to a fifth as a rule; asked for before it is written, watched while it is. */
enum {
	SHRINK = 5,
	LEAST_ROOM_BYTES = 16 << 20,
	WORKER_MEMORY_BYTES = 1 << 30,
	GRACE_SECONDS = 5,
	STEP_MS = 100
};

struct handle {
	const struct ap_handle_options *options;
	struct ap_config config;
	struct ap_context context;
	struct ap_spool spool;
	struct ap_crash crash;
	struct ap_new_file meta, mini, core;
	struct ap_room room;
	struct ap_state state;
	enum ap_rule_action action;
	bool wants_full;
	char warning[AP_WORKER_TEXT];
	pid_t worker;
	int talk;
	struct ap_guard guard;
	uint64_t began_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void warn(struct handle *h, struct ap_err *err)
{
	if (!err)
		return;
	snprintf(h->warning, sizeof(h->warning), "%s", err->message);
	h->state.warning = h->warning;
	ap_handle_log(&h->spool, "%s: %s", h->crash.uuid[0] ? h->crash.uuid : "crash",
		      err->message);
	ap_err_free(err);
}

/* One message of exactly that size before the deadline; `guarded`: the deadline is guard enough. */
static bool receive(struct handle *h, void *message, size_t bytes, uint64_t deadline_ns,
		    bool guarded)
{
	for (;;) {
		struct pollfd p = {h->talk, POLLIN, 0};
		uint64_t now = now_ns();

		if (now >= deadline_ns)
			return false;
		uint64_t ms = (deadline_ns - now) / 1000000 + 1;
		int rc = poll(&p, 1, (int)(ms < STEP_MS ? ms : STEP_MS));
		if (guarded)
			ap_guard_tell(h->guard.talk);
		if (rc == 0 || (rc < 0 && errno == EINTR))
			continue;
		if (rc < 0)
			return false;
		return recv(h->talk, message, bytes, MSG_DONTWAIT) == (ssize_t)bytes;
	}
}

static void end_worker(struct handle *h)
{
	struct rusage used;

	if (h->worker <= 0)
		return;
	kill(h->worker, SIGKILL);
	while (wait4(h->worker, NULL, 0, &used) < 0 && errno == EINTR)
		;
	h->worker = 0;
	close(h->talk);
	h->talk = -1;
}

static uint64_t microseconds(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000u + (uint64_t)tv.tv_usec;
}

static void measure(struct handle *h)
{
	struct rusage self, children;

	(void)getrusage(RUSAGE_SELF, &self);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	uint64_t us = microseconds(self.ru_utime) + microseconds(self.ru_stime) +
		      microseconds(children.ru_utime) + microseconds(children.ru_stime);
	long peak = self.ru_maxrss > children.ru_maxrss ? self.ru_maxrss : children.ru_maxrss;

	h->state.cpu_ms = (double)us / 1000;
	h->state.peak_bytes = (uint64_t)peak * 1024;
	h->state.total_ms = (double)(now_ns() - h->began_ns) / 1e6;
}

static struct ap_err *write_state(struct handle *h)
{
	AP_STR_AUTO text = {0};

	measure(h);
	ap_state_write(&h->state, &text);
	return text.failed ? &ap_err_nomem
			   : ap_dir_write(h->crash.dir, "state.json", text.s, text.n);
}

static struct ap_err *start_worker(struct handle *h)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ap_err_errno(errno, "cannot make a socket");
	struct ap_worker w = {
		.uuid = h->crash.uuid,
		.context = &h->context,
		.confinement = {.memory_bytes = WORKER_MEMORY_BYTES},
		.mini_raw_bytes = h->config.mini_max,
		.mini_seconds = h->config.mini_seconds,
		.pipe = h->options->pipe,
		.meta = h->meta.fd,
		.mini = h->mini.fd,
		.core = h->core.fd,
		.talk = pair[1],
		.guard = h->guard.talk,
	};
	ap_confine_user(h->config.user, &w.confinement.uid, &w.confinement.gid);
	h->worker = fork();
	if (h->worker == 0) {
		close(pair[0]);
		/* Directories and the program are none of its business. */
		const int mine[] = {h->spool.root,  h->spool.crashes, h->context.proc,
				    h->context.exe, h->context.cwd,   h->context.root};
		for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++) {
			if (mine[i] >= 0)
				close(mine[i]);
		}
		ap_worker_run(&w);
	}
	close(pair[1]);
	if (h->worker < 0) {
		int e = errno;

		close(pair[0]);
		return ap_err_errno(e, "cannot start the worker");
	}
	h->talk = pair[0];
	/* From now on only the worker holds the pipe: when it ends, the dying process may. */
	close(h->options->pipe);
	return NULL;
}

static struct ap_err *open_files(struct handle *h)
{
	AP_TRY(ap_crash_create(&h->spool, &h->crash));
	AP_TRY(ap_new_file_open(h->crash.dir, "meta.json", &h->meta));
	if (h->action == AP_RULE_META)
		return NULL;
	AP_TRY(ap_new_file_open(h->crash.dir, "mini.core.zst", &h->mini));
	return h->wants_full ? ap_new_file_open(h->crash.dir, "core.zst", &h->core) : NULL;
}

/* Facts without the worker's help. */
static struct ap_err *write_least_meta(struct handle *h)
{
	AP_STR_AUTO text = {0};

	ap_new_file_close(h->crash.dir, &h->meta);
	ap_meta_write_least(h->crash.uuid, &h->context.args, &text);
	return text.failed ? &ap_err_nomem
			   : ap_dir_write(h->crash.dir, "meta.json", text.s, text.n);
}

static void publish(struct handle *h)
{
	const struct ap_worker_mini *m = &h->state.mini;
	struct ap_err *err;

	err = m->have_meta ? ap_new_file_commit(h->crash.dir, "meta.json", true, &h->meta)
			   : write_least_meta(h);
	warn(h, err);
	if (m->have_mini) {
		err = ap_new_file_commit(h->crash.dir, "mini.core.zst", true, &h->mini);
		h->state.mini.have_mini = !err;
		warn(h, err);
	}
	ap_new_file_close(h->crash.dir, &h->mini);
	warn(h, write_state(h));
	warn(h, ap_crash_publish(&h->spool, &h->crash));
}

__attribute__((format(printf, 2, 3))) static void no_core(struct handle *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->state.why, sizeof(h->state.why), fmt, ap);
	va_end(ap);
	h->state.core = "none";
	h->wants_full = false;
}

/* With the size of the core known: may it be kept, and how large may it become? */
static void decide_full(struct handle *h, struct ap_worker_go *go)
{
	const struct ap_config *c = &h->config;
	uint64_t core = h->state.mini.core_bytes;

	if (!h->wants_full)
		return;
	if (c->core_max && core > c->core_max) {
		no_core(h, "the core has %llu bytes, core_max allows %llu",
			(unsigned long long)core, (unsigned long long)c->core_max);
		return;
	}
	warn(h, ap_spool_evict(&h->spool, c, core / SHRINK + LEAST_ROOM_BYTES, h->crash.uuid,
			       &h->room));
	uint64_t room = ap_room_left(&h->room);
	if (room < LEAST_ROOM_BYTES || room < core / SHRINK / 4) {
		no_core(h, "no room: %llu bytes left above the reserve and below the quota",
			(unsigned long long)room);
		return;
	}
	*go = (struct ap_worker_go){
		.full = 1,
		.threads = (uint32_t)c->workers,
		.most_bytes = room,
		.reserve_bytes = h->room.reserve_bytes,
		.deadline_ns = now_ns() + (uint64_t)(c->core_seconds * 1e9),
	};
}

static void take_full(struct handle *h, const struct ap_worker_go *go)
{
	static const char *const ends[] = {
		[AP_DRAIN_WHOLE] = "",
		[AP_DRAIN_SHORT] = "the kernel stopped writing it before its end",
		[AP_DRAIN_TIME] = "core_time was over before it was written",
		[AP_DRAIN_ROOM] = "it grew over what quota and reserve leave",
		[AP_DRAIN_DISK] = "the disk is full",
	};
	struct ap_worker_full *f = &h->state.full;

	if (!receive(h, f, sizeof(*f), go->deadline_ns + GRACE_SECONDS * 1000000000ull, false)) {
		*f = (struct ap_worker_full){0};
		no_core(h, "the worker died or took too long");
		return;
	}
	f->error[AP_WORKER_TEXT - 1] = '\0';
	if (f->failed || f->end > AP_DRAIN_DISK) {
		no_core(h, "%s", f->error);
		return;
	}
	if (f->end == AP_DRAIN_ROOM || f->end == AP_DRAIN_DISK) {
		/* What is left of it would only take the room of the next one. */
		no_core(h, "%s", ends[f->end]);
		return;
	}
	bool whole = f->end == AP_DRAIN_WHOLE;
	struct ap_err *err = ap_new_file_commit(h->crash.dir, whole ? "core.zst" : "core.cut.zst",
						true, &h->core);
	if (err) {
		no_core(h, "%s", err->message);
		ap_err_free(err);
		return;
	}
	h->state.core = whole ? "whole" : "cut";
	snprintf(h->state.why, sizeof(h->state.why), "%s", ends[f->end]);
}

static void keep_program(struct handle *h)
{
	uint64_t room = ap_room_left(&h->room), most = h->config.program_max;

	if (!h->state.mini.build_id[0] || !most || h->action == AP_RULE_META)
		return;
	warn(h, ap_program_keep(&h->spool, h->state.mini.build_id, h->context.exe,
				most < room ? most : room, &h->state.program_kept));
}

static struct ap_err *capture(struct handle *h)
{
	struct ap_worker_mini *m = &h->state.mini;
	struct ap_worker_go go = {0};

	AP_TRY(open_files(h));
	ap_guard_tell(h->guard.talk);
	AP_TRY(start_worker(h));
	if (!receive(h, m, sizeof(*m), now_ns() + (uint64_t)(h->config.mini_seconds * 1e9), true)) {
		*m = (struct ap_worker_mini){0};
		no_core(h, "the worker died or took too long");
	}
	m->build_id[sizeof(m->build_id) - 1] = '\0';
	m->error[AP_WORKER_TEXT - 1] = '\0';
	if (m->error[0])
		warn(h, ap_err_new(AP_E_IO, "%s", m->error));
	decide_full(h, &go);
	/* What is kept has its name before the dying process, and so its parent, goes on. */
	if (!go.full)
		publish(h);
	bool going = h->worker > 0 &&
		     send(h->talk, &go, sizeof(go), MSG_NOSIGNAL) == (ssize_t)sizeof(go);
	/* While the core is read: bringing the first files to the disk may take its time. */
	if (go.full)
		publish(h);
	if (go.full && going)
		take_full(h, &go);
	else if (go.full)
		no_core(h, "the worker died");
	end_worker(h);
	/* The process is free: from here on it is only we who wait. */
	ap_guard_end(&h->guard);
	ap_new_file_close(h->crash.dir, &h->core);
	keep_program(h);
	h->state.done = true;
	warn(h, write_state(h));
	/* The names as well. */
	(void)fsync(h->crash.dir);
	(void)fsync(h->spool.crashes);
	ap_handle_log(&h->spool, "%s pid %d signal %d %s: core %s%s%s, minicore %s, %.0f ms",
		      h->crash.uuid, h->context.args.pid, h->context.args.signal,
		      h->context.args.comm, h->state.core, h->state.why[0] ? ", " : "",
		      h->state.why, m->have_mini ? "yes" : "no", h->state.total_ms);
	return NULL;
}

/* Count, and see whether this program may leave a full core once more. */
static void count(struct handle *h)
{
	char key[AP_PROGRAM_KEY_SIZE];
	bool full = true;

	ap_program_key(h->context.exe_path[0] ? h->context.exe_path : h->context.args.comm,
		       h->context.args.uid, h->context.identity.cgroup, key);
	warn(h, ap_counter_add(&h->spool, key, (double)time(NULL),
			       h->wants_full ? h->config.rate_count : 0, h->config.rate_seconds,
			       &full, &h->state.counter));
	if (h->wants_full && !full) {
		char per[AP_WORKER_TEXT];

		snprintf(per, sizeof(per), "%llu cores in %.0f s are enough of this program",
			 (unsigned long long)h->config.rate_count, h->config.rate_seconds);
		no_core(h, "%s", per);
		h->action = AP_RULE_META;
	}
}

static struct ap_err *into_spool(struct handle *h)
{
	/* Without a guard there is still the capture. */
	warn(h, ap_guard_start(h->context.args.pid, h->options->pipe, h->config.stall_seconds,
			       &h->guard));
	AP_TRY(ap_spool_open(h->config.spool, true, &h->spool));
	ap_guard_tell(h->guard.talk);
	for (size_t i = 0; i < h->config.complaints.n; i++)
		ap_handle_log(&h->spool, "configuration: %s", h->config.complaints.at[i]);
	ap_spool_sweep(&h->spool);
	h->wants_full = h->action == AP_RULE_CAPTURE && h->config.full;
	h->state.core = "none";
	if (!h->wants_full)
		no_core(h, "%s",
			h->action == AP_RULE_CAPTURE ? "full = no" : "the rules ask for less");
	count(h);
	h->state.action = ap_rule_action_name(h->action);
	warn(h, ap_spool_evict(&h->spool, &h->config, LEAST_ROOM_BYTES, NULL, &h->room));
	ap_guard_tell(h->guard.talk);
	struct ap_err *err = capture(h);
	end_worker(h);
	ap_guard_end(&h->guard);
	if (err)
		ap_handle_log(&h->spool, "pid %d: %s", h->context.args.pid, err->message);
	ap_new_file_close(h->crash.dir, &h->meta);
	ap_new_file_close(h->crash.dir, &h->mini);
	ap_new_file_close(h->crash.dir, &h->core);
	ap_crash_close(&h->spool, &h->crash);
	ap_spool_close(&h->spool);
	return err;
}

static struct ap_err *with_config(struct handle *h)
{
	const struct ap_handle_options *o = h->options;
	struct ap_kernel_args args;
	struct ap_err *gone;

	AP_TRY(ap_kernel_args_parse(o->argc, o->argv, &args));
	/* Should anything hang: our end frees the dying process. */
	(void)alarm((unsigned)(h->config.mini_seconds + h->config.core_seconds) + 60);
	gone = ap_context_open(&args, &h->context);
	if (gone) {
		/* Without /proc there is still the core. */
		h->context = (struct ap_context){
			.args = args, .proc = -1, .mem = -1, .exe = -1, .cwd = -1, .root = -1};
		warn(h, gone);
	}
	if (ap_policy_needs_pod(&h->config) || h->context.identity.pod_uid[0])
		ap_identity_find_pod(h->config.pod_logs, &h->context.identity);
	h->action = ap_policy_decide(&h->config, &h->context, &h->state.policy);
	h->state.config = &h->config;
	struct ap_err *err = NULL;
	if (h->action == AP_RULE_PASS)
		err = ap_pass(h->config.chain, &h->context, o->pipe);
	else if (h->action != AP_RULE_SKIP)
		err = into_spool(h);
	ap_context_close(&h->context);
	return err;
}

struct ap_err *ap_handle(const struct ap_handle_options *options)
{
	struct handle h = {
		.options = options,
		.spool = {-1, -1, ""},
		.crash = {.dir = -1},
		.meta = {.fd = -1},
		.mini = {.fd = -1},
		.core = {.fd = -1},
		.talk = -1,
		.guard = {.talk = -1},
		.began_ns = now_ns(),
	};
	extern char **environ;

	AP_TRY(ap_config_load(options->config, environ, &h.config));
	struct ap_err *err = with_config(&h);
	ap_config_close(&h.config);
	return err;
}
