#include "graph/lists.h"

#include <stdlib.h>
#include <string.h>

/* Beyond so many different lists the rest is kept as it comes: the table must not outgrow what it
 * saves. */
enum { MAX_KNOWN = 1 << 20 };

bool ap_name_lists_grow(struct ap_name_lists *l)
{
	size_t cap = l->cap < 4096 ? 4096 : l->cap + l->cap / 2;
	uint32_t *at = realloc(l->at, cap * sizeof(*at));

	if (!at)
		return false;
	l->at = at;
	l->cap = cap;
	return true;
}

static bool grow_table(struct ap_name_lists *l)
{
	size_t cap = l->known_cap ? l->known_cap * 2 : 1024;
	struct ap_name_list *known = calloc(cap, sizeof(*known));

	if (!known)
		return false;
	for (size_t i = 0; i < l->known_cap; i++) {
		size_t at = l->known[i].hash & (cap - 1);

		if (!l->known[i].n)
			continue;
		while (known[at].n)
			at = (at + 1) & (cap - 1);
		known[at] = l->known[i];
	}
	free(l->known);
	l->known = known;
	l->known_cap = cap;
	return true;
}

static uint32_t hash_of(const uint32_t *at, size_t n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ at[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

bool ap_name_lists_end(struct ap_name_lists *l, uint32_t *ret_start)
{
	size_t start = l->begun, n = l->n - start;

	*ret_start = 0;
	if (!n)
		return true;
	if (l->n_known * 2 >= l->known_cap && l->n_known < MAX_KNOWN && !grow_table(l))
		return false;
	uint32_t hash = hash_of(l->at + start, n);
	size_t at = hash & (l->known_cap - 1);
	for (; l->known[at].n; at = (at + 1) & (l->known_cap - 1)) {
		const struct ap_name_list *k = &l->known[at];

		if (k->hash == hash && k->n == n &&
		    memcmp(l->at + k->start, l->at + start, n * sizeof(*l->at)) == 0) {
			l->n = start;
			*ret_start = k->start;
			return true;
		}
	}
	if (l->n_known < MAX_KNOWN) {
		l->known[at] = (struct ap_name_list){(uint32_t)start, (uint32_t)n, hash};
		l->n_known++;
	}
	l->begun = l->n;
	*ret_start = (uint32_t)start;
	return true;
}

void ap_name_lists_close(struct ap_name_lists *l)
{
	free(l->at);
	free(l->known);
	*l = (struct ap_name_lists){0};
}
