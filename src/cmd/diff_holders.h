/*
 * What changed between two graphs of one process, by what holds it, for `diff`.
 *
 * Ownership: rows and their texts live in the command's arena; they outlive the older study.
 */
#ifndef AP_CMD_DIFF_HOLDERS_H
#define AP_CMD_DIFF_HOLDERS_H

#include "cmd/graph_common.h"
#include "graph/growth.h"

struct ap_holder_row {
	const char *change; /* new, gone, grown, shrunk or changed */
	int64_t bytes_delta, resized_bytes;
	uint64_t new_count, new_bytes, gone_count, gone_bytes;
	struct ap_text text, constructor, variable, path, script, entry_class;
	uint64_t entries;
	uint64_t id; /* in the newer one, of what is gone in the older */
};

struct ap_holders {
	struct ap_holder_row *at;
	size_t n, all;
	uint64_t matched, old_nodes, new_nodes;
};

/* At most `limit` rows, 0: all: what grew most first, what shrank most last. */
struct ap_err *ap_diff_holders(struct ap_ctx *ctx, struct ap_study *old, struct ap_study *new,
			       size_t limit, struct ap_holders *ret);
void ap_diff_holders_json(const struct ap_holders *h, bool addresses, struct ap_json *j);
void ap_diff_holders_text(struct ap_ctx *ctx, const struct ap_holders *h);

#endif
