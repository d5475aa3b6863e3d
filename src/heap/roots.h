/*
 * Where V8 begins when it looks for what is alive: the root table, handles, the stack and what else
 * it visits, of all isolates, by the names of its own heap snapshots.
 *
 * Ownership: struct ap_roots owns its list until ap_roots_close(). Objects are tagged.
 *
 * Each structure is found by what only it can be (roots.c gives the rules) and is counted. Stacks
 * are read conservatively: a word that looks like an object is one. Nothing else is, unless the
 * handles are not found; then every writable word outside the heap is looked at, and `guessed` says
 * so.
 */
#ifndef AP_HEAP_ROOTS_H
#define AP_HEAP_ROOTS_H

#include "heap/bodies.h"

#define AP_ROOT_KINDS(X)                                                                           \
	X(INTERNALIZED, "(Internalized strings)")                                                  \
	X(EXTERNAL_STRINGS, "(External strings)")                                                  \
	X(READ_ONLY, "(Read-only roots)")                                                          \
	X(STRONG, "(Strong roots)")                                                                \
	X(STACK, "(Stack roots)")                                                                  \
	X(HANDLES, "(Handle scope)")                                                               \
	X(BUILTINS, "(Builtins)")                                                                  \
	X(GLOBAL, "(Global handles)")                                                              \
	X(ETERNAL, "(Eternal handles)")                                                            \
	X(MICROTASKS, "(Micro tasks)")                                                             \
	X(STARTUP, "(Startup object cache)")                                                       \
	X(SHAREABLE, "(Shareable object cache)")                                                   \
	X(GUESSED, "(Unknown)")

enum ap_root_kind {
#define X(id, name) AP_ROOT_##id,
	AP_ROOT_KINDS(X)
#undef X
		AP_N_ROOT_KINDS
};

const char *ap_root_kind_name(enum ap_root_kind kind);

struct ap_root {
	ap_tagged object;
	ap_addr slot; /* where it is held; 0: in a register */
	uint8_t kind; /* enum ap_root_kind */
	bool weak;
	bool cache; /* the collector empties it first: what it holds does not live by it */
};

struct ap_roots {
	struct ap_root *at; /* in order of their kinds */
	size_t n, cap;
	uint64_t by_kind[AP_N_ROOT_KINDS];
	uint64_t weak_handles;
	uint64_t expected; /* objects of the heap, for progress */
	bool guessed;
};

struct ap_err *ap_roots_find(const struct ap_bodies *b, struct ap_roots *ret);
void ap_roots_close(struct ap_roots *roots);

/* roots.c, for roots_handles.c */
struct ap_root_finder {
	const struct ap_bodies *b;
	struct ap_roots *roots;
	ap_addr isolate;
	uint64_t *w; /* the Isolate's words with its Heap's own */
	size_t n;
	ap_addr handle_limit; /* end of the last block of handles */
	bool failed;
};

bool ap_root_add(struct ap_root_finder *f, enum ap_root_kind kind, ap_tagged object, ap_addr slot,
		 bool weak);
/* roots_handles.c: true if they were found. */
bool ap_roots_handle_scopes(struct ap_root_finder *f);
bool ap_roots_global_handles(struct ap_root_finder *f);
bool ap_roots_eternal_handles(struct ap_root_finder *f);

#endif
