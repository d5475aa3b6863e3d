/*
 * Groups of objects by constructor and shape. All objects of a map have the same name and
 * properties, so maps are named, not objects; only where a map says too little (objects that are
 * hash tables or have a `constructor` of their own, as prototypes do) each object is asked.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/map64.h"
#include "heap/mark.h"
#include "v8/naming.h"

enum {
	MAX_PROPERTIES = 1024, /* listed of one group */
	MAX_NAME_UNITS = 200,
	MAX_PER_MAP = 1 << 16, /* objects of one map that are asked singly */
};

struct grouping {
	struct ap_heap *heap;
	struct ap_v8 *v8;
	struct ap_arena *arena;
	uint32_t *slots;  /* hash of groups: index + 1 */
	uint64_t *hashes; /* by group */
	size_t cap, hashes_cap;
	struct ap_map64 keys; /* place in `names` by address of a property key */
	AP_VEC(struct ap_text) names;
	struct ap_arena names_arena;
};

static void grouping_close(struct grouping *g)
{
	free(g->slots);
	free(g->hashes);
	ap_map64_close(&g->keys);
	ap_arena_close(&g->names_arena);
}

static struct ap_text key_text(struct grouping *g, ap_tagged key)
{
	struct ap_text text;
	uint64_t description;

	switch (ap_key_kind(g->v8, key)) {
	case AP_KEY_STRING:
		return ap_v8_text(g->v8, key, MAX_NAME_UNITS, g->arena);
	case AP_KEY_HIDDEN:
		return (struct ap_text){NULL, 0};
	case AP_KEY_SYMBOL:
	case AP_KEY_PRIVATE_NAME:
		break;
	}
	if (!ap_v8_word(g->v8, key, F(g->v8, SYMBOL_NAME), &description))
		return (struct ap_text){NULL, 0};
	text = ap_v8_text(g->v8, description, MAX_NAME_UNITS, g->arena);
	if (ap_key_kind(g->v8, key) == AP_KEY_PRIVATE_NAME)
		return text;
	char *s = ap_printf(g->arena, "[Symbol(%.*s)]", AP_TEXT_ARG(text));
	return ap_text_of(s);
}

/* The name of a key, remembered by its address if there is memory for that. */
static struct ap_text key_name(struct grouping *g, ap_tagged key)
{
	uint32_t place = (uint32_t)g->names.n;

	if (ap_map64_get(&g->keys, key, &place))
		return g->names.at[place];
	struct ap_text name = key_text(g, key);
	if (ap_vec_push(&g->names_arena, &g->names, name))
		(void)ap_map64_put(&g->keys, key, place);
	return name;
}

/* The names of an object's properties; true if one of them is `constructor`. */
static bool list_properties(struct grouping *g, ap_tagged object, struct ap_heap_group *group)
{
	AP_VEC(struct ap_text) names = {0};
	struct ap_own_iter it;
	struct ap_own own;
	bool has_constructor = false;

	if (!ap_own_begin(g->v8, object, &it))
		return false;
	ap_addr end = object - 1 + it.map.size_words * 8u;
	group->dictionary = it.mode == AP_OWN_DICTIONARY;
	while (ap_own_next(&it, &own)) {
		struct ap_text name;

		group->all_properties++;
		if (it.mode == AP_OWN_FAST && own.address) {
			group->in_object |= own.address < end && own.address >= object - 1;
			group->out_of_object |= own.address >= end || own.address < object - 1;
		}
		if (names.n == MAX_PROPERTIES)
			continue;
		name = key_name(g, own.key);
		if (!name.s) {
			group->all_properties--;
			continue;
		}
		has_constructor = has_constructor || ap_text_is(name, "constructor");
		if (!ap_vec_push(g->arena, &names, name))
			break;
	}
	group->properties = names.at;
	group->n_properties = names.n;
	return has_constructor;
}

static uint64_t hash_text(uint64_t h, struct ap_text t)
{
	return ap_fnv1a(ap_fnv1a(h, t.s, t.n), "\xff", 1);
}

static uint64_t hash_group(const struct ap_heap_group *group)
{
	uint64_t h = hash_text(AP_FNV1A, group->constructor);

	h = hash_text(h, group->shape);
	h = hash_text(h, group->prototype_of);
	for (size_t i = 0; i < group->n_properties; i++)
		h = hash_text(h, group->properties[i]);
	return h ^ group->all_properties ^ (uint64_t)group->kind << 56 ^
	       (uint64_t)group->live << 48;
}

