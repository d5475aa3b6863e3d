/*
 * What the kernel tells on the command line of a core_pattern pipe (core(5)).
 *
 * Ownership: the texts point into argv.
 */
#ifndef AP_CAPTURE_HANDLER_ARGS_H
#define AP_CAPTURE_HANDLER_ARGS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * The kernel cuts a pattern off at 127 characters without a word, so there are no names in it. The
 * host's and the program's name come last: they are the only ones that a process may choose.
 */
#define AP_HANDLE_SPECIFIERS "%P %p %I %u %g %s %t %d %c F%F %h %e"
enum { AP_HANDLE_ARGS = 12, AP_CORE_PATTERN_MAX = 127 };

struct ap_kernel_args {
	pid_t pid;    /* as we see it */
	pid_t ns_pid; /* as it saw itself */
	pid_t tid;
	uid_t uid;
	gid_t gid;
	int signal;
	int64_t time;        /* seconds since the epoch */
	int dump_mode;       /* 1: ordinary, 2: only root may see it; -1: not told */
	uint64_t core_limit; /* RLIMIT_CORE; UINT64_MAX: none */
	int pidfd;           /* -1: this kernel gives none */
	const char *hostname, *comm;
};

struct ap_err *ap_kernel_args_parse(int argc, char *const *argv, struct ap_kernel_args *ret_args);

#endif
