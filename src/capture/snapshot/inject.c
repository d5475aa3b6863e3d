#include "capture/snapshot/inject.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

enum {
	RED_ZONE = 128,
	CALL_TIMEOUT_MS = 2000,
	TEXT_LIMIT = 256 << 20, /* of code that is searched */
	/* Results that mean "this call was interrupted"; linux/errno.h, not for programs. */
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};

static void search(const uint8_t *text, size_t bytes, uint64_t addr, struct ap_gadgets *g)
{
	for (const uint8_t *p = text, *end = text + bytes - 2; p < end; p++) {
		p = memchr(p, 0xc3, (size_t)(end + 2 - p));
		if (!p)
			return;
		if (p < text + 2)
			continue;
		uint64_t at = addr + (uint64_t)(p - text);

		if (!g->syscall_ret && p[-2] == 0x0f && p[-1] == 0x05)
			g->syscall_ret = at - 2;
		if (!g->pop_rax_ret && p[-1] == 0x58)
			g->pop_rax_ret = at - 1;
		if (!g->xchg_eax_edi && p[-1] == 0x97)
			g->xchg_eax_edi = at - 1;
	}
}

static bool complete(const struct ap_gadgets *g)
{
	return g->syscall_ret && g->pop_rax_ret && g->xchg_eax_edi;
}

/* The C library first: it is small and holds them all. */
static struct ap_err *find_gadgets(struct ap_snap *s, struct ap_gadgets *ret)
{
	struct ap_gadgets g = {0};
	uint64_t searched = 0, unreadable = 0;

	for (int pass = 0; pass < 2 && !complete(&g); pass++) {
		for (size_t i = 0; i < s->known.n && !complete(&g); i++) {
			const struct ap_mapping *m = &s->known.at[i];
			const char *name = ap_mapping_name(&s->known, m);
			bool libc = strstr(name, "libc.so") || strstr(name, "libc-") ||
				    strstr(name, "ld-musl") || strstr(name, "libc.musl");

			if (!(m->flags & AP_MAP_EXEC) ||
			    m->flags & (AP_MAP_WRITE | AP_MAP_SHARED) || *name != '/' ||
			    libc != (pass == 0))
				continue;
			for (uint64_t at = m->start; at < m->end && !complete(&g);) {
				uint64_t n =
					m->end - at < AP_COPY_BYTES ? m->end - at : AP_COPY_BYTES;

				ap_snap_read_unpinned(s->mem_fd, at, s->buf, n, &unreadable);
				search(s->buf, n, at, &g);
				at += n;
				searched += n;
				if (searched > TEXT_LIMIT)
					pass = 2, at = m->end, i = s->known.n;
			}
		}
	}
	if (!complete(&g))
		return ap_err_new(AP_E_UNSUPPORTED,
				  "process %d holds no code that system calls could be "
				  "made with",
				  s->pid);
	*ret = g;
	return NULL;
}

/*
 * A thread that nobody misses for a few milliseconds, best first: the one that only waits for
 * SIGUSR1, another idle worker, the main thread while it waits, anything.
 */
static unsigned suitability(struct ap_snap *s, pid_t tid)
{
	struct ap_proc_status st;
	uint64_t args[2];
	long nr;
	AP_ERR_AUTO err = ap_proc_status(s->pid, tid, &st);

	if (err || st.state == 'D' || st.state == 'Z' || st.state == 'X')
		return 0;
	bool waits = ap_proc_syscall(s->pid, tid, &nr, args);

	if (tid == s->pid)
		return waits ? 2 : 1;
	if (!waits)
		return 1;
	if (nr == SYS_futex)
		return strncmp(st.name, "SignalInspec", 12) == 0 ? 5 : 4;
	return 3;
}

static struct ap_err *choose(struct ap_snap *s, pid_t *ret_tid)
{
	pid_t *tids;
	size_t n;
	unsigned best = 0;

	AP_TRY(ap_proc_tids(s->pid, &tids, &n));
	/* From the end: the thread that waits for SIGUSR1 is the last that Node starts itself. */
	for (size_t i = n; i-- > 0;) {
		unsigned v = suitability(s, tids[i]);

		if (v > best) {
			best = v;
			*ret_tid = tids[i];
		}
	}
	free(tids);
	return best ? NULL
		    : ap_err_new(AP_E_NOTFOUND, "process %d has no thread that could be used",
				 s->pid);
}

struct user_regs_struct ap_inject_restart(const struct user_regs_struct *regs)
{
	struct user_regs_struct r = *regs;

