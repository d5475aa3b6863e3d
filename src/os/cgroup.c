#include "os/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/proc.h"

static bool number_in(const char *dir, const char *file, uint64_t *ret)
{
	AP_STR_AUTO text = {0};
	char path[320];

	snprintf(path, sizeof(path), "%.250s/%.60s", dir, file);
	AP_ERR_AUTO err = ap_proc_read(path, 64, &text);
	if (err || !text.n || text.s[0] < '0' || text.s[0] > '9')
		return false; /* "max" among others */
	*ret = strtoull(text.s, NULL, 10);
	return true;
}

/* Memory that the group could give back counts as free: file pages. */
static uint64_t reclaimable(const char *dir, const char *key)
{
	AP_STR_AUTO text = {0};
	char path[320];

	snprintf(path, sizeof(path), "%.250s/memory.stat", dir);
	AP_ERR_AUTO err = ap_proc_read(path, 65536, &text);
	const char *at = err ? NULL : strstr(text.s, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void look(const char *dir, bool v2, struct ap_memory_room *room)
{
	uint64_t limit, usage, oom;

	if (!number_in(dir, v2 ? "memory.max" : "memory.limit_in_bytes", &limit) ||
	    !number_in(dir, v2 ? "memory.current" : "memory.usage_in_bytes", &usage) ||
	    limit > 1ull << 60)
		return;
	uint64_t back = reclaimable(dir, v2 ? "inactive_file " : "total_inactive_file ");
	uint64_t used = usage > back ? usage - back : 0;
	uint64_t left = limit > used ? limit - used : 0;

	if (left < room->free_bytes) {
		room->free_bytes = left;
		room->limited = true;
		snprintf(room->path, sizeof(room->path), "%.255s", dir);
	}
	if (v2 && number_in(dir, "memory.oom.group", &oom) && oom)
		room->oom_group = true;
}

/* The group and all above it: any of them may be the tight one. */
static void look_up(const char *mount, const char *group, bool v2, struct ap_memory_room *room)
{
	char dir[256];

	if (snprintf(dir, sizeof(dir), "%s%s", mount, group) >= (int)sizeof(dir))
		return;
	for (size_t least = strlen(mount); strlen(dir) >= least;) {
		look(dir, v2, room);
		char *slash = strrchr(dir, '/');
		if (!slash || slash < dir + least)
			break;
		*slash = '\0';
	}
}

struct ap_memory_room ap_memory_room(pid_t pid)
{
	struct ap_memory_room room = {.free_bytes = UINT64_MAX};
	AP_STR_AUTO mem = {0};
	AP_STR_AUTO groups = {0};
	char path[64];

	AP_ERR_AUTO a = ap_proc_read("/proc/meminfo", 8192, &mem);
	const char *at = a ? NULL : strstr(mem.s, "MemAvailable:");
	if (at)
		room.free_bytes = strtoull(at + 13, NULL, 10) * 1024;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	AP_ERR_AUTO b = ap_proc_read(path, 16384, &groups);
	/* "12:memory:/path" of version 1, "0::/path" of version 2. */
	for (char *line = b ? NULL : groups.s, *next; line && *line; line = next) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!group || strlen(group) > 200)
			continue;
		*group++ = '\0';
		if (group[0] == '/' && !group[1])
			group[0] = '\0';
		if (strcmp(controllers + 1, "memory") == 0)
			look_up("/sys/fs/cgroup/memory", group, false, &room);
		else if (!controllers[1])
			look_up(access("/sys/fs/cgroup/unified", F_OK) == 0
					? "/sys/fs/cgroup/unified"
					: "/sys/fs/cgroup",
				group, true, &room);
	}
	return room;
}
