/* Memory by kind, for the first screen. Results in the caller's arena. */
#ifndef AP_MODEL_CORE_MEMORY_H
#define AP_MODEL_CORE_MEMORY_H

#include "model/core_private.h"

struct ap_err *ap_core_memory(struct ap_core_model *core, struct ap_arena *arena,
			      struct ap_info *info);

#endif
