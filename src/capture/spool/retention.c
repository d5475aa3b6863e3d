#include "capture/spool/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "capture/spool/shipment.h"

uint64_t ap_room_left(const struct ap_room *room)
{
	uint64_t disk =
		room->free_bytes > room->reserve_bytes ? room->free_bytes - room->reserve_bytes : 0;
	uint64_t quota =
		room->quota_bytes > room->used_bytes ? room->quota_bytes - room->used_bytes : 0;

	return disk < quota ? disk : quota;
}

static int dup_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Bytes on disk of the regular files in a directory; `fd` is consumed. */
static uint64_t dir_bytes(int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t bytes = 0;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	closedir(dir);
	return bytes;
}

struct ap_err *ap_spool_room(const struct ap_spool *spool, const struct ap_config *config,
			     struct ap_room *ret_room)
{
	struct ap_room room = {0};
	struct statvfs fs;
	char(*uuids)[AP_UUID_SIZE];
	size_t n;

	if (fstatvfs(spool->root, &fs) < 0)
		return ap_err_errno(errno, "cannot ask for the room in %s", spool->path);
	room.disk_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	room.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	room.reserve_bytes = ap_amount_of(config->reserve, room.disk_bytes);
	room.quota_bytes = ap_amount_of(config->quota, room.disk_bytes);
	AP_TRY(ap_spool_list(spool, &uuids, &n));
	for (size_t i = 0; i < n; i++)
		room.used_bytes += dir_bytes(dup_dir(spool->crashes, uuids[i]));
	free(uuids);
	room.used_bytes += dir_bytes(dup_dir(spool->root, "programs"));
	*ret_room = room;
	return NULL;
}

/* Every file of a directory, then the directory. A crash holds no directories. */
static int remove_dir(int at, const char *name)
{
	int fd = dup_dir(at, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		/* A link or a file in a crash's place: that itself goes. */
		return e == ENOTDIR || e == ELOOP ? unlinkat(at, name, 0) : -1;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	return unlinkat(at, name, AT_REMOVEDIR);
}

/* Nobody writes there: locked until `*ret_held` is closed, which is -1 if it is no directory. */
static bool hold(int at, const char *name, int *ret_held)
{
	int fd = dup_dir(at, name);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return false;
	}
	*ret_held = fd;
	return true;
}

static bool is_busy(int at, const char *name)
{
	int held = -1;
	bool busy = !hold(at, name, &held);

	if (held >= 0)
		close(held);
	return busy;
}

struct ap_err *ap_spool_remove(const struct ap_spool *spool, const char *uuid)
{
	if (!ap_is_uuid(uuid))
		return ap_err_new(AP_E_USAGE, "%.40s is no crash", uuid);
	if (is_busy(spool->crashes, uuid))
		return ap_err_hint(ap_err_new(AP_E_IO, "crash %s is being written", uuid),
				   "try again in a minute");
	return remove_dir(spool->crashes, uuid) < 0
		       ? ap_err_errno(errno, "cannot remove crash %s", uuid)
		       : NULL;
}

void ap_spool_sweep(const struct ap_spool *spool)
{
	int fd = dup_dir(spool->crashes, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		bool hidden = e->d_name[0] == '.' && ap_is_uuid(e->d_name + 1);

		if (!hidden && !ap_is_uuid(e->d_name))
			continue;
		/* Held meanwhile: whoever makes a crash's directory right now sees that it went. */
		int held;
		if (!hold(spool->crashes, e->d_name, &held))
			continue;
		if (hidden) {
			(void)remove_dir(spool->crashes, e->d_name);
		} else if (held >= 0) {
			(void)unlinkat(held, ".core.zst.partial", 0);
			(void)unlinkat(held, ".state.json.partial", 0);
		}
		if (held >= 0)
			close(held);
	}
	closedir(dir);
}

static void drop_core(const struct ap_spool *spool, const char *uuid, struct ap_room *room)
{
	static const char *const cores[] = {"core.zst", "core.cut.zst"};
	int dir = dup_dir(spool->crashes, uuid);
	struct stat st;

	for (size_t i = 0; dir >= 0 && i < 2; i++) {
		if (fstatat(dir, cores[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    unlinkat(dir, cores[i], 0) == 0) {
			room->free_bytes += (uint64_t)st.st_blocks * 512;
			room->used_bytes -= (uint64_t)st.st_blocks * 512 < room->used_bytes
						    ? (uint64_t)st.st_blocks * 512
						    : room->used_bytes;
		}
	}
	if (dir >= 0)
		close(dir);
}

static void drop_crash(const struct ap_spool *spool, const char *uuid, struct ap_room *room)
{
	uint64_t bytes = dir_bytes(dup_dir(spool->crashes, uuid));

	if (remove_dir(spool->crashes, uuid) == 0) {
		room->free_bytes += bytes;
		room->used_bytes -= bytes < room->used_bytes ? bytes : room->used_bytes;
	}
}

static bool is_shipped(const struct ap_spool *spool, const char *uuid)
{
	int dir = dup_dir(spool->crashes, uuid);
	bool shipped = dir >= 0 && ap_shipment_is_done(dir);

	if (dir >= 0)
		close(dir);
	return shipped;
}

/* Too many or too old; then, while room is needed: what the store has, cores, whole crashes. */
enum pass { OLD, SHIPPED, CORES, CRASHES, N_PASSES };

struct ap_err *ap_spool_evict(const struct ap_spool *spool, const struct ap_config *config,
			      uint64_t want, const char *keep, struct ap_room *ret_room)
{
	struct ap_room room;
	char(*uuids)[AP_UUID_SIZE];
	double now = (double)time(NULL);
	size_t n, left;

	AP_TRY(ap_spool_room(spool, config, &room));
	AP_TRY(ap_spool_list(spool, &uuids, &n));
	left = n;
	/* A clock that jumped ahead must not empty the spool: age counts from the newest crash at
	 * most. */
	if (n && ap_uuid_time(uuids[n - 1]) < now &&
	    now - ap_uuid_time(uuids[n - 1]) > config->keep_seconds)
		now = ap_uuid_time(uuids[n - 1]);
	for (enum pass pass = OLD; pass < N_PASSES; pass++) {
		for (size_t i = 0; i < n; i++) {
			bool over = pass == OLD
					    ? (config->keep_count && left > config->keep_count) ||
						      (config->keep_seconds > 0 &&
						       now - ap_uuid_time(uuids[i]) >
							       config->keep_seconds)
					    : ap_room_left(&room) < want;

			if (!over || !uuids[i][0] || (keep && strcmp(uuids[i], keep) == 0) ||
			    is_busy(spool->crashes, uuids[i]) ||
			    (pass == SHIPPED && !is_shipped(spool, uuids[i])))
				continue;
			if (pass == CORES) {
				drop_core(spool, uuids[i], &room);
			} else {
				drop_crash(spool, uuids[i], &room);
				uuids[i][0] = '\0';
				left--;
			}
		}
	}
	free(uuids);
	*ret_room = room;
	return NULL;
}
