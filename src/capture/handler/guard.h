/*
 * Frees the dying process when the disk stands still. Who waits for a disk cannot be woken, neither
 * by a timer nor by SIGKILL, and holds the kernel's pipe; so a process of its own, which touches no
 * file, watches the capture and ends the dying process when nothing has moved for too long.
 *
 * Ownership: struct ap_guard owns its end of a socket until ap_guard_end().
 */
#ifndef AP_CAPTURE_HANDLER_GUARD_H
#define AP_CAPTURE_HANDLER_GUARD_H

#include <sys/types.h>

#include "base/err.h"

struct ap_guard {
	int talk; /* every copy of it counts as the capture; -1: none */
	pid_t pid;
};

/*
 * From now on `dying` is let go, and the caller's process killed, after `seconds` without a word.
 * `pipe` is the kernel's: the guard must not hold it.
 */
struct ap_err *ap_guard_start(pid_t dying, int pipe, double seconds, struct ap_guard *ret_guard);
/* Something has moved. Never waits. */
void ap_guard_tell(int talk);
/* From now on nobody is killed. Nothing happens if none was started. */
void ap_guard_end(struct ap_guard *guard);

#endif
