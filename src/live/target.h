/*
 * A running process that may be Node: proof that it is, before anything is done to it, and what
 * SIGUSR1 would do there.
 *
 * Ownership: struct ap_target owns its descriptor until ap_target_close().
 *
 * SIGUSR1 ends a program that does not expect it. It is sent only after the program was shown to be
 * Node by what it exports (not by its name, which anything may have), to catch the signal, and not
 * to have a handler of its own; and through a descriptor, so that a reused pid is never hit.
 */
#ifndef AP_LIVE_TARGET_H
#define AP_LIVE_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "elf/file.h"
#include "os/proc.h"

enum ap_own_handler { AP_OWN_UNKNOWN, AP_OWN_NO, AP_OWN_YES };

struct ap_target {
	pid_t pid;
	int pidfd; /* 0: closed */
	struct ap_proc_status status;
	char exe[PATH_MAX];          /* as the process names it, in its own file system */
	char module[PATH_MAX];       /* what is Node: the program, or libnode.so */
	struct ap_build_id build_id; /* of `module` */
	/* Does the program itself handle SIGUSR1? Read from libuv's table, where its symbol is
	 * known. */
	enum ap_own_handler own_handler;
};

/* Fails, with the fact that proves it, for anything that is not a running Node of ours. */
struct ap_err *ap_target_open(pid_t pid, struct ap_target *ret_target);
void ap_target_close(struct ap_target *target);
#define AP_TARGET_AUTO AP_CLEANUP(ap_target_close) struct ap_target

/* NULL when SIGUSR1 opens the inspector there; else why it would not, or would do harm. */
struct ap_err *ap_target_may_signal(struct ap_target *target);
/* Sends it; `target` was just asked ap_target_may_signal(). */
struct ap_err *ap_target_signal(const struct ap_target *target);
/* Whether it ended; waits up to `timeout_ms`. */
bool ap_target_wait_end(const struct ap_target *target, int timeout_ms);
/* What its main thread does, in words ("waits in system call 61 (wait4)"), for a message. */
void ap_target_doing(const struct ap_target *target, char *buf, size_t bytes);

#endif
