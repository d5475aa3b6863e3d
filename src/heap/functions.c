/* Closures by their definition: how many there are of each, and where it stands in the source. */
#include <stdlib.h>

#include "heap/heap_private.h"
#include "v8/function.h"

struct counting {
	struct ap_heap *heap;
	struct ap_heap_function *at; /* open addressing by shared */
	size_t n, cap;
	bool failed;
};

static size_t slot_of(const struct counting *c, uint64_t shared)
{
	size_t i = (size_t)((shared >> 3) * 0x9e3779b97f4a7c15u >> 32) & (c->cap - 1);

	while (c->at[i].shared && c->at[i].shared != shared)
		i = (i + 1) & (c->cap - 1);
	return i;
}

static bool grow(struct counting *c)
{
	struct counting old = *c;

	c->cap = old.cap ? old.cap * 2 : 4096;
	c->at = calloc(c->cap, sizeof(*c->at));
	if (!c->at) {
		*c = old;
		return false;
	}
	for (size_t i = 0; i < old.cap; i++) {
		if (old.at[i].shared)
			c->at[slot_of(c, old.at[i].shared)] = old.at[i];
	}
	free(old.at);
	return true;
}

static bool on_closure(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct counting *c = p;
	uint64_t shared;

	(void)group;
	if (!ap_image_u64(c->heap->v8->image, address + (uint64_t)F(c->heap->v8, FUNCTION_SHARED), &shared) ||
	    !ap_is_object(shared))
		return true;
	if (c->n * 2 >= c->cap && !grow(c)) {
		c->failed = true;
		return false;
	}
	struct ap_heap_function *f = &c->at[slot_of(c, shared - 1)];
	if (!f->shared) {
		if (!ap_v8_is(c->heap->v8, shared, AP_F_T_SHARED_FUNCTION_INFO))
			return true;
		*f = (struct ap_heap_function){.shared = shared - 1, .representative = address};
		c->n++;
	}
	f->count++;
	f->bytes += bytes;
	return true;
}

static int by_count(const void *a, const void *b)
{
	const struct ap_heap_function *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->shared < y->shared ? -1 : x->shared > y->shared;
}

static void describe(struct ap_heap *heap, struct ap_heap_function *f, struct ap_arena *arena)
{
	struct ap_function_info info;
	struct ap_place place = {0};

	if (!ap_shared_info(heap->v8, f->shared + 1, arena, &info))
		return;
	f->name = info.name;
	f->inferred = info.inferred;
	if (!info.script)
		return;
	f->script = ap_script_name(heap->v8, info.script, arena);
	if (info.start >= 0 && ap_script_place(heap->v8, info.script, info.start, arena, &place)) {
		f->line = place.line;
		f->column = place.column;
	}
}

struct ap_err *ap_heap_functions(struct ap_heap *heap, const struct ap_heap_watch *watch,
				 struct ap_arena *arena, const struct ap_heap_function **ret,
				 size_t *ret_n)
{
	struct counting c = {.heap = heap};
	const struct ap_heap_group *groups;
	size_t n, k = 0;

	AP_TRY(ap_heap_groups(heap, watch, &groups, &n));
	bool *wanted = ap_alloc_array(arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++)
		wanted[i] = groups[i].kind == AP_HEAP_CLOSURE;
	struct ap_err *err = ap_heap_each(heap, watch, wanted, on_closure, &c);
	struct ap_heap_function *list = ap_alloc_array(arena, c.n ? c.n : 1, sizeof(*list));
	if (!err && (c.failed || !list))
		err = &ap_err_nomem;
	for (size_t i = 0; !err && i < c.cap; i++) {
		if (c.at[i].shared)
			list[k++] = c.at[i];
	}
	free(c.at);
	if (err)
		return err;
	qsort(list, k, sizeof(*list), by_count);
	for (size_t i = 0; i < k; i++) {
		if (watch && watch->cancelled && *watch->cancelled)
			return &ap_err_cancelled;
		describe(heap, &list[i], arena);
	}
	*ret = list;
	*ret_n = k;
	return NULL;
}
