/*
 * Habits that leak, found by their shape and not by their size: listeners that pile up on an
 * emitter, timers and suspended functions by the function they will run, tables with next to
 * nothing in them, scopes that keep much for the closures that share them.
 *
 * Ownership: results are the study's, and kept for who asks again.
 */
#ifndef AP_GRAPH_PATTERNS_H
#define AP_GRAPH_PATTERNS_H

#include "graph/suspects.h"

#define AP_PATTERN_KINDS(X)                                                                        \
	X(LISTENERS, "listeners")                                                                  \
	X(TIMERS, "timers")                                                                        \
	X(WAITING, "suspended-functions")                                                          \
	X(SLACK, "empty-table")                                                                    \
	X(SCOPE, "closure-scope")

enum ap_pattern_kind {
#define X(id, name) AP_PATTERN_##id,
	AP_PATTERN_KINDS(X)
#undef X
		AP_N_PATTERN_KINDS
};

const char *ap_pattern_kind_name(enum ap_pattern_kind kind);

struct ap_pattern {
	enum ap_pattern_kind kind;
	uint32_t node;  /* emitter, a Timeout, a suspended function, the collection, the context */
	uint64_t count; /* listeners, timers, functions, references in the table, closures that
			   share the scope */
	uint64_t bytes; /* that they keep alive; of an empty table, its own */
	struct ap_text name;   /* the event; the largest variable of a scope; s == NULL else */
	struct ap_place place; /* of the function that is called, runs, or owns the scope */
};

struct ap_patterns {
	struct ap_pattern *at; /* by kind, then most first; a few of each */
	size_t n;
};

struct ap_err *ap_study_patterns(struct ap_study *study, struct ap_patterns *ret);

#endif
