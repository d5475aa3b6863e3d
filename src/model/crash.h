/*
 * The model over what a program wrote down itself while it died: a crash file of autopsy-node or of
 * inspector-postmortem, or the dump of a panic (npm/FORMAT.md).
 *
 * Ownership: the model copies what it needs; the bytes may go once it is open.
 *
 * An address of such a target is a number that this reader gives to a value by its place in the
 * file: the same object has the same one wherever it is met, and it can be typed back.
 */
#ifndef AP_MODEL_CRASH_H
#define AP_MODEL_CRASH_H

#include "model/model.h"

/* Whether the first bytes of a file are worth reading it as JSON. */
bool ap_crash_looks_like(const void *head, size_t bytes);
/* `path` names the file in messages. AP_E_UNSUPPORTED: well-formed, but none of the three. */
struct ap_err *ap_crash_model_open(const void *data, size_t bytes, const char *path,
				   struct ap_model **ret_model);

#endif
