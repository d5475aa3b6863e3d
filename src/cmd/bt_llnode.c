/* Frames as llnode prints them: scripts and eyes know `frame #N: 0xPC name(this=...) at ...`. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "cmd/frames.h"
#include "cmd/values.h"
#include "model/core.h"

/* V8's frame kinds in llnode's words. */
static void internal_name(struct ap_out *out, struct ap_text name)
{
	static const char *const words[][2] = {
		{"EntryFrame", "entry"},
		{"ConstructEntryFrame", "entry_construct"},
		{"ExitFrame", "exit"},
		{"BuiltinExitFrame", "exit"},
		{"InternalFrame", "internal"},
		{"ConstructFrame", "constructor"},
		{"FastConstructFrame", "constructor"},
		{"StubFrame", "stub"},
		{"ArgumentsAdaptorFrame", "adaptor"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (ap_text_is(name, words[i][0])) {
			ap_out_f(out, "<%s>", words[i][1]);
			return;
		}
	}
	ap_out_s(out, "<");
	ap_out_text(out, name.n ? name : AP_TEXT("internal"));
	ap_out_s(out, ">");
}

static void native_place(struct ap_out *out, const struct ap_frame *f)
{
	ap_out_text(out, f->module.n ? ap_base_name(f->module) : AP_TEXT("??"));
	ap_out_s(out, "`");
	ap_out_text(out, f->symbol.n ? f->symbol : AP_TEXT("___lldb_unnamed_symbol"));
	if (f->offset)
		ap_out_f(out, " + %" PRIu64, f->offset);
}

/* The function's own name, else what V8's stack calls it, as llnode fell back to the inferred name.
 */
static struct ap_text shown_name(const struct ap_frame *f)
{
	if (f->name.n)
		return f->name;
	if (!f->function.n || memmem(f->function.s, f->function.n, "<anonymous>", 11))
		return AP_TEXT("(anonymous)");
	return f->function;
}

void ap_llnode_frame(struct ap_ctx *ctx, const struct ap_frame *f, size_t index, bool selected)
{
	struct ap_out *out = ctx->out;

	ap_out_f(out, "  %c frame #%zu: 0x%016" PRIx64 " ", selected ? '*' : ' ', index, f->pc);
	if (ap_frame_is_js(f)) {
		if (f->kind == AP_FRAME_ASYNC)
			ap_out_s(out, "async ");
		ap_out_text(out, shown_name(f));
		if (f->has_receiver || f->arguments.n) {
			ap_out_s(out, "(this=");
			if (f->has_receiver)
				ap_llnode_value(ctx, &f->receiver, 16);
			else
				ap_out_s(out, "<unknown>");
			for (size_t i = 0; i < f->arguments.n; i++) {
				ap_out_s(out, ", ");
				ap_llnode_value(ctx, &f->arguments.at[i].value, 16);
			}
			ap_out_s(out, ")");
		}
		ap_out_s(out, " at ");
		ap_out_text(out, f->script.n ? f->script : AP_TEXT("(no script)"));
		if (f->line)
			ap_out_f(out, ":%d:%d", f->line, f->column);
		if (f->callee.has_ref)
			ap_out_f(out, " fn=0x%016" PRIx64, f->callee.ref);
	} else if (f->kind == AP_FRAME_NATIVE) {
		native_place(out, f);
	} else if (f->kind == AP_FRAME_BUILTIN) {
		/* llnode could not name builtins; the word it printed stays in front. */
		ap_out_s(out, "<builtin>");
		if (f->symbol.n) {
			ap_out_s(out, " ");
			ap_out_text(out, f->symbol);
		}
	} else {
		internal_name(out, f->internal_name);
	}
	ap_out_s(out, "\n");
}

void ap_llnode_thread(struct ap_ctx *ctx, const struct ap_stack *stack, size_t number)
{
	struct ap_out *out = ctx->out;
	struct ap_image *image = ap_core_model_image(ctx->model);
	const struct ap_process *process = image ? ap_image_process(image) : NULL;

	ap_out_f(out, " * thread #%zu: tid = %d, 0x%016" PRIx64 " ", number, (int)stack->info.tid,
		 stack->info.pc);
	if (stack->frames.n && stack->frames.at[0].kind == AP_FRAME_NATIVE)
		native_place(out, &stack->frames.at[0]);
	if (process && process->fname) {
		ap_out_s(out, ", name = '");
		ap_out_text(out, ap_text_of(process->fname));
		ap_out_s(out, "'");
	}
	if (stack->info.crashed && process && process->signal) {
		const char *name = sigabbrev_np(process->signal);

		ap_out_f(out, ", stop reason = signal %s%s", name ? "SIG" : "", name ? name : "?");
	}
	ap_out_s(out, "\n");
}
