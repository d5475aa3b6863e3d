/* Chains of signal frames. */
#include <cpuid.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "capture/snapshot/inject.h"

/* struct ucontext of the x86-64 kernel; the frame of rt_sigreturn begins 8 bytes before it. */
struct frame {
	uint64_t flags, link;
	uint64_t alt_sp;
	uint32_t alt_flags, pad;
	uint64_t alt_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
	uint64_t sigmask;
};
_Static_assert(sizeof(struct frame) == 304, "struct ucontext");

/* What the kernel looks for in the 48 bytes that the processor leaves to software. */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, pad[7];
};
_Static_assert(sizeof(struct sw_bytes) == 48, "struct _fpx_sw_bytes");

enum {
	UC_FP_XSTATE = 1,
	UC_SIGCONTEXT_SS = 2,
	UC_STRICT_RESTORE_SS = 4,
	/* No mode of an alternate signal stack: rt_sigreturn leaves the thread's as it is. */
	ALT_NO_CHANGE = 0x100,
	SW_OFFSET = 464,
	XSTATE_HEADER = 512,
	XSTATE_LEGACY = 576,
	AMX_FEATURES = 3 << 17,
	WORDS_SIGRETURN = 3 * 8,
};
#define FP_MAGIC1 0x46505853u
#define FP_MAGIC2 0x46505845u

/* Bytes of the standard form that holds `features`. */
static size_t xstate_bytes(uint64_t features)
{
	size_t bytes = XSTATE_LEGACY;

	for (unsigned i = 2; i < 63; i++) {
		unsigned size, offset, c, d;

		if (!(features >> i & 1))
			continue;
		__cpuid_count(0xd, i, size, offset, c, d);
		if (offset + size > bytes)
			bytes = offset + size;
	}
	return bytes;
}

static size_t fp_bytes(const struct ap_inject *in)
{
	return in->n_xstate ? xstate_bytes(in->xfeatures) : 512;
}

size_t ap_chain_room(const struct ap_inject *in, size_t n_calls)
{
	return (n_calls + 1) * (sizeof(struct frame) + WORDS_SIGRETURN) + 64 + fp_bytes(in) + 64 +
	       6 * 8;
}

void ap_chain_begin(struct ap_chain *c, const struct ap_inject *in, uint64_t base)
{
	/* Every signal but SIGKILL and SIGSTOP waits until the chain is through. */
	*c = (struct ap_chain){.in = in, .base = base, .sigmask = ~0ull};
}

void ap_chain_close(struct ap_chain *c)
{
	free(c->buf);
	c->buf = NULL;
	c->n = c->cap = 0;
}

static void chain_add(struct ap_chain *c, const void *data, size_t bytes)
{
	if (c->n + bytes > c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 8192;
		while (cap < c->n + bytes)
			cap *= 2;
		uint8_t *grown = realloc(c->buf, cap);

		if (!grown) {
			c->failed = true;
			return;
		}
		c->buf = grown;
		c->cap = cap;
	}
	memcpy(c->buf + c->n, data, bytes);
	c->n += bytes;
}

static void chain_word(struct ap_chain *c, uint64_t w)
{
	chain_add(c, &w, sizeof(w));
}

static void chain_sigreturn(struct ap_chain *c)
{
	if (!c->n)
		return; /* the first frame is entered by our own register change */
	chain_word(c, c->in->gadgets.pop_rax_ret);
	chain_word(c, SYS_rt_sigreturn);
	chain_word(c, c->in->gadgets.syscall_ret);
}

static struct frame frame_of(const struct user_regs_struct *r, uint64_t sigmask)
{
	return (struct frame){
		.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.alt_flags = ALT_NO_CHANGE,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.di = r->rdi,
		.si = r->rsi,
		.bp = r->rbp,
		.bx = r->rbx,
		.dx = r->rdx,
		.ax = r->rax,
		.cx = r->rcx,
		.sp = r->rsp,
		.ip = r->rip,
		.eflags = r->eflags,
		.cs = (uint16_t)r->cs,
		.ss = (uint16_t)r->ss,
		.gs = (uint16_t)r->gs,
		.fs = (uint16_t)r->fs,
		.sigmask = sigmask,
	};
}

void ap_chain_call(struct ap_chain *c, long nr, const uint64_t args[6])
{
	struct user_regs_struct r = c->in->regs;

	chain_sigreturn(c);
	r.rax = (uint64_t)nr;
	r.rdi = args[0];
	r.rsi = args[1];
	r.rdx = args[2];
	r.r10 = args[3];
	r.r8 = args[4];
	r.r9 = args[5];
	r.rip = c->in->gadgets.syscall_ret;
	r.eflags = 0x202;
	/* The `ret` behind the call takes the word that follows this frame. */
	r.rsp = c->base + c->n + sizeof(struct frame);
	struct frame f = frame_of(&r, c->sigmask);
	chain_add(c, &f, sizeof(f));
}

uint64_t ap_chain_after_first(const struct ap_chain *c)
{
	return c->base + sizeof(struct frame);
}

void ap_chain_call_with_result(struct ap_chain *c, long nr)
{
	chain_word(c, c->in->gadgets.xchg_eax_edi);
	chain_word(c, c->in->gadgets.pop_rax_ret);
	chain_word(c, (uint64_t)nr);
	chain_word(c, c->in->gadgets.syscall_ret);
}

void ap_chain_jump(struct ap_chain *c, uint64_t addr)
{
	/* The last frame's stack pointer leads there instead of behind the frame. */
	if (c->failed || c->n < sizeof(struct frame))
		return;
	memcpy(c->buf + c->n - sizeof(struct frame) + offsetof(struct frame, sp), &addr,
	       sizeof(addr));
}

void ap_chain_end(struct ap_chain *c, const struct user_regs_struct *regs, uint64_t sigmask,
		  bool fp)
{
	struct frame f = frame_of(regs, sigmask);
	uint8_t zeros[64] = {0};

	chain_sigreturn(c);
	if (!fp) {
		chain_add(c, &f, sizeof(f));
		return;
	}
	uint64_t after = c->base + c->n + sizeof(f);
	uint64_t at = (after + 63) & ~63ull;
	size_t bytes = fp_bytes(c->in);
	uint8_t state[AP_XSTATE_MAX] = {0};

	f.fpstate = at;
	f.flags |= c->in->n_xstate ? UC_FP_XSTATE : 0;
	chain_add(c, &f, sizeof(f));
	chain_add(c, zeros, at - after);
	memcpy(state, c->in->xstate, bytes);
	if (c->in->n_xstate) {
		struct sw_bytes sw = {
			.magic1 = FP_MAGIC1,
			.extended_size = (uint32_t)bytes + 4,
			.xfeatures = c->in->xfeatures,
			.xstate_size = (uint32_t)bytes,
		};
		uint64_t present;

		memcpy(state + SW_OFFSET, &sw, sizeof(sw));
		memcpy(&present, state + XSTATE_HEADER, sizeof(present));
		present &= c->in->xfeatures;
		memcpy(state + XSTATE_HEADER, &present, sizeof(present));
	}
	chain_add(c, state, bytes);
	uint32_t magic2 = FP_MAGIC2;
	chain_add(c, &magic2, sizeof(magic2));
}
