/*
 * The full core on its way from the pipe into a file: zstd -1 in independent frames with an index
 * at the end (the seekable format of zstd's contrib directory, which every zstd reads), so that a
 * reader can unpack any part alone.
 *
 * Ownership: nothing is kept. Memory: a few frames a thread, whatever the size of the core.
 */
#ifndef AP_CAPTURE_HANDLER_DRAIN_H
#define AP_CAPTURE_HANDLER_DRAIN_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum ap_drain_end {
	AP_DRAIN_WHOLE,
	AP_DRAIN_SHORT, /* the pipe ended before the core did */
	AP_DRAIN_TIME,  /* the deadline */
	AP_DRAIN_ROOM,  /* the file would be larger than it may be */
	AP_DRAIN_DISK,  /* the reserve of the disk was reached, or it is full */
};

struct ap_drain_options {
	unsigned threads;
	uint64_t core_bytes;    /* as the headers say; 0: unknown */
	uint64_t most_bytes;    /* of the file */
	uint64_t reserve_bytes; /* that stay free on its disk */
	uint64_t deadline_ns;   /* CLOCK_MONOTONIC */
	int guard;              /* is told of what moves: ap_guard_tell() */
};

struct ap_drain_result {
	enum ap_drain_end end;
	uint64_t raw_bytes, stored_bytes, frames;
};

/* `head` was taken off the pipe already. */
struct ap_err *ap_drain(int from, const struct ap_str *head, int to,
			const struct ap_drain_options *options, struct ap_drain_result *ret_result);

#endif
