/*
 * Where V8 begins when it looks for what is alive: the root table, handles, the stack and what else
 * it visits, of all isolates, by the lists of its own heap snapshots.
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

enum ap_root_kind {
	AP_ROOT_INTERNALIZED,
	AP_ROOT_EXTERNAL_STRINGS,
	AP_ROOT_READ_ONLY, /* the root table, up to the strong ones */
	AP_ROOT_STRONG,
	AP_ROOT_STACK,
	AP_ROOT_HANDLES,
	AP_ROOT_BUILTINS,
	AP_ROOT_GLOBAL,
	AP_ROOT_ETERNAL,
	AP_ROOT_MICROTASKS,
	AP_ROOT_STARTUP,
	AP_ROOT_SHAREABLE,
	AP_ROOT_GUESSED,
	AP_N_ROOT_KINDS
};

struct ap_root {
	ap_tagged object;
	ap_addr slot;   /* where it is held; 0: in a register */
	int32_t number; /* of a builtin; in the root table, counted from the map of free space */
	uint8_t kind;   /* enum ap_root_kind */
	bool weak;
	bool cache; /* the collector empties it first: what it holds does not live by it */
};

struct ap_roots {
	struct ap_root *at; /* in order of their kinds, weak ones last */
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
