/*
 * Ignition's bytecode: instructions one by one, their names, and which variable a register holds.
 *
 * Ownership as in v8/v8.h. Offsets are bytes from the first bytecode; registers are r0, r1, ...
 */
#ifndef AP_V8_INTERPRETER_H
#define AP_V8_INTERPRETER_H

#include "v8/function.h"

struct ap_bytecode_step {
	uint32_t offset, size; /* the prefix that widens operands included */
	uint8_t opcode;
	uint8_t operand_bytes; /* 1, 2 or 4: of a register or an index; flags are narrower */
	const uint8_t *operands;
	uint32_t n_operands_bytes;
};

struct ap_bytecodes {
	const struct ap_v8 *v8;
	const uint8_t *data;
	uint32_t length, at;
	bool broken; /* a byte that is no bytecode */
};

/* A view of the BytecodeArray's code; false if it or the binary's table of sizes cannot be read. */
bool ap_bytecodes_begin(struct ap_v8 *v8, ap_tagged bytecode, struct ap_bytecodes *ret_bytecodes);
bool ap_bytecodes_next(struct ap_bytecodes *bytecodes, struct ap_bytecode_step *ret_step);

/* Operand `i` as an index, if all before it are registers or indexes too; false if it has none. */
bool ap_bytecode_operand(const struct ap_bytecode_step *step, uint32_t i, uint32_t *ret_operand);
/*
 * The register that the instruction stores into, -1 if into none: Star, its short forms, Mov. Facts
 * of the group "locals" must be on.
 */
bool ap_bytecode_store(const struct ap_v8 *v8, const struct ap_bytecode_step *step,
		       int32_t *ret_register, int32_t *ret_source);

/*
 * interpreter.c: V8's name of a bytecode, "GetNamedProperty", as the interpreter's own dispatch
 * table and the names of its handlers tell; NULL where the binary is stripped. Valid until
 * ap_v8_close().
 */
const char *ap_bytecode_name(struct ap_v8 *v8, uint8_t opcode);
/* Takes the numbers of the group "locals" from those names: for a V8 whose own table we do not
 * have. */
bool ap_opcodes_discover(struct ap_v8 *v8);
/* For validation: do all stores of this bytecode go to registers that its frame has? */
bool ap_bytecode_stores_plausible(struct ap_v8 *v8, ap_tagged bytecode);

/*
 * locals.c: names of the registers r0 .. of a function, from what its bytecode stores for each
 * declaration of its source; s == NULL where that is not certain. `position`: where the function
 * stands, which tells apart variables of the same name in several blocks; -1 unknown. The array is
 * the arena's.
 */
struct ap_err *ap_register_names(struct ap_v8 *v8, const struct ap_function_info *info,
				 int32_t position, size_t n, struct ap_arena *arena,
				 struct ap_text **ret_names);

#endif
