#include "unwind/unwind.h"

#include <stdlib.h>

#include "unwind/cfi.h"
#include "unwind/frame_pointer.h"
#include "unwind/scan.h"

/* STACK_SWITCHES: a signal handler may run on a stack of its own, the only reason for sp to fall.
 */
enum { DEFAULT_LIMIT = 16384, STACK_SWITCHES = 4 };

struct ap_unwind {
	const struct ap_image *image;
	struct unwind_module {
		struct ap_cfi *cfi;
		bool tried;
	} * modules;
	size_t n_modules;
};

struct ap_err *ap_unwind_open(const struct ap_image *image, struct ap_unwind **ret_unwind)
{
	struct ap_unwind *unwind = calloc(1, sizeof(*unwind));

	if (!unwind)
		return &ap_err_nomem;
	unwind->image = image;
	(void)ap_image_modules(image, &unwind->n_modules);
	unwind->modules = calloc(unwind->n_modules + 1, sizeof(*unwind->modules));
	if (!unwind->modules) {
		ap_unwind_close(unwind);
		return &ap_err_nomem;
	}
	*ret_unwind = unwind;
	return NULL;
}

void ap_unwind_close(struct ap_unwind *unwind)
{
	if (!unwind)
		return;
	for (size_t i = 0; unwind->modules && i < unwind->n_modules; i++)
		ap_cfi_close(unwind->modules[i].cfi);
	free(unwind->modules);
	free(unwind);
}

/* The call frame information for the code at `pc`, opened at its first use; or NULL. */
static struct ap_cfi *unwind_cfi_at(struct ap_unwind *unwind, ap_addr pc)
{
	const struct ap_module *module = ap_image_module_at(unwind->image, pc);
	size_t n;

	if (!module)
		return NULL;
	struct unwind_module *m = &unwind->modules[module - ap_image_modules(unwind->image, &n)];
	if (!m->tried) {
		m->tried = true;
		m->cfi = ap_cfi_open(module);
	}
	return m->cfi;
}

static struct ap_dw_regs regs_of_thread(const struct ap_thread *thread)
{
	static const enum ap_reg order[AP_DW_N_REGS] = {
		AP_REG_RAX, AP_REG_RDX, AP_REG_RCX, AP_REG_RBX, AP_REG_RSI, AP_REG_RDI,
		AP_REG_RBP, AP_REG_RSP, AP_REG_R8,  AP_REG_R9,  AP_REG_R10, AP_REG_R11,
		AP_REG_R12, AP_REG_R13, AP_REG_R14, AP_REG_R15, AP_REG_RIP,
	};
	struct ap_dw_regs regs = {.known = 0};

	for (unsigned i = 0; i < AP_DW_N_REGS; i++)
		ap_dw_reg_set(&regs, i, thread->regs[order[i]]);
	return regs;
}

struct walk {
	struct ap_unwind *unwind;
	struct ap_dw_regs regs;
	bool exact_pc;
	unsigned switches_left;
};

enum walk_step { WALK_ON, WALK_END, WALK_BROKEN };

/* Whether `next` can be the caller of the frame we are in; this is what ends every walk. */
static bool walk_accept(struct walk *w, const struct ap_dw_regs *next, bool signal)
{
	uint64_t pc, sp;

	if (!ap_dw_reg(next, AP_DW_PC, &pc) || !ap_dw_reg(next, AP_DW_RSP, &sp) || sp % 8)
		return false;
	if (sp <= w->regs.at[AP_DW_RSP]) {
		if (!signal || !w->switches_left)
			return false;
		w->switches_left--;
	}
	/* The interrupted pc of a signal frame may be anything: a jump to nowhere is a usual end.
	 */
	if (pc != 0 && !signal && !ap_is_code(w->unwind->image, pc))
		return false;
	w->regs = *next;
	w->exact_pc = signal;
	return true;
}

static enum walk_step walk_step(struct walk *w)
{
	const struct ap_image *image = w->unwind->image;
	ap_addr pc = w->regs.at[AP_DW_PC];
	struct ap_cfi *cfi = unwind_cfi_at(w->unwind, w->exact_pc ? pc : pc - 1);
	struct ap_dw_regs next = w->regs;
	bool signal = false;

	switch (cfi ? ap_cfi_step(cfi, image, w->exact_pc, &next, &signal) : AP_CFI_NONE) {
	case AP_CFI_END:
		return WALK_END;
	case AP_CFI_OK:
		if (!walk_accept(w, &next, signal))
			break;
		return w->regs.at[AP_DW_PC] || signal ? WALK_ON : WALK_END;
	case AP_CFI_NONE:
		break;
	}
	const struct ap_module *module = ap_image_module_at(image, pc);
	if (module && !module->elf)
		return WALK_BROKEN; /* a library that is not here: its rbp may be anything */
	next = w->regs;
	return ap_frame_pointer_step(image, w->exact_pc, &next) && walk_accept(w, &next, false)
		       ? WALK_ON
		       : WALK_BROKEN;
}

static bool is_known(void *arg, ap_addr pc)
{
	return unwind_cfi_at(arg, pc) != NULL;
}

/*
 * Goes on above a break: with what the stack itself shows if that is nearer than the first of the
 * frame pointers known from elsewhere, else there.
 */
static bool walk_resume(struct walk *w, const ap_addr *resume, size_t n_resume)
{
	const struct ap_image *image = w->unwind->image;
	struct ap_dw_regs next = w->regs;
	size_t i = 0;

	while (i < n_resume && resume[i] <= w->regs.at[AP_DW_RSP])
		i++;
	if (ap_stack_scan(image, is_known, w->unwind, i < n_resume ? resume[i] : UINT64_MAX,
			  &next) &&
	    walk_accept(w, &next, false))
		return true;
	for (; i < n_resume; i++) {
		if (ap_frame_pointer_resume(image, resume[i], &next) &&
		    walk_accept(w, &next, false))
			return true;
	}
	next = w->regs;
	return ap_frame_pointer_step(image, w->exact_pc, &next) && walk_accept(w, &next, false);
}

struct ap_err *ap_unwind_thread(struct ap_unwind *unwind, const struct ap_thread *thread,
				const ap_addr *resume, size_t n_resume, size_t limit,
				struct ap_arena *arena, ap_native_frame_vec *ret_frames,
				bool *ret_broken)
{
	struct walk w = {unwind, regs_of_thread(thread), true, STACK_SWITCHES};
	ap_native_frame_vec frames = {0};
	enum walk_step step = WALK_ON;
	bool broken = false;

	if (!limit)
		limit = DEFAULT_LIMIT;
	while (step != WALK_END && frames.n < limit) {
		struct ap_native_frame frame = {
			.pc = w.regs.at[AP_DW_PC],
			.sp = w.regs.at[AP_DW_RSP],
			.exact_pc = w.exact_pc,
		};
		(void)ap_dw_reg(&w.regs, AP_DW_RBP, &frame.fp);
		if (!ap_vec_push(arena, &frames, frame))
			return &ap_err_nomem;
		step = walk_step(&w);
		if (step == WALK_BROKEN) {
			broken = true;
			if (!walk_resume(&w, resume, n_resume))
				step = WALK_END;
		}
	}
	*ret_frames = frames;
	*ret_broken = broken;
	return NULL;
}
