#include "image/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CHECK_SPACE_EVERY = 64 << 20 };

struct input_spool {
	int fd;
	const char *dir;
	uint64_t written;
	uint64_t next_check;
};

static struct ap_err *spool_open(struct input_spool *spool)
{
	const char *dir = getenv("TMPDIR");

	/* /tmp is often memory; a spooled core belongs on a disk. */
	if (!dir || !*dir)
		dir = "/var/tmp";
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		char *name = NULL;

		if (asprintf(&name, "%s/autopsy-XXXXXX", dir) < 0)
			return &ap_err_nomem;
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
		free(name);
	}
	if (fd < 0)
		return ap_err_hint(ap_err_errno(errno, "cannot make a temporary file in %s", dir),
				   "set TMPDIR to a folder with room for the unpacked core");
	/* A minicore fits where there is hardly any room, as on a node's disk that fills up. */
	*spool = (struct input_spool){.fd = fd, .dir = dir, .next_check = CHECK_SPACE_EVERY};
	return NULL;
}

static struct ap_err *spool_check_space(struct input_spool *spool)
{
	struct statvfs vfs;

	if (spool->written < spool->next_check)
		return NULL;
	spool->next_check = spool->written + CHECK_SPACE_EVERY;
	if (fstatvfs(spool->fd, &vfs) < 0)
		return NULL;
	uint64_t free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	uint64_t reserve = (uint64_t)vfs.f_blocks * vfs.f_frsize / 20;
	if (reserve < 1000000000)
		reserve = 1000000000;
	if (free_bytes >= reserve + CHECK_SPACE_EVERY)
		return NULL;
	return ap_err_hint(
		ap_err_new(
			AP_E_LIMIT,
			"stopped unpacking after %.1f GB: %s has only %.1f GB free, and %.1f GB stay free",
			(double)spool->written / 1e9, spool->dir, (double)free_bytes / 1e9,
			(double)reserve / 1e9),
		"set TMPDIR to a folder on a larger disk, or unpack the core yourself");
}

/* Blocks of zeros become holes, so that a sparse core stays small on disk. */
static struct ap_err *spool_write(struct input_spool *spool, const void *buf, size_t n,
				  int64_t offset)
{
	const uint8_t *p = buf;

	while (n) {
		size_t block = n < 65536 ? n : 65536;
		bool zero = p[0] == 0 && memcmp(p, p + 1, block - 1) == 0;

		AP_TRY(spool_check_space(spool));
		if (!zero) {
			ssize_t done = pwrite(spool->fd, p, block, offset);

			if (done < 0 && errno == EINTR)
				continue;
			if (done <= 0)
				return ap_err_hint(
					ap_err_errno(errno, "cannot write to %s", spool->dir),
					"set TMPDIR to a folder with more room");
			block = (size_t)done;
			spool->written += block;
		}
		p += block;
		n -= block;
		offset += (int64_t)block;
	}
	if (ftruncate(spool->fd, offset) < 0)
		return ap_err_errno(errno, "cannot write to %s", spool->dir);
	return NULL;
}

/* What libarchive says of itself and not of the operating system is about the bytes. */
static struct ap_err *input_error(struct archive *a, const char *path)
{
	int errnum = archive_errno(a);
	bool os = errnum > 0 && errnum != EILSEQ && errnum != EINVAL;

	return ap_err_hint(ap_err_new(os ? AP_E_IO : AP_E_FORMAT, "cannot unpack %s: %s", path,
				      archive_error_string(a)),
			   os ? "check the file and its disk"
			      : "the compressed file is damaged; fetch it again");
}

static bool is_zip(struct archive *a)
{
	return (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = name ? strlen(name) : 0, k = strlen(end);

	return n > k && strcmp(name + n - k, end) == 0;
}

/* A compressed file that breaks off still gives what came before. */
static struct ap_err *spool_data(struct archive *a, const char *path, struct input_spool *spool)
{
	const void *buf;
	size_t n;
	la_int64_t offset, end = 0;
	int rc;

	while ((rc = archive_read_data_block(a, &buf, &n, &offset)) == ARCHIVE_OK ||
	       rc == ARCHIVE_WARN) {
		AP_TRY(spool_write(spool, buf, n, offset));
		end = offset + (la_int64_t)n;
	}
	return rc != ARCHIVE_EOF && end == 0 ? input_error(a, path) : NULL;
}

/* A crash as a crash collector ships it: its core, or the minicore where there is no other. */
static struct ap_err *unpack_bundle(struct archive *a, struct archive_entry *entry,
				    const char *path, struct input_spool *spool)
{
	bool found = false;
	int rc;

	do {
		const char *name = archive_entry_pathname(entry);
		bool mini = ends_with(name, ".mini.core");

		if (!ends_with(name, ".core") || (mini && found))
			continue;
		if (found && ftruncate(spool->fd, 0) < 0)
			return ap_err_errno(errno, "cannot write to %s", spool->dir);
		found = true;
		AP_TRY(spool_data(a, path, spool));
		if (!mini)
			return NULL;
	} while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN);
	if (found)
		return NULL;
	return rc != ARCHIVE_EOF
		       ? input_error(a, path)
		       : ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no core in %s", path),
				     "its -dump-info.json says why, if it is a crash's");
}

