/* What the first screen is made of: gathered in report.c, shown in report_text.c. */
#ifndef AP_CMD_REPORT_H
#define AP_CMD_REPORT_H

#include "cmd/cmd.h"
#include "cmd/frames.h"

/* One line under WHERE: a frame, or several of one library folded. */
struct ap_report_line {
	size_t frame;  /* number in bt, of the first one */
	size_t folded; /* frames of this library in a row; 1 for one of the user's own */
	const struct ap_frame *at;
	struct ap_text place; /* path without the working directory, or "node_modules/express", "node" */
};

struct ap_report {
	struct ap_info info;
	struct ap_verdict verdict;
	struct ap_text command_line; /* masked */
	bool has_stack;
	struct ap_stack stack;
	size_t n_workers, n_js_threads;
	AP_VEC(struct ap_report_line) where;
	size_t first_user_frame; /* SIZE_MAX: none */
	bool has_source;         /* the line that it executes */
	struct ap_text source_line;
	AP_VEC(struct ap_variable) locals; /* of that frame */
	uint64_t memory_bytes;
};

void ap_report_text(struct ap_ctx *ctx, const void *data);

#endif
