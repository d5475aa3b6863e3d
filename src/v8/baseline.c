/*
 * Sparkplug: machine code made bytecode by bytecode. A table beside it
 * (src/baseline/bytecode-offset- iterator.h) gives the length of the code of the prologue and of
 * each bytecode, one VLQ each; the bytecodes are counted with the sizes that the binary itself
 * holds (Bytecodes::kBytecodeSizes).
 */
#include "v8/frame.h"
#include "v8/interpreter.h"
#include "v8/v8_private.h"

bool ap_baseline_offset(struct ap_v8 *v8, const struct ap_code *code, ap_tagged bytecode,
			ap_addr pc, bool exact_pc, int32_t *ret_offset)
{
	uint64_t table, end;
	int32_t offset = 0;
	struct ap_cursor lengths;
	struct ap_bytecodes bytecodes;

	if (!code->is_baseline || pc < code->start ||
	    !ap_v8_word(v8, code->code, F(v8, CODE_POSITIONS), &table) ||
	    !ap_code_table(v8, table, &lengths) || !ap_bytecodes_begin(v8, bytecode, &bytecodes))
		return false;
	/* A return address belongs to the code that ends there, an exact pc to what begins there.
	 */
	uint64_t target = pc - code->start + (exact_pc ? 1 : 0);
	/* In the prologue the function stands at its beginning. */
	end = ap_cursor_vlq(&lengths);
	while (end < target && ap_cursor_left(&lengths)) {
		struct ap_bytecode_step step;

		if (!ap_bytecodes_next(&bytecodes, &step))
			return false;
		offset = (int32_t)step.offset;
		end += ap_cursor_vlq(&lengths);
	}
	if (lengths.bad || end < target)
		return false;
	*ret_offset = offset;
	return true;
}
