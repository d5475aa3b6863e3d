#include "capture/snapshot/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_O_EXITKILL
#define PTRACE_O_EXITKILL (1 << 20)
#endif

enum { CLONE_TIMEOUT_MS = 5000, CLOSE_TIMEOUT_MS = 200 };

static void protect_from_oom(pid_t pid)
{
	char path[64];

	/* In the tight case the kernel takes the child, which we can lose. */
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
}

/*
 * clone() with no signal at its end and another stack: the parent's chain goes on with its next
 * frame, the child's with one that exits. We hold the child before its first instruction; should we
 * die before that, it ends by itself.
 */
static struct ap_err *clone_chain(struct ap_forkable *f, struct ap_child *child)
{
	struct ap_inject *in = &f->in;
	AP_CLEANUP(ap_chain_close) struct ap_chain parent = {0};
	AP_CLEANUP(ap_chain_close) struct ap_chain leave = {0};
	uint64_t deadline = ap_now_ns() + CLONE_TIMEOUT_MS * 1000000ull;
	uint64_t leave_base = ap_inject_stack(in, ap_chain_room(in, 1));
	uint64_t parent_base = ap_inject_stack(in, ap_chain_room(in, 1));
	const uint64_t enter[3] = {in->gadgets.pop_rax_ret, SYS_rt_sigreturn,
				   in->gadgets.syscall_ret};
	const uint64_t none[6] = {0};
	const uint64_t args[6] = {0, leave_base};
	struct user_regs_struct now;
	unsigned long message = 0;

