/*
 * x86-64 instructions as text, over capstone.
 *
 * Ownership: texts are the caller's arena's.
 */
#ifndef AP_CMD_DISASSEMBLE_H
#define AP_CMD_DISASSEMBLE_H

#include "cmd/cmd.h"
#include "image/image.h"

enum { AP_INSTRUCTION_MAX = 15 };

struct ap_instruction {
	uint64_t address;
	uint8_t bytes; /* 0: nothing that decodes */
	const char *text;
	const char *target; /* "<node::Abort()>": what a direct jump or call goes to, or NULL */
};

struct ap_disassembler;

struct ap_err *ap_disassembler_open(struct ap_disassembler **ret_disassembler);
void ap_disassembler_close(struct ap_disassembler *disassembler);
/* `code` holds `bytes` bytes of what stands at `address`. A byte that is no instruction is ".byte".
 */
void ap_disassemble(struct ap_disassembler *disassembler, const struct ap_image *image,
		    const uint8_t *code, size_t bytes, uint64_t address, struct ap_arena *arena,
		    struct ap_instruction *ret_instruction);

#endif
