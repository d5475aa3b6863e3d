/*
 * What the commands over the whole heap share: the session's index, walked.
 *
 * Ownership: the index is the model's; it is walked at the first command that needs it and serves
 * all later ones. ^C stops the walk: what was found is used, with a warning, and the next command
 * goes on where it stopped.
 */
#ifndef AP_CMD_HEAP_COMMON_H
#define AP_CMD_HEAP_COMMON_H

#include "cmd/commands.h"
#include "heap/heap.h"

struct ap_err *ap_require_heap(struct ap_ctx *ctx, struct ap_heap **ret_heap);
/* ^C of this command, and progress on a terminal. `ret_watch` holds as long as `ctx`. */
void ap_heap_watch(struct ap_ctx *ctx, struct ap_heap_watch *ret_watch);
/* What is shown of heaps whose dead objects are known, and of others. */
enum ap_heap_live ap_live_shown(const struct ap_heap_liveness *l, bool all);
void ap_json_live(struct ap_json *j, enum ap_heap_live live); /* the key `live`: true, false, null
							       */
const char *ap_live_word(const struct ap_heap_liveness *l, bool all); /* "live " or "" */
/* A line of its own, or "". */
const char *ap_live_remark(struct ap_ctx *ctx, const struct ap_heap_liveness *l, bool all);
/* Wipes the progress line, if one stands there. */
void ap_heap_watch_end(struct ap_ctx *ctx);

#endif
