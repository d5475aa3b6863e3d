/*
 * What the commands over the whole heap share: the session's index, walked.
 *
 * Ownership: the index is the model's; it is walked at the first command that needs it and serves all
 * later ones. ^C stops the walk: what was found is used, with a warning, and the next command goes on
 * where it stopped.
 */
#ifndef AP_CMD_HEAP_COMMON_H
#define AP_CMD_HEAP_COMMON_H

#include "cmd/commands.h"
#include "heap/heap.h"

struct ap_err *ap_require_heap(struct ap_ctx *ctx, struct ap_heap **ret_heap);
/* ^C of this command, and progress on a terminal. `ret_watch` holds as long as `ctx`. */
void ap_heap_watch(struct ap_ctx *ctx, struct ap_heap_watch *ret_watch);
/* Wipes the progress line, if one stands there. */
void ap_heap_watch_end(struct ap_ctx *ctx);

#endif
