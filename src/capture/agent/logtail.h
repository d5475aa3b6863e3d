/*
 * The last lines that a container wrote, from the file in which its runtime keeps them
 * ("2026-11-27T02:58:01.123456789Z stdout F text").
 *
 * Ownership: appended to the caller's struct ap_str. The text is the container's: hostile, and full
 * of secrets.
 */
#ifndef AP_CAPTURE_AGENT_LOGTAIL_H
#define AP_CAPTURE_AGENT_LOGTAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ap_log_tail {
	uint64_t lines; /* of the text */
	bool more;      /* there were earlier ones in the file */
};

/*
 * Opens `path` below `root` without following a link: whoever may write into the pods' log
 * directory (a pod with that directory mounted) must not choose which of the host's files is read.
 */
struct ap_err *ap_log_open(const char *root, const char *path, int *ret_fd);
/* The last `lines` of an open file, without the runtime's prefixes and with secrets masked. */
struct ap_err *ap_log_tail(int fd, uint64_t lines, struct ap_str *out, struct ap_log_tail *ret);
/* The same of a text; `whole`: it begins with a line, not in the middle of one. */
void ap_log_tail_of(struct ap_text text, bool whole, uint64_t lines, struct ap_str *out,
		    struct ap_log_tail *ret);

#endif