static struct ap_err *input_unpack(struct archive *a, const char *path, struct input_spool *spool)
{
	struct archive_entry *entry;
	int rc;

	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_zip_streamable(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	rc = strcmp(path, "-") == 0 ? archive_read_open_fd(a, STDIN_FILENO, 1 << 20)
				    : archive_read_open_filename(a, path, 1 << 20);
	if (rc != ARCHIVE_OK)
		return input_error(a, path);
	rc = archive_read_next_header(a, &entry);
	if (rc == ARCHIVE_EOF)
		return ap_err_hint(ap_err_new(AP_E_FORMAT, "%s is empty", path),
				   "the program that should have written the core sent nothing");
	if (rc != ARCHIVE_OK)
		return input_error(a, path);
	return is_zip(a) ? unpack_bundle(a, entry, path, spool) : spool_data(a, path, spool);
}

static struct ap_err *input_spool_map(const char *path, struct ap_map *ret_map, int *ret_fd)
{
	struct input_spool spool = {.fd = -1, .dir = ""};
	struct archive *a;

	AP_TRY(spool_open(&spool));
	a = archive_read_new();
	struct ap_err *err = a ? input_unpack(a, path, &spool) : &ap_err_nomem;
	archive_read_free(a);
	if (!err)
		err = ap_map_fd(spool.fd, path, ret_map);
	if (err)
		close(spool.fd);
	else
		*ret_fd = spool.fd;
	return err;
}

static bool input_is_compressed(const struct ap_map *map)
{
	static const struct {
		const char *bytes;
		size_t n;
	} magics[] = {
		{"\x28\xb5\x2f\xfd", 4},
		{"\x1f\x8b", 2},
		{"\xfd"
		 "7zXZ",
		 5},
		{"\x04\x22\x4d\x18", 4},
		{"PK\x03\x04", 4},
	};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (map->bytes >= magics[i].n &&
		    memcmp(map->data, magics[i].bytes, magics[i].n) == 0)
			return true;
	}
	return false;
}

struct ap_err *ap_input_map(const char *path, struct ap_map *ret_map, int *ret_fd)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return input_spool_map(path, ret_map, ret_fd);
	if (stat(path, &st) < 0) {
		int errnum = errno;
		struct ap_err *err = ap_err_errno(errnum, "cannot open %s", path);

		return ap_err_hint(
			err, errnum == ENOENT ? "check the path; cores are often named core.PID"
					      : "check the permissions of the file and its folder");
	}
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode))
		return input_spool_map(path, ret_map, ret_fd);
	struct ap_map map;
	int fd;
	struct ap_err *err = ap_map_open(path, &map, &fd);
	if (err)
		return ap_err_find_hint(err) ? err
					     : ap_err_hint(err, "check the permissions: cores are "
								"readable by their owner only");
	if (!input_is_compressed(&map)) {
		*ret_map = map;
		*ret_fd = fd;
		return NULL;
	}
	ap_map_close(&map);
	close(fd);
	return input_spool_map(path, ret_map, ret_fd);
}

void ap_input_peek(const char *path, void *buf, size_t bytes, size_t *ret_n)
{
	struct archive_entry *entry;
	struct stat st;
	la_ssize_t n = -1;

	*ret_n = 0;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	struct archive *a = archive_read_new();
	if (!a)
		return;
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_zip_streamable(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK) {
		int rc;

		do {
			rc = archive_read_next_header(a, &entry);
		} while (rc == ARCHIVE_OK && is_zip(a) &&
			 !ends_with(archive_entry_pathname(entry), ".core"));
		if (rc == ARCHIVE_OK)
			n = archive_read_data(a, buf, bytes);
	}
	archive_read_free(a);
	if (n > 0)
		*ret_n = (size_t)n;
}
