/*
 * Where the next core of this host goes, and what stands in the way.
 *
 * Ownership: texts are copied into the structure.
 */
#ifndef AP_CAPTURE_SETUP_HOST_H
#define AP_CAPTURE_SETUP_HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum ap_core_way {
	AP_WAY_OURS,
	AP_WAY_FILE, /* a file beside the program, or where the pattern says */
	AP_WAY_APPORT,
	AP_WAY_SYSTEMD, /* systemd-coredump */
	AP_WAY_ABRT,
	AP_WAY_OTHER,  /* another program */
	AP_WAY_SOCKET, /* another program's socket */
	AP_WAY_NONE,   /* an empty pattern, or one that cannot be read */
};

struct ap_host {
	char pattern[512]; /* core_pattern, without the line's end */
	enum ap_core_way way;
	char handler[PATH_MAX];        /* of ours and others: the program */
	char handler_config[PATH_MAX]; /* ours: what stands behind -c; "" */
	bool handler_runs;             /* it is there and executable */
	int64_t pipe_limit, suid_dumpable, ptrace_scope, uses_pid; /* -1: not there */
	uint64_t limit_soft, limit_hard; /* RLIMIT_CORE of this process; UINT64_MAX: none */
	bool root;
};

void ap_host_read(struct ap_host *ret_host);
const char *ap_core_way_name(enum ap_core_way way);
/* The core_pattern that starts `program`; fails when the kernel would cut it off. */
struct ap_err *ap_host_pattern(const char *program, const char *config, char *buf, size_t bytes);
/* Whether only root can change the program or any directory above it. */
struct ap_err *ap_host_check_program(const char *program);

#endif
