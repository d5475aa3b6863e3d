#include "capture/spool/spool.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/outfile.h"

enum { MAX_CRASHES = 1 << 20, MAX_CREATE_TRIES = 100 };

static const char not_ours[] =
	"remove it, or name another directory (`spool = DIR` in autopsy.conf)";

/* Opens a directory that is ours alone, and no link. */
static struct ap_err *open_dir(int at, const char *name, bool create, const char *shown,
			       int *ret_fd)
{
	struct stat st;

	if (create && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return ap_err_errno(errno, "cannot make %s", shown);
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ap_err_hint(
			ap_err_errno(errno, "cannot open %s", shown),
			errno == ENOENT   ? "nothing was collected here yet; `autopsy status` "
					    "tells where the next core goes"
			: errno == EACCES ? "crashes hold secrets: only their owner reads them; "
					    "try with sudo"
					  : not_ours);
	if (fstat(fd, &st) < 0 || (st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022) {
		close(fd);
		return ap_err_hint(ap_err_new(AP_E_IO, "%s can be written by others", shown), "%s",
				   not_ours);
	}
	*ret_fd = fd;
	return NULL;
}

struct ap_err *ap_spool_open(const char *path, bool create, struct ap_spool *ret_spool)
{
	struct ap_spool spool = {-1, -1, ""};

	if (strlen(path) >= sizeof(spool.path))
		return ap_err_new(AP_E_USAGE, "the name of the spool is too long");
	memcpy(spool.path, path, strlen(path) + 1);
	if (create)
		ap_make_parents(path, 0755);
	AP_TRY(open_dir(AT_FDCWD, path, create, path, &spool.root));
	struct ap_err *err = open_dir(spool.root, "crashes", create, path, &spool.crashes);
	if (err) {
		ap_spool_close(&spool);
		return err;
	}
	*ret_spool = spool;
	return NULL;
}

void ap_spool_close(struct ap_spool *spool)
{
	if (spool->root > 0)
		close(spool->root);
	if (spool->crashes > 0)
		close(spool->crashes);
	spool->root = spool->crashes = -1;
}

struct ap_err *ap_spool_directory(const struct ap_spool *spool, const char *name, int *ret_fd)
{
	return open_dir(spool->root, name, true, name, ret_fd);
}

static void make_uuid(char uuid[static AP_UUID_SIZE])
{
	struct timespec ts;
	uint8_t b[16];

	clock_gettime(CLOCK_REALTIME, &ts);
	uint64_t ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	/* Never short for 16 bytes once the machine has booted. */
	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b)) {
		uint64_t other[2] = {(uint64_t)getpid(), (uint64_t)ts.tv_nsec};

		memcpy(b, other, sizeof(b));
	}
	for (unsigned i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	char *p = uuid;
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += sprintf(p, "%02x", b[i]);
	}
}

