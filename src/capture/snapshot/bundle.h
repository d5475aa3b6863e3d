/*
 * The files that a core refers to, beside it: the program, its libraries and their build-ids, laid
 * out as a root directory that gdb takes as its sysroot.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_BUNDLE_H
#define AP_CAPTURE_BUNDLE_H

#include <sys/types.h>

#include "base/err.h"

struct ap_bundle_result {
	unsigned n_files, n_missing;
	unsigned long long bytes;
};

/* Into the new directory `dir`, with a manifest.json; what cannot be copied is listed there. */
struct ap_err *ap_bundle(pid_t pid, const char *dir, struct ap_bundle_result *ret_result);

#endif
