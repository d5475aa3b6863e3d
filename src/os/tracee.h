/*
 * Threads of another process under ptrace: attaching without a stop, stopping all of them within a
 * deadline, their registers, and letting go.
 *
 * Ownership: struct ap_stop owns its table; ap_stop_resume() lets every thread go on and is safe to
 * call in any state. All calls must come from the thread that attached. The kernel detaches and
 * resumes everything when that thread dies, however it dies.
 */
#ifndef AP_OS_TRACEE_H
#define AP_OS_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/err.h"

enum { AP_XSTATE_MAX = 16384 };

struct ap_tracee {
	pid_t tid;
	int signal; /* it was about to be delivered when we stopped it: given back at the end */
	bool stopped;
	bool gone;
	bool kept;  /* attached by the caller, who also lets it go */
	int status; /* of the last stop, as waitpid(2) gives it */
};

struct ap_stop {
	pid_t pid;
	struct ap_tracee *at; /* the main thread comes first */
	size_t n, cap;
	uint64_t began_ns; /* the first thread was asked to stop */
	uint64_t ended_ns; /* the last thread was let go */
};

uint64_t ap_now_ns(void);

/* PTRACE_SEIZE with PTRACE_O_* `options`; the error says who is in the way. */
struct ap_err *ap_tracee_seize(pid_t pid, pid_t tid, unsigned options);
/* Waits for a stop; false at the deadline (ap_now_ns() time), or with `gone` set. */
bool ap_tracee_wait(struct ap_tracee *t, uint64_t deadline_ns);
/* Asks for a stop and waits for it. */
bool ap_tracee_interrupt(struct ap_tracee *t, uint64_t deadline_ns);
void ap_tracee_detach(struct ap_tracee *t);

/*
 * Stops every thread, the main one last, until no new one appears. Thread `kept` (0: none)
 * is attached already, and stopped too if `kept_stopped`. On failure all others have been let go
 * again.
 */
struct ap_err *ap_stop_all(pid_t pid, pid_t kept, bool kept_stopped, unsigned timeout_ms,
			   struct ap_stop *ret_stop);
void ap_stop_resume(struct ap_stop *stop);
void ap_stop_close(struct ap_stop *stop);
#define AP_STOP_AUTO AP_CLEANUP(ap_stop_close) struct ap_stop

/* Registers of a stopped thread; false when it is gone. */
bool ap_tracee_regs(pid_t tid, struct user_regs_struct *ret_regs);
bool ap_tracee_set_regs(pid_t tid, const struct user_regs_struct *regs);
/* The extended state in XSAVE's standard form; returns its bytes, 0: not available. */
size_t ap_tracee_xstate(pid_t tid, uint8_t buf[static AP_XSTATE_MAX]);
bool ap_tracee_fpregs(pid_t tid, uint8_t buf[static 512]);

/*
 * On a busy machine most of a short pause is waiting for a processor. Where we may (CAP_SYS_NICE),
 * this thread goes before all others until it is told to stop hurrying. Only for milliseconds.
 */
void ap_hurry(bool on);

/*
 * The deadline that holds even if this program hangs or is stopped itself: the kernel kills it
 * then, and so resumes whatever it holds. 0 disarms.
 */
struct ap_err *ap_watchdog_arm(unsigned timeout_ms);

#endif
