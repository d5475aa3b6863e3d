/*
 * The last resort: looks up the stack for the next return address into code that we can unwind.
 * Needed when a core is opened where the C library of its machine is not: the top of almost every
 * dead process is raise() and abort() there, which keep no frame pointers. Private to unwind/.
 */
#ifndef AP_UNWIND_SCAN_H
#define AP_UNWIND_SCAN_H

#include "image/image.h"
#include "unwind/regs.h"

/*
 * The registers of the first frame above, in place, whose code `is_known` accepts, which has called
 * code that it does not accept, and whose stack pointer is at most `end`; false and untouched if
 * none is found nearby. Addresses that only look like return addresses are not taken: nothing is
 * invented.
 */
bool ap_stack_scan(const struct ap_image *image, bool (*is_known)(void *arg, ap_addr pc), void *arg,
		   ap_addr end, struct ap_dw_regs *regs);

#endif
