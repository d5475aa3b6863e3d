#include "base/map64.h"

#include <stdlib.h>

void ap_map64_close(struct ap_map64 *map)
{
	free(map->at);
	*map = (struct ap_map64){0};
}

static bool grow(struct ap_map64 *map)
{
	struct ap_map64 fresh = {.cap = map->cap ? map->cap * 2 : 256};

	fresh.at = calloc(fresh.cap, sizeof(*fresh.at));
	if (!fresh.at)
		return false;
	for (size_t i = 0; i < map->cap; i++) {
		if (map->at[i].key)
			fresh.at[ap_map64_slot(&fresh, map->at[i].key)] = map->at[i];
	}
	fresh.n = map->n;
	free(map->at);
	*map = fresh;
	return true;
}

bool ap_map64_put(struct ap_map64 *map, uint64_t key, uint32_t value)
{
	if (map->n * 2 >= map->cap && !grow(map))
		return false;
	struct ap_map64_entry *e = &map->at[ap_map64_slot(map, key)];
	map->n += !e->key;
	*e = (struct ap_map64_entry){key, value};
	return true;
}
