/* The whole heap of a core: found at its first use, kept for the session. */
#include "heap/heap.h"
#include "model/core_private.h"

struct ap_err *ap_core_model_heap(struct ap_model *model, struct ap_heap **ret_heap)
{
	if (!ap_core_model_image(model))
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED, "this target holds no heap: it is no core"),
				   AP_NO_CORE_HINT);
	struct ap_core_model *core = ap_core_of(model);

	if (!core->heap) {
		AP_TRY(ap_core_need_v8(core));
		AP_TRY(ap_heap_open(core->v8, &core->heap));
	}
	*ret_heap = core->heap;
	return NULL;
}
