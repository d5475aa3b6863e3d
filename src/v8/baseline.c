/*
 * Sparkplug: machine code made bytecode by bytecode. A table beside it
 * (src/baseline/bytecode-offset- iterator.h) gives the length of the code of the prologue and of
 * each bytecode, one VLQ each; the bytecodes are counted with the sizes that the binary itself
 * holds (Bytecodes::kBytecodeSizes).
 */
#include "v8/frame.h"
#include "v8/v8_private.h"

/* The prefixes that double or quadruple the operands, which come first among the bytecodes. */
enum { WIDE, EXTRA_WIDE, DEBUG_BREAK_WIDE, DEBUG_BREAK_EXTRA_WIDE, MAX_BYTECODE_BYTES = 1 << 28 };

/* Bytes of the bytecode at `at`, its prefix included; 0 if it is none. */
static uint32_t bytecode_size(const struct ap_v8_tables *t, struct ap_cursor *c)
{
	size_t scale = 0, bytes = 0;
	uint8_t b = ap_cursor_u8(c);

	if (b <= DEBUG_BREAK_EXTRA_WIDE) {
		scale = b == WIDE || b == DEBUG_BREAK_WIDE ? 1 : 2;
		b = ap_cursor_u8(c);
		bytes = 1;
	}
	if (c->bad || b >= t->n_bytecodes)
		return 0;
	uint8_t size = t->bytecode_sizes[scale * t->n_bytecodes + b];
	if (!size || !ap_cursor_bytes(c, size - 1u))
		return 0;
	return (uint32_t)(bytes + size);
}

bool ap_baseline_offset(struct ap_v8 *v8, const struct ap_code *code, ap_tagged bytecode,
			ap_addr pc, bool exact_pc, int32_t *ret_offset)
{
	uint64_t table, have, end;
	int32_t length, offset = 0, next = 0;
	struct ap_cursor lengths, bytecodes;

	if (!code->is_baseline || !v8->tables.bytecode_sizes || pc < code->start ||
	    !ap_v8_word(v8, code->code, F(v8, CODE_POSITIONS), &table) ||
	    !ap_code_table(v8, table, &lengths) ||
	    !ap_v8_smi(v8, bytecode, F(v8, BYTECODE_LENGTH), &length) || length <= 0 ||
	    length > MAX_BYTECODE_BYTES)
		return false;
	const uint8_t *p = ap_image_view(
		v8->image, (bytecode & ~3ull) + (uint64_t)F(v8, BYTECODE_HEADER), &have);
	if (!p || have < (uint64_t)length)
		return false;
	bytecodes = ap_cursor_of(p, (size_t)length);
	/* A return address belongs to the code that ends there, an exact pc to what begins there.
	 */
	uint64_t target = pc - code->start + (exact_pc ? 1 : 0);
	/* In the prologue the function stands at its beginning. */
	end = ap_cursor_vlq(&lengths);
	while (end < target && ap_cursor_left(&lengths)) {
		uint32_t size = bytecode_size(&v8->tables, &bytecodes);

		if (!size)
			return false;
		offset = next;
		next += (int32_t)size;
		end += ap_cursor_vlq(&lengths);
	}
	if (lengths.bad || end < target)
		return false;
	*ret_offset = offset;
	return true;
}
