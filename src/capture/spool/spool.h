/*
 * Where crashes are kept: SPOOL/crashes/UUID/{meta.json, mini.core.zst, core.zst, state.json}, and
 * SPOOL/programs/BUILD-ID, the executables. All of it is the owner's alone (0700, 0600).
 *
 * Nothing half-written ever stands under a final name. A crash is made in crashes/.UUID, its files
 * without names (or as .NAME.partial where the file system has no O_TMPFILE), and becomes visible
 * when its directory is renamed. The writer holds a lock (flock) on the directory: a crash whose
 * state says "capturing" while nobody holds the lock was interrupted.
 *
 * The names are ours; no link is followed below the spool, and every open is relative to a
 * descriptor. UUIDs are of version 7: they sort by time.
 *
 * Ownership: the structures own their descriptors until their _close(); sizes in bytes.
 */
#ifndef AP_CAPTURE_SPOOL_SPOOL_H
#define AP_CAPTURE_SPOOL_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { AP_UUID_SIZE = 37 }; /* with the final NUL */

struct ap_spool {
	int root, crashes; /* directories; -1: closed */
	char path[PATH_MAX];
};

/* With `create` missing directories are made. Refuses what others could write. */
struct ap_err *ap_spool_open(const char *path, bool create, struct ap_spool *ret_spool);
void ap_spool_close(struct ap_spool *spool);
#define AP_SPOOL_AUTO AP_CLEANUP(ap_spool_close) struct ap_spool
/* A directory below the spool ("programs"), made if need be. */
struct ap_err *ap_spool_directory(const struct ap_spool *spool, const char *name, int *ret_fd);

struct ap_crash {
	int dir; /* -1: closed */
	char uuid[AP_UUID_SIZE];
	bool published;
};

/* A new crash, invisible as yet, locked. */
struct ap_err *ap_crash_create(const struct ap_spool *spool, struct ap_crash *ret_crash);
/* Makes it visible. */
struct ap_err *ap_crash_publish(const struct ap_spool *spool, struct ap_crash *crash);
/* Without publishing: removes what there is. */
void ap_crash_close(const struct ap_spool *spool, struct ap_crash *crash);
/* An existing one; `uuid` may be a unique beginning of 4 characters or more, or "last". */
struct ap_err *ap_crash_open(const struct ap_spool *spool, const char *uuid,
			     struct ap_crash *ret_crash);

/* A file of a directory that gets its name when it is whole. */
struct ap_new_file {
	int fd;        /* -1: closed */
	char temp[64]; /* "": it has no name yet */
};

struct ap_err *ap_new_file_open(int dir, const char *name, struct ap_new_file *ret_file);
/*
 * The name appears, replacing what was there; with `sync` after the data reached the disk (for what
 * is large or cannot be made again). Closes the file.
 */
struct ap_err *ap_new_file_commit(int dir, const char *name, bool sync, struct ap_new_file *file);
void ap_new_file_close(int dir, struct ap_new_file *file);
/* All of a small file at once, without waiting for the disk. */
struct ap_err *ap_dir_write(int dir, const char *name, const void *data, size_t bytes);
/* At most `limit` bytes of a regular file, no link. */
struct ap_err *ap_dir_read(int dir, const char *name, size_t limit, struct ap_str *out);
/* Bytes of the file; false if there is none. */
bool ap_dir_size(int dir, const char *name, uint64_t *ret_bytes);

/* Where `most` regular files or more stand, the one whose time is the oldest goes. Names that begin
 * with a dot are files in the making. */
void ap_dir_make_room(int dir, size_t most);

/* UUIDs of the visible crashes, oldest first, AP_UUID_SIZE bytes each; malloc'ed. */
struct ap_err *ap_spool_list(const struct ap_spool *spool, char (**ret_uuids)[AP_UUID_SIZE],
			     size_t *ret_n);
/* Seconds since the epoch at which the crash was, as its id says. */
double ap_uuid_time(const char *uuid);
/* Whether somebody is writing it at this moment. */
bool ap_crash_is_busy(const struct ap_crash *crash);
bool ap_is_uuid(const char *text);

#endif
