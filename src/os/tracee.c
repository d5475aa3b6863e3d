#include "os/tracee.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "os/proc.h"

enum { ROUNDS_LIMIT = 64 };

uint64_t ap_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct ap_err *ap_tracee_seize(pid_t pid, pid_t tid, unsigned options)
{
	struct ap_proc_status st, by;

	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)(uintptr_t)options) == 0)
		return NULL;
	int e = errno;
	if (e == ESRCH)
		return ap_err_new(AP_E_NOTFOUND, "thread %d of process %d is gone", tid, pid);
	AP_ERR_AUTO err = ap_proc_status(pid, tid, &st);
	if (!err && st.tracer) {
		AP_ERR_AUTO none = ap_proc_status(st.tracer, 0, &by);

		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "process %d is already traced by %s, pid %d "
				   "(TracerPid in /proc/%d/status)",
				   pid, none ? "a process" : by.name, st.tracer, pid),
			"end that debugger or tracer first; a process has one at a time");
	}
	return ap_err_errno(e, "cannot attach to thread %d of process %d", tid, pid);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

bool ap_tracee_wait(struct ap_tracee *t, uint64_t deadline_ns)
{
	for (unsigned spins = 0;; spins++) {
		int status;
		pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);

		if (got == t->tid) {
			t->status = status;
			t->stopped = WIFSTOPPED(status);
			t->gone = !t->stopped;
			return t->stopped;
		}
		if (got < 0 && errno != EINTR) {
			t->gone = true;
			return false;
		}
		if (ap_now_ns() >= deadline_ns)
			return false;
		if (spins > 20)
			nap();
	}
}

/* A signal that was on its way goes back to the thread when it is let go. */
static void keep_signal(struct ap_tracee *t)
{
	int sig = WSTOPSIG(t->status), event = t->status >> 16;

	if (t->stopped && event == 0 && sig != (SIGTRAP | 0x80))
		t->signal = sig;
}

bool ap_tracee_interrupt(struct ap_tracee *t, uint64_t deadline_ns)
{
	if (ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) < 0) {
		t->gone = errno == ESRCH;
		return false;
	}
	if (!ap_tracee_wait(t, deadline_ns))
		return false;
	keep_signal(t);
	return true;
}

void ap_tracee_detach(struct ap_tracee *t)
{
	if (t->gone)
		return;
	if (!t->stopped) {
		/* Only a stopped thread can be detached; one that does not stop now stays attached
		 * and running until we exit. */
		if (ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) < 0)
			return;
		if (!ap_tracee_wait(t, ap_now_ns() + 100000000u))
			return;
		keep_signal(t);
	}
	(void)ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(uintptr_t)t->signal);
	t->stopped = false;
	t->gone = true;
}

void ap_stop_resume(struct ap_stop *stop)
{
	for (size_t i = stop->n; i-- > 0;) {
		if (!stop->at[i].kept)
			ap_tracee_detach(&stop->at[i]);
	}
	if (!stop->ended_ns)
		stop->ended_ns = ap_now_ns();
	stop->n = 0;
}

void ap_stop_close(struct ap_stop *stop)
{
	ap_stop_resume(stop);
	free(stop->at);
	stop->at = NULL;
	stop->cap = 0;
}

static struct ap_tracee *stop_find(struct ap_stop *stop, pid_t tid)
{
	for (size_t i = 0; i < stop->n; i++) {
		if (stop->at[i].tid == tid)
			return &stop->at[i];
	}
	return NULL;
}

static struct ap_err *stop_add(struct ap_stop *stop, pid_t tid, bool kept)
{
	if (stop->n == stop->cap) {
		size_t cap = stop->cap ? stop->cap * 2 : 64;
		struct ap_tracee *grown = realloc(stop->at, cap * sizeof(*grown));

		if (!grown)
			return &ap_err_nomem;
		stop->at = grown;
		stop->cap = cap;
	}
	stop->at[stop->n++] = (struct ap_tracee){.tid = tid, .kept = kept};
	return NULL;
}

/* Attaches to every thread that is not yet in the table; nothing stops by this. */
static struct ap_err *stop_seize(struct ap_stop *stop, pid_t kept, size_t *ret_new)
{
	pid_t *tids;
	size_t n, fresh = 0;
	struct ap_err *err = ap_proc_tids(stop->pid, &tids, &n);

	if (err)
		return err;
	/* Thread ids wrap around: the main thread's need not be the smallest. */
	for (size_t i = 1; i < n; i++) {
		if (tids[i] == stop->pid) {
			tids[i] = tids[0];
			tids[0] = stop->pid;
		}
	}
	for (size_t i = 0; i < n && !err; i++) {
		bool is_kept = kept && kept == tids[i];

		if (stop_find(stop, tids[i]))
			continue;
		if (!is_kept) {
			err = ap_tracee_seize(stop->pid, tids[i], 0);
			if (err && err->code == AP_E_NOTFOUND && tids[i] != stop->pid) {
				ap_err_free(err); /* it ended between the listing and now */
				err = NULL;
				continue;
			}
		}
		if (!err)
			err = stop_add(stop, tids[i], is_kept);
		fresh += !err;
	}
	free(tids);
	*ret_new = fresh;
	return err;
}