static bool same_group(const struct ap_heap_group *a, const struct ap_heap_group *b)
{
	if (a->kind != b->kind || a->live != b->live || a->n_properties != b->n_properties ||
	    a->all_properties != b->all_properties || !a->prototype_of.s != !b->prototype_of.s ||
	    !ap_text_eq(a->constructor, b->constructor) || !ap_text_eq(a->shape, b->shape) ||
	    !ap_text_eq(a->prototype_of, b->prototype_of))
		return false;
	for (size_t i = 0; i < a->n_properties; i++) {
		if (!ap_text_eq(a->properties[i], b->properties[i]))
			return false;
	}
	return true;
}

static bool grow_slots(struct grouping *g)
{
	size_t n = g->heap->groups.n, cap = g->cap ? g->cap * 2 : 1024;
	uint32_t *slots = calloc(cap, sizeof(*slots));
	uint64_t *hashes = realloc(g->hashes, cap * sizeof(*hashes));

	if (hashes)
		g->hashes = hashes;
	if (!slots || !hashes) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		size_t k = g->hashes[i] & (cap - 1);

		while (slots[k])
			k = (k + 1) & (cap - 1);
		slots[k] = (uint32_t)i + 1;
	}
	free(g->slots);
	g->slots = slots;
	g->cap = cap;
	return true;
}

/* Goes on with the groups that there are. */
static bool resume(struct grouping *g)
{
	size_t n = g->heap->groups.n;

	for (g->cap = 512; g->cap < n * 2;)
		g->cap *= 2;
	g->hashes = calloc(g->cap, sizeof(*g->hashes));
	for (size_t i = 0; g->hashes && i < n; i++)
		g->hashes[i] = hash_group(&g->heap->groups.at[i]);
	return g->hashes && grow_slots(g);
}

/* The group with the key of `like`, made if there is none yet; AP_NO_GROUP without memory. */
static uint32_t intern(struct grouping *g, const struct ap_heap_group *like)
{
	uint64_t h = hash_group(like);

	if (g->heap->groups.n * 2 >= g->cap && !grow_slots(g))
		return AP_NO_GROUP;
	size_t k = h & (g->cap - 1);
	for (; g->slots[k]; k = (k + 1) & (g->cap - 1)) {
		uint32_t i = g->slots[k] - 1;

		if (g->hashes[i] == h && same_group(&g->heap->groups.at[i], like))
			return i;
	}
	struct ap_heap_group group = *like;
	if (!ap_vec_push(&g->heap->group_arena, &g->heap->groups, group))
		return AP_NO_GROUP;
	g->slots[k] = (uint32_t)g->heap->groups.n;
	g->hashes[g->heap->groups.n - 1] = h;
	return (uint32_t)g->heap->groups.n - 1;
}

/* What is known of an object from its map alone. */
static void describe_kind(struct grouping *g, const struct ap_heap_map *map,
			  struct ap_heap_group *ret)
{
	const char *name = ap_heap_kind_name(map->kind);

	ret->kind = map->kind;
	ret->internal = map->kind == AP_HEAP_CODE || map->kind == AP_HEAP_SHAPE ||
			map->kind == AP_HEAP_INTERNAL;
	ret->constructor = ap_text_of(name);
	if (map->kind == AP_HEAP_INTERNAL || map->kind == AP_HEAP_CODE ||
	    map->kind == AP_HEAP_SHAPE || map->kind == AP_HEAP_ARRAY || map->kind == AP_HEAP_STRING)
		ret->shape = ap_heap_type_name(g->heap, map->type);
	if (map->kind == AP_HEAP_INTERNAL && ret->shape.s) {
		char *s = ap_printf(g->arena, "system / %.*s", AP_TEXT_ARG(ret->shape));

		ret->constructor = ap_text_of(s);
		ret->shape = (struct ap_text){"", 0};
	}
}

/* Name and properties of one JavaScript object. */
static void describe_object(struct grouping *g, const struct ap_heap_map *map, ap_addr address,
			    struct ap_heap_group *ret)
{
	ap_tagged object = address + 1;
	bool has_constructor = list_properties(g, object, ret);

	ret->kind = map->kind;
	ret->constructor = ap_constructor_name(g->v8, object, g->arena);
	if (!ret->constructor.s)
		ret->constructor = AP_TEXT("(unknown)");
	if (has_constructor)
		ret->prototype_of = ap_prototype_of(g->v8, object, g->arena);
}

static void add_to(struct ap_heap_group *group, const struct ap_map_sum *sum)
{
	group->count += sum->count;
	group->self_bytes += sum->bytes;
	group->elements_bytes += sum->elements;
	group->properties_bytes += sum->properties;
	group->backing_bytes += sum->backing;
	if (!group->representative || sum->first < group->representative)
		group->representative = sum->first;
}

