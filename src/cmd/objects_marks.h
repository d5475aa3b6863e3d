/*
 * ::findjsobjects -m and -r: setting objects aside, and who refers to them.
 *
 * Ownership: results live in the command's arena.
 */
#ifndef AP_CMD_OBJECTS_MARKS_H
#define AP_CMD_OBJECTS_MARKS_H

#include "cmd/heap_common.h"

struct ap_marks {
	bool marked; /* -m; else -r */
	const uint64_t *targets;
	size_t n_targets;
	struct ap_heap_refs refs;
};

/* Marks `addresses`, or asks who refers to them and to what was marked, which is forgotten then. */
struct ap_err *ap_marks_data(struct ap_ctx *ctx, struct ap_heap *heap, bool mark,
			     const uint64_t *addresses, size_t n, struct ap_marks *ret);
void ap_marks_json(struct ap_json *j, const struct ap_marks *marks); /* keys of an open object */
void ap_marks_text(struct ap_ctx *ctx, const struct ap_marks *marks);

#endif
