/*
 * One step up a stack without call frame information: by frame pointer, through JIT code, V8's
 * embedded builtins and copies of them. Private to unwind/; owns nothing.
 */
#ifndef AP_UNWIND_FRAME_POINTER_H
#define AP_UNWIND_FRAME_POINTER_H

#include "image/image.h"
#include "unwind/regs.h"

/* Memory that may be executed, as far as the core tells. */
bool ap_is_code(const struct ap_image *image, ap_addr addr);
/* Code right behind a call instruction: only such an address can be a return address. */
bool ap_is_return_address(const struct ap_image *image, ap_addr addr);

/*
 * From the registers of a frame to those of its caller, in place; false and untouched when what
 * rbp points to does not look like a frame. `exact_pc`: the frame may not have been set up yet.
 */
bool ap_frame_pointer_step(const struct ap_image *image, bool exact_pc, struct ap_dw_regs *regs);
/* The caller of the frame whose rbp is `fp`, of which nothing else is known. */
bool ap_frame_pointer_resume(const struct ap_image *image, ap_addr fp, struct ap_dw_regs *regs);

#endif
