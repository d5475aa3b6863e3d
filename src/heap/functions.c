/* Closures by their definition: how many there are of each, and where it stands in the source. */
#include <stdlib.h>

#include "heap/heap_private.h"
#include "v8/frame.h"
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
	if (!ap_image_u64(c->heap->v8->image, address + (uint64_t)F(c->heap->v8, FUNCTION_SHARED),
			  &shared) ||
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

/* Where its instructions stand. The code of a function in the interpreter is a builtin's. */
static void find_code(struct ap_v8 *v8, ap_tagged bytecode, struct ap_heap_function *f)
{
	struct ap_code code;
	int32_t length;

	if (bytecode && ap_v8_is(v8, bytecode, AP_F_T_BYTECODE_ARRAY) &&
	    ap_v8_smi(v8, bytecode, F(v8, BYTECODE_LENGTH), &length) && length >= 0) {
		f->bytecode_start = (bytecode & ~3ull) + (uint64_t)F(v8, BYTECODE_HEADER);
		f->bytecode_end = f->bytecode_start + (uint64_t)length;
	}
	if (ap_code_of(v8, f->representative + 1, &code) &&
	    (code.is_baseline || ap_code_is_optimised(v8, &code))) {
		f->code_start = code.start;
		f->code_end = code.end;
	}
}

bool ap_heap_function_at(struct ap_heap *heap, uint64_t instruction, uint64_t *ret_shared)
{
	struct ap_code code;
	ap_tagged shared;

	if (!ap_code_at(heap->v8, 0, instruction, &code) ||
	    !ap_code_shared(heap->v8, &code, &shared))
		return false;
	*ret_shared = shared & ~3ull;
	return true;
}

static void describe(struct ap_heap *heap, struct ap_heap_function *f, struct ap_arena *arena)
{
	struct ap_function_info info;
	struct ap_place place = {0};

	if (!ap_shared_info(heap->v8, f->shared + 1, arena, &info))
		return;
	f->name = info.name;
	f->inferred = info.inferred;
	find_code(heap->v8, info.bytecode, f);
	if (!info.script)
		return;
	f->script = ap_script_name(heap->v8, info.script, arena);
	if (info.start >= 0 && ap_script_place(heap->v8, info.script, info.start, arena, &place)) {
		f->line = place.line;
		f->column = place.column;
	}
}

struct ap_err *ap_heap_functions(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
				 struct ap_arena *arena, const struct ap_heap_function **ret,
				 size_t *ret_n)
{
	struct counting c = {.heap = heap};
	size_t k = 0;
	struct ap_err *err =
		ap_heap_each_kind(heap, watch, 1 << AP_HEAP_CLOSURE, dead, on_closure, &c);
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

struct closures {
	struct ap_v8 *v8;
	struct ap_arena *arena;
	uint64_t shared;
	AP_VEC(uint64_t) list;
	bool failed;
};

static bool on_same(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct closures *c = p;
	uint64_t shared;

	(void)bytes;
	(void)group;
	if (!ap_image_u64(c->v8->image, address + (uint64_t)F(c->v8, FUNCTION_SHARED), &shared) ||
	    shared != c->shared)
		return true;
	c->failed = !ap_vec_push(c->arena, &c->list, address);
	return !c->failed;
}

struct ap_err *ap_heap_closures(struct ap_heap *heap, const struct ap_heap_watch *watch,
				uint64_t address, bool dead, struct ap_arena *arena,
				const uint64_t **ret_addresses, size_t *ret_n)
{
	struct closures c = {.v8 = heap->v8, .arena = arena};

	if (ap_type_is_function(heap->v8, ap_v8_type(heap->v8, address + 1)) &&
	    ap_image_u64(heap->v8->image, address + (uint64_t)F(heap->v8, FUNCTION_SHARED),
			 &c.shared))
		AP_TRY(ap_heap_each_kind(heap, watch, 1 << AP_HEAP_CLOSURE, dead, on_same, &c));
	if (c.failed)
		return &ap_err_nomem;
	*ret_addresses = c.list.at;
	*ret_n = c.list.n;
	return NULL;
}
