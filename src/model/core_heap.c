/* The whole heap of a core: found at its first use, kept for the session. */
#include "graph/study.h"
#include "heap/fill_graph.h"
#include "heap/heap.h"
#include "model/core_private.h"

struct ap_err *ap_core_model_heap(struct ap_model *model, struct ap_heap **ret_heap)
{
	if (!ap_core_model_image(model))
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED, "this target holds no heap: it is no core"),
			AP_NO_CORE_HINT);
	struct ap_core_model *core = ap_core_of(model);

	if (!core->heap) {
		AP_TRY(ap_core_need_v8(core));
		AP_TRY(ap_heap_open(core->v8, &core->heap));
	}
	*ret_heap = core->heap;
	return NULL;
}

struct ap_err *ap_core_model_study(struct ap_model *model, const struct ap_heap_watch *watch,
				   struct ap_study **ret_study, struct ap_fill_summary *ret_summary)
{
	struct ap_heap_summary walked;
	struct ap_graph *graph;
	struct ap_heap *heap = NULL;

	AP_TRY(ap_core_model_heap(model, &heap));
	struct ap_core_model *core = ap_core_of(model);
	if (!core->study) {
		AP_TRY(ap_heap_walk(heap, watch));
		ap_heap_summary(heap, &walked);
		if (!ap_heap_is_complete(&walked))
			return &ap_err_cancelled;
		AP_TRY(ap_heap_graph(heap, watch, &graph, &core->study_summary));
		AP_TRY(ap_study_open(graph, &core->study));
	}
	*ret_study = core->study;
	*ret_summary = core->study_summary;
	return NULL;
}
