/*
 * What a dumper that was killed may have left in a process: a dead child that nobody waits for, and
 * a heap that forks copy. The sequences of this program end by themselves and leave no flag behind;
 * other tools switch MADV_DONTFORK off and may not come back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "capture/snapshot/child.h"

enum {
	CHILDREN_LIMIT = 1 << 20,
	CHUNK = 256 << 10, /* V8's pages are aligned to it */
};
#define ARENA ((uint64_t)64 << 20) /* glibc's are aligned to it */

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
			return ap_err_hint(
				ap_err_new(AP_E_IO,
					   "process %d does not wait for its dead "
					   "child %d",
					   s->pid, pid),
				"it takes one entry of the process table and goes when %d ends",
				s->pid);
		(*n_zombies)++;
	}
	return NULL;
}

/* Since Node 20 V8 marks all that it maps; its reservations keep the mark, whoever took it off the
 * heap. */
static bool marks_heap(const struct ap_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->at[i].flags & AP_MAP_DONTFORK && !maps->at[i].inode)
			return true;
	}
	return false;
}

/* The first word of an arena's heap points to the arena, just behind such a word; V8's pages begin
 * with small flags. */
static bool is_arena(const struct ap_snap *s, uint64_t start)
{
	uint64_t word = 0, unreadable = 0;

	ap_snap_read(s->pid, s->mem_fd, start, &word, sizeof(word), &unreadable);
	return unreadable || (word >= AP_PAGE && word % ARENA <= 0x40);
}

/* V8's pages are aligned; parts of a reservation lie beside the rest of it, which has the mark. */
static bool looks_like_v8(const struct ap_maps *maps, size_t i)
{
	const struct ap_mapping *m = &maps->at[i];

	return m->start % CHUNK == 0 ||
	       (i && m[-1].end == m->start && m[-1].flags & AP_MAP_DONTFORK) ||
	       (i + 1 < maps->n && m[1].start == m->end && m[1].flags & AP_MAP_DONTFORK);
}

/*
 * Memory of V8's without the mark. A malloc arena must never get it (a child would die of it
 * between fork and exec): what begins where an arena may, or lies behind such, is looked into.
 */
static bool lost_mark(const struct ap_snap *s, size_t i)
{
	const struct ap_maps *maps = &s->known;
	const struct ap_mapping *m = &maps->at[i];

	if (m->flags & (AP_MAP_DONTFORK | AP_MAP_SHARED | AP_MAP_DEVICE) ||
	    !(m->flags & AP_MAP_NORESERVE) || m->inode || *ap_mapping_name(maps, m) ||
	    !looks_like_v8(maps, i))
		return false;
	while (i && maps->at[i - 1].end == maps->at[i].start && maps->at[i].start % ARENA)
		i--;
	return maps->at[i].start % ARENA || !is_arena(s, maps->at[i].start);
}

static struct ap_err *mark_heap(struct ap_snap *s, unsigned *n_ranges)
{
	struct ap_inject in;
	uint64_t stack = 0;
	struct ap_err *err = NULL;

	for (size_t i = 0, next; i < s->known.n && !err; i = next) {
		uint64_t end = s->known.at[i].end;
		int64_t result = 0;

		next = i + 1;
		if (!lost_mark(s, i))
			continue;
		for (; next < s->known.n && s->known.at[next].start == end && lost_mark(s, next);
		     next++)
			end = s->known.at[next].end;
		const uint64_t args[6] = {s->known.at[i].start, end - s->known.at[i].start,
					  MADV_DONTFORK};
		if (!stack) {
			err = ap_inject_attach(s, 0, &in);
			stack = err ? 0 : in.stack;
		}
		if (!err) {
			in.stack = stack; /* the call before is over: its place is free again */
			err = ap_inject_call(&in, SYS_madvise, args, &result);
		}
		*n_ranges += !err && result == 0;
	}
	if (stack)
		ap_inject_release(&in);
	return err;
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
	if (!err && marks_heap(&s.known))
		err = mark_heap(&s, &repair.n_marked);
	ap_err_free(ap_watchdog_arm(0));
	ap_snap_close(&s);
	if (!err)
		*ret_repair = repair;
	return err;
}
