/* A crash file or panic dump: opened, and every question asked about whatever it claims to hold. */
#include <stdint.h>
#include <stdlib.h>

#include "model/crash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { VALUES = 300, ARENA = 1 << 26 };

static void ask_value(struct ap_model *model, uint64_t ref)
{
	struct ap_arena arena;
	struct ap_value value, inside;
	struct ap_detail detail;
	ap_scope_vec scopes;
	struct ap_source source;

	ap_arena_init(&arena, ARENA);
	AP_ERR_AUTO err = model->ops->describe(model, ref, &arena, &value);
	if (!err) {
		ap_err_free(
			model->ops->detail(model, ref, &ap_detail_default_limits, &arena, &detail));
		ap_err_free(model->ops->scopes(model, ref, NULL, &arena, &scopes));
		ap_err_free(model->ops->source(model, ref, NULL, &arena, &source));
		ap_err_free(ap_value_follow(model, ref, "self.self[0].cause", &arena, &inside));
		(void)ap_value_preview(model, &value, &arena);
	}
	ap_arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct ap_frames_options options = {.native = true, .values = true, .async = true};
	struct ap_model *model;
	struct ap_arena arena;
	struct ap_info info;
	struct ap_verdict verdict;
	ap_thread_vec threads;
	ap_frame_vec frames = {0};
	ap_scope_vec scopes;
	struct ap_source source;
	struct ap_value state;
	AP_ERR_AUTO err = ap_crash_model_open(data, bytes, "input", &model);

	if (err)
		return 0;
	ap_arena_init(&arena, ARENA);
	ap_err_free(model->ops->info(model, &arena, &info));
	ap_err_free(model->ops->verdict(model, &arena, &verdict));
	ap_err_free(model->ops->threads(model, &arena, &threads));
	ap_err_free(model->ops->frames(model, 0, &options, &arena, &frames));
	ap_err_free(model->ops->named(model, AP_TEXT("state"), &arena, &state));
	for (size_t i = 0; i < frames.n && i < 50; i++) {
		const struct ap_frame *f = &frames.at[i];

		ap_err_free(model->ops->scopes(model, f->callee.ref, f, &arena, &scopes));
		ap_err_free(model->ops->source(model, f->callee.ref, f, &arena, &source));
		ask_value(model, f->callee.ref);
	}
	ap_arena_close(&arena);
	for (uint64_t i = 0; i < VALUES; i++)
		ask_value(model, i << 4 | 1);
	ap_model_close(model);
	return 0;
}
