#include "unwind/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdlib.h>

enum { STACK_MAX = 64, OPS_MAX = 1024 };

struct ap_cfi {
	Elf *elf;
	Dwarf_CFI *cfi;
	uint64_t bias;
};

struct ap_cfi *ap_cfi_open(const struct ap_module *module)
{
	uint64_t bytes;

	if (!module->elf)
		return NULL;
	const uint8_t *data = ap_elf_data(module->elf, &bytes);
	struct ap_cfi *cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return NULL;
	cfi->bias = module->bias;
	elf_version(EV_CURRENT);
	/* libelf only reads here; its interface does not say const. */
	cfi->elf = elf_memory((char *)(uintptr_t)data, bytes);
	cfi->cfi = cfi->elf ? dwarf_getcfi_elf(cfi->elf) : NULL;
	if (!cfi->cfi) {
		ap_cfi_close(cfi);
		return NULL;
	}
	return cfi;
}

void ap_cfi_close(struct ap_cfi *cfi)
{
	if (!cfi)
		return;
	if (cfi->cfi)
		dwarf_cfi_end(cfi->cfi);
	if (cfi->elf)
		elf_end(cfi->elf);
	free(cfi);
}

struct eval {
	const struct ap_image *image;
	const struct ap_dw_regs *regs;
	bool have_cfa;
	uint64_t cfa;
	uint64_t stack[STACK_MAX];
	size_t n;
};

static bool eval_push(struct eval *e, uint64_t v)
{
	if (e->n == STACK_MAX)
		return false;
	e->stack[e->n++] = v;
	return true;
}

static bool eval_push_reg(struct eval *e, unsigned reg, uint64_t offset)
{
	uint64_t v;

	return ap_dw_reg(e->regs, reg, &v) && eval_push(e, v + offset);
}

static bool eval_deref(struct eval *e, uint64_t bytes)
{
	uint64_t v = 0;

	if (!e->n || !bytes || bytes > sizeof(v) ||
	    !ap_image_read(e->image, e->stack[e->n - 1], &v, bytes))
		return false;
	e->stack[e->n - 1] = v;
	return true;
}

static bool eval_binary(struct eval *e, uint8_t atom)
{
	if (e->n < 2)
		return false;
	uint64_t b = e->stack[--e->n], *a = &e->stack[e->n - 1];

	switch (atom) {
	case DW_OP_plus:
		*a += b;
		return true;
	case DW_OP_minus:
		*a -= b;
		return true;
	case DW_OP_mul:
		*a *= b;
		return true;
	case DW_OP_and:
		*a &= b;
		return true;
	case DW_OP_or:
		*a |= b;
		return true;
	case DW_OP_xor:
		*a ^= b;
		return true;
	case DW_OP_shl:
		*a = b < 64 ? *a << b : 0;
		return true;
	case DW_OP_shr:
		*a = b < 64 ? *a >> b : 0;
		return true;
	case DW_OP_eq:
		*a = *a == b;
		return true;
	case DW_OP_ne:
		*a = *a != b;
		return true;
	case DW_OP_lt:
		*a = (int64_t)*a < (int64_t)b;
		return true;
	case DW_OP_le:
		*a = (int64_t)*a <= (int64_t)b;
		return true;
	case DW_OP_gt:
		*a = (int64_t)*a > (int64_t)b;
		return true;
	case DW_OP_ge:
		*a = (int64_t)*a >= (int64_t)b;
		return true;
	default:
		return false;
	}
}

static bool eval_stack_op(struct eval *e, const Dwarf_Op *op)
{
	size_t n = e->n;

	switch (op->atom) {
	case DW_OP_dup:
		return n && eval_push(e, e->stack[n - 1]);
	case DW_OP_drop:
		return n && (e->n--, true);
	case DW_OP_over:
		return n > 1 && eval_push(e, e->stack[n - 2]);
	case DW_OP_pick:
		return op->number < n && eval_push(e, e->stack[n - 1 - op->number]);
	case DW_OP_swap:
		if (n < 2)
			return false;
		uint64_t top = e->stack[n - 1];
		e->stack[n - 1] = e->stack[n - 2];
		e->stack[n - 2] = top;
		return true;
	case DW_OP_neg:
		return n && (e->stack[n - 1] = -e->stack[n - 1], true);
	case DW_OP_not:
		return n && (e->stack[n - 1] = ~e->stack[n - 1], true);
	case DW_OP_plus_uconst:
		return n && (e->stack[n - 1] += op->number, true);
	default:
		return false;
	}
}

