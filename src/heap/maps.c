/* The cache of maps that a walk meets: proven once, then found by their address. */
#include <stdlib.h>

#include "heap/heap_private.h"

enum { FIRST_CAP = 1024 };

static size_t slot_of(const struct ap_map_table *table, ap_tagged address)
{
	size_t mask = table->cap - 1;
	size_t i = (size_t)((address >> 3) * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (table->at[i].address && table->at[i].address != address)
		i = (i + 1) & mask;
	return i;
}

static bool grow(struct ap_map_table *table)
{
	size_t old_cap = table->cap, cap = old_cap ? old_cap * 2 : FIRST_CAP;
	struct ap_heap_map *old = table->at, *fresh = calloc(cap, sizeof(*fresh));

	if (!fresh)
		return false;
	table->at = fresh;
	table->cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].address)
			fresh[slot_of(table, old[i].address)] = old[i];
	}
	free(old);
	return true;
}

void ap_map_table_close(struct ap_map_table *table)
{
	free(table->at);
	*table = (struct ap_map_table){0};
}

/* A map of maps has itself, or (12.4 and later: one per native context) another such as its map. */
static bool is_meta(const struct ap_heap *heap, struct ap_map_table *table, ap_tagged meta)
{
	const struct ap_v8 *v8 = heap->v8;
	uint64_t meta_meta, top;
	uint16_t type;

	for (unsigned i = 0; i < table->n_meta; i++) {
		if (table->meta[i] == meta)
			return true;
	}
	if (!ap_v8_u16(v8, meta, F(v8, MAP_INSTANCE_TYPE), &type) || type != F(v8, T_MAP) ||
	    !ap_v8_map_word(v8, meta, &meta_meta) ||
	    !ap_v8_u16(v8, meta_meta, F(v8, MAP_INSTANCE_TYPE), &type) || type != F(v8, T_MAP) ||
	    !ap_v8_map_word(v8, meta_meta, &top) || top != meta_meta)
		return false;
	if (table->n_meta < sizeof(table->meta) / sizeof(table->meta[0]))
		table->meta[table->n_meta++] = meta;
	return true;
}

static bool map_read(const struct ap_heap *heap, struct ap_map_table *table, ap_tagged address,
		     struct ap_heap_map *ret)
{
	const struct ap_v8 *v8 = heap->v8;
	uint8_t head[24];
	uint64_t meta;
	struct ap_heap_map m = {.address = address};

	if (!ap_is_object(address) || (address & 7) != 1 || !ap_v8_map_word(v8, address, &meta) ||
	    !ap_image_read(v8->image, address - 1, head, sizeof(head)))
		return false;
	if (!is_meta(heap, table, meta))
		return false;
	memcpy(&m.type, head + F(v8, MAP_INSTANCE_TYPE), sizeof(m.type));
	m.size_words = head[F(v8, MAP_INSTANCE_SIZE)];
	m.kind = heap->kinds[m.type];
	m.rule = heap->rules[m.type];
	*ret = m;
	return true;
}

struct ap_heap_map *ap_map_get(const struct ap_heap *heap, struct ap_map_table *table,
			       ap_tagged address)
{
	struct ap_heap_map m;
	size_t i;

	if (table->cap) {
		i = slot_of(table, address);
		if (table->at[i].address)
			return &table->at[i];
	}
	if (!map_read(heap, table, address, &m))
		return NULL;
	if (table->n * 2 >= table->cap && !grow(table))
		return NULL;
	i = slot_of(table, address);
	table->at[i] = m;
	table->n++;
	return &table->at[i];
}

struct ap_heap_map *ap_map_find(const struct ap_map_table *table, ap_tagged address)
{
	if (!table->cap)
		return NULL;
	struct ap_heap_map *m = &table->at[slot_of(table, address)];
	return m->address ? m : NULL;
}

bool ap_map_merge(struct ap_map_table *into, const struct ap_map_table *from)
{
	for (size_t i = 0; i < from->cap; i++) {
		const struct ap_heap_map *m = &from->at[i];

		if (!m->address)
			continue;
		if (into->n * 2 >= into->cap && !grow(into))
			return false;
		struct ap_heap_map *to = &into->at[slot_of(into, m->address)];
		if (!to->address) {
			*to = *m;
			into->n++;
			continue;
		}
		to->count += m->count;
		to->bytes += m->bytes;
		if (m->first && (!to->first || m->first < to->first))
			to->first = m->first;
	}
	return true;
}
