/*
 * A minicore: an ordinary ELF core with the original notes and memory ranges, of whose memory only
 * the pages are there that a stack needs. gdb and autopsy open it like any core.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_HANDLER_MINICORE_H
#define AP_CAPTURE_HANDLER_MINICORE_H

#include "capture/handler/memory.h"
#include "capture/handler/walk.h"

struct ap_minicore_limits {
	uint64_t raw_bytes; /* of kept memory */
	struct ap_walk_limits walk;
};

struct ap_minicore_result {
	struct ap_walk_result walk;
	uint64_t pages, raw_bytes; /* kept; of the file before compression */
	uint64_t stored_bytes;
	uint64_t core_bytes; /* of the full core, as its headers say */
};

/* Sensible limits: under 5 MB in the file, well under 0.5 s. */
extern const struct ap_minicore_limits ap_minicore_default_limits;

/* Writes the minicore into `fd`, compressed by zstd. */
struct ap_err *ap_minicore_write(const struct ap_dying *dying,
				 const struct ap_minicore_limits *limits, int fd,
				 struct ap_minicore_result *ret_result);

#endif