/* The operations that compilers and C libraries use in frame descriptions; no jumps, so it ends. */
static bool eval_op(struct eval *e, const Dwarf_Op *op)
{
	uint8_t atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return eval_push(e, atom - DW_OP_lit0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return eval_push_reg(e, atom - DW_OP_breg0, op->number);
	switch (atom) {
	case DW_OP_nop:
		return true;
	case DW_OP_addr:
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return eval_push(e, op->number); /* libdw has sign-extended it */
	case DW_OP_bregx:
		return op->number < AP_DW_N_REGS &&
		       eval_push_reg(e, (unsigned)op->number, op->number2);
	case DW_OP_call_frame_cfa:
		return e->have_cfa && eval_push(e, e->cfa);
	case DW_OP_deref:
		return eval_deref(e, sizeof(uint64_t));
	case DW_OP_deref_size:
		return eval_deref(e, op->number);
	case DW_OP_dup:
	case DW_OP_drop:
	case DW_OP_over:
	case DW_OP_pick:
	case DW_OP_swap:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_plus_uconst:
		return eval_stack_op(e, op);
	default:
		return eval_binary(e, atom);
	}
}

/* The value that a location description yields: in memory, in a register, or computed. */
static bool eval_location(struct eval *e, const Dwarf_Op *ops, size_t n, bool is_address,
			  uint64_t *ret_value)
{
	e->n = 0;
	if (!n || n > OPS_MAX)
		return false;
	if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		return ap_dw_reg(e->regs, ops[0].atom - DW_OP_reg0, ret_value);
	if (n == 1 && ops[0].atom == DW_OP_regx)
		return ops[0].number < AP_DW_N_REGS &&
		       ap_dw_reg(e->regs, (unsigned)ops[0].number, ret_value);
	bool computed = ops[n - 1].atom == DW_OP_stack_value;
	if (computed)
		n--;
	for (size_t i = 0; i < n; i++) {
		if (!eval_op(e, &ops[i]))
			return false;
	}
	if (!e->n)
		return false;
	uint64_t v = e->stack[e->n - 1];
	if (!computed && !is_address)
		return ap_image_u64(e->image, v, ret_value);
	*ret_value = v;
	return true;
}

static enum ap_cfi_step cfi_step_frame(Dwarf_Frame *frame, const struct ap_image *image,
				       struct ap_dw_regs *regs)
{
	struct eval e = {.image = image, .regs = regs};
	struct ap_dw_regs caller = {.known = 0};
	Dwarf_Op *ops, ops_mem[3];
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || !eval_location(&e, ops, n, true, &e.cfa))
		return AP_CFI_NONE;
	e.have_cfa = true;
	/* The call frame address is the stack pointer before the call, unless a rule below differs.
	 */
	ap_dw_reg_set(&caller, AP_DW_RSP, e.cfa);
	for (int reg = 0; reg < AP_DW_N_REGS; reg++) {
		uint64_t v;

		if (dwarf_frame_register(frame, reg, ops_mem, &ops, &n) != 0)
			continue;
		if (n == 0 && ops == ops_mem) {
			if (reg == AP_DW_PC)
				return AP_CFI_END;
			continue;
		}
		/* "Same value" means for rsp that it is the CFA. */
		if (n == 0 && (reg == AP_DW_RSP || !ap_dw_reg(regs, (unsigned)reg, &v)))
			continue;
		if (n != 0 && !eval_location(&e, ops, n, false, &v))
			continue;
		ap_dw_reg_set(&caller, (unsigned)reg, v);
	}
	if (!(caller.known >> AP_DW_PC & 1))
		return AP_CFI_NONE;
	*regs = caller;
	return AP_CFI_OK;
}

enum ap_cfi_step ap_cfi_step(struct ap_cfi *cfi, const struct ap_image *image, bool exact_pc,
			     struct ap_dw_regs *regs, bool *ret_signal)
{
	Dwarf_Frame *frame;
	bool signal = false;

	/* A call may be a function's last instruction: its return address is in the next function.
	 */
	if (dwarf_cfi_addrframe(cfi->cfi, regs->at[AP_DW_PC] - cfi->bias - !exact_pc, &frame) != 0)
		return AP_CFI_NONE;
	enum ap_cfi_step step = AP_CFI_NONE;
	if (dwarf_frame_info(frame, NULL, NULL, &signal) == AP_DW_PC)
		step = cfi_step_frame(frame, image, regs);
	free(frame);
	if (step == AP_CFI_OK)
		*ret_signal = signal;
	return step;
}
