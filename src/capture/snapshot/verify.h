/*
 * The proof that a picture is of one moment, byte for byte: while the process stands still, every
 * page is read a second time and its hash kept; the finished file must agree. A long pause: for
 * tests.
 *
 * Ownership: struct ap_verify owns its table until ap_verify_close().
 */
#ifndef AP_CAPTURE_SNAPSHOT_VERIFY_H
#define AP_CAPTURE_SNAPSHOT_VERIFY_H

#include "capture/snapshot/private.h"

struct ap_verify {
	struct ap_runs runs;
	uint64_t *hashes; /* a page each, in the order of runs */
	uint64_t n_pages;
	/*
	 * Not compared: the thread control block of the thread that made the clone. The kernel
	 * keeps the processor's number there (rseq) and writes it as the thread comes back from the
	 * call.
	 */
	uint64_t skip_start, skip_end;
};

/* The process stands still; `selected` is what the core must hold. */
struct ap_err *ap_verify_take(struct ap_snap *s, const struct ap_runs *selected,
			      struct ap_verify *ret);
/* Fails when a page of the file differs or is missing. Nothing taken: nothing checked. */
struct ap_err *ap_verify_check(struct ap_snap *s, const struct ap_verify *v, int fd,
			       const struct ap_segs *segs);
void ap_verify_close(struct ap_verify *v);

#endif