/* Marks the maps whose objects must be asked each: they are hash tables, or have a `constructor` of
 * their own. */
static void choose_maps(struct grouping *g)
{
	struct ap_heap *heap = g->heap;
	uint64_t singles = 0;

	for (size_t i = 0; i < heap->maps.cap; i++) {
		struct ap_heap_map *map = &heap->maps.at[i];
		struct ap_heap_group group = {0};

		map->groups[0] = map->groups[1] = AP_NO_GROUP;
		map->per_object = false;
		memset(map->sums, 0, sizeof(map->sums));
		if (!map->address || map->count < 2 || map->kind != AP_HEAP_OBJECT ||
		    map->count > MAX_PER_MAP || singles + map->count > AP_MAX_SINGLES)
			continue;
		map->per_object = list_properties(g, map->first + 1, &group) || group.dictionary;
		singles += map->per_object ? map->count : 0;
	}
}

/* Makes groups of what was counted. */
static bool group_maps(struct grouping *g, enum ap_heap_live live)
{
	struct ap_heap *heap = g->heap;
	bool dead = live == AP_LIVE_NO;

	for (size_t i = 0; i < heap->maps.cap; i++) {
		struct ap_heap_map *map = &heap->maps.at[i];
		struct ap_map_sum *sum = &map->sums[dead];
		struct ap_heap_group group = {.live = live};

		if (!map->address || !sum->count || ap_map_is_free(heap, map) || map->per_object)
			continue;
		if (map->kind == AP_HEAP_OBJECT)
			describe_object(g, map, sum->first, &group);
		else
			describe_kind(g, map, &group);
		map->groups[dead] = intern(g, &group);
		if (map->groups[dead] == AP_NO_GROUP)
			return false;
		add_to(&heap->groups.at[map->groups[dead]], sum);
	}
	return true;
}

static int single_by_address(const void *a, const void *b)
{
	const struct ap_heap_single *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool group_singles(struct grouping *g, enum ap_heap_live live)
{
	struct ap_heap *heap = g->heap;
	uint64_t m;

	for (size_t i = 0; i < heap->singles.n; i++) {
		struct ap_heap_single *s = &heap->singles.at[i];
		struct ap_heap_group group = {.live = live};
		struct ap_heap_map *map;

		if (s->dead != (live == AP_LIVE_NO) ||
		    !ap_image_u64(g->v8->image, s->address, &m) ||
		    !(map = ap_map_find(&heap->maps, m)))
			continue;
		describe_object(g, map, s->address, &group);
		s->group = intern(g, &group);
		if (s->group == AP_NO_GROUP)
			return false;
		const struct ap_map_sum sum = {1,          s->bytes,  s->elements, s->properties,
					       s->backing, s->address};
		add_to(&heap->groups.at[s->group], &sum);
	}
	if (heap->singles.n)
		qsort(heap->singles.at, heap->singles.n, sizeof(*heap->singles.at),
		      single_by_address);
	return true;
}

/* One pass over objects for what they own. */
struct pass {
	struct ap_bodies bodies;
	struct ap_paint paint;
	struct ap_owned_state states[AP_MAX_THREADS];
	size_t n;
};

static bool pass_open(struct pass *p)
{
	p->n = ap_heap_threads(p->bodies.n_pages);
	if (!ap_paint_open(&p->paint, &p->bodies))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (!ap_owned_open(&p->states[i], &p->bodies, &p->paint))
			return false;
	}
	return true;
}

static void pass_close(struct pass *p)
{
	for (size_t i = 0; i < p->n; i++)
		ap_owned_close(&p->states[i]);
	ap_paint_close(&p->paint);
	ap_bodies_close(&p->bodies);
}

/* All objects of a kind by the way they lie; what was counted before is forgotten. */
static struct ap_err *count(struct grouping *g, const struct ap_heap_watch *watch, struct pass *p,
			    enum ap_which which)
{
	for (size_t i = 0; i < p->n; i++)
		p->states[i].which = which;
	return ap_heap_parallel(g->heap, watch, "grouping objects", ap_owned_page, p->states,
				sizeof(p->states[0]), p->n)
		       ? NULL
		       : &ap_err_cancelled;
}

/* Finds out what lives, and counts it by the way. *ret_known false: that cannot be, and nothing was
 * counted. */
static struct ap_err *count_live(struct grouping *g, const struct ap_heap_watch *watch,
				 struct pass *p, bool *ret_known)
{
	struct ap_heap *heap = g->heap;
	struct ap_tagged_rules rules = {0};
	struct ap_roots roots = {0};
	struct ap_err *err;

