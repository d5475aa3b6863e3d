/*
 * Leak suspects: the few places where memory piles up, and the names of what holds them.
 *
 * Ownership: results are the study's, and kept for who asks again.
 *
 * A place of accumulation is a node that keeps much alive although no single node below it does: a
 * table with many small entries, the head of a long list, one huge buffer. (Eclipse MAT walks down
 * from the top and stops where a child falls below 70 %; that misses a pile beside other big
 * things.)
 */
#ifndef AP_GRAPH_SUSPECTS_H
#define AP_GRAPH_SUSPECTS_H

#include "graph/study.h"

enum ap_suspect_kind {
	AP_SUSPECT_COLLECTION, /* many entries in one object */
	AP_SUSPECT_LIST,       /* objects that lead from one to the next */
	AP_SUSPECT_SINGLE,     /* one big thing */
};

const char *ap_suspect_kind_name(enum ap_suspect_kind kind);

/* What stands for a place in the source; empty texts are unknown, line and column 1-based, 0
 * unknown. */
struct ap_place {
	struct ap_text function, script;
	uint32_t line, column;
	uint32_t closure; /* the node of the function; 0: none */
};

struct ap_suspect {
	enum ap_suspect_kind kind;
	uint32_t point; /* where memory piles up */
	uint32_t owner; /* the object that a programmer sees there */
	uint64_t retained_bytes;
	double percent; /* of the whole heap */
	/* What is in it: the class with most bytes directly below. */
	struct ap_text entry_class;
	uint64_t entries, entry_bytes;
	uint32_t entry;               /* one of them */
	struct ap_place entry_origin; /* of the function that it holds or is, if it is the program's
				       */
	/* What holds it: a variable, with the properties that lead from there to the owner. */
	struct ap_text variable; /* s == NULL: no name was found */
	struct ap_text path;     /* ".store.byId" or empty */
	bool global;             /* a property of the global object, not a variable */
	struct ap_place scope;   /* the file, and a function that sees the variable */
	uint32_t holder;         /* the node that holds the variable; AP_NO_NODE: none */
	/* Repeated text among the entries. */
	uint64_t same_text_count;
	struct ap_text same_text;
};

struct ap_suspects {
	struct ap_suspect *at;
	size_t n;
	uint64_t heap_bytes;
};

/* Less than this is no leak yet, whatever its share of a small heap. */
enum { AP_SUSPECT_LEAST_BYTES = 1 << 20 };

/* Places that keep at least `percent` of the heap and `least` bytes, most first, at most `limit`.
 * The study's. */
struct ap_err *ap_study_suspects(struct ap_study *study, double percent, uint64_t least,
				 size_t limit, struct ap_suspects *ret);

/* Fills the names of what holds `suspect->owner`, and of where its entries were made. */
struct ap_err *ap_suspects_name(struct ap_study *study, struct ap_arena *arena,
				struct ap_suspects *suspects);
/* Where a function was written. */
void ap_closure_place(const struct ap_graph *g, uint32_t closure, struct ap_place *ret);

#endif
