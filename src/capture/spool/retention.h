/*
 * How long crashes stay and how much room they take: leftovers of killed handlers go, and the
 * oldest crashes go when count, age, quota or the disk's reserve ask for it: those that were
 * shipped first, then cores.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_SPOOL_RETENTION_H
#define AP_CAPTURE_SPOOL_RETENTION_H

#include "capture/spool/config.h"
#include "capture/spool/spool.h"

struct ap_room {
	uint64_t disk_bytes, free_bytes; /* of the spool's file system */
	uint64_t reserve_bytes, quota_bytes;
	uint64_t used_bytes; /* by the spool */
};

/* What a new core may take at most: bytes above the reserve and below the quota. */
uint64_t ap_room_left(const struct ap_room *room);
struct ap_err *ap_spool_room(const struct ap_spool *spool, const struct ap_config *config,
			     struct ap_room *ret_room);
/* Removes what a killed handler left invisible or half-named. */
void ap_spool_sweep(const struct ap_spool *spool);
/*
 * Enforces count and age, then makes room for `want` bytes, without touching what is being written.
 * `keep` (may be NULL) is spared.
 */
struct ap_err *ap_spool_evict(const struct ap_spool *spool, const struct ap_config *config,
			      uint64_t want, const char *keep, struct ap_room *ret_room);
/* One crash, whatever is in it. */
struct ap_err *ap_spool_remove(const struct ap_spool *spool, const char *uuid);

#endif
