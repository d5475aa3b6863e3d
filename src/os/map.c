#include "os/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ap_err *ap_map_fd(int fd, const char *path, struct ap_map *ret_map)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ap_err_errno(errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return ap_err_hint(ap_err_new(AP_E_FORMAT, "%s is a directory", path),
				   "name the file itself, for instance %s/core", path);
	if (!S_ISREG(st.st_mode))
		return ap_err_new(AP_E_FORMAT, "%s is not a regular file", path);
	if (st.st_size == 0)
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s is empty", path),
			"a core of 0 bytes is left by a full disk or a core limit of 0 (ulimit -c)");
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (data == MAP_FAILED)
		return ap_err_errno(errno, "cannot map %s", path);
	*ret_map = (struct ap_map){data, (uint64_t)st.st_size};
	return NULL;
}

struct ap_err *ap_map_open(const char *path, struct ap_map *ret_map, int *ret_fd)
{
	struct stat st;

	/* Paths come out of cores, too: merely opening a device may do something. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return ap_err_new(AP_E_FORMAT, "%s is not a regular file", path);
	/* O_NONBLOCK: should it have become a FIFO in between; regular files ignore it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	struct ap_err *err = ap_map_fd(fd, path, ret_map);
	if (err || !ret_fd)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

uint64_t ap_map_present(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t present = 0, end;

	if (__builtin_add_overflow(offset, bytes, &end) || end > INT64_MAX)
		return 0;
	while (offset < end) {
		off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

		/* ENXIO: only holes follow. Anything else: a file system without holes. */
		if (data < 0)
			return errno == ENXIO ? present : bytes;
		if ((uint64_t)data >= end)
			break;
		off_t hole = lseek(fd, data, SEEK_HOLE);
		if (hole <= data)
			return bytes;
		present += ((uint64_t)hole < end ? (uint64_t)hole : end) - (uint64_t)data;
		offset = (uint64_t)hole;
	}
	return present;
}

uint64_t ap_map_next_data(int fd, uint64_t offset)
{
	off_t data = offset <= INT64_MAX ? lseek(fd, (off_t)offset, SEEK_DATA) : -1;

	if (data >= 0)
		return (uint64_t)data;
	/* ENXIO: only holes follow. Anything else: a file system without holes. */
	return offset <= INT64_MAX && errno != ENXIO ? offset : UINT64_MAX;
}

void ap_map_fetch(const uint8_t *at, uint64_t bytes)
{
	uintptr_t from = (uintptr_t)at & ~(uintptr_t)4095;

#ifdef MADV_POPULATE_READ
	(void)madvise((void *)from, bytes + ((uintptr_t)at - from), MADV_POPULATE_READ);
#else
	(void)from;
	(void)bytes;
#endif
}

void ap_map_close(struct ap_map *map)
{
	if (map->data)
		munmap((void *)(uintptr_t)map->data, map->bytes);
	*map = (struct ap_map){0};
}
