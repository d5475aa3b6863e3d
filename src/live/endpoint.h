/*
 * Where the inspector of a process listens, opened with SIGUSR1 if it does not yet.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_LIVE_ENDPOINT_H
#define AP_LIVE_ENDPOINT_H

#include "live/inspector.h"
#include "live/listeners.h"

struct ap_endpoint {
	char address[AP_ADDRESS_MAX];
	uint16_t port;
	uint64_t inode;
	bool was_open; /* before we came */
};

/* Among the listening sockets of that process alone. */
struct ap_err *ap_endpoint_find(struct ap_target *target,
				const struct ap_inspector_options *options,
				struct ap_endpoint *ret_endpoint);
/* Moves this thread into the process's network namespace, if it is another one. */
struct ap_err *ap_endpoint_enter(const struct ap_target *target);

#endif
