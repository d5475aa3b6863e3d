/* Inside of the core's model, shared by the files model/core*.c. */
#ifndef AP_MODEL_CORE_PRIVATE_H
#define AP_MODEL_CORE_PRIVATE_H

#include "heap/fill_graph.h"
#include "model/core.h"
#include "unwind/unwind.h"
#include "v8/function.h"
#include "v8/v8.h"

struct ap_core_model {
	struct ap_model base; /* first: the model is cast to this */
	struct ap_image *image;
	struct ap_unwind *unwind;
	struct ap_v8 *v8; /* NULL: no V8 that we can read */
	struct ap_err *v8_error;
	struct ap_heap *heap;   /* core_heap.c; NULL until asked for */
	struct ap_study *study; /* the same */
	struct ap_fill_summary study_summary;
};

static inline struct ap_core_model *ap_core_of(struct ap_model *model)
{
	return (struct ap_core_model *)model;
}

/* The error for what needs V8, when there is none. */
struct ap_err *ap_core_need_v8(struct ap_core_model *core);

/* Counts something that did not decode, for the gaps of the running command. */
static inline void ap_core_gap(struct ap_core_model *core, uint64_t address)
{
	if (!core->base.gaps.bad++)
		core->base.gaps.first_address = address;
}

/* core_value.c: the short form of any tagged word; never fails but for memory. */
struct ap_err *ap_core_describe(struct ap_model *model, uint64_t ref, struct ap_arena *arena,
				struct ap_value *ret);
/* The same for a slot that may hold a raw double. */
struct ap_err *ap_core_slot(struct ap_core_model *core, const struct ap_slot *slot,
			    struct ap_arena *arena, struct ap_value *ret);
/* core_detail.c: the full form. */
struct ap_err *ap_core_detail(struct ap_model *model, uint64_t ref,
			      const struct ap_detail_limits *limits, struct ap_arena *arena,
			      struct ap_detail *ret);
/* core_frames.c */
struct ap_err *ap_core_frames(struct ap_model *model, size_t thread,
			      const struct ap_frames_options *options, struct ap_arena *arena,
			      ap_frame_vec *ret);
struct ap_err *ap_core_threads(struct ap_model *model, struct ap_arena *arena, ap_thread_vec *ret);
/* core_scope.c */
struct ap_err *ap_core_scopes(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			      struct ap_arena *arena, ap_scope_vec *ret);
struct ap_err *ap_core_source(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			      struct ap_arena *arena, struct ap_source *ret);
/* core_info.c, core_verdict.c */
struct ap_err *ap_core_info(struct ap_model *model, struct ap_arena *arena, struct ap_info *ret);
struct ap_err *ap_core_verdict(struct ap_model *model, struct ap_arena *arena,
			       struct ap_verdict *ret);
/* core_activity.c */
extern const struct ap_activity_ops ap_core_activity;
/* A value that could not be read, with the reason. */
static inline struct ap_value ap_value_unreadable(const char *reason)
{
	return (struct ap_value){.type = AP_T_UNREADABLE, .text = ap_text_of(reason)};
}

#endif
