/*
 * Node's own objects: the `process` object of an isolate, and Node's clocks.
 *
 * Ownership: borrows V8's session; texts are built in the caller's arena.
 */
#ifndef AP_NODE_PROCESS_H
#define AP_NODE_PROCESS_H

#include "v8/v8.h"

/* The `process` object: global `process` is an accessor whose getter closes over it. */
bool ap_node_process_object(struct ap_v8 *v8, const struct ap_isolate *isolate, ap_tagged *ret);
/* A string property of it ("version", "arch"); s == NULL if it has none. */
struct ap_text ap_node_process_text(struct ap_v8 *v8, ap_tagged process, const char *name,
				    struct ap_arena *arena);
/*
 * Seconds from the program's start to the last turn of the main event loop, by Node's clocks
 * (node::performance and uv_loop_t.time, the same monotonic clock). False without their symbols.
 */
bool ap_node_uptime(struct ap_v8 *v8, double *ret_seconds);

#endif
