/*
 * What /proc says about the dying process, read once, in raw form and with limits, while the kernel
 * holds the process. Interpreting it is the unprivileged worker's business.
 *
 * Ownership: struct ap_context owns its descriptors and texts until ap_context_close().
 */
#ifndef AP_CAPTURE_HANDLER_CONTEXT_H
#define AP_CAPTURE_HANDLER_CONTEXT_H

#include <limits.h>

#include "base/str.h"
#include "capture/handler/args.h"
#include "capture/handler/identity.h"

struct ap_context {
	struct ap_kernel_args args;
	int proc;                                                         /* /proc/PID */
	int mem, exe, cwd, root;                                          /* -1: cannot be opened */
	char exe_path[PATH_MAX], cwd_path[PATH_MAX], root_path[PATH_MAX]; /* "": unknown */
	struct ap_str status, stat, cmdline, environ, maps, limits, cgroup;
	uint64_t n_descriptors;
	uint64_t exe_bytes;
	struct ap_identity identity;
};

/* Fails if the process is not there, or not dumping core: then the number was reused. */
struct ap_err *ap_context_open(const struct ap_kernel_args *args, struct ap_context *ret_context);
void ap_context_close(struct ap_context *context);
/* The value of a line "NAME:\tVALUE" of status, or an empty text. */
struct ap_text ap_context_status(const struct ap_context *context, const char *name);

#endif
