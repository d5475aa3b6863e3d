/*
 * The executables of crashed programs, kept once a build-id in SPOOL/programs, so that a crash can
 * be opened after an upgrade or when its container is gone.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_HANDLER_PROGRAM_H
#define AP_CAPTURE_HANDLER_PROGRAM_H

#include "capture/spool/spool.h"

/* `build_id` is hex. True if it is there afterwards; copies at most `most_bytes` from `exe`. */
struct ap_err *ap_program_keep(const struct ap_spool *spool, const char *build_id, int exe,
			       uint64_t most_bytes, bool *ret_kept);

#endif
