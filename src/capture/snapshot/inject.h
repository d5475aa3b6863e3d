/*
 * System calls made by a thread of the target, in sequences that finish without us.
 *
 * A sequence is a chain of signal frames. Each rt_sigreturn loads all registers for one system call
 * and a stack pointer that leads to the next frame; the last frame holds what the thread had
 * before, floating point and signal mask included. No code is written: the chain uses a "syscall;
 * ret" and a "pop rax; ret" that every C library holds. Once the thread's registers point to the
 * first frame (one ptrace call) the rest happens by itself: if we are killed at any moment, the
 * kernel detaches the thread and it runs the chain to its end.
 *
 * Ownership: struct ap_inject holds one attached, stopped thread until ap_inject_release();
 * struct ap_chain owns its bytes until ap_chain_close().
 */
#ifndef AP_CAPTURE_SNAPSHOT_INJECT_H
#define AP_CAPTURE_SNAPSHOT_INJECT_H

#include "capture/snapshot/private.h"

/* Addresses of instructions in the target. */
struct ap_gadgets {
	uint64_t syscall_ret;  /* 0f 05 c3 */
	uint64_t pop_rax_ret;  /* 58 c3 */
	uint64_t xchg_eax_edi; /* 97 c3: the result of a call becomes the first argument of another
				*/
};

struct ap_inject {
	struct ap_snap *s;
	struct ap_gadgets gadgets;
	struct ap_tracee t;
	struct user_regs_struct regs; /* as the thread had them */
	struct user_regs_struct last; /* what the last frame holds: an interrupted call is made
					 again */
	uint64_t sigmask;
	uint8_t xstate[AP_XSTATE_MAX];
	size_t n_xstate;
	uint64_t xfeatures;
	uint64_t stack; /* where the next chain may end: below the thread's own stack */
	bool in_syscall;
	int deliver; /* a signal that stopped it: delivered as it goes on */
};

struct ap_chain {
	const struct ap_inject *in;
	uint8_t *buf;
	size_t n, cap;
	uint64_t base; /* its address in the target */
	uint64_t sigmask;
	bool failed;
};

/*
 * Attaches to a thread that waits for something rare, and stops it; the others run on. `options`
 * are more PTRACE_O_* flags.
 */
struct ap_err *ap_inject_attach(struct ap_snap *s, unsigned options, struct ap_inject *ret_in);
/* The thread goes on, with whatever chain it is in. */
void ap_inject_release(struct ap_inject *in);

void ap_chain_begin(struct ap_chain *c, const struct ap_inject *in, uint64_t base);
void ap_chain_call(struct ap_chain *c, long nr, const uint64_t args[6]);
/* The stack pointer that the first call of the chain has. */
uint64_t ap_chain_after_first(const struct ap_chain *c);
/* After the last call: another one, with its result (31 bits of it) as the first argument. */
void ap_chain_call_with_result(struct ap_chain *c, long nr);
/* The thread's own registers; with `fp` its floating point state too. */
void ap_chain_end(struct ap_chain *c, const struct user_regs_struct *regs, uint64_t sigmask,
		  bool fp);
/* Instead of an end: the chain goes on at `addr`, which begins with a call of another chain. */
void ap_chain_jump(struct ap_chain *c, uint64_t addr);
void ap_chain_close(struct ap_chain *c);
/* Bytes for a chain of `n_calls` that ends with floating point state. */
size_t ap_chain_room(const struct ap_inject *in, size_t n_calls);
/* Room for `bytes` on the thread's stack, below all chains so far; 0: none. */
uint64_t ap_inject_stack(struct ap_inject *in, size_t bytes);

struct ap_err *ap_inject_write(struct ap_inject *in, const struct ap_chain *c);
/* The thread's registers point to the chain; it runs at the next ptrace request that lets it. */
struct ap_err *ap_inject_start(struct ap_inject *in, const struct ap_chain *c);
/*
 * Lets it run to its next stop. A signal that arrives before the chain's first frame blocks it is
 * delivered: its handler runs below the chain and comes back to it. *ret_fault: a fault of the
 * chain itself, which cannot be; the thread has its registers back then.
 */
bool ap_inject_step(struct ap_inject *in, uint64_t deadline_ns, int *ret_fault);
/* Lets it run until the call `nr` has returned. */
struct ap_err *ap_inject_until(struct ap_inject *in, long nr, int64_t *ret_result);
/* One call and back, all in one. */
struct ap_err *ap_inject_call(struct ap_inject *in, long nr, const uint64_t args[6],
			      int64_t *ret_result);
/* Registers that make an interrupted system call happen again, or return EINTR as after a signal.
 */
struct user_regs_struct ap_inject_restart(const struct user_regs_struct *regs);

#endif
