/*
 * A graph with what was found out about it, each at its first use: dominators, paths, classes,
 * scopes.
 *
 * Ownership: a study owns its graph and all results until ap_study_close(); what it hands out is
 * borrowed. Texts point into the graph.
 */
#ifndef AP_GRAPH_STUDY_H
#define AP_GRAPH_STUDY_H

#include "base/arena.h"
#include "graph/dominators.h"
#include "graph/graph.h"
#include "graph/trace.h"

/* What DevTools calls a constructor: "Session", "(string)", "(closure)". */
struct ap_class {
	struct ap_text name;
	enum ap_node_type type; /* of its first node */
	uint64_t count;
	uint64_t self_bytes;
	uint64_t retained_bytes; /* of those not dominated by another of the class */
	uint32_t largest;        /* the node that retains most */
};

struct ap_study {
	struct ap_graph *graph;
	struct ap_dominators dominators;
	struct ap_traces traces;
	uint32_t *distances;
	struct ap_class *classes;
	uint32_t n_classes;
	uint32_t *class_of;           /* of each node */
	struct ap_arena arena;        /* of what is kept below */
	struct ap_suspects *suspects; /* suspects.h: the last that were found, and what was asked */
	struct ap_patterns *patterns; /* patterns.h */
	double suspects_percent;
	uint64_t suspects_least;
	size_t suspects_limit;
	uint64_t wasted_bytes; /* UINT64_MAX: not known yet */
	uint32_t *scopes;      /* of each context: a function that has it; AP_NO_NODE elsewhere */
};

/* Takes the graph over, whatever comes back. */
struct ap_err *ap_study_open(struct ap_graph *graph, struct ap_study **ret_study);
void ap_study_close(struct ap_study *study);

struct ap_err *ap_study_dominators(struct ap_study *study, const struct ap_dominators **ret);
struct ap_err *ap_study_traces(struct ap_study *study, const struct ap_traces **ret);
struct ap_err *ap_study_distances(struct ap_study *study, const uint32_t **ret);
/* With counts and sizes; needs dominators. */
struct ap_err *ap_study_classes(struct ap_study *study);
struct ap_err *ap_study_scopes(struct ap_study *study);

/* The constructor's name of one node, as in classes. */
struct ap_text ap_node_class(const struct ap_graph *g, uint32_t node);
/* An object that a programmer knows: no machinery between the objects. */
bool ap_node_is_visible(const struct ap_graph *g, uint32_t node);
/* The script that a function was written in; s == NULL if the snapshot does not say. */
struct ap_text ap_closure_script(const struct ap_graph *g, uint32_t closure);

/* Strings of one content. */
struct ap_duplicate {
	struct ap_text text;
	uint32_t count, example;
	uint64_t bytes;        /* of all */
	uint64_t wasted_bytes; /* all but one */
};
/* Those that waste most, at most `limit`; *ret_wasted is the sum over all. */
struct ap_err *ap_graph_duplicates(const struct ap_graph *g, size_t limit, struct ap_arena *arena,
				   struct ap_duplicate **ret, size_t *ret_n, uint64_t *ret_wasted);

/* The sum alone, found once. */
struct ap_err *ap_study_wasted(struct ap_study *study, uint64_t *ret_wasted);

/* The values of one variable (of the scopes of one file), or what one global names. */
struct ap_variable_size {
	struct ap_text name, script;
	uint32_t count;
	uint64_t retained_bytes;
	uint32_t largest;
};
/* Every captured variable, by name and file, most retained first. */
struct ap_err *ap_study_variables(struct ap_study *study, struct ap_arena *arena,
				  struct ap_variable_size **ret, size_t *ret_n);

#endif
