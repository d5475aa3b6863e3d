#include "cmd/frames.h"

#include <inttypes.h>

#include "cmd/commands.h"
#include "model/core.h"

size_t ap_representative_thread(const ap_thread_vec *threads)
{
	size_t main_thread = 0;

	for (size_t i = 0; i < threads->n; i++) {
		if (threads->at[i].crashed)
			return i;
		if (threads->at[i].role == AP_ROLE_MAIN)
			main_thread = i;
	}
	return main_thread;
}

size_t ap_chosen_thread(struct ap_ctx *ctx, const ap_thread_vec *threads)
{
	struct ap_selection selection = ap_session_selection(ctx->session);

	return selection.chosen && selection.thread < threads->n
		       ? selection.thread
		       : ap_representative_thread(threads);
}

static struct ap_err *stack_at(struct ap_ctx *ctx, const ap_thread_vec *threads, size_t thread,
			       bool values, struct ap_stack *ret_stack)
{
	const struct ap_frames_options options = {.native = true, .values = values, .async = true};
	struct ap_stack stack = {.thread = thread, .info = threads->at[thread]};

	AP_TRY(ctx->model->ops->frames(ctx->model, thread, &options, ctx->arena, &stack.frames));
	*ret_stack = stack;
	return NULL;
}

struct ap_err *ap_stack_of(struct ap_ctx *ctx, size_t thread, bool values,
			   struct ap_stack *ret_stack)
{
	ap_thread_vec threads = {0};

	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	if (thread >= threads.n)
		return ap_err_new(AP_E_NOTFOUND, "there is no thread with the index %zu", thread);
	return stack_at(ctx, &threads, thread, values, ret_stack);
}

struct ap_err *ap_registers_of(struct ap_ctx *ctx, const uint64_t *tid, size_t *ret_index,
			       const struct ap_thread **ret_thread)
{
	struct ap_image *image = ap_core_model_image(ctx->model);
	const struct ap_thread *thread = NULL;
	ap_thread_vec infos = {0};
	size_t n = 0, index = 0;

	if (!image)
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED, "this target has no registers: it is no core"),
			AP_NO_CORE_HINT);
	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &infos));
	if (!infos.n)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no thread");
	const uint64_t wanted = tid ? *tid : (uint64_t)infos.at[ap_chosen_thread(ctx, &infos)].tid;
	const struct ap_thread *threads = ap_image_threads(image, &n);
	for (size_t i = 0; i < n && !thread; i++) {
		if ((uint64_t)threads[i].tid == wanted)
			thread = &threads[i];
	}
	while (index < infos.n && (uint64_t)infos.at[index].tid != wanted)
		index++;
	if (!thread || index == infos.n)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "the core holds no thread %" PRIu64, wanted),
			ctx->dialect == AP_MDB ? "$l lists the threads"
					       : "`threads` lists what it holds");
	*ret_index = index;
	*ret_thread = thread;
	return NULL;
}

bool ap_frame_is_js(const struct ap_frame *frame)
{
	return frame->kind == AP_FRAME_JS || frame->kind == AP_FRAME_ASYNC ||
	       (frame->kind == AP_FRAME_BUILTIN && frame->function.s);
}

static size_t default_frame(const ap_frame_vec *frames)
{
	size_t js = frames->n;

	for (size_t i = 0; i < frames->n; i++) {
		const struct ap_frame *f = &frames->at[i];

		if (f->kind != AP_FRAME_JS)
			continue;
		if (f->user_code)
			return i;
		if (js == frames->n)
			js = i;
	}
	return js < frames->n ? js : 0;
}

struct ap_err *ap_selected_frame(struct ap_ctx *ctx, bool values, struct ap_stack *ret_stack,
				 size_t *ret_index)
{
	struct ap_selection selection = ap_session_selection(ctx->session);
	ap_thread_vec threads = {0};
	struct ap_stack stack;

	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	if (!threads.n)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no thread");
	if (!selection.chosen || selection.thread >= threads.n)
		selection = (struct ap_selection){.thread = ap_representative_thread(&threads)};
	AP_TRY(stack_at(ctx, &threads, selection.thread, values, &stack));
	if (!stack.frames.n)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
					      "thread %d has no frame that can be read",
					      (int)stack.info.tid),
				   "`threads` shows what the core holds of each thread");
	if (!selection.chosen || selection.frame >= stack.frames.n)
		selection.frame = default_frame(&stack.frames);
	*ret_stack = stack;
	*ret_index = selection.frame;
	return NULL;
}

struct ap_text ap_frame_title(const struct ap_frame *frame)
{
	if (ap_frame_is_js(frame))
		return frame->function.n ? frame->function : AP_TEXT("<anonymous>");
	if (frame->symbol.n)
		return frame->symbol;
	if (frame->internal_name.n)
		return frame->internal_name;
	return AP_TEXT("??");
}

struct ap_text ap_base_name(struct ap_text path)
{
	const char *slash = path.n ? memrchr(path.s, '/', path.n) : NULL;

	if (!slash)
		return path;
	return (struct ap_text){slash + 1, path.n - (size_t)(slash + 1 - path.s)};
}

struct ap_text ap_frame_place(const struct ap_frame *frame, struct ap_arena *arena)
{
	AP_STR_AUTO str = {0};

	if (frame->kind == AP_FRAME_JS || frame->kind == AP_FRAME_ASYNC) {
		if (frame->script.n)
			ap_str_add(&str, frame->script.s, frame->script.n);
		else
			ap_str_adds(&str, "<anonymous>");
		if (frame->line)
			ap_str_addf(&str, ":%d:%d", frame->line, frame->column);
		else if (frame->position > 0)
			ap_str_addf(&str, " at character %d (its text is not in the core)",
				    frame->position);
	} else if (frame->kind == AP_FRAME_NATIVE) {
		struct ap_text module = ap_base_name(frame->module);

		if (module.n)
			ap_str_add(&str, module.s, module.n);
		else
			ap_str_addf(&str, "0x%" PRIx64, frame->pc);
	} else {
		ap_str_adds(&str, frame->kind == AP_FRAME_BUILTIN ? "builtin" : "internal");
	}
	return ap_str_text(&str, arena);
}
