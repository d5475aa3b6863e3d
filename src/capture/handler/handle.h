/*
 * The privileged half, started by the kernel for every crash: reads the configuration and what
 * /proc says, decides, opens files, lets a confined worker read and write, and gives what is whole
 * its name. It parses nothing that the dying process wrote but the lines it needs for its decision.
 *
 * Ownership: nothing is kept. Whatever happens, the dying process is let go: when this process
 * ends, so does the worker, and with both the pipe.
 */
#ifndef AP_CAPTURE_HANDLER_HANDLE_H
#define AP_CAPTURE_HANDLER_HANDLE_H

#include "base/err.h"

struct ap_handle_options {
	const char *config; /* NULL: the usual file */
	int pipe;           /* the core comes from here */
	int argc;           /* the kernel's own arguments (args.h) */
	char *const *argv;
};

struct ap_err *ap_handle(const struct ap_handle_options *options);

#endif
