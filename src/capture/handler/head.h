/*
 * The beginning of a core as it comes out of the pipe: ELF header, program headers, notes.
 *
 * Ownership: struct ap_head owns the bytes and an arena with what was read out of them, until
 * ap_head_close().
 */
#ifndef AP_CAPTURE_HANDLER_HEAD_H
#define AP_CAPTURE_HANDLER_HEAD_H

#include "base/str.h"
#include "capture/handler/memory.h"

struct ap_head {
	struct ap_str bytes; /* read off the pipe so far: the core begins with them */
	struct ap_arena arena;
	struct ap_core_header header;
	struct ap_core_notes notes;
	const uint8_t *raw_notes;
	size_t n_raw_notes;
	uint64_t core_bytes; /* of the whole core, by its headers */
};

/*
 * Also on failure `ret_head` holds the bytes that were taken off the pipe, so that a core that we
 * do not understand can be kept all the same; ap_head_close() it either way.
 */
struct ap_err *ap_head_read(int fd, struct ap_head *ret_head);
void ap_head_close(struct ap_head *head);

#endif
