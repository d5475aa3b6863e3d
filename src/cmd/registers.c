/* registers = ::regs = $r: of the thread that died, or of another. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "model/core.h"

enum { OPT_THREAD };

static const struct ap_option options[] = {
	[OPT_THREAD] = {'t', "thread", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_MDB, "tid",
			"of this thread"},
	{0},
};

struct regs {
	const struct ap_thread *thread;
	struct ap_text symbol; /* of rip; s == NULL if unknown */
	uint64_t offset;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct regs *r = ap_alloc(ctx->arena, sizeof(*r));
	const uint64_t *tid = ctx->args.given[OPT_THREAD] ? &ctx->args.number[OPT_THREAD]
			      : ctx->dialect == AP_MDB && ctx->has_address ? &ctx->address
									   : NULL;
	struct ap_stack stack;
	size_t index;

	if (!r)
		return &ap_err_nomem;
	AP_TRY(ap_registers_of(ctx, tid, &index, &r->thread));
	if (!r->thread->regs)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no registers of thread %d",
				  (int)r->thread->tid);
	*ret_data = r;
	/* The innermost frame names the place, demangled. */
	AP_TRY(ap_stack_of(ctx, index, false, &stack));
	if (stack.frames.n && stack.frames.at[0].pc == r->thread->regs[AP_REG_RIP] &&
	    stack.frames.at[0].symbol.n) {
		r->symbol = stack.frames.at[0].symbol;
		r->offset = stack.frames.at[0].offset;
	}
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct regs *r = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_int(j, "tid", r->thread->tid);
	ap_json_object(j, "registers");
	for (size_t i = 0; i < AP_N_REGS; i++)
		ap_json_addr(j, ap_reg_names[i].name, r->thread->regs[ap_reg_names[i].reg]);
	ap_json_end_object(j);
	ap_json_text(j, "symbol", r->symbol);
	if (r->symbol.s)
		ap_json_uint(j, "offset", r->offset);
	else
		ap_json_null(j, "offset");
	ap_json_end_object(j);
}

static void out_symbol(struct ap_out *out, const struct regs *r)
{
	if (!r->symbol.s)
		return;
	ap_out_s(out, " ");
	ap_out_text(out, r->symbol);
	if (r->offset)
		ap_out_f(out, "+0x%" PRIx64, r->offset);
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct regs *r = p;
	struct ap_out *out = ctx->out;
	size_t n = AP_N_REGS, half = 8;

	ap_out_styled(out, AP_STYLE_HEAD, "thread %d\n", (int)r->thread->tid);
	for (size_t i = 0; i < half; i++)
		ap_out_f(out, "  %-4s 0x%016" PRIx64 "    %-4s 0x%016" PRIx64 "\n",
			 ap_reg_names[i].name, r->thread->regs[ap_reg_names[i].reg],
			 ap_reg_names[i + half].name, r->thread->regs[ap_reg_names[i + half].reg]);
	for (size_t i = 2 * half; i < n; i++) {
		ap_out_f(out, "  %-8s 0x%" PRIx64, ap_reg_names[i].name,
			 r->thread->regs[ap_reg_names[i].reg]);
		if (ap_reg_names[i].reg == AP_REG_RIP)
			out_symbol(out, r);
		ap_out_s(out, "\n");
	}
}

/* As mdb on amd64 lays them out. */
static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	static const enum ap_reg left[] = {AP_REG_RAX, AP_REG_RBX, AP_REG_RCX,
					   AP_REG_RDX, AP_REG_RSI, AP_REG_RDI};
	static const char *const left_names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi"};
	static const enum ap_reg right[] = {AP_REG_R8,  AP_REG_R9,  AP_REG_R10, AP_REG_R11,
					    AP_REG_R12, AP_REG_R13, AP_REG_R14, AP_REG_R15};
	const struct regs *r = p;
	const uint64_t *v = r->thread->regs;
	struct ap_out *out = ctx->out;

	for (size_t i = 0; i < 8; i++) {
		if (i < 6)
			ap_out_f(out, "%%%s = 0x%016" PRIx64 "       ", left_names[i], v[left[i]]);
		else
			ap_out_f(out, "%32s", "");
		ap_out_f(out, "%%r%-2zu = 0x%016" PRIx64 "\n", i + 8, v[right[i]]);
	}
	ap_out_f(out,
		 "\n%%cs = 0x%04" PRIx64 "\t%%fs = 0x%04" PRIx64 "\t%%gs = 0x%04" PRIx64
		 "\n%%ds = 0x%04" PRIx64 "\t%%es = 0x%04" PRIx64 "\t%%ss = 0x%04" PRIx64 "\n\n",
		 v[AP_REG_CS], v[AP_REG_FS], v[AP_REG_GS], v[AP_REG_DS], v[AP_REG_ES],
		 v[AP_REG_SS]);
	ap_out_f(out, "%%rip = 0x%016" PRIx64, v[AP_REG_RIP]);
	out_symbol(out, r);
	ap_out_f(out, "\n%%rbp = 0x%016" PRIx64 "\n%%rsp = 0x%016" PRIx64 "\n\n", v[AP_REG_RBP],
		 v[AP_REG_RSP]);
	ap_out_f(out,
		 "%%rflags = 0x%08" PRIx64 "\n\n  %%gsbase = 0x%016" PRIx64
		 "\n  %%fsbase = 0x%016" PRIx64 "\n",
		 v[AP_REG_EFLAGS], v[AP_REG_GS_BASE], v[AP_REG_FS_BASE]);
}

const struct ap_cmd ap_cmd_registers = {
	.names = {[AP_PLAIN] = "registers|regs|info registers|register read", [AP_MDB] = "regs|$r"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "registers of the thread that died, or of another",
	.synopsis = {[AP_PLAIN] = "[-t TID]", [AP_MDB] = "[-t tid]"},
	.help = "As they were when the process stopped. In mdb TID::regs shows those of another thread.",
	.options = options,
	.example = "registers",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb},
};
