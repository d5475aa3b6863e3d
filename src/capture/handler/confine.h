/*
 * Taking everything away from the worker that it does not need: it reads what a hostile process
 * left behind, and a mistake in there must not be worth anything.
 *
 * Ownership: nothing is kept; there is no way back.
 */
#ifndef AP_CAPTURE_HANDLER_CONFINE_H
#define AP_CAPTURE_HANDLER_CONFINE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct ap_confinement {
	uid_t uid; /* to become, if we are root */
	gid_t gid;
	uint64_t file_bytes; /* that it may write into one file */
	uint64_t memory_bytes;
};

/* The numbers for a name or number of a user; nobody's for an unknown one. */
void ap_confine_user(const char *user, uid_t *ret_uid, gid_t *ret_gid);
/*
 * Another user, no capabilities, no new privileges, limits, and a filter that leaves reading and
 * writing of what is open, memory and threads. What violates it is killed.
 */
struct ap_err *ap_confine(const struct ap_confinement *confinement);

#endif