	if ((int64_t)r.orig_rax < 0)
		return r;
	switch (-(int64_t)r.rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		r.rax = r.orig_rax;
		r.rip -= 2;
		break;
	case ERESTART_RESTARTBLOCK:
		/* The kernel forgets how to go on with it once another call was made; a signal
		 * handler has the same effect, and every caller knows it. */
		r.rax = (uint64_t)-EINTR;
		break;
	default:
		break;
	}
	return r;
}

static struct ap_err *save(struct ap_inject *in)
{
	pid_t tid = in->t.tid;
	uint64_t present = 0;

	if (!ap_tracee_regs(tid, &in->regs) ||
	    ptrace(PTRACE_GETSIGMASK, tid, (void *)8, &in->sigmask) < 0)
		return ap_err_errno(errno, "cannot read the registers of thread %d", tid);
	if (in->regs.cs != 0x33)
		return ap_err_new(AP_E_UNSUPPORTED, "thread %d runs 32-bit code", tid);
	in->last = ap_inject_restart(&in->regs);
	in->n_xstate = ap_tracee_xstate(tid, in->xstate);
	if (in->n_xstate >= 576) {
		memcpy(&in->xfeatures, in->xstate + 464, 8);
		memcpy(&present, in->xstate + 512, 8);
		if (present & 3u << 17)
			return ap_err_new(AP_E_UNSUPPORTED, "thread %d uses AMX tiles", tid);
		in->xfeatures &= ~(uint64_t)(3u << 17);
	} else {
		in->n_xstate = 0;
		if (!ap_tracee_fpregs(tid, in->xstate))
			return ap_err_new(AP_E_IO, "cannot read the registers of thread %d", tid);
	}
	in->stack = (in->regs.rsp - RED_ZONE) & ~63ull;
	return NULL;
}

struct ap_err *ap_inject_attach(struct ap_snap *s, unsigned options, struct ap_inject *ret_in)
{
	struct ap_inject *in = ret_in;
	uint64_t deadline = ap_now_ns() + AP_STOP_TIMEOUT_MS * 1000000ull;
	struct ap_err *err;

	*in = (struct ap_inject){.s = s, .t = {.gone = true}};
	if (s->status.shadow_stack)
		return ap_err_new(AP_E_UNSUPPORTED,
				  "process %d runs with shadow stacks "
				  "(x86_Thread_features in /proc/%d/status)",
				  s->pid, s->pid);
	AP_TRY(find_gadgets(s, &in->gadgets));
	AP_TRY(choose(s, &in->t.tid));
	options |= PTRACE_O_TRACESYSGOOD;
	/* A filter might kill the process for a call that Node never makes. Root may suspend it. */
	err = s->status.seccomp
		      ? ap_tracee_seize(s->pid, in->t.tid, options | PTRACE_O_SUSPEND_SECCOMP)
		      : NULL;
	if (err && s->options->mode == AP_SNAPSHOT_AUTO) {
		ap_err_free(err);
		return ap_err_hint(
			ap_err_new(
				AP_E_UNSUPPORTED,
				"a seccomp filter guards process %d (Seccomp is %d) and only root can "
				"suspend it; a call it forbids might end the process",
				s->pid, s->status.seccomp),
			"run as root, or choose with --mode");
	}
	if (err || !s->status.seccomp) {
		ap_err_free(err);
		AP_TRY(ap_tracee_seize(s->pid, in->t.tid, options));
	}
	in->t.gone = false;
	if (!ap_tracee_interrupt(&in->t, deadline)) {
		ap_inject_release(in);
		return ap_err_new(AP_E_LIMIT, "thread %d of process %d did not stop within %d ms",
				  in->t.tid, s->pid, AP_STOP_TIMEOUT_MS);
	}
	if (in->t.signal) {
		ap_inject_release(in);
		return ap_err_new(AP_E_IO, "thread %d is just receiving a signal", in->t.tid);
	}
	err = save(in);
	if (err)
		ap_inject_release(in);
	return err;
}

void ap_inject_release(struct ap_inject *in)
{
	ap_tracee_detach(&in->t);
}

uint64_t ap_inject_stack(struct ap_inject *in, size_t bytes)
{
	uint64_t at = (in->stack - bytes) & ~63ull;
	size_t i = ap_maps_find(&in->s->known, in->regs.rsp);
	const struct ap_mapping *m = i < in->s->known.n ? &in->s->known.at[i] : NULL;

	/* The stack as it is: one that would have to grow for us is not used. */
	if (!m || m->start > at - 256 || in->regs.rsp < m->start || !(m->flags & AP_MAP_WRITE) ||
	    m->flags & AP_MAP_SHARED || at > in->stack)
		return 0;
	in->stack = at;
	return at;
}

