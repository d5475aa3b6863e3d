/* Objects one by one, with the group that each belongs to. */
#include <stdlib.h>

#include "heap/heap_private.h"

static bool group_of(struct ap_heap *heap, const struct ap_heap_page *page,
		     const struct ap_heap_map *map, ap_addr address, size_t *ret)
{
	size_t lo = 0, hi = heap->singles.n;
	bool dead = heap->liveness_known && !ap_page_is_live(page, address);

	if (map->groups[dead] != AP_NO_GROUP) {
		*ret = map->groups[dead];
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
	const struct ap_heap_page *page = ap_heap_page_at(heap, address);
	uint64_t start, bytes, m;
	const struct ap_heap_map *map;

	return heap->grouped && page && ap_heap_object_at(heap, address, &start, &bytes) &&
	       start == address && ap_image_u64(heap->v8->image, address, &m) &&
	       (map = ap_map_find(&heap->maps, m)) != NULL &&
	       group_of(heap, page, map, address, ret_group);
}

struct ap_err *ap_heap_each(struct ap_heap *heap, const struct ap_heap_watch *watch,
			    const bool *wanted,
			    bool (*fn)(void *arg, uint64_t address, uint64_t bytes, size_t group),
			    void *arg)
{
	uint8_t *scratch = malloc(AP_CHUNK_BYTES);
	bool go_on = true, dead = !wanted;

	for (size_t i = 0; i < heap->groups.n && !dead; i++)
		dead = wanted[i] && heap->groups.at[i].live == AP_LIVE_NO;
	if (!scratch)
		return &ap_err_nomem;
	for (size_t i = 0; i < heap->pages.n && go_on; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		struct ap_page_bytes bytes;
		struct ap_objects it = {.which = heap->liveness_known && !dead ? AP_LIVE_OBJECTS
									       : AP_ALL_OBJECTS};
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
			if (!map || !group_of(heap, page, map, a, &group) ||
			    (wanted && !wanted[group]))
				continue;
			go_on = fn(arg, a,
				   ap_heap_size(heap, map, a, bytes.at + offset, bytes.n - offset),
				   group);
		}
	}
	free(scratch);
	return NULL;
}

struct ap_err *
ap_heap_each_kind(struct ap_heap *heap, const struct ap_heap_watch *watch, unsigned kinds,
		  bool dead, bool (*fn)(void *arg, uint64_t address, uint64_t bytes, size_t group),
		  void *arg)
{
	const struct ap_heap_group *groups;
	size_t n;

	AP_TRY(ap_heap_groups(heap, watch, dead, &groups, &n));
	bool *wanted = malloc((n ? n : 1) * sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++)
		wanted[i] = (kinds >> groups[i].kind & 1) && (dead || groups[i].live != AP_LIVE_NO);
	struct ap_err *err = ap_heap_each(heap, watch, wanted, fn, arg);
	free(wanted);
	return err;
}
