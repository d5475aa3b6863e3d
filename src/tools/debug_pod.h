/*
 * A pod that `autopsy debug --kubectl` starts: the core of one crash by a signed address, the
 * executable out of the image that crashed, and a shell; driven through kubectl.
 *
 * Ownership: struct ap_debug_pod owns nothing; its texts outlive it.
 */
#ifndef AP_TOOLS_DEBUG_POD_H
#define AP_TOOLS_DEBUG_POD_H

#include <signal.h>

#include "base/err.h"

enum { AP_DEBUG_NAME_MAX = 200 };

struct ap_debug_pod {
	const char *namespace_, *image, *debug_image;
	const char *exe;  /* name of the executable in `image` */
	const char *base; /* name of the bundle without its end */
	const char *url;  /* of the bundle, signed */
	char **command;   /* instead of a shell; ends with NULL */
	unsigned tries;   /* attempts to connect */
	double pause_seconds;
	const volatile sig_atomic_t *stopped; /* not zero: the user wants to leave */
	char name[64];
};

/* Gives it a name that no other pod has. */
struct ap_err *ap_debug_pod_name(struct ap_debug_pod *pod);
struct ap_err *ap_debug_pod_start(const struct ap_debug_pod *pod);
/* Waits until a command runs in the container. */
struct ap_err *ap_debug_pod_connect(const struct ap_debug_pod *pod);
/* The shell, until it ends: `*ret_status` is its exit status. */
struct ap_err *ap_debug_pod_talk(const struct ap_debug_pod *pod, int *ret_status);
struct ap_err *ap_debug_pod_delete(const struct ap_debug_pod *pod);

#endif
