/*
 * Parameter names. V8 keeps none of its stack parameters' names, but the source text is in the
 * core.
 */
#ifndef AP_V8_PARAMETERS_H
#define AP_V8_PARAMETERS_H

#include "v8/function.h"

/*
 * The names in order, as written: "a", "...rest"; a destructuring pattern gives its own text. None
 * if the source is not there or does not look like a parameter list.
 */
struct ap_err *ap_parameter_names(struct ap_v8 *v8, const struct ap_function_info *info,
				  struct ap_arena *arena, struct ap_text **ret_names,
				  size_t *ret_n);

#endif
