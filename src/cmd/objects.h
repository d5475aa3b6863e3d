/* What objects and instances share. Ownership: groups are the heap's, see heap/heap.h. */
#ifndef AP_CMD_OBJECTS_H
#define AP_CMD_OBJECTS_H

#include "cmd/heap_common.h"

/* With `dead` those of the dead objects, too. */
struct ap_err *ap_require_groups(struct ap_ctx *ctx, bool dead, struct ap_heap **ret_heap,
				 const struct ap_heap_group **ret_groups, size_t *ret_n);
/* For qsort() over pointers to groups: fewest first. */
int ap_group_by_count(const void *a, const void *b);
/* `text` as mdb prints it, cut to `columns`. */
void ap_mdb_row_tail(const struct ap_str *text, struct ap_str *out, size_t columns);

#endif
