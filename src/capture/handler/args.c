#include "capture/handler/args.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

static struct ap_err *number(const char *text, const char *what, uint64_t most, uint64_t *ret)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || v > most)
		return ap_err_new(AP_E_USAGE, "the kernel's %s is no such number: \"%.40s\"", what,
				  text);
	*ret = v;
	return NULL;
}

struct ap_err *ap_kernel_args_parse(int argc, char *const *argv, struct ap_kernel_args *ret_args)
{
	uint64_t pid, ns_pid, tid, uid, gid, sig, when, mode = 0, limit, pidfd = 0;

	if (argc != AP_HANDLE_ARGS)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "%d arguments of %d", argc, AP_HANDLE_ARGS),
			"`autopsy handle` is started by the kernel; `autopsy setup` writes "
			"core_pattern as it must be");
	AP_TRY(number(argv[0], "process id", INT_MAX, &pid));
	AP_TRY(number(argv[1], "inner process id", INT_MAX, &ns_pid));
	AP_TRY(number(argv[2], "thread id", INT_MAX, &tid));
	AP_TRY(number(argv[3], "user id", UINT32_MAX, &uid));
	AP_TRY(number(argv[4], "group id", UINT32_MAX, &gid));
	AP_TRY(number(argv[5], "signal", 64, &sig));
	AP_TRY(number(argv[6], "time", INT64_MAX, &when));
	if (*argv[7]) /* older kernels do not know %d and put nothing there */
		AP_TRY(number(argv[7], "dump mode", 2, &mode));
	AP_TRY(number(argv[8], "core limit", UINT64_MAX, &limit));
	if (argv[9][0] != 'F')
		return ap_err_new(AP_E_USAGE, "\"%.40s\" is no process descriptor", argv[9]);
	if (argv[9][1])
		AP_TRY(number(argv[9] + 1, "process descriptor", INT_MAX, &pidfd));
	if (!pid)
		return ap_err_new(AP_E_USAGE, "there is no process 0");
	*ret_args = (struct ap_kernel_args){
		.pid = (pid_t)pid,
		.ns_pid = (pid_t)ns_pid,
		.tid = (pid_t)tid,
		.uid = (uid_t)uid,
		.gid = (gid_t)gid,
		.signal = (int)sig,
		.time = (int64_t)when,
		.dump_mode = *argv[7] ? (int)mode : -1,
		/* RLIM_INFINITY is the largest number; Debian's own pattern passes one bit less. */
		.core_limit = limit >= INT64_MAX ? UINT64_MAX : limit,
		.pidfd = argv[9][1] ? (int)pidfd : -1,
		.hostname = argv[10],
		.comm = argv[11],
	};
	return NULL;
}
