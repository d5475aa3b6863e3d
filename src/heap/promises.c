/*
 * Pending promises by the place that waits. V8 does not keep where a promise was made; but what
 * waits for it has a place: a suspended async function the line where it stands, a handler its own.
 */
#include <stdlib.h>

#include "heap/heap_private.h"
#include "v8/builtin.h"

const char *ap_promise_kind_name(enum ap_promise_kind kind)
{
	static const char *const names[] = {
#define X(id, name) name,
		AP_PROMISE_KINDS(X)
#undef X
	};

	return names[kind];
}

/* What two promises of one row have in common. */
struct key {
	enum ap_promise_kind kind;
	ap_tagged shared; /* of the function; 0: none */
	int32_t step;     /* where in it an async function stands */
	enum ap_heap_live live;
};

struct group {
	struct key key;
	ap_tagged generator, handler; /* that the place is taken from */
	uint64_t count;
	ap_addr example;
};

typedef AP_VEC(ap_addr) addr_vec;

struct finder {
	struct ap_heap *heap;
	struct ap_v8 *v8;
	struct ap_arena *arena;
	bool dead; /* are wanted, too */
	addr_vec promises, functions;
	AP_VEC(struct group) groups;
	uint32_t *slots; /* open addressing: index of a group + 1 */
	size_t cap;
	ap_addr *told; /* sorted: results of async functions */
	size_t n_told;
	uint64_t count;
};

static int compare_addr(const void *pa, const void *pb)
{
	ap_addr a = *(const ap_addr *)pa, b = *(const ap_addr *)pb;

	return (a > b) - (a < b);
}

static struct ap_err *collect(struct finder *f, const struct ap_heap_watch *watch, uint8_t *scratch)
{
	struct ap_heap *heap = f->heap;

	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		struct ap_page_bytes bytes;
		struct ap_objects it = {0};
		ap_addr a;

		if (!page->walked || !page->objects)
			continue;
		if (watch && watch->cancelled && *watch->cancelled)
			return &ap_err_cancelled;
		ap_page_bytes(heap, page, scratch, &bytes);
		while (ap_objects_next(page, &it, &a)) {
			uint64_t m = 0, offset = a - page->start;
			const struct ap_heap_map *map;
			addr_vec *into = NULL;

			if (offset + 8 <= bytes.n)
				memcpy(&m, bytes.at + offset, sizeof(m));
			map = ap_map_find(&heap->maps, m);
			if (map && map->type == F(f->v8, T_JS_PROMISE))
				into = &f->promises;
			else if (map && map->type == F(f->v8, T_JS_ASYNC_FUNCTION))
				into = &f->functions;
			if (into && (f->dead || ap_heap_is_live(heap, a) != AP_LIVE_NO) &&
			    !ap_vec_push(f->arena, into, a))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static size_t slot_of(const struct finder *f, const struct key *key)
{
	uint64_t h = (key->shared ^ (uint64_t)key->kind << 60 ^ (uint64_t)key->live << 58 ^
		      (uint64_t)(uint32_t)key->step << 40) *
		     0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 32) & (f->cap - 1);

	while (f->slots[i]) {
		const struct key *k = &f->groups.at[f->slots[i] - 1].key;

		if (k->kind == key->kind && k->shared == key->shared && k->step == key->step &&
		    k->live == key->live)
			break;
		i = (i + 1) & (f->cap - 1);
	}
	return i;
}

static bool grow(struct finder *f)
{
	size_t cap = f->cap ? f->cap * 2 : 256;
	uint32_t *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return false;
	free(f->slots);
	f->slots = slots;
	f->cap = cap;
	for (size_t i = 0; i < f->groups.n; i++)
		f->slots[slot_of(f, &f->groups.at[i].key)] = (uint32_t)i + 1;
	return true;
}

static struct ap_err *count(struct finder *f, const struct group *like, ap_addr promise)
{
	if (f->groups.n * 2 >= f->cap && !grow(f))
		return &ap_err_nomem;
	size_t slot = slot_of(f, &like->key);
	if (!f->slots[slot]) {
		struct group group = *like;

		group.example = promise;
		if (!ap_vec_push(f->arena, &f->groups, group))
			return &ap_err_nomem;
		f->slots[slot] = (uint32_t)f->groups.n;
	}
	struct group *g = &f->groups.at[f->slots[slot] - 1];
	g->count++;
	if (promise < g->example)
		g->example = promise;
	f->count++;
	return NULL;
}

static bool is_pending(struct ap_v8 *v8, ap_tagged promise)
{
	struct ap_promise p;

	return ap_promise_read(v8, promise, &p) && p.state == AP_PROMISE_PENDING;
}

/* The function and step at which a suspended async function stands. */
static bool key_of_generator(struct ap_v8 *v8, ap_tagged generator, struct key *ret)
{
	uint64_t function;

	return ap_v8_smi(v8, generator, F(v8, GENERATOR_CONTINUATION), &ret->step) &&
	       ap_v8_word(v8, generator, F(v8, GENERATOR_FUNCTION), &function) &&
	       ap_v8_word(v8, function, F(v8, FUNCTION_SHARED), &ret->shared);
}

static struct ap_err *tell_async(struct finder *f)
{
	f->told = ap_alloc_array(f->arena, f->functions.n + 1, sizeof(*f->told));
	if (!f->told)
		return &ap_err_nomem;
	for (size_t i = 0; i < f->functions.n; i++) {
		ap_tagged generator = f->functions.at[i] + 1;
		struct group group = {.key.kind = AP_PROMISE_ASYNC, .generator = generator};
		uint64_t promise;

		if (!ap_v8_word(f->v8, generator, F(f->v8, ASYNC_FUNCTION_PROMISE), &promise) ||
		    !is_pending(f->v8, promise) ||
		    !key_of_generator(f->v8, generator, &group.key) || group.key.step < 0)
			continue;
		group.key.live = ap_heap_is_live(f->heap, promise - 1);
		f->told[f->n_told++] = promise - 1;
		AP_TRY(count(f, &group, promise - 1));
	}
	if (f->n_told)
		qsort(f->told, f->n_told, sizeof(*f->told), compare_addr);
	return NULL;
}

/* The first handler of a pending promise that has a place in the source. */
static ap_tagged handler_of(struct ap_v8 *v8, ap_tagged reaction, struct ap_arena *scratch,
			    ap_tagged *ret_shared)
{
	uint64_t handler;

	for (int side = 0; side < 2; side++) {
		struct ap_function_info info;

		if (ap_v8_word(v8, reaction,
			       side ? F(v8, REACTION_REJECT) : F(v8, REACTION_FULFILL), &handler) &&
		    ap_v8_is(v8, handler, AP_F_T_JS_FUNCTION) &&
		    ap_function_info(v8, handler, scratch, &info) && info.script) {
			*ret_shared = info.shared;
			return handler;
		}
	}
	return 0;
}

static struct ap_err *tell_other(struct finder *f, ap_addr address, struct ap_arena *scratch)
{
	struct group group = {.key.kind = AP_PROMISE_ALONE,
			      .key.live = ap_heap_is_live(f->heap, address)};
	ap_tagged_vec awaiters = {0};
	struct ap_promise p;

