/*
 * Numbers by 64-bit keys other than 0: addresses, mostly.
 *
 * Ownership: a map owns its table until ap_map64_close(). Zeroed is empty.
 */
#ifndef AP_BASE_MAP64_H
#define AP_BASE_MAP64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_map64 {
	struct ap_map64_entry {
		uint64_t key;
		uint32_t value;
	} * at;
	size_t n, cap;
};

void ap_map64_close(struct ap_map64 *map);
/* Replaces what was there; false without memory. */
bool ap_map64_put(struct ap_map64 *map, uint64_t key, uint32_t value);

static inline size_t ap_map64_slot(const struct ap_map64 *map, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (map->cap - 1);

	while (map->at[i].key && map->at[i].key != key)
		i = (i + 1) & (map->cap - 1);
	return i;
}

static inline bool ap_map64_get(const struct ap_map64 *map, uint64_t key, uint32_t *ret_value)
{
	const struct ap_map64_entry *e;

	if (!map->n)
		return false;
	e = &map->at[ap_map64_slot(map, key)];
	if (!e->key)
		return false;
	*ret_value = e->value;
	return true;
}

#endif
