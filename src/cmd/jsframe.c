/* ::jsframe: one frame by the place of its saved frame pointer. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/frames.h"
#include "model/core.h"

enum { OPT_ALL, OPT_VERBOSE, OPT_ITSELF, OPT_FUNCTION, OPT_PROPERTY, OPT_LINES };

static const struct ap_option options[] = {
	[OPT_ALL] = {'a', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		     "frame pointer and return address; hidden frames too"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "arguments and source"},
	[OPT_ITSELF] = {'i', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			"the address is the frame pointer itself"},
	[OPT_FUNCTION] = {'f', NULL, AP_OPTION_TEXT, AP_IN_MDB, "function",
			  "only if it is of this function"},
	[OPT_PROPERTY] = {'p', NULL, AP_OPTION_TEXT, AP_IN_MDB, "property",
			  "print only this: file, posn, this, arg1 ..."},
	[OPT_LINES] = {'n', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "numlines",
		       "lines of context around the source (default 5)"},
	{0},
};

/* NULL data: there is no frame to show, which is no error (the walk's end). */
static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image = ap_core_model_image(ctx->model);
	uint64_t fp = ctx->address;
	ap_thread_vec threads = {0};

	*ret_data = NULL;
	if (!ctx->args.given[OPT_ITSELF] && (!image || !ap_image_u64(image, ctx->address, &fp)))
		return ap_err_new(AP_E_FAULT, "failed to read frame pointer at %" PRIx64,
				  ctx->address);
	if (!fp)
		return NULL;
	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	for (size_t t = 0; t < threads.n; t++) {
		struct ap_stack stack;

		if (threads.at[t].role == AP_ROLE_NATIVE && !threads.at[t].crashed)
			continue;
		AP_TRY(ap_stack_of(ctx, t, true, &stack));
		struct ap_frame *frames = stack.frames.at; /* the arena's, not the stack's */
		for (size_t i = 0; i < stack.frames.n; i++) {
			if (frames[i].fp == fp) {
				*ret_data = frames + i;
				return NULL;
			}
		}
	}
	return ap_err_new(AP_E_NOTFOUND, "no frame has the frame pointer %" PRIx64, fp);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	ap_json_object(j, "data");
	if (p)
		ap_json_frame(ctx, j, "frame", p);
	else
		ap_json_null(j, "frame");
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	struct ap_mdb_frames state = {
		.all = ctx->args.given[OPT_ALL],
		.verbose = ctx->args.given[OPT_VERBOSE],
		.function = ctx->args.text[OPT_FUNCTION],
		.property = ctx->args.text[OPT_PROPERTY],
		.lines = ctx->args.given[OPT_LINES] ? ctx->args.number[OPT_LINES] : 5,
	};

	if (!p)
		return;
	ap_mdb_frame(ctx, p, &state);
	ap_mdb_frames_end(ctx, &state);
}

const struct ap_cmd ap_cmd_jsframe = {
	.names = {[AP_MDB] = "jsframe"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "one frame, by its frame pointer",
	.synopsis = {[AP_MDB] = "[-aiv] [-f function] [-p property] [-n numlines]"},
	.help = "The address is where a saved frame pointer lies: the frame is the one it points to. With "
		"-i the address is the frame pointer itself. `::jsstack -a` shows frame pointers.",
	.options = options,
	.example = "::jsstack -a",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
