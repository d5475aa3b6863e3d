#include "cmd/refs_tree.h"

#include <stdlib.h>

struct node {
	struct ap_heap_ref ref;
	int depth;
	size_t child, sibling; /* index + 1, 0: none; children in order of finding */
	size_t last;
};

struct tree {
	struct ap_ctx *ctx;
	bool dead;
	AP_VEC(struct node) nodes;
	AP_VEC(uint64_t) seen; /* sorted: holders that have their place */
	bool cut;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_seen(const struct tree *t, size_t n, uint64_t address)
{
	return n && bsearch(&address, t->seen.at, n, sizeof(address), by_value);
}

static struct ap_err *add(struct tree *t, const struct ap_heap_ref *ref, int depth, size_t parent)
{
	struct node node = {.ref = *ref, .depth = depth};

	if (t->nodes.n >= AP_MAX_TREE_NODES) {
		t->cut = true;
		return NULL;
	}
	if (!ap_vec_push(t->ctx->arena, &t->nodes, node))
		return &ap_err_nomem;
	if (parent != SIZE_MAX) {
		struct node *p = &t->nodes.at[parent];

		if (p->last)
			t->nodes.at[p->last - 1].sibling = t->nodes.n;
		else
			p->child = t->nodes.n;
		p->last = t->nodes.n;
	}
	return NULL;
}

/* The first node of nodes [from, to) whose holder that is. */
static size_t node_of(const struct tree *t, const size_t *order, size_t n, uint64_t holder)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->nodes.at[order[mid]].ref.holder < holder)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && t->nodes.at[order[lo]].ref.holder == holder ? order[lo] : SIZE_MAX;
}

static const struct tree *sorting;

static int by_holder(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	uint64_t p = sorting->nodes.at[x].ref.holder, q = sorting->nodes.at[y].ref.holder;

	if (p != q)
		return p < q ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* One level: who holds the holders [from, to) that have not been asked for yet. */
static struct ap_err *grow(struct tree *t, struct ap_heap *heap, size_t from, size_t to, int depth)
{
	size_t n = to - from, n_new = 0, old = t->seen.n;
	size_t *order = ap_alloc_array(t->ctx->arena, n, sizeof(*order));
	uint64_t *targets = ap_alloc_array(t->ctx->arena, n, sizeof(*targets));
	struct ap_heap_watch watch;
	struct ap_heap_refs refs;
	struct ap_err *err;

	if (!order || !targets)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++)
		order[i] = from + i;
	sorting = t;
	qsort(order, n, sizeof(*order), by_holder);
	for (size_t i = 0; i < n; i++) {
		uint64_t holder = t->nodes.at[order[i]].ref.holder;

		if ((i && holder == t->nodes.at[order[i - 1]].ref.holder) ||
		    is_seen(t, old, holder))
			continue;
		targets[n_new++] = holder;
	}
	if (!n_new)
		return NULL;
	for (size_t i = 0; i < n_new; i++) {
		if (!ap_vec_push(t->ctx->arena, &t->seen, targets[i]))
			return &ap_err_nomem;
	}
	qsort(t->seen.at, t->seen.n, sizeof(t->seen.at[0]), by_value);
	ap_heap_watch(t->ctx, &watch);
	err = ap_heap_refs_to(heap, &watch, targets, n_new, t->dead, t->ctx->arena, &refs);
	ap_heap_watch_end(t->ctx);
	if (err)
		return err;
	for (size_t i = 0; i < refs.n && !t->cut; i++) {
		const struct ap_heap_ref *ref = &refs.refs[i];
		size_t parent = node_of(t, order, n, ref->target);

		if (ref->kind == AP_REF_INTERNAL || ref->weak || parent == SIZE_MAX)
			continue;
		AP_TRY(add(t, ref, depth, parent));
	}
	return NULL;
}

struct ap_err *ap_refs_tree(struct ap_ctx *ctx, struct ap_heap *heap,
			    const struct ap_heap_ref *first, size_t n, bool dead,
			    struct ap_refs_tree *ret)
{
	struct tree t = {.ctx = ctx, .dead = dead};
	size_t roots;

	for (size_t i = 0; i < n; i++) {
		if (first[i].kind != AP_REF_INTERNAL)
			AP_TRY(add(&t, &first[i], 0, SIZE_MAX));
	}
	roots = t.nodes.n;
	for (size_t from = 0, depth = 1; from < t.nodes.n && depth < AP_MAX_TREE_DEPTH && !t.cut;
	     depth++) {
		size_t to = t.nodes.n;

		AP_TRY(grow(&t, heap, from, to, (int)depth));
		from = to;
	}
	/* Down the children first; the way back is on a stack of siblings still to come. */
	AP_VEC(size_t) stack = {0};
	for (size_t i = 0; i < roots; i++) {
		size_t at = i + 1;

		while (at) {
			const struct node *node = &t.nodes.at[at - 1];
			struct ap_refs_node out = {node->ref, node->depth};

			if (!ap_vec_push(ctx->arena, &ret->nodes, out) ||
			    (node->depth && node->sibling &&
			     !ap_vec_push(ctx->arena, &stack, node->sibling)))
				return &ap_err_nomem;
			at = node->child;
			if (!at && stack.n)
				at = stack.at[--stack.n];
		}
	}
	ret->cut = t.cut;
	return NULL;
}
