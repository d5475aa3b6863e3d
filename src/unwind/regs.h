/* Registers while a stack is walked, numbered as DWARF does for x86-64. Private to unwind/. */
#ifndef AP_UNWIND_REGS_H
#define AP_UNWIND_REGS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	AP_DW_RBP = 6,
	AP_DW_RSP = 7,
	AP_DW_PC = 16, /* the return address column */
	AP_DW_N_REGS = 17,
};

struct ap_dw_regs {
	uint64_t at[AP_DW_N_REGS];
	uint32_t known; /* bit n: at[n] was recovered */
};

static inline bool ap_dw_reg(const struct ap_dw_regs *regs, unsigned n, uint64_t *ret_value)
{
	if (n >= AP_DW_N_REGS || !(regs->known >> n & 1))
		return false;
	*ret_value = regs->at[n];
	return true;
}

static inline void ap_dw_reg_set(struct ap_dw_regs *regs, unsigned n, uint64_t value)
{
	regs->at[n] = value;
	regs->known |= 1u << n;
}

#endif
