/* $c = ::stack, $C, $l: native frames and threads, as mdb shows them. */
#include <inttypes.h>

#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/frames.h"

static void frame_line(struct ap_ctx *ctx, struct ap_str *out, const struct ap_frame *f,
		       bool pointers)
{
	struct ap_text title = ap_frame_title(f);

	if (pointers)
		ap_str_addf(out, "%016" PRIx64 " ", f->fp);
	if (f->kind == AP_FRAME_NATIVE || f->kind == AP_FRAME_BUILTIN) {
		/* Modules other than the program in front, as object`symbol. */
		if (f->module.n && !ap_text_is(ap_base_name(f->module), "node"))
			ap_str_addf(out, "%.*s`", AP_TEXT_ARG(ap_base_name(f->module)));
		if (f->symbol.n)
			ap_str_addf(out, "%.*s+0x%" PRIx64, AP_TEXT_ARG(f->symbol), f->offset);
		else
			ap_str_addf(out, "0x%" PRIx64, f->pc);
	} else {
		ap_str_addf(out, "%.*s", AP_TEXT_ARG(title));
		struct ap_text place = ap_frame_place(f, ctx->arena);
		if (place.n)
			ap_str_addf(out, " [%.*s]", AP_TEXT_ARG(place));
	}
	ap_str_addc(out, '\n');
}

static struct ap_err *stack(struct ap_ctx *ctx, bool pointers, void **ret_data)
{
	ap_thread_vec threads = {0};
	AP_STR_AUTO out = {0};
	struct ap_stack s;
	size_t n = 0;

	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	if (!threads.n)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no thread");
	AP_TRY(ap_stack_of(ctx, ap_chosen_thread(ctx, &threads), false, &s));
	bool started = !ctx->has_address;
	const struct ap_frame *frames = s.frames.at;
	for (size_t i = 0; i < s.frames.n; i++) {
		started = started || frames[i].fp == ctx->address;
		/* What only V8 knows of has no frame of its own here. */
		if (!started || frames[i].inlined || frames[i].kind == AP_FRAME_ASYNC)
			continue;
		frame_line(ctx, &out, &frames[i], pointers);
		n++;
	}
	if (!n)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND,
				   "no frame of this thread has the frame pointer %" PRIx64,
				   ctx->address),
			"$C shows frame pointers");
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

static struct ap_err *stack_data(struct ap_ctx *ctx, void **ret_data)
{
	return stack(ctx, false, ret_data);
}

static struct ap_err *pointers_data(struct ap_ctx *ctx, void **ret_data)
{
	return stack(ctx, true, ret_data);
}

const struct ap_cmd ap_cmd_native_stack = {
	.names = {[AP_MDB] = "stack|$c"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "every frame of the thread, native ones too",
	.synopsis = {[AP_MDB] = ""},
	.help = "An address is a frame pointer to begin with. ::jsstack shows the JavaScript side, bt both.",
	.example = "$c",
	.needs_model = true,
	.data = stack_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

const struct ap_cmd ap_cmd_native_stack_pointers = {
	.names = {[AP_MDB] = "$C"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "every frame of the thread with its frame pointer",
	.synopsis = {[AP_MDB] = ""},
	.help = "An address is a frame pointer to begin with; 0 means that the frame's pointer is not known.",
	.example = "$C",
	.needs_model = true,
	.data = pointers_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *threads_data(struct ap_ctx *ctx, void **ret_data)
{
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	ap_thread_vec threads = {0};

	if (!list)
		return &ap_err_nomem;
	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	for (size_t i = 0; i < threads.n; i++) {
		if (!ap_vec_push(ctx->arena, list, (uint64_t)threads.at[i].tid))
			return &ap_err_nomem;
	}
	*ret_data = list;
	return NULL;
}

const struct ap_cmd ap_cmd_thread_ids = {
	.names = {[AP_MDB] = "$l|$L"},
	.group = AP_GROUP_NATIVE,
	.summary = "the ids of all threads",
	.synopsis = {[AP_MDB] = ""},
	.help = "TID>thread makes <rip and the other registers those of that thread.",
	.example = "$l",
	.needs_model = true,
	.data = threads_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ap_answer_values_print},
};
