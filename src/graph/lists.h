/*
 * Lists of names, each kept once: objects of one shape have the same names in the same order, so
 * that an edge of millions costs no name.
 *
 * Ownership: `at` is malloc'ed and may be taken over; ap_name_lists_close() frees the rest, and
 * `at` if it is still there.
 */
#ifndef AP_GRAPH_LISTS_H
#define AP_GRAPH_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_name_list {
	uint32_t start, n, hash;
};

struct ap_name_lists {
	uint32_t *at; /* all names; the list being made is at the end */
	size_t n, cap;
	size_t begun; /* where the list being made begins */
	struct ap_name_list *known;
	size_t n_known, known_cap;
};

bool ap_name_lists_grow(struct ap_name_lists *l);

/* Adds to the list being made; false without memory. */
static inline bool ap_name_lists_add(struct ap_name_lists *l, uint32_t name)
{
	if (l->n == l->cap && !ap_name_lists_grow(l))
		return false;
	l->at[l->n++] = name;
	return true;
}

/* Ends the list being made; `*ret_start` is where it stands in `at`. False without memory. */
bool ap_name_lists_end(struct ap_name_lists *l, uint32_t *ret_start);
void ap_name_lists_close(struct ap_name_lists *l);

#endif
