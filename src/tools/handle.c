/* autopsy handle: what the kernel starts for every crash (core_pattern). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/handler/args.h"
#include "capture/handler/handle.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

static const char usage[] =
	"usage: autopsy handle [-c FILE] " AP_HANDLE_SPECIFIERS "\n"
	"The kernel starts this for every crash, with the core on standard input; `autopsy setup`\n"
	"writes the core_pattern for it. -c FILE is another configuration than /etc/autopsy/autopsy.conf.\n";

enum { CORE_FD = 10 };

/*
 * The kernel gives a pipe on 0, perhaps a process descriptor on 3, and nothing else: whatever is
 * opened next must not become a standard stream by accident.
 */
static bool arrange_descriptors(int keep)
{
	int null = open("/dev/null", O_RDWR);

	if (fcntl(STDIN_FILENO, F_GETFD) < 0 || null < 0)
		return false;
	if (dup3(STDIN_FILENO, CORE_FD, O_CLOEXEC) < 0)
		return false;
	for (int fd = 0; fd < 3; fd++) {
		if ((fd == 0 || fcntl(fd, F_GETFD) < 0) && dup2(null, fd) < 0)
			return false;
	}
	for (int fd = 3; fd < 256; fd++) {
		if (fd != keep && fd != CORE_FD)
			close(fd);
	}
	if (keep > 2)
		(void)fcntl(keep, F_SETFD, FD_CLOEXEC);
	/* Sixteen times fewer switches between the kernel and us. */
	(void)fcntl(CORE_FD, F_SETPIPE_SZ, 1 << 20);
	return true;
}

int ap_tool_handle(int argc, char **argv)
{
	struct ap_handle_options options = {.pipe = CORE_FD};
	struct rlimit none = {0, 0};
	struct stat st;
	int at = 1;

	if (at < argc && (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	/* In one word too: core_pattern has 127 characters. */
	if (at < argc && strncmp(argv[at], "-c", 2) == 0) {
		options.config = argv[at][2] ? argv[at] + 2 : at + 1 < argc ? argv[++at] : NULL;
		at++;
		if (!options.config)
			return ap_tool_usage("handle", usage, "-c needs a file");
	}
	options.argc = argc - at;
	options.argv = argv + at;
	if (options.argc != AP_HANDLE_ARGS)
		return ap_tool_usage("handle", usage, "%d arguments, the kernel gives %d",
				     options.argc, AP_HANDLE_ARGS);
	if (fstat(STDIN_FILENO, &st) < 0 || isatty(STDIN_FILENO))
		return ap_tool_usage("handle", usage, "no core on standard input");
	/* A crash of the handler must not start a handler: 1 is the limit that pipes heed. */
	none.rlim_cur = none.rlim_max = 1;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	if (chdir("/") < 0 ||
	    !arrange_descriptors(atoi(options.argv[9] + (options.argv[9][0] == 'F'))))
		return 2;
	struct ap_err *err = ap_handle(&options);
	return err ? ap_tool_fail("handle", err) : 0;
}
