/*
 * A program that reads hostile cores, run with limits: no capabilities, no sockets, no other
 * processes, writing only below a directory of its own, bounded in memory, time and output.
 *
 * Ownership: the output is appended to the caller's string.
 */
#ifndef AP_CAPTURE_AGENT_CHILD_H
#define AP_CAPTURE_AGENT_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ap_child_limits {
	uint64_t memory_bytes, file_bytes, output_bytes;
	unsigned seconds;
	const char *directory;             /* the only place where it may write; also its TMPDIR */
	const volatile sig_atomic_t *stop; /* set: it is ended, the answer is &ap_err_cancelled */
};

/*
 * Runs argv[0] with its standard output read. Fails if it cannot be started or confined, is killed,
 * or takes too long; its exit status is `*ret_status` otherwise. `*ret_again`: the failure says
 * nothing of what was read; the disk stood still, and SIGKILL ends nobody who waits for it.
 */
struct ap_err *ap_child_run(char *const *argv, const struct ap_child_limits *limits,
			    struct ap_str *out, int *ret_status, bool *ret_again);
/* Whether this kernel can confine writing (Landlock). */
bool ap_child_can_confine(void);

#endif
