/* ::fpregs, ::stackregs, $?: more of a thread's registers, as mdb shows them. */
#include <inttypes.h>
#include <signal.h>
#include <sys/user.h>

#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/frames.h"
#include "model/core.h"

static void add_bytes(struct ap_str *out, const uint32_t *words, size_t n)
{
	ap_str_adds(out, "0x");
	for (size_t i = n; i-- > 0;)
		ap_str_addf(out, "%08" PRIx32, words[i]);
}

static struct ap_err *fpregs_data(struct ap_ctx *ctx, void **ret_data)
{
	struct user_fpregs_struct fp;
	const struct ap_thread *thread;
	AP_STR_AUTO out = {0};
	size_t index;

	AP_TRY(ap_registers_of(ctx, ctx->has_address ? &ctx->address : NULL, &index, &thread));
	if (!thread->fpregs)
		return ap_err_new(AP_E_NOTFOUND,
				  "the core holds no floating point registers of thread %d",
				  (int)thread->tid);
	memcpy(&fp, thread->fpregs, sizeof(fp));
	ap_str_addf(&out,
		    "_fp_hw 0x03 (80387 with SSE)\n\ncw     0x%04x\nsw     0x%04x\ntw     0x%04x\n"
		    "fop    0x%04x\nrip    0x%" PRIx64 "\nrdp    0x%" PRIx64 "\nmxcsr  0x%08x\n\n",
		    fp.cwd, fp.swd, fp.ftw, fp.fop, (uint64_t)fp.rip, (uint64_t)fp.rdp, fp.mxcsr);
	for (int i = 0; i < 8; i++) {
		long double v;
		uint32_t words[4];

		memcpy(words, &fp.st_space[i * 4], sizeof(words));
		memcpy(&v, words, 10);
		words[2] &= 0xffff;
		ap_str_addf(&out, "st%d    0x%04" PRIx32 "%08" PRIx32 "%08" PRIx32 " = %.18Lg\n", i,
			    words[2], words[1], words[0], v);
	}
	ap_str_addc(&out, '\n');
	for (int i = 0; i < 16; i++) {
		uint32_t words[4];

		memcpy(words, &fp.xmm_space[i * 4], sizeof(words));
		ap_str_addf(&out, "xmm%-2d  ", i);
		add_bytes(&out, words, 4);
		ap_str_addc(&out, '\n');
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_fpregs = {
	.names = {[AP_MDB] = "fpregs|$x|$X|$y|$Y"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "floating point and SSE registers of a thread",
	.synopsis = {[AP_MDB] = ""},
	.help = "TID::fpregs shows those of another thread; $l lists them.",
	.example = "::fpregs",
	.needs_model = true,
	.data = fpregs_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *stackregs_data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_thread *thread;
	AP_STR_AUTO out = {0};
	struct ap_stack stack;
	size_t index;

	AP_TRY(ap_registers_of(ctx, ctx->has_address ? &ctx->address : NULL, &index, &thread));
	AP_TRY(ap_stack_of(ctx, index, false, &stack));
	for (size_t i = 0; i < stack.frames.n; i++) {
		const struct ap_frame *f = &stack.frames.at[i];

		/* What only V8 knows of has no registers. */
		if (f->inlined || f->kind == AP_FRAME_ASYNC)
			continue;
		ap_str_addf(&out, "%%rbp = 0x%016" PRIx64 "  %%rip = 0x%016" PRIx64 "  %.*s", f->fp,
			    f->pc, AP_TEXT_ARG(ap_frame_title(f)));
		if (f->symbol.n)
			ap_str_addf(&out, "+0x%" PRIx64, f->offset);
		ap_str_addc(&out, '\n');
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_stackregs = {
	.names = {[AP_MDB] = "stackregs"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "frame and instruction pointer of every frame",
	.synopsis = {[AP_MDB] = ""},
	.help = "TID::stackregs shows another thread. Other registers of callers are not kept on x86-64.",
	.example = "::stackregs",
	.needs_model = true,
	.data = stackregs_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

/* Both are commands with a text of their own: this one only joins them. */
static struct ap_err *question_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_out out;

	ap_out_init(&out, NULL);
	out.width = ctx->out->width;
	struct ap_err *err = ap_session_run_into(ctx->session, "::status\n$r", &out);
	if (!err)
		err = ap_answer_text(ctx, ret_data, "%s", out.text.s ? out.text.s : "");
	ap_out_close(&out);
	return err;
}

const struct ap_cmd ap_cmd_question = {
	.names = {[AP_MDB] = "$?"},
	.group = AP_GROUP_NATIVE,
	.summary = "status and registers",
	.synopsis = {[AP_MDB] = ""},
	.help = "::status, then $r.",
	.example = "$?",
	.needs_model = true,
	.data = question_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
