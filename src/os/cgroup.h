/*
 * How much memory a process's control group may still take.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_OS_CGROUP_H
#define AP_OS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ap_memory_room {
	uint64_t free_bytes; /* under the tightest limit, of the group or of the machine */
	bool limited;        /* a control group is the tightest */
	bool oom_group;      /* the OOM killer takes the whole group (memory.oom.group) */
	char path[256];      /* of the group's directory, "" if not known */
};

struct ap_memory_room ap_memory_room(pid_t pid);

#endif
