/*
 * What is new, gone or of another size between two graphs of one process, and what holds it.
 *
 * Ownership: rows live in the caller's arena; texts point into the studies.
 */
#ifndef AP_GRAPH_GROWTH_H
#define AP_GRAPH_GROWTH_H

#include "graph/match.h"
#include "graph/study.h"

enum ap_growth_kind {
	AP_GROWTH_SAME, /* the holder is in both */
	AP_GROWTH_NEW,  /* it is new, with what it holds */
	AP_GROWTH_GONE, /* it is gone with that: `holder` is of the old graph */
};

/* Every object that changed counts in one row: the rows' deltas add up to that of the heaps. */
struct ap_growth {
	enum ap_growth_kind kind;
	uint32_t holder; /* the nearest above that is in both and known to a programmer */
	uint64_t new_count, new_bytes, gone_count, gone_bytes;
	int64_t resized_bytes; /* of what is in both */
	int64_t delta;
	/* What most of it is, directly below the holder: of the new, or if more is gone of that. */
	struct ap_text entry_class;
	uint64_t entries, entry_bytes;
};

/* Most grown first. */
struct ap_err *ap_study_growth(struct ap_study *old, struct ap_study *new,
			       const struct ap_matches *m, struct ap_arena *arena,
			       struct ap_growth **ret, size_t *ret_n);

#endif
