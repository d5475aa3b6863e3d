#include "cmd/disassemble.h"

#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdlib.h>

#include "model/symbols.h"

struct ap_disassembler {
	csh handle;
	cs_insn *instruction;
};

struct ap_err *ap_disassembler_open(struct ap_disassembler **ret_disassembler)
{
	struct ap_disassembler *d = calloc(1, sizeof(*d));

	if (!d)
		return &ap_err_nomem;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
		free(d);
		return ap_err_new(AP_E_UNSUPPORTED,
				  "capstone cannot read x86-64 instructions here");
	}
	/* The order of operands that mdb and gdb show. */
	(void)cs_option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	(void)cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	d->instruction = cs_malloc(d->handle);
	if (!d->instruction) {
		ap_disassembler_close(d);
		return &ap_err_nomem;
	}
	*ret_disassembler = d;
	return NULL;
}

void ap_disassembler_close(struct ap_disassembler *disassembler)
{
	if (!disassembler)
		return;
	if (disassembler->instruction)
		cs_free(disassembler->instruction, 1);
	(void)cs_close(&disassembler->handle);
	free(disassembler);
}

static const char *target_of(struct ap_disassembler *d, const struct ap_image *image,
			     struct ap_arena *arena)
{
	const cs_insn *i = d->instruction;
	const cs_x86 *x86 = &i->detail->x86;

	if (!(cs_insn_group(d->handle, i, CS_GRP_JUMP) ||
	      cs_insn_group(d->handle, i, CS_GRP_CALL)) ||
	    x86->op_count != 1 || x86->operands[0].type != X86_OP_IMM)
		return NULL;
	return ap_printf(arena, "<%s>",
			 ap_symbol_label(image, (uint64_t)x86->operands[0].imm, arena));
}

void ap_disassemble(struct ap_disassembler *disassembler, const struct ap_image *image,
		    const uint8_t *code, size_t bytes, uint64_t address, struct ap_arena *arena,
		    struct ap_instruction *ret_instruction)
{
	const uint8_t *p = code;
	size_t left = bytes;
	uint64_t at = address;
	struct ap_instruction r = {.address = address};
	cs_insn *i = disassembler->instruction;

	if (bytes && cs_disasm_iter(disassembler->handle, &p, &left, &at, i)) {
		r.bytes = (uint8_t)i->size;
		r.text = i->op_str[0] ? ap_printf(arena, "%-8s %s", i->mnemonic, i->op_str)
				      : ap_printf(arena, "%s", i->mnemonic);
		r.target = image ? target_of(disassembler, image, arena) : NULL;
	} else if (bytes) {
		r.bytes = 1;
		r.text = ap_printf(arena, "%-8s 0x%02x", ".byte", code[0]);
	}
	if (!r.text)
		r.text = "";
	*ret_instruction = r;
}