static struct ap_err *does_not_stop(pid_t pid, pid_t tid, unsigned timeout_ms)
{
	struct ap_proc_status st = {.state = '?'};
	AP_STR_AUTO where = {0};
	char path[64];

	ap_err_free(ap_proc_status(pid, tid, &st));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", pid, tid);
	ap_err_free(ap_proc_read(path, 64, &where));
	return ap_err_hint(
		ap_err_new(
			AP_E_LIMIT,
			"thread %d (%s) of process %d did not stop within %u ms: state %c, waiting in "
			"%s; all threads run again",
			tid, st.name, pid, timeout_ms, st.state,
			where.n && where.s[0] != '0' ? where.s : "the kernel"),
		"state D is a device or network file system that does not answer, or a child between "
		"vfork and exec: try again");
}

struct ap_err *ap_stop_all(pid_t pid, pid_t kept, bool kept_stopped, unsigned timeout_ms,
			   struct ap_stop *ret_stop)
{
	AP_STOP_AUTO stop = {.pid = pid};
	uint64_t deadline;
	size_t fresh, done = 0;

	AP_TRY(stop_seize(&stop, kept, &fresh));
	if (!stop.n || stop.at[0].tid != pid)
		return ap_err_new(AP_E_NOTFOUND, "the main thread of process %d has ended", pid);
	stop.began_ns = ap_now_ns();
	deadline = stop.began_ns + timeout_ms * 1000000ull;
	for (unsigned round = 0; fresh && round < ROUNDS_LIMIT; round++) {
		/* The main thread last: the others are where they wait while it still runs. */
		for (size_t i = stop.n; i-- > done;) {
			if (stop.at[i].kept && kept_stopped)
				stop.at[i].stopped = true;
			else if (ptrace(PTRACE_INTERRUPT, stop.at[i].tid, NULL, NULL) < 0)
				stop.at[i].gone = true;
		}
		for (size_t i = stop.n; i-- > done;) {
			struct ap_tracee *t = &stop.at[i];

			if (t->gone || t->stopped)
				continue;
			if (ap_tracee_wait(t, deadline)) {
				keep_signal(t);
				continue;
			}
			if (!t->gone)
				return does_not_stop(pid, t->tid, timeout_ms);
		}
		done = stop.n;
		AP_TRY(stop_seize(&stop, kept, &fresh));
	}
	if (fresh)
		return ap_err_new(AP_E_LIMIT, "process %d starts threads faster than they stop",
				  pid);
	if (stop.at[0].gone)
		return ap_err_new(AP_E_NOTFOUND, "process %d ended just now", pid);
	*ret_stop = stop;
	stop = (struct ap_stop){.ended_ns = 1};
	return NULL;
}

bool ap_tracee_regs(pid_t tid, struct user_regs_struct *ret_regs)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, ret_regs) == 0;
}

bool ap_tracee_set_regs(pid_t tid, const struct user_regs_struct *regs)
{
	struct user_regs_struct copy = *regs;

	return ptrace(PTRACE_SETREGS, tid, NULL, &copy) == 0;
}

size_t ap_tracee_xstate(pid_t tid, uint8_t buf[static AP_XSTATE_MAX])
{
	struct iovec iov = {buf, AP_XSTATE_MAX};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_X86_XSTATE, &iov) < 0)
		return 0;
	return iov.iov_len;
}

bool ap_tracee_fpregs(pid_t tid, uint8_t buf[static 512])
{
	return ptrace(PTRACE_GETFPREGS, tid, NULL, buf) == 0;
}

void ap_hurry(bool on)
{
	static bool hurrying;
	struct sched_param param = {.sched_priority = on ? 1 : 0};

	if (on == hurrying)
		return;
	if (on)
		(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (sched_setscheduler(0, on ? SCHED_RR | SCHED_RESET_ON_FORK : SCHED_OTHER, &param) == 0)
		hurrying = on;
}

struct ap_err *ap_watchdog_arm(unsigned timeout_ms)
{
	static timer_t timer;
	static bool made;
	struct itimerspec when = {
		.it_value = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000},
	};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

	if (!made) {
		if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
			return ap_err_errno(errno, "cannot make the watchdog timer");
		made = true;
	}
	if (timer_settime(timer, 0, &when, NULL) < 0)
		return ap_err_errno(errno, "cannot set the watchdog timer");
	return NULL;
}