	if (!ap_promise_read(f->v8, address + 1, &p) || p.state != AP_PROMISE_PENDING)
		return NULL;
	if (ap_is_object(p.result)) {
		group.key.kind = AP_PROMISE_CHAINED;
		group.handler = handler_of(f->v8, p.result, scratch, &group.key.shared);
		if (!group.handler) {
			AP_TRY(ap_promise_awaiters(f->v8, address + 1, scratch, &awaiters));
			if (awaiters.n && key_of_generator(f->v8, awaiters.at[0], &group.key)) {
				group.key.kind = AP_PROMISE_AWAITED;
				group.generator = awaiters.at[0];
			}
		}
	}
	return count(f, &group, address);
}

static struct ap_err *tell_others(struct finder *f, const struct ap_heap_watch *watch)
{
	struct ap_arena scratch;
	struct ap_err *err = NULL;

	for (size_t i = 0; i < f->promises.n && !err; i++) {
		ap_addr a = f->promises.at[i];

		if (watch && watch->cancelled && *watch->cancelled)
			return &ap_err_cancelled;
		if (f->n_told && bsearch(&a, f->told, f->n_told, sizeof(a), compare_addr))
			continue;
		ap_arena_init(&scratch, 1 << 20);
		err = tell_other(f, a, &scratch);
		ap_arena_close(&scratch);
	}
	return err;
}

static void place(struct finder *f, const struct group *g, struct ap_heap_promises *row)
{
	struct ap_generator generator;
	struct ap_function_info info;
	struct ap_place at = {.script = {NULL, 0}};

	if (g->generator && ap_generator_read(f->v8, g->generator, f->arena, &generator)) {
		row->function = generator.name;
		at = generator.place;
	} else if (g->handler && ap_function_info(f->v8, g->handler, f->arena, &info)) {
		row->function = ap_function_debug_name(f->v8, g->handler, f->arena);
		if (info.script && !ap_script_place(f->v8, info.script, info.start, f->arena, &at))
			at.script = ap_script_name(f->v8, info.script, f->arena);
	}
	row->script = at.script;
	row->line = at.line;
	row->column = at.column;
}

static int by_count(const void *pa, const void *pb)
{
	const struct ap_heap_promises *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return (a->example > b->example) - (a->example < b->example);
}

struct ap_err *ap_heap_promises(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
				struct ap_arena *arena, const struct ap_heap_promises **ret,
				size_t *ret_n, uint64_t *ret_count)
{
	struct finder f = {.heap = heap, .v8 = heap->v8, .arena = arena, .dead = dead};
	const struct ap_heap_group *groups;
	struct ap_heap_promises *rows;
	size_t n_groups;
	struct ap_err *err;

	AP_TRY(ap_profile_require(&heap->v8->profile, AP_G_PROMISES));
	/* With the groups it is known what lives. */
	AP_TRY(ap_heap_groups(heap, watch, false, &groups, &n_groups));
	uint8_t *scratch = malloc(AP_CHUNK_BYTES);
	err = scratch ? collect(&f, watch, scratch) : &ap_err_nomem;
	free(scratch);
	if (!err)
		err = tell_async(&f);
	if (!err)
		err = tell_others(&f, watch);
	free(f.slots);
	if (err)
		return err;
	rows = ap_alloc_array(arena, f.groups.n + 1, sizeof(*rows));
	if (!rows)
		return &ap_err_nomem;
	for (size_t i = 0; i < f.groups.n; i++) {
		const struct group *g = &f.groups.at[i];

		rows[i] = (struct ap_heap_promises){.kind = g->key.kind,
						    .count = g->count,
						    .example = g->example,
						    .live = g->key.live};
		place(&f, g, &rows[i]);
	}
	if (f.groups.n)
		qsort(rows, f.groups.n, sizeof(*rows), by_count);
	*ret = rows;
	*ret_n = f.groups.n;
	*ret_count = f.count;
	return NULL;
}
