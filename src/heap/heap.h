/*
 * The whole heap: every object of every isolate, exactly. Pages -> linear walk -> an index of
 * object starts; groups, instances and references come from it.
 *
 * Ownership: struct ap_heap owns the index and what it hands out (spaces, gaps, groups, texts)
 * until ap_heap_close(); it borrows the V8 it was made from. Results with an arena parameter live
 * in that arena. Addresses are untagged, sizes in bytes.
 *
 * Plain structs: nothing here shows V8's layouts, so commands may use it. What was walked are all
 * objects that lie in the pages, also dead ones that the collector had not yet removed.
 *
 * The index is one bit for every eight bytes of a page (set: an object starts here): 1/64 of the
 * heap.
 */
#ifndef AP_HEAP_HEAP_H
#define AP_HEAP_HEAP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ap_v8;
struct ap_heap;

/* What the time is spent on; `report` is called now and then from the calling thread. */
struct ap_heap_watch {
	const volatile sig_atomic_t *cancelled; /* ^C; may be NULL */
	void (*report)(void *arg, const char *what, uint64_t done_bytes, uint64_t total_bytes,
		       uint64_t objects); /* may be NULL */
	void *arg;
};

#define AP_HEAP_KINDS(X)                                                                           \
	X(OBJECT, NULL)                                                                            \
	X(CLOSURE, "(closure)")                                                                    \
	X(STRING, "(string)")                                                                      \
	X(CONS_STRING, "(concatenated string)")                                                    \
	X(SLICED_STRING, "(sliced string)")                                                        \
	X(NUMBER, "(number)")                                                                      \
	X(BIGINT, "(bigint)")                                                                      \
	X(SYMBOL, "(symbol)")                                                                      \
	X(ARRAY, "(array)")                                                                        \
	X(CONTEXT, "system / Context")                                                             \
	X(CODE, "(compiled code)")                                                                 \
	X(SHAPE, "(object shape)")                                                                 \
	X(INTERNAL, "(system)")

/* Kinds of heap objects, with the category that DevTools shows; objects go by their constructor. */
enum ap_heap_kind {
#define X(id, name) AP_HEAP_##id,
	AP_HEAP_KINDS(X)
#undef X
		AP_N_HEAP_KINDS,
};

const char *ap_heap_kind_name(enum ap_heap_kind kind); /* NULL for AP_HEAP_OBJECT */

/* The pages of one space of one isolate. The parts add up to area_bytes. */
struct ap_heap_space {
	size_t isolate;   /* index; SIZE_MAX: shared by all */
	const char *name; /* "new", "old", "code", "large", "read-only", "trusted" ... */
	uint64_t pages, skipped_pages; /* skipped: given back or not used in this cycle: stale
					  content */
	uint64_t area_bytes;           /* of the pages that were walked */
	uint64_t objects, object_bytes;
	uint64_t free_bytes;                 /* free lists and fillers */
	uint64_t buffer_bytes;               /* allocation buffers: reserved, not yet used */
	uint64_t forwarded, forwarded_bytes; /* moved by an unfinished collection */
	uint64_t gaps, gap_bytes;            /* not explained */
	uint64_t absent_bytes;               /* not in the core */
};

struct ap_heap_gap {
	uint64_t address, bytes;
	const char *space;
	bool absent; /* the core does not hold it */
};

struct ap_heap_summary {
	const struct ap_heap_space *spaces;
	size_t n_spaces;
	const struct ap_heap_gap *gaps; /* the first of them, in no order */
	size_t n_gaps;
	uint64_t all_gaps; /* also those that are not listed */
	size_t n_isolates;
	uint64_t pages, pages_left; /* left: not walked, because of ^C */
	uint64_t objects, object_bytes, area_bytes;
	uint64_t index_bytes;     /* memory that the index takes */
	double accounted_percent; /* objects, free, buffers and forwarded over area bytes; 0 if
				     scanned */
	double seconds;
	const char *collecting; /* "scavenge", "mark-compact": a heap was in the middle of it; or
				   NULL */
	bool scanned; /* no page layout was found: objects were found by their looks, sizes are
			 sure, completeness is not */
};

/*
 * Finds the pages. The walk itself is ap_heap_walk(), which resumes where ^C stopped it and does
 * nothing when all is done; a stopped walk is no error, see pages_left.
 */
struct ap_err *ap_heap_open(struct ap_v8 *v8, struct ap_heap **ret_heap);
void ap_heap_close(struct ap_heap *heap);
struct ap_err *ap_heap_walk(struct ap_heap *heap, const struct ap_heap_watch *watch);
void ap_heap_summary(const struct ap_heap *heap, struct ap_heap_summary *ret);
static inline bool ap_heap_is_complete(const struct ap_heap_summary *s)
{
	return s->pages_left == 0;
}

