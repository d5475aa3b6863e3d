/*
 * What the commands over the object graph share: the session's study, nodes named on the command
 * line, and how nodes and steps are shown. They know nothing of where the graph came from.
 *
 * Ownership: the study is the session's. Texts and rows live in the command's arena.
 */
#ifndef AP_CMD_GRAPH_COMMON_H
#define AP_CMD_GRAPH_COMMON_H

#include "cmd/commands.h"
#include "graph/study.h"
#include "graph/suspects.h"
#include "heap/heap.h"

/* The graph of the target, or an error that says how to come by one. */
struct ap_err *ap_require_study(struct ap_ctx *ctx, struct ap_study **ret_study);
/* Reads a heap snapshot: plain or compressed. The caller owns the study. `watch` may be NULL. */
struct ap_err *ap_study_load(const char *path, const struct ap_heap_watch *watch,
			     struct ap_study **ret_study);
/* Whether a file is a heap snapshot, by its first bytes, or by its name if it is compressed. */
bool ap_is_snapshot_file(const char *path);

/* The node of the first word: "@123" in a snapshot's ids, an address in a core. */
struct ap_err *ap_node_argument(struct ap_ctx *ctx, const struct ap_study *study,
				uint32_t *ret_node);
/* "@123", or the address in hex. */
const char *ap_node_id_text(struct ap_ctx *ctx, const struct ap_graph *g, uint32_t node);
/* What stands for the node in a list: "Session", "\"text\"", "add()", "(elements) of ...". */
struct ap_text ap_node_label(struct ap_ctx *ctx, const struct ap_graph *g, uint32_t node);
/* "src/a.js:12", script names without "file://"; empty if the place is unknown. */
struct ap_text ap_place_text(struct ap_ctx *ctx, const struct ap_place *place);
/* Keys of a node inside an object that the caller opened. */
void ap_json_node(struct ap_json *j, const struct ap_study *study, uint32_t node);
/* "data" of a snapshot: its counts. */
void ap_json_heap(struct ap_json *j, const struct ap_study *study);

#endif
