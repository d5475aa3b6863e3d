/* How a path through the graph reads: shared by why and paths. Everything lives in the arena. */
#ifndef AP_CMD_STEPS_H
#define AP_CMD_STEPS_H

#include "cmd/graph_common.h"

/* A stretch of a path up to the next object that a programmer knows, as one line. */
struct ap_shown_step {
	struct ap_text how;  /* "variable `sessions` in src/store.js", ".socket", "entry", "[3]" */
	struct ap_text what; /* the object reached */
	uint32_t node;
	uint32_t repeats; /* of the whole stretch, beyond the first */
};

struct ap_shown_path {
	AP_VEC(struct ap_shown_step) steps;
};

/* `all`: every node, V8's machinery as well. */
struct ap_err *ap_show_path(struct ap_ctx *ctx, struct ap_study *study, const ap_path *path,
			    bool all, struct ap_shown_path *ret);
void ap_print_path(struct ap_ctx *ctx, const struct ap_study *study,
		   const struct ap_shown_path *path, int indent);
/* An array of all steps, machinery too. */
void ap_json_path(struct ap_json *j, const struct ap_study *study, const char *key,
		  const ap_path *path);

#endif
