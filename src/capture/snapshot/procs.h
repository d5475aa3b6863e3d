/*
 * The Node processes of this machine, also those in containers.
 *
 * Ownership: struct ap_procs owns its table until ap_procs_close().
 */
#ifndef AP_CAPTURE_PROCS_H
#define AP_CAPTURE_PROCS_H

#include "base/str.h"
#include "capture/snapshot/snapshot.h"
#include "os/proc.h"

struct ap_proc {
	pid_t pid;
	struct ap_proc_status status;
	struct ap_proc_stat stat;
	double uptime;    /* seconds */
	double cpu;       /* seconds of CPU time since it began */
	bool contained;   /* in another pid or mount namespace than we are */
	bool inspector;   /* its inspector listens, or it catches SIGUSR1, which starts it */
	char script[256]; /* what it runs, or its title */
	char exe[256];
};

struct ap_procs {
	struct ap_proc *at; /* oldest first */
	size_t n, cap;
};

struct ap_err *ap_procs_read(struct ap_procs *ret_procs);
void ap_procs_close(struct ap_procs *procs);
#define AP_PROCS_AUTO AP_CLEANUP(ap_procs_close) struct ap_procs

/* A pid as text, or a part of a name or script that only one Node process has. */
struct ap_err *ap_procs_find(const char *what, pid_t *ret_pid);
struct ap_err *ap_procs_oldest(pid_t *ret_pid);

#endif
