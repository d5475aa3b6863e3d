/*
 * How often a program crashed: one small record a program (executable, user, control group without
 * the container's own id, so that a container that is restarted stays the same program).
 *
 * Ownership: nothing is kept. Times are seconds since the epoch.
 */
#ifndef AP_CAPTURE_SPOOL_COUNTER_H
#define AP_CAPTURE_SPOOL_COUNTER_H

#include <stdint.h>

#include "base/err.h"
#include "capture/spool/spool.h"

enum { AP_PROGRAM_KEY_SIZE = 17 };

struct ap_counter {
	uint64_t count; /* crashes in all */
	uint64_t full;  /* of these with a full core */
	double first, last;
	double window; /* when the window of the rate began */
	uint64_t full_in_window, seen_in_window;
};

void ap_program_key(const char *exe, uint64_t uid, const char *cgroup,
		    char ret_key[static AP_PROGRAM_KEY_SIZE]);
/*
 * Counts one crash and decides whether it may leave a full core: at most `rate` in `seconds`, all
 * if `rate` is 0. Two handlers at the same moment are counted one after the other.
 */
struct ap_err *ap_counter_add(const struct ap_spool *spool, const char *key, double now,
			      uint64_t rate, double seconds, bool *ret_full,
			      struct ap_counter *ret_counter);
/* What was counted; zeros if nothing was. */
void ap_counter_read(const struct ap_spool *spool, const char *key, struct ap_counter *ret_counter);

#endif
