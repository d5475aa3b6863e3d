/*
 * OrderedHashMap and OrderedHashSet (src/objects/ordered-hash-table.h): live, deleted and bucket
 * counts, the buckets, then entries in order of insertion; deleted keys are holes. When a table was
 * replaced while an iterator stood in it, its first word points to the next table.
 * EphemeronHashTable (hash-table.h): elements, deleted, capacity, then pairs.
 */
#include "v8/builtin.h"

enum {
	MAX_OBSOLETE = 10000,
	ORDERED_HEADER = 3, /* live, deleted, buckets */
	HASH_HEADER = 3,    /* elements, deleted, capacity */
};

static bool newest_table(struct ap_v8 *v8, ap_tagged *table)
{
	for (int i = 0; i < MAX_OBSOLETE; i++) {
		uint64_t first;

		if (!ap_v8_array_at(v8, *table, 0, &first))
			return false;
		if (ap_is_smi(first))
			return true;
		*table = first;
	}
	return false;
}

static bool is_weak_table(struct ap_v8 *v8, ap_tagged table)
{
	return ap_v8_is(v8, table, AP_F_T_EPHEMERON_HASH_TABLE);
}

static bool header(struct ap_v8 *v8, ap_tagged table, int32_t ret[3])
{
	for (int i = 0; i < 3; i++) {
		uint64_t w;

		if (!ap_v8_array_at(v8, table, (uint64_t)i, &w) || !ap_is_smi(w) || ap_smi(w) < 0)
			return false;
		ret[i] = ap_smi(w);
	}
	return true;
}

bool ap_table_begin(struct ap_v8 *v8, ap_tagged table, bool is_map, struct ap_table_iter *ret_iter)
{
	struct ap_table_iter it = {.v8 = v8, .is_map = is_map};
	int32_t h[3];
	uint32_t length;

	if (is_weak_table(v8, table)) {
		if (!ap_v8_array_length(v8, table, &length) || !header(v8, table, h))
			return false;
		it.is_weak = true;
		it.first = HASH_HEADER;
		it.stride = 2;
		it.n = (uint64_t)h[2];
	} else {
		if (!ap_v8_is(v8, table,
			      is_map ? AP_F_T_ORDERED_HASH_MAP : AP_F_T_ORDERED_HASH_SET) ||
		    !newest_table(v8, &table) || !ap_v8_array_length(v8, table, &length) ||
		    !header(v8, table, h))
			return false;
		it.first = ORDERED_HEADER + (uint64_t)h[2];
		it.stride = is_map ? 3 : 2;
		it.n = (uint64_t)h[0] + (uint64_t)h[1];
	}
	if (it.first + it.n * it.stride > length)
		return false;
	it.table = table;
	*ret_iter = it;
	return true;
}

bool ap_table_next(struct ap_table_iter *it, ap_tagged *ret_key, ap_tagged *ret_value)
{
	while (it->i < it->n) {
		uint64_t at = it->first + it->i++ * it->stride, key, value;

		if (!ap_v8_array_at(it->v8, it->table, at, &key)) {
			it->broken = true;
			return false;
		}
		enum ap_oddball oddball = ap_v8_oddball(it->v8, key);
		if (oddball == AP_ODDBALL_HOLE || (it->is_weak && oddball == AP_ODDBALL_UNDEFINED))
			continue;
		value = key;
		if ((it->is_map || it->is_weak) &&
		    !ap_v8_array_at(it->v8, it->table, at + 1, &value)) {
			it->broken = true;
			return false;
		}
		*ret_key = key;
		*ret_value = value;
		return true;
	}
	return false;
}

bool ap_table_size(struct ap_v8 *v8, ap_tagged table, uint32_t *ret_size)
{
	int32_t h[3];

	if (!is_weak_table(v8, table) && !newest_table(v8, &table))
		return false;
	if (!header(v8, table, h))
		return false;
	*ret_size = (uint32_t)h[0];
	return true;
}