struct ap_err *ap_inject_write(struct ap_inject *in, const struct ap_chain *c)
{
	if (c->failed)
		return &ap_err_nomem;
	return ap_pwrite_all(in->s->mem_fd, c->buf, c->n, c->base);
}

struct ap_err *ap_inject_start(struct ap_inject *in, const struct ap_chain *c)
{
	struct user_regs_struct r = in->regs;

	AP_TRY(ap_inject_write(in, c));
	r.rax = SYS_rt_sigreturn;
	r.orig_rax = ~0ull; /* no call to restart */
	r.rip = in->gadgets.syscall_ret;
	r.rsp = c->base;
	r.eflags = 0x202;
	if (!ap_tracee_set_regs(in->t.tid, &r))
		return ap_err_errno(errno, "cannot set the registers of thread %d", in->t.tid);
	in->in_syscall = false;
	return NULL;
}

static bool is_fault(pid_t tid, int sig)
{
	siginfo_t si = {0};

	if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE && sig != SIGTRAP &&
	    sig != SIGSYS)
		return false;
	/* Sent by the kernel for what the thread did, not by a process. */
	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) < 0 || si.si_code > 0;
}

bool ap_inject_step(struct ap_inject *in, uint64_t deadline_ns, int *ret_fault)
{
	int sig = in->deliver;

	*ret_fault = 0;
	in->deliver = 0;
	if (ptrace(PTRACE_SYSCALL, in->t.tid, NULL, (void *)(uintptr_t)sig) < 0)
		return false;
	in->t.stopped = false;
	if (!ap_tracee_wait(&in->t, deadline_ns))
		return false;
	sig = WSTOPSIG(in->t.status);
	if (in->t.status >> 16)
		return true; /* an event */
	if (sig == (SIGTRAP | 0x80)) {
		in->in_syscall = !in->in_syscall;
		return true;
	}
	if (!is_fault(in->t.tid, sig)) {
		in->deliver = sig;
		in->t.signal = sig; /* should we let go now */
		return true;
	}
	/* The thread gets its registers back. */
	struct user_regs_struct r = in->last;

	r.orig_rax = ~0ull;
	(void)ap_tracee_set_regs(in->t.tid, &r);
	(void)ptrace(PTRACE_SETSIGMASK, in->t.tid, (void *)8, &in->sigmask);
	*ret_fault = sig;
	return false;
}

struct ap_err *ap_inject_until(struct ap_inject *in, long nr, int64_t *ret_result)
{
	uint64_t deadline = ap_now_ns() + CALL_TIMEOUT_MS * 1000000ull;
	struct user_regs_struct r;
	int fault;

	for (;;) {
		if (!ap_inject_step(in, deadline, &fault))
			return fault ? ap_err_new(
					       AP_E_IO,
					       "the call in thread %d ended with signal %d; the thread "
					       "has its registers back",
					       in->t.tid, fault)
				     : ap_err_new(AP_E_LIMIT,
						  "a call in thread %d did not return within %d ms",
						  in->t.tid, CALL_TIMEOUT_MS);
		if (in->t.status >> 16 || in->deliver)
			continue;
		in->t.signal = 0;
		if (in->in_syscall)
			continue;
		if (!ap_tracee_regs(in->t.tid, &r))
			return ap_err_errno(errno, "thread %d is gone", in->t.tid);
		/* A handler's own calls do not count: its stack lies below the chain. */
		if ((long)r.orig_rax == nr && r.rip == in->gadgets.syscall_ret + 2) {
			*ret_result = (int64_t)r.rax;
			return NULL;
		}
	}
}

struct ap_err *ap_inject_call(struct ap_inject *in, long nr, const uint64_t args[6],
			      int64_t *ret_result)
{
	AP_CLEANUP(ap_chain_close) struct ap_chain c = {0};
	uint64_t base = ap_inject_stack(in, ap_chain_room(in, 1));

	if (!base)
		return ap_err_new(AP_E_LIMIT, "thread %d has no room on its stack", in->t.tid);
	ap_chain_begin(&c, in, base);
	ap_chain_call(&c, nr, args);
	ap_chain_end(&c, &in->last, in->sigmask, true);
	AP_TRY(ap_inject_start(in, &c));
	return ap_inject_until(in, nr, ret_result);
}