/* The object that holds `address`; false if no object does. */
bool ap_heap_object_at(struct ap_heap *heap, uint64_t address, uint64_t *ret_start,
		       uint64_t *ret_bytes);

/* Whether an object is reached from the roots: the collector has only to come. */
enum ap_heap_live { AP_LIVE_UNKNOWN, AP_LIVE_YES, AP_LIVE_NO };

/* After ap_heap_groups(). */
struct ap_heap_liveness {
	bool known;
	const char *why_unknown;   /* "the heap's pages were not recognised"; NULL if known */
	uint64_t live, live_bytes; /* all, if it is not known */
	uint64_t dead, dead_bytes;
};

void ap_heap_liveness(const struct ap_heap *heap, struct ap_heap_liveness *ret);
enum ap_heap_live ap_heap_is_live(const struct ap_heap *heap, uint64_t address);

/* Objects of one constructor and shape. */
struct ap_heap_group {
	struct ap_text constructor;  /* the name or category that DevTools shows */
	struct ap_text shape;        /* strings, arrays, code, internals: V8's type; else empty */
	struct ap_text prototype_of; /* s == NULL, or these are prototypes, of that function */
	enum ap_heap_kind kind;
	enum ap_heap_live live; /* of all of them */
	bool internal;          /* the engine's own, no JavaScript value */
	bool dictionary; /* properties kept in a hash table: `properties` are the representative's
			  */
	bool in_object, out_of_object; /* where the others are kept; both may be */
	const struct ap_text *properties;
	size_t n_properties; /* listed ones */
	uint64_t all_properties;
	uint64_t count, self_bytes;
	uint64_t elements_bytes, properties_bytes; /* of the stores that the objects own */
	uint64_t backing_bytes;  /* tables of collections, memory behind ArrayBuffers */
	uint64_t representative; /* the one with the lowest address */
};

/*
 * The groups of the live objects, or of all if that is not known; with `dead` groups of the dead
 * ones, too. (There may be some of them although they were not asked for: see `live`.) Kept for the
 * session; in no order; what was handed out earlier is void. AP_E_CANCELLED on ^C. After a walk
 * that went on they are made anew.
 */
struct ap_err *ap_heap_groups(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
			      const struct ap_heap_group **ret_groups, size_t *ret_n);
/* Index of the group of the object that starts at `address`; false if none does. */
bool ap_heap_group_of(struct ap_heap *heap, uint64_t address, size_t *ret_group);
/*
 * Calls `fn` for each object of the wanted groups (wanted[group], or NULL for all), by address,
 * until it returns false. ap_heap_groups() must have been called.
 */
struct ap_err *ap_heap_each(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    const bool *wanted,
			    bool (*fn)(void *arg, uint64_t address, uint64_t bytes, size_t group),
			    void *arg);
/* The same for all objects of some kinds (1 << AP_HEAP_STRING | ...), the dead ones too or not;
 * groups are made if they are not there. */
struct ap_err *
ap_heap_each_kind(struct ap_heap *heap, const struct ap_heap_watch *watch, unsigned kinds,
		  bool dead, bool (*fn)(void *arg, uint64_t address, uint64_t bytes, size_t group),
		  void *arg);

#define AP_REF_KINDS(X)                                                                            \
	X(PROPERTY, "property")                                                                    \
	X(ELEMENT, "element")                                                                      \
	X(VARIABLE, "variable")                                                                    \
	X(ENTRY, "entry")                                                                          \
	X(BOUND, "bound")                                                                          \
	X(STRING, "string")                                                                        \
	X(INTERNAL, "internal")

enum ap_ref_kind {
#define X(id, name) AP_REF_##id,
	AP_REF_KINDS(X)
#undef X
};

const char *ap_ref_kind_name(enum ap_ref_kind kind);

/* That `holder` holds a value, and by what name. */
struct ap_heap_ref {
	uint64_t target; /* what is held */
	uint64_t holder; /* object, function, context or string; for internal ones whatever it is */
	uint64_t slot;   /* address of the word */
	enum ap_ref_kind kind;
	struct ap_text name;    /* "title", "3", "key", "value of 0x...", "[[target]]" */
	bool weak;              /* does not keep it alive */
	enum ap_heap_live live; /* the holder */
};

struct ap_heap_refs {
	const struct ap_heap_ref *refs;
	size_t n;
	uint64_t total; /* words that hold it, in objects of any kind; `refs` are a part of them */
	uint64_t dead;  /* words of dead objects that were left out */
};

/* Who holds the object that starts at `address`: the words number `offset` to `offset + limit` (0:
 * all); those of dead objects, where they are known, only with `dead`. */
struct ap_err *ap_heap_refs(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    uint64_t address, uint64_t offset, uint64_t limit, bool dead,
			    struct ap_arena *arena, struct ap_heap_refs *ret);

