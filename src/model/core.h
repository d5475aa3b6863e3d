/* The model over a core file (or any other image of a process). */
#ifndef AP_MODEL_CORE_H
#define AP_MODEL_CORE_H

#include "image/image.h"
#include "model/model.h"

struct ap_v8;
struct ap_heap;

/*
 * Takes the image over. A process without a V8 that we can read still opens: its native side
 * answers, everything else says why not; ap_core_model_v8() is NULL then.
 */
struct ap_err *ap_core_model_open(struct ap_image *image, struct ap_model **ret_model);
/* For what only a core can answer, asked of a crash file. */
#define AP_NO_CORE_HINT                                                                            \
	"a crash file holds what was near the crash; AUTOPSY_CORE=1 with autopsy-node/register "   \
	"writes a core besides it"

/* NULL if `model` is not a core's. */
struct ap_image *ap_core_model_image(struct ap_model *model);
struct ap_v8 *ap_core_model_v8(struct ap_model *model);
/* Why there is no V8, or NULL; stays the model's. */
const struct ap_err *ap_core_model_v8_error(struct ap_model *model);
/*
 * The index over the whole heap (heap/heap.h): made at the first call, not yet walked, the model's
 * until it is closed.
 */
struct ap_err *ap_core_model_heap(struct ap_model *model, struct ap_heap **ret_heap);
/*
 * The graph of what is alive, with what was found out about it (graph/study.h): made at the first
 * call, the model's until it is closed. Walks the heap if nobody did. `watch` may be NULL.
 */
struct ap_study;
struct ap_heap_watch;
struct ap_fill_summary;
struct ap_err *ap_core_model_study(struct ap_model *model, const struct ap_heap_watch *watch,
				   struct ap_study **ret_study,
				   struct ap_fill_summary *ret_summary);

#endif
