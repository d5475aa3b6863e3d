/*
 * What /proc says about a process, parsed with limits: a process may choose its name, its command
 * line and its number of mappings.
 *
 * Ownership: struct ap_maps owns its table and names until ap_maps_close(); the other structures
 * hold no memory. Times are in seconds, sizes in bytes.
 */
#ifndef AP_OS_PROC_H
#define AP_OS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum { AP_PROC_NAME_MAX = 64 };

struct ap_proc_status {
	char name[AP_PROC_NAME_MAX];
	char state; /* R S D T t Z X I */
	pid_t tgid, ppid, tracer;
	pid_t ns_pid;      /* as the process itself sees it: the innermost of NSpid */
	unsigned ns_depth; /* pid namespaces between us and it, us included */
	uid_t uid, euid;
	gid_t gid, egid;
	unsigned n_threads;
	uint64_t rss, rss_anon, rss_file, rss_shmem, swap, vm_size;
	uint64_t sig_pending, sig_blocked, sig_ignored, sig_caught; /* bit N - 1: signal N */
	uint64_t cap_eff;
	int seccomp;
	bool shadow_stack;
};

struct ap_proc_stat {
	char state;
	pid_t ppid, pgrp, sid;
	unsigned flags;
	double utime, stime;
	uint64_t start_ticks;
	long nice;
	int exit_signal;
};

/* Appends at most `limit` bytes of the file; nothing is appended on failure. */
struct ap_err *ap_proc_read(const char *path, size_t limit, struct ap_str *out);
/* `tid` 0: of the process. */
struct ap_err *ap_proc_status(pid_t pid, pid_t tid, struct ap_proc_status *ret_status);
struct ap_err *ap_proc_stat(pid_t pid, pid_t tid, struct ap_proc_stat *ret_stat);
/* Thread ids in ascending order; malloc'ed. */
struct ap_err *ap_proc_tids(pid_t pid, pid_t **ret_tids, size_t *ret_n);
/* The target of /proc/PID/NAME ("exe", "ns/pid"); false when it cannot be read. */
bool ap_proc_link(pid_t pid, const char *name, char *buf, size_t bytes);
/* The syscall a thread is blocked in, its first two arguments; false when it runs. */
bool ap_proc_syscall(pid_t pid, pid_t tid, long *ret_nr, uint64_t args[static 2]);
/* Seconds since the process began. */
double ap_proc_uptime(const struct ap_proc_stat *stat);

enum ap_mapping_flags {
	AP_MAP_READ = 1 << 0,
	AP_MAP_WRITE = 1 << 1,
	AP_MAP_EXEC = 1 << 2,
	AP_MAP_SHARED = 1 << 3,
	/* from smaps only: */
	AP_MAP_FLAGS_KNOWN = 1 << 4,
	AP_MAP_DONTFORK = 1 << 5,  /* dc */
	AP_MAP_NORESERVE = 1 << 6, /* nr */
	AP_MAP_DONTDUMP = 1 << 7,  /* dd */
	AP_MAP_DEVICE = 1 << 8,    /* io, pf: reading may have effects */
	AP_MAP_HUGETLB = 1 << 9,   /* ht */
	AP_MAP_STACK = 1 << 10,    /* gd: grows down */
};

struct ap_mapping {
	uint64_t start, end, offset;
	unsigned flags;
	uint64_t device, inode;
	size_t name; /* into names; 0: none */
	/* smaps only */
	uint64_t rss, anonymous, dirty, swap;
};

struct ap_maps {
	struct ap_mapping *at;
	size_t n, cap;
	struct ap_str names;
};

struct ap_err *ap_maps_read(pid_t pid, struct ap_maps *ret_maps);
/* With flags and sizes: walks the page tables, 10 ms for 1,000 mappings. */
struct ap_err *ap_maps_read_smaps(pid_t pid, struct ap_maps *ret_maps);
/* The text of a /proc/PID/maps or smaps file that was saved. */
struct ap_err *ap_maps_parse(const char *text, size_t bytes, struct ap_maps *ret_maps);
void ap_maps_close(struct ap_maps *maps);
#define AP_MAPS_AUTO AP_CLEANUP(ap_maps_close) struct ap_maps

static inline const char *ap_mapping_name(const struct ap_maps *maps, const struct ap_mapping *m)
{
	return m->name ? maps->names.s + m->name : "";
}
/* The mapping that holds `addr`, or the first one behind it; maps->n: none. */
size_t ap_maps_find(const struct ap_maps *maps, uint64_t addr);

#endif
