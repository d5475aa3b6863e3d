/*
 * One step up a stack by a module's call frame information (.eh_frame, read by libdw).
 *
 * libdw's CFI functions are used directly and not libdwfl: libdwfl wants every module reported and
 * its segments laid out before the first frame, and cannot be told to follow frame pointers through
 * code it knows nothing about, which is most of a JavaScript stack.
 *
 * Ownership: struct ap_cfi borrows the module's mapping and owns its libelf and libdw handles.
 */
#ifndef AP_UNWIND_CFI_H
#define AP_UNWIND_CFI_H

#include "image/image.h"
#include "unwind/regs.h"

struct ap_cfi;

enum ap_cfi_step {
	AP_CFI_OK,
	AP_CFI_NONE, /* nothing is known about this address, or it needs memory that is absent */
	AP_CFI_END,  /* the outermost frame: it says that it has no caller */
};

/* NULL when the module's file is not here or has no call frame information. */
struct ap_cfi *ap_cfi_open(const struct ap_module *module);
void ap_cfi_close(struct ap_cfi *cfi);

/*
 * From the registers of a frame to those of its caller, in place; untouched unless AP_CFI_OK.
 * `*ret_signal`: the frame is the one that the kernel makes for a signal handler, so the caller's
 * pc is the interrupted instruction itself.
 */
enum ap_cfi_step ap_cfi_step(struct ap_cfi *cfi, const struct ap_image *image, bool exact_pc,
			     struct ap_dw_regs *regs, bool *ret_signal);

#endif