/* The same for many objects: `addresses` in any order; the result is by holder. */
struct ap_err *ap_heap_refs_to(struct ap_heap *heap, const struct ap_heap_watch *watch,
			       const uint64_t *addresses, size_t n, bool dead,
			       struct ap_arena *arena, struct ap_heap_refs *ret);

/* Objects that a person has set aside, until they are forgotten. */
struct ap_err *ap_heap_mark(struct ap_heap *heap, uint64_t address);
void ap_heap_marks(const struct ap_heap *heap, const uint64_t **ret_addresses, size_t *ret_n);
void ap_heap_forget_marks(struct ap_heap *heap);

/* A function definition with its closures. */
struct ap_heap_function {
	uint64_t shared;                       /* the definition (SharedFunctionInfo) */
	uint64_t representative;               /* the closure with the lowest address */
	uint64_t count, bytes;                 /* of its closures */
	struct ap_text name, inferred;         /* as written, empty if anonymous; V8's guess */
	struct ap_text script;                 /* s == NULL: native */
	int line, column;                      /* of its start; 0 unknown */
	uint64_t bytecode_start, bytecode_end; /* 0: it has none (yet) */
	uint64_t code_start, code_end; /* machine code of the representative, 0: it has none of its
					  own */
};

/*
 * The SharedFunctionInfo (untagged) whose optimised code stands at an instruction; false if none
 * does. In 13.6 and later functions do not lead to their code, but the code leads to its function.
 */
bool ap_heap_function_at(struct ap_heap *heap, uint64_t instruction, uint64_t *ret_shared);
/* All definitions that have (live) closures, most closures first. */
struct ap_err *ap_heap_functions(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
				 struct ap_arena *arena, const struct ap_heap_function **ret,
				 size_t *ret_n);

/* All (live) closures of the same definition as the closure at `address`, by address; none if it is
 * no closure. */
struct ap_err *ap_heap_closures(struct ap_heap *heap, const struct ap_heap_watch *watch,
				uint64_t address, bool dead, struct ap_arena *arena,
				const uint64_t **ret_addresses, size_t *ret_n);

struct ap_heap_string {
	uint64_t address;    /* of the first one */
	uint64_t length;     /* UTF-16 units */
	uint64_t bytes;      /* of one, with its header and external text */
	uint64_t count;      /* how many strings have this very text */
	uint64_t wasted;     /* bytes of all but one of them */
	struct ap_text text; /* its beginning */
};

struct ap_heap_strings_options {
	bool duplicates;     /* most wasted bytes first; else the largest first */
	bool dead;           /* the dead ones, too */
	const char *pattern; /* POSIX extended regular expression that the text must match; NULL:
				all */
	uint64_t limit;      /* rows; 0: all */
};

struct ap_heap_strings {
	const struct ap_heap_string *rows;
	size_t n;
	uint64_t count, bytes; /* strings that passed */
	uint64_t distinct, wasted;
	uint64_t unsearched; /* concatenated ones that were left out, for there was too much of them
			      */
};

/* Every (live) string with that text (WTF-8), flat or not, by address. */
struct ap_err *ap_heap_strings_equal(struct ap_heap *heap, const struct ap_heap_watch *watch,
				     struct ap_text text, bool dead, struct ap_arena *arena,
				     const uint64_t **ret_addresses, size_t *ret_n);
/*
 * One pass over the text of all flat strings; parts of concatenated and sliced ones are among them.
 * With a pattern the concatenated ones, too, as wholes.
 */
struct ap_err *ap_heap_strings(struct ap_heap *heap, const struct ap_heap_watch *watch,
			       const struct ap_heap_strings_options *options,
			       struct ap_arena *arena, struct ap_heap_strings *ret);

#define AP_PROMISE_KINDS(X)                                                                        \
	X(ASYNC, "async-function")                                                                 \
	X(AWAITED, "awaited")                                                                      \
	X(CHAINED, "chained")                                                                      \
	X(ALONE, "alone")

/*
 * Why a promise is pending: it is the result of an async function that stands at an await; an async
 * function waits for it; then() or a combinator was called on it; nobody listens.
 */
enum ap_promise_kind {
#define X(id, name) AP_PROMISE_##id,
	AP_PROMISE_KINDS(X)
#undef X
};

const char *ap_promise_kind_name(enum ap_promise_kind kind);

/* Pending promises of one kind and place. */
struct ap_heap_promises {
	enum ap_promise_kind kind;
	struct ap_text function; /* that stands there; the handler of chained ones; s == NULL: none
				  */
	struct ap_text script;
	int line, column; /* where it waits, or where the handler begins; 0 unknown */
	uint64_t count;
	uint64_t example;       /* the one with the lowest address */
	enum ap_heap_live live; /* all of them */
};

/* All places of (live) promises, most promises first; *ret_count is the sum. */
struct ap_err *ap_heap_promises(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
				struct ap_arena *arena, const struct ap_heap_promises **ret,
				size_t *ret_n, uint64_t *ret_count);

#endif
