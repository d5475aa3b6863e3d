/*
 * Source positions of bytecode (src/codegen/source-position-table.cc).
 *
 * The table is a run of variable-length pairs (code offset delta, source position delta), starting
 * from code offset -1. Positions pack an "external" flag, the script offset and an inlining id.
 */
#include "base/cursor.h"
#include "v8/function.h"
#include "v8/v8_private.h"

enum { POSITION_IS_EXTERNAL = 1, MAX_TABLE_BYTES = 1 << 26 };

/* The bytes of a (Trusted)ByteArray, a view into the image when they lie in one piece. */
bool ap_bytecode_table(struct ap_v8 *v8, ap_tagged array, const uint8_t **ret_data, size_t *ret_n)
{
	int type = ap_v8_type(v8, array);
	int32_t length;
	uint64_t have;

	if (type < 0 || (type != F(v8, T_BYTE_ARRAY) && type != F(v8, T_TRUSTED_BYTE_ARRAY)) ||
	    !ap_v8_smi(v8, array, F(v8, FIXED_ARRAY_LENGTH), &length) || length < 0 ||
	    length > MAX_TABLE_BYTES)
		return false;
	const uint8_t *p =
		ap_image_view(v8->image, (array & ~3ull) + (uint64_t)F(v8, BYTE_ARRAY_DATA), &have);
	if (length && (!p || have < (uint64_t)length))
		return false;
	*ret_data = p;
	*ret_n = (size_t)length;
	return true;
}

static int64_t vlq_zigzag(struct ap_cursor *c)
{
	/* 64-bit, because inlining ids stand in the upper bits. */
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = ap_cursor_u8(c);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

bool ap_positions_next(const struct ap_v8 *v8, struct ap_cursor *c, int64_t *offset,
		       int64_t *position, bool *ret_is_statement)
{
	int64_t delta;
	bool is_statement;

	if (!ap_cursor_left(c))
		return false;
	if (F(v8, BYTECODE_POSITION_ENCODING) == 1) {
		delta = ap_cursor_vlq(c);
		is_statement = delta & 1;
		delta >>= 2;
	} else {
		delta = vlq_zigzag(c);
		is_statement = delta >= 0;
		if (!is_statement)
			delta = -(delta + 1);
	}
	if (ret_is_statement)
		*ret_is_statement = is_statement;
	*offset = (int64_t)((uint64_t)*offset + (uint64_t)delta);
	*position = (int64_t)((uint64_t)*position + (uint64_t)vlq_zigzag(c));
	return !c->bad;
}

bool ap_bytecode_position(struct ap_v8 *v8, ap_tagged bytecode, int32_t offset,
			  int32_t *ret_position)
{
	const uint8_t *data;
	size_t n;
	uint64_t table;
	int64_t at = -1, position = 0, found = -1;

	if (offset < 0 || !v8->profile.groups[AP_G_BYTECODE].on ||
	    !ap_v8_word(v8, bytecode, F(v8, BYTECODE_POSITIONS), &table) ||
	    !ap_bytecode_table(v8, table, &data, &n))
		return false;
	struct ap_cursor c = ap_cursor_of(data, n);
	while (ap_positions_next(v8, &c, &at, &position, NULL) && at <= offset)
		found = position;
	if (found < 0 || (found & POSITION_IS_EXTERNAL))
		return false;
	*ret_position = (int32_t)(found >> 1 & 0x3fffffff) - 1;
	return *ret_position >= 0;
}

bool ap_bytecode_offset_of(struct ap_v8 *v8, ap_tagged bytecode, int32_t want, int32_t *ret_offset)
{
	const uint8_t *data;
	size_t n;
	uint64_t table;
	int64_t at = -1, position = 0;

	if (!ap_v8_word(v8, bytecode, F(v8, BYTECODE_POSITIONS), &table) ||
	    !ap_bytecode_table(v8, table, &data, &n))
		return false;
	struct ap_cursor c = ap_cursor_of(data, n);
	while (ap_positions_next(v8, &c, &at, &position, NULL)) {
		if (at < 0 || at > INT32_MAX || (position & POSITION_IS_EXTERNAL) ||
		    (int32_t)(position >> 1 & 0x3fffffff) - 1 != want)
			continue;
		*ret_offset = (int32_t)at;
		return true;
	}
	return false;
}

bool ap_generator_position(struct ap_v8 *v8, ap_tagged generator, int32_t *ret_position)
{
	uint64_t function;
	int32_t at;
	struct ap_function_info info;
	struct ap_arena scratch;

	ap_arena_init(&scratch, 1 << 20);
	bool ok = ap_v8_word(v8, generator, F(v8, GENERATOR_FUNCTION), &function) &&
		  ap_v8_smi(v8, generator, F(v8, GENERATOR_POSITION), &at) && at >= 0 &&
		  ap_has_fact(v8, AP_F_BYTECODE_HEADER) &&
		  ap_function_info(v8, function, &scratch, &info) && info.bytecode &&
		  ap_bytecode_position(v8, info.bytecode, at - (F(v8, BYTECODE_HEADER) - 1),
				       ret_position);
	ap_arena_close(&scratch);
	return ok;
}

bool ap_bytecode_positions_plausible(struct ap_v8 *v8, ap_tagged bytecode)
{
	const uint8_t *data;
	size_t n;
	uint64_t table;
	int32_t length;
	int64_t at = -1, position = 0, last = -1;

	if (!ap_v8_word(v8, bytecode, F(v8, BYTECODE_POSITIONS), &table) ||
	    !ap_bytecode_table(v8, table, &data, &n) ||
	    !ap_v8_smi(v8, bytecode, F(v8, FIXED_ARRAY_LENGTH), &length))
		return false;
	struct ap_cursor c = ap_cursor_of(data, n);
	while (ap_positions_next(v8, &c, &at, &position, NULL)) {
		if (at < last || at >= length || position < 0)
			return false;
		last = at;
	}
	if (c.bad || ap_cursor_left(&c))
		return false;
	/* Read in the wrong encoding the offsets shrink to half: they must reach the end of the
	 * code, where the return stands. Only asked of a V8 not seen before. */
	return v8->profile.table_exact || last * 2 > length;
}
