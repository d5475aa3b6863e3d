/*
 * A copy-on-write child of the target, made for reading: it never runs an instruction of its own
 * program, dies with us, and is the one the OOM killer takes.
 *
 * Ownership: struct ap_child owns the child until ap_child_close(), which kills and reaps it, also
 * inside the target.
 */
#ifndef AP_CAPTURE_SNAPSHOT_CHILD_H
#define AP_CAPTURE_SNAPSHOT_CHILD_H

#include "capture/snapshot/inject.h"

struct ap_child {
	struct ap_snap *s;
	pid_t pid;    /* as we see it; 0: none */
	pid_t ns_pid; /* as the target sees it */
	int mem_fd;
	struct ap_pagemap pagemap;
	struct ap_maps maps;
};

/* Makes V8's heap, which a fork leaves out (MADV_DONTFORK since Node 20), be copied for a moment.
 */
struct ap_forkable {
	struct ap_inject in;
	bool attached;
	uint64_t scratch, scratch_bytes;
	size_t n_ranges;
};
/* Runs on an idle thread while all others go on. By itself it undoes all after three seconds. */
struct ap_err *ap_forkable_begin(struct ap_snap *s, struct ap_forkable *ret_f);
/* Lets the thread undo it now; with the process stopped or not. */
void ap_forkable_end(struct ap_forkable *f);

/* All threads are stopped; the clone is made by the thread of `f`. */
struct ap_err *ap_child_make(struct ap_snap *s, struct ap_forkable *f, struct ap_child *ret_child);
/* After the process goes on: closes the child's copies of sockets and files. */
void ap_child_let_go_of_files(struct ap_child *child, const struct ap_gadgets *gadgets);
bool ap_child_alive(struct ap_child *child);
void ap_child_close(struct ap_child *child);
/* Has the target wait for a dead child of ours: false when it is still there. */
bool ap_child_reap(struct ap_snap *s, pid_t ns_pid);

#endif
