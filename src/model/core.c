/* The core's model: opens what it can, and hands each question to the file that answers it. */
#include <stdlib.h>

#include "graph/study.h"
#include "heap/heap.h"
#include "model/core_private.h"

static void core_close(struct ap_model *model)
{
	struct ap_core_model *core = ap_core_of(model);

	ap_study_close(core->study);
	ap_heap_close(core->heap);
	ap_unwind_close(core->unwind);
	ap_v8_close(core->v8);
	ap_err_free(core->v8_error);
	ap_image_close(core->image);
	free(core);
}

static const struct ap_model_ops core_ops = {
	.close = core_close,
	.info = ap_core_info,
	.verdict = ap_core_verdict,
	.threads = ap_core_threads,
	.frames = ap_core_frames,
	.scopes = ap_core_scopes,
	.describe = ap_core_describe,
	.detail = ap_core_detail,
	.source = ap_core_source,
	.activity = &ap_core_activity,
};

struct ap_err *ap_core_model_open(struct ap_image *image, struct ap_model **ret_model)
{
	struct ap_core_model *core = calloc(1, sizeof(*core));
	struct ap_err *err;

	if (!core) {
		ap_image_close(image);
		return &ap_err_nomem;
	}
	core->base.ops = &core_ops;
	core->image = image;
	err = ap_unwind_open(image, &core->unwind);
	if (err) {
		core_close(&core->base);
		return err;
	}
	core->v8_error = ap_v8_open(image, &core->v8);
	/* Not Node at all, or a build that nobody here can read: an honest no. A program that is
	 * merely missing still leaves the native side. */
	if (core->v8_error && core->v8_error->code == AP_E_UNSUPPORTED) {
		err = ap_err_wrap(core->v8_error, "%s is not of a Node that can be read",
				  ap_image_path(image));
		core->v8_error = NULL;
		core_close(&core->base);
		return err;
	}
	const struct ap_image_gaps *gaps = ap_image_gaps(image);
	core->base.incomplete = gaps->cut_bytes || gaps->missing_headers || !core->v8 ||
				!core->v8->profile.table_exact;
	*ret_model = &core->base;
	return NULL;
}

static bool is_core(const struct ap_model *model)
{
	return model && model->ops == &core_ops;
}

struct ap_image *ap_core_model_image(struct ap_model *model)
{
	return is_core(model) ? ap_core_of(model)->image : NULL;
}

struct ap_v8 *ap_core_model_v8(struct ap_model *model)
{
	return is_core(model) ? ap_core_of(model)->v8 : NULL;
}

const struct ap_err *ap_core_model_v8_error(struct ap_model *model)
{
	return is_core(model) ? ap_core_of(model)->v8_error : NULL;
}

struct ap_err *ap_core_need_v8(struct ap_core_model *core)
{
	if (core->v8)
		return NULL;
	const char *hint = ap_err_find_hint(core->v8_error);
	struct ap_err *err =
		ap_err_new(core->v8_error ? core->v8_error->code : AP_E_UNSUPPORTED, "%s",
			   core->v8_error ? core->v8_error->message : "no V8 in this process");

	return hint ? ap_err_hint(err, "%s", hint) : err;
}
