#include "os/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void directory_of(const char *path, char *buf, size_t bytes)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(buf, bytes, "%s", dirname(copy));
}

static struct ap_err *name_taken(const char *path)
{
	return ap_err_hint(ap_err_new(AP_E_IO, "%s exists", path),
			   "give another name with -o, or --force to replace it");
}

struct ap_err *ap_outfile_open(const char *path, bool replace, struct ap_outfile *ret_file)
{
	struct ap_outfile file = {0};
	char dir[PATH_MAX];
	struct stat st;

	if (strlen(path) + 16 > sizeof(file.path))
		return ap_err_new(AP_E_USAGE, "the name of the output file is too long");
	if (lstat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return ap_err_new(AP_E_IO, "%s is a directory", path);
		if (!replace)
			return name_taken(path);
	}
	snprintf(file.path, sizeof(file.path), "%s", path);
	directory_of(path, dir, sizeof(dir));
	file.fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file.fd < 0) {
		/* Not every file system has files without a name (NFS, old overlays). */
		snprintf(file.temp, sizeof(file.temp), "%.*s.XXXXXX", (int)(sizeof(file.temp) - 16),
			 path);
		file.fd = mkostemp(file.temp, O_CLOEXEC);
		if (file.fd < 0)
			return ap_err_errno(errno, "cannot write in %s", dir);
	}
	(void)fchmod(file.fd, 0600);
	*ret_file = file;
	return NULL;
}

struct ap_err *ap_outfile_commit(struct ap_outfile *file, bool replace, bool sync)
{
	char self[64];

	if (sync && fdatasync(file->fd) < 0 && errno != EINVAL && errno != EROFS)
		return ap_err_errno(errno, "cannot write %s", file->path);
	if (!file->temp[0]) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", file->fd);
		if (linkat(AT_FDCWD, self, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) == 0)
			return NULL;
		if (errno != EEXIST)
			return ap_err_errno(errno, "cannot give %s its name", file->path);
		if (!replace)
			return name_taken(file->path);
		/* Only rename() replaces, and that needs a name. */
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(file->temp, sizeof(file->temp), "%.*s.%u-%u",
				 (int)(sizeof(file->temp) - 32), file->path, (unsigned)getpid(), i);
			if (linkat(AT_FDCWD, self, AT_FDCWD, file->temp, AT_SYMLINK_FOLLOW) == 0)
				break;
			int e = errno;

			file->temp[0] = '\0';
			if (e != EEXIST)
				return ap_err_errno(e, "cannot give %s its name", file->path);
		}
		if (!file->temp[0])
			return name_taken(file->path);
	}
	if (!replace) {
		/* Unlike rename(), link() does not replace what somebody made meanwhile. */
		if (link(file->temp, file->path) < 0)
			return errno == EEXIST
				       ? name_taken(file->path)
				       : ap_err_errno(errno, "cannot give %s its name", file->path);
		(void)unlink(file->temp);
	} else if (rename(file->temp, file->path) < 0) {
		return ap_err_errno(errno, "cannot give %s its name", file->path);
	}
	file->temp[0] = '\0';
	return NULL;
}

void ap_outfile_close(struct ap_outfile *file)
{
	if (file->fd > 0)
		close(file->fd);
	if (file->temp[0])
		(void)unlink(file->temp);
	file->fd = 0;
	file->temp[0] = '\0';
}

void ap_make_parents(const char *path, mode_t mode)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(copy, mode);
		*p = '/';
	}
}

struct ap_err *ap_scratch_open(const char *dir, int *ret_fd)
{
	const char *dirs[] = {dir, getenv("TMPDIR"), "/var/tmp", "/tmp"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char name[PATH_MAX];
		int fd;

		if (!dirs[i] || !*dirs[i])
			continue;
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
		if (fd < 0) {
			snprintf(name, sizeof(name), "%s/autopsy.XXXXXX", dirs[i]);
			fd = mkostemp(name, O_CLOEXEC);
			if (fd >= 0)
				(void)unlink(name);
		}
		if (fd >= 0) {
			*ret_fd = fd;
			return NULL;
		}
	}
	return ap_err_hint(ap_err_errno(errno, "cannot make a temporary file"),
			   "set TMPDIR to a directory with room");
}

uint64_t ap_free_space(const char *path)
{
	struct statvfs fs;
	char dir[PATH_MAX];

	directory_of(path, dir, sizeof(dir));
	if (statvfs(dir, &fs) < 0)
		return UINT64_MAX;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static struct ap_err *write_failed(int e)
{
	struct ap_err *err = ap_err_errno(e, "cannot write the output");

	return e == ENOSPC ? ap_err_hint(err, "free some room, or write elsewhere with -o, or "
					      "--compress zstd (a seventh of the size)")
			   : err;
}

struct ap_err *ap_write_all(int fd, const void *data, uint64_t bytes)
{
	const char *p = data;

	while (bytes) {
		ssize_t n = write(fd, p, bytes > 1 << 30 ? 1 << 30 : bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return write_failed(errno);
		p += n;
		bytes -= (uint64_t)n;
	}
	return NULL;
}

struct ap_err *ap_pwrite_all(int fd, const void *data, uint64_t bytes, uint64_t offset)
{
	const char *p = data;

	while (bytes) {
		ssize_t n = pwrite(fd, p, bytes > 1 << 30 ? 1 << 30 : bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return write_failed(errno);
		p += n;
		bytes -= (uint64_t)n;
		offset += (uint64_t)n;
	}
	return NULL;
}

static bool all_zero(const uint8_t *p, uint64_t bytes)
{
	return !*p && memcmp(p, p + 1, bytes - 1) == 0;
}

struct ap_err *ap_pwrite_sparse(int fd, const void *data, uint64_t bytes, uint64_t offset,
				uint64_t hole)
{
	const uint8_t *p = data;
	uint64_t from = 0;

	for (uint64_t at = 0; at < bytes;) {
		uint64_t n = bytes - at < hole ? bytes - at : hole;

		if (all_zero(p + at, n)) {
			AP_TRY(ap_pwrite_all(fd, p + from, at - from, offset + from));
			from = at + n;
		}
		at += n;
	}
	return ap_pwrite_all(fd, p + from, bytes - from, offset + from);
}