	heap->why_unknown = ap_heap_unknowable(heap);
	*ret_known = false;
	if (heap->why_unknown)
		return NULL;
	err = ap_tagged_open(&p->bodies, &rules);
	if (!err)
		err = ap_roots_find(&p->bodies, &roots);
	if (!err && roots.guessed) {
		heap->why_unknown = "not all of V8's roots were found";
	} else if (!err) {
		err = ap_mark(&p->bodies, &rules, watch, &roots, &p->paint, p->states, p->n);
		if (!err)
			ap_heap_keep_live(heap, &p->bodies, &p->paint);
		*ret_known = !err;
	}
	ap_roots_close(&roots);
	ap_tagged_close(&rules);
	return err;
}

static bool merge(struct grouping *g, const struct pass *p, bool dead)
{
	struct ap_heap *heap = g->heap;

	for (size_t i = 0; i < p->n; i++) {
		const struct ap_owned_state *s = &p->states[i];

		if (s->failed)
			return false;
		for (size_t k = 0; k < heap->maps.cap; k++) {
			struct ap_map_sum *to = &heap->maps.at[k].sums[dead];
			const struct ap_map_sum *from = &s->sums[k];

			to->count += from->count;
			to->bytes += from->bytes;
			to->elements += from->elements;
			to->properties += from->properties;
			to->backing += from->backing;
			if (from->first && (!to->first || from->first < to->first))
				to->first = from->first;
		}
		for (size_t k = 0; k < s->singles.n; k++) {
			if (!ap_vec_push(g->arena, &heap->singles, s->singles.at[k]))
				return false;
		}
	}
	return true;
}

void ap_heap_forget_groups(struct ap_heap *heap)
{
	ap_arena_close(&heap->group_arena);
	ap_arena_init(&heap->group_arena, 0);
	memset(&heap->groups, 0, sizeof(heap->groups));
	memset(&heap->singles, 0, sizeof(heap->singles));
	heap->grouped = heap->grouped_dead = false;
}

static struct ap_err *count_all(struct grouping *g, const struct ap_heap_watch *watch, bool dead)
{
	struct ap_heap *heap = g->heap;
	struct pass *p = calloc(1, sizeof(*p));
	struct ap_err *err = p ? ap_bodies_open(heap, &p->bodies) : &ap_err_nomem;
	bool counted = false;

	if (!err && !pass_open(p))
		err = &ap_err_nomem;
	if (!err && !dead && !heap->liveness_known)
		err = count_live(g, watch, p, &counted);
	if (!err && !counted)
		err = count(g, watch, p,
			    dead                   ? AP_DEAD_OBJECTS
			    : heap->liveness_known ? AP_LIVE_OBJECTS
						   : AP_ALL_OBJECTS);
	if (!err && !merge(g, p, dead))
		err = &ap_err_nomem;
	if (p)
		pass_close(p);
	free(p);
	return err;
}

static struct ap_err *make(struct grouping *g, const struct ap_heap_watch *watch, bool dead)
{
	enum ap_heap_live live = AP_LIVE_NO;

	if (!dead)
		choose_maps(g);
	AP_TRY(count_all(g, watch, dead));
	if (!dead)
		live = g->heap->liveness_known ? AP_LIVE_YES : AP_LIVE_UNKNOWN;
	return group_maps(g, live) && group_singles(g, live) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_heap_groups(struct ap_heap *heap, const struct ap_heap_watch *watch, bool dead,
			      const struct ap_heap_group **ret_groups, size_t *ret_n)
{
	for (int pass = 0; pass < 2; pass++) {
		struct grouping g = {.heap = heap, .v8 = heap->v8, .arena = &heap->group_arena};
		bool *done = pass ? &heap->grouped_dead : &heap->grouped;
		struct ap_err *err = NULL;

		if (*done || (pass && (!dead || !heap->liveness_known)))
			continue;
		ap_arena_init(&g.names_arena, 0);
		if (!pass)
			ap_heap_forget_groups(heap);
		else if (!resume(&g))
			err = &ap_err_nomem;
		if (!err)
			err = make(&g, watch, pass);
		grouping_close(&g);
		if (err) {
			/* A pass that was stopped has added nothing. */
			if (!pass || err->code != AP_E_CANCELLED)
				ap_heap_forget_groups(heap);
			return err;
		}
		*done = true;
	}
	*ret_groups = heap->groups.at;
	*ret_n = heap->groups.n;
	return NULL;
}
