/*
 * A process that stands still while it is looked at: all threads stopped, its memory and registers
 * copied into a core file without a name.
 *
 * Ownership: struct ap_attached owns the stop and the file until ap_attached_close(), which lets
 * the process go on. If we die before, however, the kernel lets it go on. All calls must come from
 * one thread.
 */
#ifndef AP_CAPTURE_SNAPSHOT_ATTACH_H
#define AP_CAPTURE_SNAPSHOT_ATTACH_H

#include "capture/snapshot/snapshot.h"

struct ap_attached;

/* Of `options` only pid, say, progress, cancelled and arg count; they are not kept. */
struct ap_err *ap_attach(const struct ap_snapshot_options *options,
			 struct ap_attached **ret_attached);
/* The core; the descriptor stays the attachment's. */
int ap_attached_core(const struct ap_attached *attached);
/* The process goes on; the core stays. Does nothing the second time. */
void ap_attached_release(struct ap_attached *attached);
void ap_attached_close(struct ap_attached *attached);

#endif