	if (!leave_base || !parent_base)
		return ap_err_new(AP_E_LIMIT, "thread %d has no room on its stack", in->t.tid);
	if (!ap_tracee_regs(in->t.tid, &now))
		return ap_err_new(AP_E_NOTFOUND, "thread %d is gone", in->t.tid);
	/* With nothing flipped it is where it was; else in the middle of its wait. */
	bool home = f->n_ranges == 0;
	struct user_regs_struct back = home ? in->last : ap_inject_restart(&now);
	if (!home && (now.rsp < f->scratch || now.rsp >= f->scratch + f->scratch_bytes ||
		      (long)now.orig_rax != SYS_futex))
		return ap_err_new(AP_E_LIMIT, "the sequence in thread %d ended before the clone",
				  in->t.tid);
	ap_chain_begin(&leave, in, leave_base + sizeof(enter));
	ap_chain_call(&leave, SYS_exit_group, none);
	ap_chain_begin(&parent, in, parent_base);
	ap_chain_call(&parent, SYS_clone, args);
	ap_chain_end(&parent, &back, home ? in->sigmask : ~0ull, home);
	AP_TRY(ap_pwrite_all(in->s->mem_fd, enter, sizeof(enter), leave_base));
	AP_TRY(ap_inject_write(in, &leave));
	AP_TRY(ap_inject_start(in, &parent));
	if (!home) {
		/* Signals are blocked already: without the first frame it is two stops less, each
		 * of which waits for a processor while everything stands still. */
		struct user_regs_struct r = now;

		r.rax = SYS_clone;
		r.orig_rax = ~0ull;
		r.rdi = 0;
		r.rsi = leave_base;
		r.rdx = r.r10 = r.r8 = r.r9 = 0;
		r.rip = in->gadgets.syscall_ret;
		r.rsp = ap_chain_after_first(&parent);
		if (!ap_tracee_set_regs(in->t.tid, &r))
			return ap_err_new(AP_E_NOTFOUND, "thread %d is gone", in->t.tid);
	}
	for (;;) {
		struct user_regs_struct r;
		int fault;

		if (!ap_inject_step(in, deadline, &fault))
			return ap_err_new(
				AP_E_LIMIT, "the clone in process %d did not come back (%s %d)",
				in->s->pid, fault ? "signal" : "thread", fault ? fault : in->t.tid);
		if (in->t.status >> 16 == PTRACE_EVENT_CLONE) {
			if (ptrace(PTRACE_GETEVENTMSG, in->t.tid, NULL, &message) < 0)
				return ap_err_errno(errno, "the clone has no number");
			child->pid = (pid_t)message;
			struct ap_tracee t = {.tid = child->pid};
			if (!ap_tracee_wait(&t, deadline))
				return ap_err_new(AP_E_LIMIT, "the clone did not stop");
			(void)ptrace(
				PTRACE_SETOPTIONS, child->pid, NULL,
				(void *)(uintptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
			protect_from_oom(child->pid);
			continue;
		}
		if (in->t.status >> 16 || in->deliver)
			continue;
		in->t.signal = 0;
		if (in->in_syscall || !ap_tracee_regs(in->t.tid, &r) ||
		    (long)r.orig_rax != SYS_clone || r.rip != in->gadgets.syscall_ret + 2)
			continue;
		/* The number that the target knows it by: another one in another pid namespace. */
		child->ns_pid = (pid_t)r.rax;
		if ((int64_t)r.rax < 0)
			return ap_err_hint(
				ap_err_errno((int)-(int64_t)r.rax, "process %d cannot be cloned",
					     in->s->pid),
				(int64_t)r.rax == -ENOMEM
					? "vm.overcommit_memory is 2, or a limit is reached"
					: "a seccomp filter or a limit of processes forbids it");
		return child->pid ? NULL : ap_err_new(AP_E_IO, "the clone came without being held");
	}
}

struct ap_err *ap_child_make(struct ap_snap *s, struct ap_forkable *f, struct ap_child *ret_child)
{
	char path[64];

	*ret_child = (struct ap_child){.s = s, .mem_fd = -1};
	AP_TRY(clone_chain(f, ret_child));
	snprintf(path, sizeof(path), "/proc/%d/mem", ret_child->pid);
	ret_child->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ret_child->mem_fd < 0)
		return ap_err_errno(errno, "cannot read the clone");
	AP_TRY(ap_pagemap_open(ret_child->pid, &ret_child->pagemap));
	return ap_maps_read(ret_child->pid, &ret_child->maps);
}

/*
 * Sockets that the program closes meanwhile would stay open in the child, their peers waiting. The
 * child's registers are ours alone, there is nothing to put back.
 */
void ap_child_let_go_of_files(struct ap_child *child, const struct ap_gadgets *gadgets)
{
	uint64_t deadline = ap_now_ns() + CLOSE_TIMEOUT_MS * 1000000ull;
	struct ap_tracee t = {.tid = child->pid};
	struct user_regs_struct r;

	if (!ap_tracee_regs(child->pid, &r))
		return;
	r.rax = SYS_close_range;
	r.orig_rax = ~0ull;
	r.rdi = 0;
	r.rsi = ~0u;
	r.rdx = 0;
	r.rip = gadgets->syscall_ret;
	if (!ap_tracee_set_regs(child->pid, &r))
		return;
	for (int i = 0; i < 2; i++) {
		if (ptrace(PTRACE_SYSCALL, child->pid, NULL, NULL) < 0 ||
		    !ap_tracee_wait(&t, deadline))
			return;
	}
}

bool ap_child_alive(struct ap_child *child)
{
	struct ap_proc_status st;
	AP_ERR_AUTO err = ap_proc_status(child->pid, 0, &st);

	return !err && st.state != 'Z' && st.state != 'X';
}

bool ap_child_reap(struct ap_snap *s, pid_t ns_pid)
{
	const uint64_t args[6] = {(uint64_t)ns_pid, 0, WNOHANG | __WALL, 0};
	struct ap_inject in;
	int64_t result = -1;
	struct ap_err *err = ap_inject_attach(s, 0, &in);

	if (!err) {
		err = ap_inject_call(&in, SYS_wait4, args, &result);
		ap_inject_release(&in);
	}
	ap_err_free(err);
	return result == ns_pid || result == -ECHILD;
}

void ap_child_close(struct ap_child *child)
{
	int status;

	if (child->mem_fd > 0)
		close(child->mem_fd);
	child->mem_fd = -1;
	ap_pagemap_close(&child->pagemap);
	ap_maps_close(&child->maps);
	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	for (int i = 0; i < 5000; i++) {
		if (waitpid(child->pid, &status, __WALL | WNOHANG) != 0 &&
		    (WIFEXITED(status) || WIFSIGNALED(status)))
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	/* Without a signal at its end nobody reaps it: the target must, by the number it knows. */
	for (int i = 0; i < 20 && child->ns_pid > 0; i++) {
		if (ap_child_reap(child->s, child->ns_pid))
			break;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	child->pid = 0;
}
