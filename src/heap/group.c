/*
 * Groups of objects by constructor and shape. All objects of a map have the same name and properties,
 * so maps are named, not objects; only where a map says too little (objects that are hash tables or
 * have a `constructor` of their own, as prototypes do) each object is asked.
 */
#include <stdlib.h>

#include "heap/heap_private.h"
#include "heap/owned.h"
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
	uint32_t *slots; /* hash of groups: index + 1 */
	uint64_t *hashes; /* by group */
	size_t cap, hashes_cap;
	struct { /* names of property keys by address */
		ap_tagged key;
		struct ap_text name;
	} *keys;
	size_t n_keys, keys_cap;
};

static void grouping_close(struct grouping *g)
{
	free(g->slots);
	free(g->hashes);
	free(g->keys);
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

/* The name of a key, remembered by its address. */
static struct ap_text key_name(struct grouping *g, ap_tagged key)
{
	if (g->n_keys * 2 >= g->keys_cap) {
		size_t cap = g->keys_cap ? g->keys_cap * 2 : 4096;
		void *fresh = calloc(cap, sizeof(*g->keys));

		if (!fresh)
			return key_text(g, key);
		struct grouping old = *g;
		g->keys = fresh;
		g->keys_cap = cap;
		for (size_t i = 0; i < old.keys_cap; i++) {
			size_t k = (size_t)(old.keys[i].key * 0x9e3779b97f4a7c15u >> 32) & (cap - 1);

			while (old.keys[i].key && g->keys[k].key)
				k = (k + 1) & (cap - 1);
			if (old.keys[i].key)
				g->keys[k] = old.keys[i];
		}
		free(old.keys);
	}
	size_t k = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (g->keys_cap - 1);
	while (g->keys[k].key && g->keys[k].key != key)
		k = (k + 1) & (g->keys_cap - 1);
	if (!g->keys[k].key) {
		g->keys[k].key = key;
		g->keys[k].name = key_text(g, key);
		g->n_keys++;
	}
	return g->keys[k].name;
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
	group->dictionary = it.mode == AP_OWN_DICTIONARY;
	while (ap_own_next(&it, &own)) {
		struct ap_text name;

		group->all_properties++;
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
	for (size_t i = 0; i < t.n; i++)
		h = (h ^ (uint8_t)t.s[i]) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

static uint64_t hash_group(const struct ap_heap_group *group)
{
	uint64_t h = hash_text(0xcbf29ce484222325u, group->constructor);

	h = hash_text(h, group->shape);
	h = hash_text(h, group->prototype_of);
	for (size_t i = 0; i < group->n_properties; i++)
		h = hash_text(h, group->properties[i]);
	return h ^ group->all_properties ^ (uint64_t)group->kind << 56;
}

static bool same_group(const struct ap_heap_group *a, const struct ap_heap_group *b)
{
	if (a->kind != b->kind || a->n_properties != b->n_properties ||
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
static void describe_kind(struct grouping *g, const struct ap_heap_map *map, struct ap_heap_group *ret)
{
	const char *name = ap_heap_kind_name(map->kind);

	ret->kind = map->kind;
	ret->internal = map->kind == AP_HEAP_CODE || map->kind == AP_HEAP_SHAPE ||
			map->kind == AP_HEAP_INTERNAL;
	ret->constructor = ap_text_of(name);
	if (map->kind == AP_HEAP_INTERNAL || map->kind == AP_HEAP_CODE || map->kind == AP_HEAP_SHAPE ||
	    map->kind == AP_HEAP_ARRAY || map->kind == AP_HEAP_STRING)
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

static void add_to(struct ap_heap_group *group, uint64_t count, uint64_t bytes, uint64_t elements,
		   uint64_t properties, uint64_t backing, ap_addr first)
{
	group->count += count;
	group->self_bytes += bytes;
	group->elements_bytes += elements;
	group->properties_bytes += properties;
	group->backing_bytes += backing;
	if (!group->representative || first < group->representative)
		group->representative = first;
}

/* Names maps, or marks those whose objects must be asked. */
static bool group_maps(struct grouping *g)
{
	struct ap_heap *heap = g->heap;
	uint64_t singles = 0;

	for (size_t i = 0; i < heap->maps.cap; i++) {
		struct ap_heap_map *map = &heap->maps.at[i];
		struct ap_heap_group group = {0};

		map->group = AP_NO_GROUP;
		map->per_object = false;
		map->elements = map->properties = map->backing = 0;
		if (!map->address || !map->count || ap_map_is_free(heap, map))
			continue;
		describe_kind(g, map, &group);
		if (map->kind == AP_HEAP_OBJECT) {
			group = (struct ap_heap_group){0};
			describe_object(g, map, map->first, &group);
			bool asks = group.dictionary && map->count > 1;

			for (size_t k = 0; k < group.n_properties && !asks && map->count > 1; k++)
				asks = ap_text_is(group.properties[k], "constructor");
			if (asks && map->count <= MAX_PER_MAP && singles + map->count <= AP_MAX_SINGLES) {
				singles += map->count;
				map->per_object = true;
				continue;
			}
		}
		map->group = intern(g, &group);
		if (map->group == AP_NO_GROUP)
			return false;
	}
	return true;
}

static int single_by_address(const void *a, const void *b)
{
	const struct ap_heap_single *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool group_singles(struct grouping *g)
{
	struct ap_heap *heap = g->heap;
	uint64_t m;

	for (size_t i = 0; i < heap->singles.n; i++) {
		struct ap_heap_single *s = &heap->singles.at[i];
		struct ap_heap_group group = {0};
		struct ap_heap_map *map;

		if (!ap_image_u64(g->v8->image, s->address, &m) || !(map = ap_map_find(&heap->maps, m)))
			continue;
		describe_object(g, map, s->address, &group);
		s->group = intern(g, &group);
		if (s->group == AP_NO_GROUP)
			return false;
		add_to(&heap->groups.at[s->group], 1, s->bytes, s->elements, s->properties, s->backing,
		       s->address);
	}
	if (heap->singles.n)
		qsort(heap->singles.at, heap->singles.n, sizeof(*heap->singles.at), single_by_address);
	return true;
}

static bool claims_open(const struct ap_heap *heap, struct ap_claimed **ret)
{
	struct ap_claimed *claimed = calloc(heap->pages.n ? heap->pages.n : 1, sizeof(*claimed));

	*ret = claimed;
	for (size_t i = 0; claimed && i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];

		if (page->large || !page->bits)
			continue;
		claimed[i].bits = calloc((page->end - page->start + 511) / 512, sizeof(uint64_t));
		if (!claimed[i].bits)
			return false;
	}
	return claimed;
}

static void claims_close(const struct ap_heap *heap, struct ap_claimed *claimed)
{
	for (size_t i = 0; claimed && i < heap->pages.n; i++)
		free(claimed[i].bits);
	free(claimed);
}

static bool table_copy(const struct ap_map_table *from, struct ap_map_table *to)
{
	*to = *from;
	to->at = malloc(from->cap * sizeof(*to->at));
	if (!to->at) {
		to->cap = 0;
		return from->cap == 0;
	}
	memcpy(to->at, from->at, from->cap * sizeof(*to->at));
	for (size_t i = 0; i < to->cap; i++)
		to->at[i].count = to->at[i].bytes = 0;
	return true;
}

/* The pass over all objects for what they own. */
static struct ap_err *own(struct grouping *g, const struct ap_heap_watch *watch)
{
	struct ap_heap *heap = g->heap;
	size_t n = ap_heap_threads(heap->pages.n);
	struct ap_owned_state states[AP_MAX_THREADS] = {0};
	struct ap_claimed *claimed;
	bool ok = claims_open(heap, &claimed), complete = false;

	for (size_t i = 0; i < n; i++) {
		states[i].heap = heap;
		states[i].claimed = claimed;
		ap_arena_init(&states[i].arena, 0);
		ok = ok && table_copy(&heap->maps, &states[i].maps);
	}
	if (ok)
		complete = ap_heap_parallel(heap, watch, "grouping objects", ap_owned_page, states,
					    sizeof(states[0]), n);
	for (size_t i = 0; i < n; i++) {
		ok = ok && !states[i].failed && ap_map_merge(&heap->maps, &states[i].maps);
		for (size_t k = 0; ok && k < states[i].singles.n; k++)
			ok = ap_vec_push(g->arena, &heap->singles, states[i].singles.at[k]);
		ap_arena_close(&states[i].arena);
		ap_map_table_close(&states[i].maps);
	}
	claims_close(heap, claimed);
	if (!ok)
		return &ap_err_nomem;
	return complete ? NULL : &ap_err_cancelled;
}

void ap_heap_forget_groups(struct ap_heap *heap)
{
	ap_arena_close(&heap->group_arena);
	ap_arena_init(&heap->group_arena, 0);
	memset(&heap->groups, 0, sizeof(heap->groups));
	memset(&heap->singles, 0, sizeof(heap->singles));
	heap->grouped = false;
}

static struct ap_err *make(struct grouping *g, const struct ap_heap_watch *watch)
{
	struct ap_heap *heap = g->heap;

	if (!group_maps(g))
		return &ap_err_nomem;
	AP_TRY(own(g, watch));
	for (size_t i = 0; i < heap->maps.cap; i++) {
		const struct ap_heap_map *m = &heap->maps.at[i];

		if (m->address && m->count && m->group != AP_NO_GROUP)
			add_to(&heap->groups.at[m->group], m->count, m->bytes, m->elements, m->properties,
			       m->backing, m->first);
	}
	return group_singles(g) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_heap_groups(struct ap_heap *heap, const struct ap_heap_watch *watch,
			      const struct ap_heap_group **ret_groups, size_t *ret_n)
{
	struct grouping g = {.heap = heap, .v8 = heap->v8, .arena = &heap->group_arena};
	struct ap_err *err;

	if (!heap->grouped) {
		ap_heap_forget_groups(heap);
		err = make(&g, watch);
		grouping_close(&g);
		if (err) {
			ap_heap_forget_groups(heap);
			return err;
		}
		heap->grouped = true;
	}
	*ret_groups = heap->groups.at;
	*ret_n = heap->groups.n;
	return NULL;
}

static bool group_of(struct ap_heap *heap, const struct ap_heap_map *map, ap_addr address,
		     size_t *ret)
{
	size_t lo = 0, hi = heap->singles.n;

	if (map->group != AP_NO_GROUP) {
		*ret = map->group;
		return true;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (heap->singles.at[mid].address < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == heap->singles.n || heap->singles.at[lo].address != address ||
	    heap->singles.at[lo].group == AP_NO_GROUP)
		return false;
	*ret = heap->singles.at[lo].group;
	return true;
}

bool ap_heap_group_of(struct ap_heap *heap, uint64_t address, size_t *ret_group)
{
	uint64_t start, bytes, m;
	const struct ap_heap_map *map;

	return heap->grouped && ap_heap_object_at(heap, address, &start, &bytes) && start == address &&
	       ap_image_u64(heap->v8->image, address, &m) &&
	       (map = ap_map_find(&heap->maps, m)) != NULL && group_of(heap, map, address, ret_group);
}

struct ap_err *ap_heap_each(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    const bool *wanted,
			    bool (*fn)(void *arg, uint64_t address, uint64_t bytes, size_t group),
			    void *arg)
{
	uint8_t *scratch = malloc(AP_CHUNK_BYTES);
	bool go_on = true;

	if (!scratch)
		return &ap_err_nomem;
	for (size_t i = 0; i < heap->pages.n && go_on; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		struct ap_page_bytes bytes;
		struct ap_objects it = {0};
		ap_addr a;

		if (!page->walked || !page->objects)
			continue;
		if (watch && watch->cancelled && *watch->cancelled) {
			free(scratch);
			return &ap_err_cancelled;
		}
		ap_page_bytes(heap, page, scratch, &bytes);
		while (go_on && ap_objects_next(page, &it, &a)) {
			uint64_t m = 0, offset = a - page->start;
			const struct ap_heap_map *map;
			size_t group;

			if (offset + 8 <= bytes.n)
				memcpy(&m, bytes.at + offset, sizeof(m));
			map = ap_map_find(&heap->maps, m);
			if (!map || !group_of(heap, map, a, &group) || (wanted && !wanted[group]))
				continue;
			go_on = fn(arg, a, ap_heap_size(heap, map, a, bytes.at + offset, bytes.n - offset),
				   group);
		}
	}
	free(scratch);
	return NULL;
}