bool ap_is_uuid(const char *text)
{
	if (strlen(text) != AP_UUID_SIZE - 1)
		return false;
	for (unsigned i = 0; i < AP_UUID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static void hidden_name(const char *uuid, char name[static AP_UUID_SIZE + 1])
{
	name[0] = '.';
	memcpy(name + 1, uuid, AP_UUID_SIZE);
}

/* Ours, and still what `name` means. */
static bool is_claimed(const struct ap_spool *spool, const char *name, int dir)
{
	struct stat ours, there;

	while (flock(dir, LOCK_EX) < 0 && errno == EINTR)
		;
	return fstat(dir, &ours) == 0 &&
	       fstatat(spool->crashes, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/*
 * Until it is locked, whoever sweeps takes the directory for what a killed handler left, and
 * removes it: processes that crash in one moment have handlers that do. Then another one.
 */
struct ap_err *ap_crash_create(const struct ap_spool *spool, struct ap_crash *ret_crash)
{
	for (unsigned tries = 0; tries < MAX_CREATE_TRIES; tries++) {
		struct ap_crash crash = {.dir = -1};
		char name[AP_UUID_SIZE + 1];

		make_uuid(crash.uuid);
		hidden_name(crash.uuid, name);
		if (mkdirat(spool->crashes, name, 0700) < 0)
			return ap_err_errno(errno, "cannot make a directory in %s/crashes",
					    spool->path);
		struct ap_err *err = open_dir(spool->crashes, name, false, name, &crash.dir);
		if (!err && is_claimed(spool, name, crash.dir)) {
			*ret_crash = crash;
			return NULL;
		}
		if (!err)
			close(crash.dir);
		else if (faccessat(spool->crashes, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return err;
		ap_err_free(err);
	}
	return ap_err_new(AP_E_IO, "new directories in %s/crashes do not stay", spool->path);
}

struct ap_err *ap_crash_publish(const struct ap_spool *spool, struct ap_crash *crash)
{
	char name[AP_UUID_SIZE + 1];

	hidden_name(crash->uuid, name);
	if (renameat2(spool->crashes, name, spool->crashes, crash->uuid, RENAME_NOREPLACE) < 0)
		return ap_err_errno(errno, "cannot name crash %s", crash->uuid);
	crash->published = true;
	return NULL;
}

void ap_crash_close(const struct ap_spool *spool, struct ap_crash *crash)
{
	char name[AP_UUID_SIZE + 1];

	if (crash->dir < 0)
		return;
	if (!crash->published) {
		static const char *const files[] = {"meta.json", "state.json", "mini.core.zst"};

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			(void)unlinkat(crash->dir, files[i], 0);
		hidden_name(crash->uuid, name);
		(void)unlinkat(spool->crashes, name, AT_REMOVEDIR);
	}
	close(crash->dir);
	crash->dir = -1;
}

struct ap_err *ap_new_file_open(int dir, const char *name, struct ap_new_file *ret_file)
{
	struct ap_new_file file = {.temp = ""};

	file.fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file.fd < 0) {
		/* Not every file system has files without a name. */
		snprintf(file.temp, sizeof(file.temp), ".%.40s.partial", name);
		(void)unlinkat(dir, file.temp, 0);
		file.fd = openat(dir, file.temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				 0600);
	}
	if (file.fd < 0)
		return ap_err_errno(errno, "cannot make %s", name);
	*ret_file = file;
	return NULL;
}

struct ap_err *ap_new_file_commit(int dir, const char *name, bool sync, struct ap_new_file *file)
{
	char self[64];
	int e = 0;

	if (sync && fdatasync(file->fd) < 0 && errno != EINVAL)
		e = errno;
	if (!e && !file->temp[0]) {
		/* A name for it first, because only rename() replaces. */
		snprintf(file->temp, sizeof(file->temp), ".%.40s.partial", name);
		snprintf(self, sizeof(self), "/proc/self/fd/%d", file->fd);
		(void)unlinkat(dir, file->temp, 0);
		if (linkat(AT_FDCWD, self, dir, file->temp, AT_SYMLINK_FOLLOW) < 0) {
			e = errno;
			file->temp[0] = '\0';
		}
	}
	if (!e && renameat(dir, file->temp, dir, name) < 0)
		e = errno;
	if (!e)
		file->temp[0] = '\0';
	ap_new_file_close(dir, file);
	return e ? ap_err_errno(e, "cannot write %s", name) : NULL;
}

void ap_new_file_close(int dir, struct ap_new_file *file)
{
	if (file->fd < 0)
		return;
	close(file->fd);
	file->fd = -1;
	if (file->temp[0])
		(void)unlinkat(dir, file->temp, 0);
	file->temp[0] = '\0';
}

struct ap_err *ap_dir_write(int dir, const char *name, const void *data, size_t bytes)
{
	struct ap_new_file file;

	AP_TRY(ap_new_file_open(dir, name, &file));
	struct ap_err *err = ap_write_all(file.fd, data, bytes);
	if (err) {
		ap_new_file_close(dir, &file);
		return ap_err_wrap(err, "cannot write %s", name);
	}
	return ap_new_file_commit(dir, name, false, &file);
}

struct ap_err *ap_dir_read(int dir, const char *name, size_t limit, struct ap_str *out)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct ap_err *err = NULL;
	struct stat st;
	char buf[16384];

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > limit)
		err = ap_err_new(AP_E_FORMAT, "%s is no regular file of at most %zu bytes", name,
				 limit);
	for (size_t n = 0; !err && n < limit;) {
		ssize_t got = read(fd, buf, sizeof(buf) < limit - n ? sizeof(buf) : limit - n);

		if (got < 0)
			err = ap_err_errno(errno, "cannot read %s", name);
		if (got <= 0)
			break;
		ap_str_add(out, buf, (size_t)got);
		n += (size_t)got;
	}
	close(fd);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

void ap_dir_make_room(int dir, size_t most)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char oldest[256] = "";
	time_t when = 0;
	struct stat st;
	size_t n = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.' || fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		n++;
		if (!oldest[0] || st.st_mtime < when) {
			when = st.st_mtime;
			snprintf(oldest, sizeof(oldest), "%s", e->d_name);
		}
	}
	if (n >= most)
		(void)unlinkat(dir, oldest, 0);
	closedir(d);
}

bool ap_dir_size(int dir, const char *name, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_bytes = (uint64_t)st.st_size;
	return true;
}

static int uuid_cmp(const void *a, const void *b)
{
	return memcmp(a, b, AP_UUID_SIZE);
}

struct ap_err *ap_spool_list(const struct ap_spool *spool, char (**ret_uuids)[AP_UUID_SIZE],
			     size_t *ret_n)
{
	int fd = openat(spool->crashes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char(*uuids)[AP_UUID_SIZE] = NULL;
	size_t n = 0, cap = 0;

	if (!dir) {
		struct ap_err *err = ap_err_errno(errno, "cannot read %s/crashes", spool->path);

		if (fd >= 0)
			close(fd);
		return err;
	}
	for (struct dirent *e; (e = readdir(dir)) && n < MAX_CRASHES;) {
		if (!ap_is_uuid(e->d_name))
			continue;
		if (n == cap) {
			void *more = reallocarray(uuids, cap ? cap * 2 : 64, sizeof(*uuids));

			if (!more) {
				free(uuids);
				closedir(dir);
				return &ap_err_nomem;
			}
			uuids = more;
			cap = cap ? cap * 2 : 64;
		}
		memcpy(uuids[n++], e->d_name, AP_UUID_SIZE);
	}
	closedir(dir);
	if (n)
		qsort(uuids, n, sizeof(*uuids), uuid_cmp);
	*ret_uuids = uuids;
	*ret_n = n;
	return NULL;
}

/* The whole id for what a person typed: a beginning of it, or "last". */
static struct ap_err *find_uuid(const struct ap_spool *spool, const char *word,
				char ret_uuid[static AP_UUID_SIZE])
{
	char(*uuids)[AP_UUID_SIZE];
	size_t n, found = 0, at = 0;

	AP_TRY(ap_spool_list(spool, &uuids, &n));
	bool last = strcmp(word, "last") == 0;
	for (size_t i = 0; i < n; i++) {
		/* The end differs, the beginning is the time: both are what people copy. */
		size_t k = strlen(word);
		bool hit = last || strncmp(uuids[i], word, k) == 0 ||
			   (k < AP_UUID_SIZE && strcmp(uuids[i] + AP_UUID_SIZE - 1 - k, word) == 0);

		if (hit) {
			found = last ? 1 : found + 1;
			at = i;
		}
	}
	if (found == 1)
		memcpy(ret_uuid, uuids[at], AP_UUID_SIZE);
	free(uuids);
	if (found == 1)
		return NULL;
	return ap_err_hint(
		found ? ap_err_new(AP_E_NOTFOUND, "%zu crashes begin or end with %.40s", found,
				   word)
		      : ap_err_new(AP_E_NOTFOUND, "no crash %.40s in %s", word, spool->path),
		"`autopsy list` shows what there is");
}

struct ap_err *ap_crash_open(const struct ap_spool *spool, const char *uuid,
			     struct ap_crash *ret_crash)
{
	struct ap_crash crash = {.dir = -1, .published = true};

	if (strlen(uuid) < 4)
		return ap_err_new(AP_E_USAGE,
				  "at least four characters of a crash's id are needed");
	AP_TRY(find_uuid(spool, uuid, crash.uuid));
	AP_TRY(open_dir(spool->crashes, crash.uuid, false, crash.uuid, &crash.dir));
	*ret_crash = crash;
	return NULL;
}

double ap_uuid_time(const char *uuid)
{
	char hex[13];

	/* The first 48 bits. */
	memcpy(hex, uuid, 8);
	memcpy(hex + 8, uuid + 9, 4);
	hex[12] = '\0';
	return (double)strtoull(hex, NULL, 16) / 1000;
}

bool ap_crash_is_busy(const struct ap_crash *crash)
{
	/* A descriptor of its own: locks belong to open files. */
	int fd = openat(crash->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}
