/*
 * Suspects in words: for suspects itself, the first screen and the page for a ticket.
 *
 * Ownership: everything lives in the command's arena and points into the study.
 */
#ifndef AP_CMD_SUSPECTS_COMMON_H
#define AP_CMD_SUSPECTS_COMMON_H

#include "cmd/steps.h"
#include "graph/patterns.h"

struct ap_told_suspect {
	struct ap_suspect s;
	struct ap_text sentence;
	struct ap_text origin;  /* place of the function that an entry is or holds; empty */
	struct ap_text removal; /* what the source says of taking entries out; empty: nothing was
				   looked for */
	enum ap_certainty certainty;
	ap_path path;
	struct ap_shown_path shown;
};

struct ap_told_pattern {
	struct ap_pattern p;
	struct ap_text sentence;
};

struct ap_told {
	struct ap_study *study;
	struct ap_told_suspect *at;
	size_t n;
	struct ap_told_pattern *patterns;
	size_t n_patterns;
	uint64_t heap_bytes, duplicate_bytes;
	uint64_t outside_bytes; /* of heap_bytes: memory of buffers, external strings and the like
				 */
};

/* Places that keep at least `percent` of the heap and `least` bytes, most first, at most `limit`;
 * and patterns. */
struct ap_err *ap_tell_suspects(struct ap_ctx *ctx, struct ap_study *study, double percent,
				uint64_t least, size_t limit, struct ap_told *ret);
/* "the Map `byId` in src/store.js", "the array `config.rows` in src/a.js", "the Object 2a7c". */
void ap_add_holder(struct ap_ctx *ctx, const struct ap_graph *g, const struct ap_suspect *s,
		   struct ap_str *out);
/* suspects_source.c: fills `removal`, where the target holds the source. */
struct ap_err *ap_tell_removal(struct ap_ctx *ctx, const struct ap_study *study,
			       struct ap_told_suspect *one);
/* Keys "suspects", "patterns", "duplicate_string_bytes" and "outside_bytes" of an object that the
 * caller opened. */
void ap_json_told(struct ap_json *j, const struct ap_told *told);

#endif
