/*
 * What a dumper that was killed may have left in a process: a dead child that nobody waits for. The
 * sequences of this program end by themselves, so memory flags and descriptors are not left.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/snapshot/child.h"

enum { CHILDREN_LIMIT = 1 << 20 };

/* A zombie with no signal at its end: clone(0) made it, not a program's fork(). */
static bool is_left_over(pid_t parent, pid_t pid, pid_t *ret_ns_pid)
{
	struct ap_proc_status st;
	struct ap_proc_stat stat;
	AP_ERR_AUTO a = ap_proc_status(pid, 0, &st);
	AP_ERR_AUTO b = ap_proc_stat(pid, 0, &stat);

	if (a || b || st.ppid != parent || st.state != 'Z' || stat.exit_signal != 0)
		return false;
	*ret_ns_pid = st.ns_pid;
	return true;
}

static struct ap_err *reap_thread_children(struct ap_snap *s, pid_t tid, unsigned *n_zombies)
{
	AP_STR_AUTO text = {0};
	char path[64], *end;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", s->pid, tid);
	AP_ERR_AUTO err = ap_proc_read(path, CHILDREN_LIMIT, &text);
	if (err)
		return NULL;
	for (char *p = text.s; p && *p; p = end) {
		pid_t ns_pid, pid = (pid_t)strtol(p, &end, 10);

		if (end == p)
			break;
		if (!is_left_over(s->pid, pid, &ns_pid))
			continue;
		if (!ap_child_reap(s, ns_pid))
			return ap_err_hint(ap_err_new(AP_E_IO, "process %d does not wait for its dead "
							       "child %d",
						      s->pid, pid),
					   "it takes one entry of the process table and goes when %d ends",
					   s->pid);
		(*n_zombies)++;
	}
	return NULL;
}

struct ap_err *ap_snapshot_repair(pid_t pid, struct ap_snapshot_repair *ret_repair)
{
	const struct ap_snapshot_options options = {.pid = pid, .mode = AP_SNAPSHOT_FORK};
	struct ap_snapshot_repair repair = {0};
	struct ap_snap s;
	pid_t *tids = NULL;
	size_t n = 0;
	struct ap_err *err = ap_snap_open(&s, &options);

	if (!err)
		err = ap_watchdog_arm(10000);
	if (!err)
		err = ap_proc_tids(pid, &tids, &n);
	for (size_t i = 0; i < n && !err; i++)
		err = reap_thread_children(&s, tids[i], &repair.n_zombies);
	free(tids);
	ap_err_free(ap_watchdog_arm(0));
	ap_snap_close(&s);
	if (!err)
		*ret_repair = repair;
	return err;
}
