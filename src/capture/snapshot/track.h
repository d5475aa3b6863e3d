/*
 * Which pages a running process writes: an asynchronous userfaultfd on its memory, used as a dirty
 * bitmap (kernel 6.7). The kernel resolves the faults itself: nothing waits for us, and when we die
 * the descriptor closes and all is as before.
 *
 * Ownership: struct ap_track owns the descriptor and its table until ap_track_close().
 */
#ifndef AP_CAPTURE_SNAPSHOT_TRACK_H
#define AP_CAPTURE_SNAPSHOT_TRACK_H

#include "capture/snapshot/private.h"

struct ap_track {
	int fd; /* 0: none */
	struct ap_runs ranges;
	uint64_t rested_ns;
};

/* Makes the userfaultfd inside the target and takes it over. */
struct ap_err *ap_track_open(struct ap_snap *s, struct ap_track *ret_track);
/* Watches all memory that a core would hold and that can be watched. */
struct ap_err *ap_track_register(struct ap_snap *s, struct ap_track *track);
/* Changing page tables holds the process up; after a millisecond of it, it gets its turn,
 * until twenty seconds have gone into that. */
void ap_track_rest(struct ap_track *track, uint64_t *began_ns);
/* Gives the memory back bit by bit; the process runs. */
void ap_track_close(struct ap_track *track);

#endif
