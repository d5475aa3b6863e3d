/*
 * References of references: who holds a value, who holds those, and so on, each object once.
 *
 * Ownership: everything lives in the command's arena.
 */
#ifndef AP_CMD_REFS_TREE_H
#define AP_CMD_REFS_TREE_H

#include "cmd/heap_common.h"

/* In the order of printing: a holder stands in front of those that hold it. */
struct ap_refs_node {
	struct ap_heap_ref ref;
	int depth; /* 0: holds the value itself */
};

struct ap_refs_tree {
	AP_VEC(struct ap_refs_node) nodes;
	bool cut; /* there were more, see AP_MAX_TREE_NODES */
};

enum { AP_MAX_TREE_NODES = 10000, AP_MAX_TREE_DEPTH = 64 };

/* The trees over the first references; without internal and weak ones, those of dead objects only
 * with `dead`. */
struct ap_err *ap_refs_tree(struct ap_ctx *ctx, struct ap_heap *heap,
			    const struct ap_heap_ref *first, size_t n, bool dead,
			    struct ap_refs_tree *ret);

#endif
