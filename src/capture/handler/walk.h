/*
 * Which pages of a dying process a minicore keeps: the used stacks, the programs' own data, and
 * what pointers lead to from there, nearest first.
 *
 * The walk knows no layout of any V8. It follows what looks like a pointer (tagged or not) into
 * memory that the core would hold, keeps whole pages, and keeps the rest of an object only where
 * two words look like a text or an array with its length in front. So it serves every Node, and
 * other programs as well.
 *
 * Ownership: the caller owns the page set.
 */
#ifndef AP_CAPTURE_HANDLER_WALK_H
#define AP_CAPTURE_HANDLER_WALK_H

#include "capture/handler/pages.h"

struct ap_walk_limits {
	uint64_t text_bytes;  /* of one text, a script's source as a rule */
	uint64_t texts_bytes; /* of all texts together */
	unsigned depth;
	uint64_t cpu_ms, time_ms; /* of this thread; of the clock on the wall */
};

struct ap_walk_result {
	unsigned depth;     /* levels that were walked to their end */
	uint64_t objects;   /* places that were followed */
	uint64_t texts_out; /* texts left out because they are too long, and their bytes */
	uint64_t texts_out_bytes;
	const char *stopped; /* why the walk ended early: "room", "time"; NULL: it did not */
};

struct ap_err *ap_walk(const struct ap_dying *dying, const struct ap_walk_limits *limits,
		       struct ap_pages *pages, struct ap_walk_result *ret_result);

#endif
