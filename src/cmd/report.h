/* What the first screen is made of: gathered in report.c, shown in report_text.c. */
#ifndef AP_CMD_REPORT_H
#define AP_CMD_REPORT_H

#include "cmd/cmd.h"
#include "cmd/frames.h"
#include "cmd/suspects_common.h"
#include "model/activity.h"

/* One line under WHERE: a frame, or several of one library folded. */
struct ap_report_line {
	size_t frame;  /* number in bt, of the first one */
	size_t folded; /* frames of this library in a row; 1 for one of the user's own */
	const struct ap_frame *at;
	struct ap_text place; /* path without the working directory, or "node_modules/express",
				 "node" */
};

struct ap_report {
	bool has_model; /* false: a heap snapshot, of which only the graph's part is filled */
	struct ap_text title;
	struct ap_info info;
	struct ap_verdict verdict;
	struct ap_text command_line; /* masked */
	bool has_stack;
	struct ap_stack stack;
	size_t n_workers, n_js_threads;
	AP_VEC(struct ap_report_line) where;
	size_t first_user_frame; /* SIZE_MAX: none */
	bool has_source;         /* the line that it executes, without what indents it */
	struct ap_text source_line;
	int source_column;                 /* in that, 1-based */
	AP_VEC(struct ap_variable) locals; /* of that frame */
	uint64_t memory_bytes;
	AP_VEC(struct ap_memory_kind)
	memory; /* as the model tells; with a graph, what buffers hold apart */
	bool has_counts;
	struct ap_activity_counts counts;
	struct ap_text also;       /* what it waited for, in words */
	bool looked;               /* for suspects */
	struct ap_text not_looked; /* why not, and what to type; empty: nobody asks */
	struct ap_told told;
	const char *html; /* the page that was written, or NULL */
};

/* How far a report may go. */
enum ap_report_effort {
	AP_REPORT_QUICK, /* a second at most: the first screen */
	AP_REPORT_FULL,  /* suspects if the death is about memory */
	AP_REPORT_ALL,   /* suspects whatever it died of: the page */
};

/* report_cause.c: suspects if they are worth the time, memory with buffers apart, what it waited
 * for. */
struct ap_err *ap_report_cause(struct ap_ctx *ctx, struct ap_report *r,
			       enum ap_report_effort effort);
struct ap_err *ap_report_also(struct ap_ctx *ctx, struct ap_report *r);
void ap_report_text(struct ap_ctx *ctx, const void *data);
/* Writes the page, whole or not at all. */
struct ap_err *ap_report_html(struct ap_ctx *ctx, const struct ap_report *r, const char *path,
			      bool replace);

#endif
