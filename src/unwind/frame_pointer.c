#include "unwind/frame_pointer.h"

bool ap_is_code(const struct ap_image *image, ap_addr addr)
{
	const struct ap_segment *s = ap_image_segment_at(image, addr);

	if (!s)
		return false;
	/* A range known by its file alone (NT_FILE, its program header cut off) tells no rights. */
	return s->flags & PF_X || (s->origin == AP_SEGMENT_FILE && !(s->flags & PF_W));
}

/* The forms of `call` on x86-64 end right before the return address; b[7] are the bytes before it.
 */
static bool is_call(const uint8_t b[static 7])
{
	uint8_t modrm;

	if (b[2] == 0xe8) /* rel32 */
		return true;
	if (b[5] == 0xff) { /* register, or [register] */
		modrm = b[6] & 0xf8;
		if (modrm == 0xd0 || modrm == 0x10)
			return true;
	}
	if (b[4] == 0xff && ((b[5] & 0xf8) == 0x50 || b[5] == 0x14)) /* disp8, sib */
		return true;
	if (b[3] == 0xff && b[4] == 0x54) /* sib + disp8 */
		return true;
	if (b[1] == 0xff && ((b[2] & 0xf8) == 0x90 || b[2] == 0x15)) /* disp32, [rip + disp32] */
		return true;
	return b[0] == 0xff && b[1] == 0x94; /* sib + disp32 */
}

bool ap_is_return_address(const struct ap_image *image, ap_addr addr)
{
	uint8_t before[7];

	return addr > sizeof(before) && ap_is_code(image, addr) &&
	       ap_image_read(image, addr - sizeof(before), before, sizeof(before)) &&
	       is_call(before);
}

static void step_to(struct ap_dw_regs *regs, uint64_t pc, uint64_t sp, uint64_t fp)
{
	/* What other registers held is lost: the code in between was free to change them. */
	*regs = (struct ap_dw_regs){.known = 0};
	ap_dw_reg_set(regs, AP_DW_PC, pc);
	ap_dw_reg_set(regs, AP_DW_RSP, sp);
	ap_dw_reg_set(regs, AP_DW_RBP, fp);
}

/* push rbp; mov rbp, rsp: how V8, too, sets up every frame. */
static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5};

enum { PROLOGUE_SEARCH_BYTES = 64 * 1024 };

/*
 * Whether code at `pc` certainly runs without a frame of its own. That the top of the stack looks
 * like a return address proves little: spill slots not yet written hold stale ones.
 */
static bool is_frameless(const struct ap_image *image, ap_addr pc)
{
	const struct ap_module *module;
	struct ap_symbol symbol;
	uint8_t at_pc[sizeof(prologue)];
	uint64_t offset, have;

	if (!ap_is_code(image, pc))
		return true; /* called, or jumped, to nowhere */
	if (ap_image_read(image, pc, at_pc, 1) && (at_pc[0] == 0xc3 || at_pc[0] == 0xc2))
		return true; /* ret */
	if (ap_image_read(image, pc, at_pc, sizeof(at_pc)) &&
	    memcmp(at_pc, prologue, sizeof(at_pc)) == 0)
		return true;
	/*
	 * Builtins: bytecode handlers and the Call family make a frame only on their slow paths,
	 * which V8 puts behind the fast ones; up to there no prologue has been passed.
	 */
	if (!ap_image_symbol(image, pc, &symbol, &module, &offset) ||
	    offset > PROLOGUE_SEARCH_BYTES)
		return false;
	const uint8_t *start = ap_image_view(image, pc - offset, &have);
	return start && have >= offset && !memmem(start, offset, prologue, sizeof(prologue));
}

/* The top frame may not have been set up yet, or have been taken down: rbp is still the caller's.
 */
static bool step_from_top(const struct ap_image *image, struct ap_dw_regs *regs, uint64_t fp)
{
	uint64_t pc = regs->at[AP_DW_PC], sp = regs->at[AP_DW_RSP], top, next;
	uint8_t around_pc[sizeof(prologue)];

	if (!ap_image_u64(image, sp, &top))
		return false;
	if (ap_is_return_address(image, top) && is_frameless(image, pc)) {
		step_to(regs, top, sp + 8, fp);
		return true;
	}
	/* Between the push and the move. */
	if (ap_image_read(image, pc - 1, around_pc, sizeof(around_pc)) &&
	    memcmp(around_pc, prologue, sizeof(prologue)) == 0 &&
	    ap_image_u64(image, sp + 8, &next) && ap_is_return_address(image, next)) {
		step_to(regs, next, sp + 16, top);
		return true;
	}
	return false;
}

bool ap_frame_pointer_resume(const struct ap_image *image, ap_addr fp, struct ap_dw_regs *regs)
{
	uint64_t link[2]; /* the caller's rbp, the return address */

	if (fp % 8 || !ap_image_read(image, fp, link, sizeof(link)) || !ap_is_code(image, link[1]))
		return false;
	step_to(regs, link[1], fp + sizeof(link), link[0]);
	return true;
}

bool ap_frame_pointer_step(const struct ap_image *image, bool exact_pc, struct ap_dw_regs *regs)
{
	uint64_t sp = regs->at[AP_DW_RSP], fp, have;

	if (!ap_dw_reg(regs, AP_DW_RBP, &fp))
		return false;
	if (exact_pc && step_from_top(image, regs, fp))
		return true;
	/* A frame lies above the stack pointer, on the same stack. */
	if (fp < sp || !ap_image_view(image, sp, &have) || fp - sp >= have)
		return false;
	return ap_frame_pointer_resume(image, fp, regs);
}
