/*
 * A file that appears under its name only when it is whole: mode 0600, written without a name
 * (O_TMPFILE) where the file system can, else under a temporary one.
 *
 * Ownership: struct ap_outfile owns its descriptor; ap_outfile_close() without a commit leaves
 * nothing behind. A killed writer leaves nothing either, where O_TMPFILE works.
 */
#ifndef AP_OS_OUTFILE_H
#define AP_OS_OUTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct ap_outfile {
	int fd; /* 0: closed */
	char path[PATH_MAX];
	char temp[PATH_MAX]; /* "": unnamed */
};

/* Fails when something of that name exists, unless `replace`. */
struct ap_err *ap_outfile_open(const char *path, bool replace, struct ap_outfile *ret_file);
/* Gives the file its name, after its data reached the disk (`sync`) or not. */
struct ap_err *ap_outfile_commit(struct ap_outfile *file, bool replace, bool sync);
void ap_outfile_close(struct ap_outfile *file);
#define AP_OUTFILE_AUTO AP_CLEANUP(ap_outfile_close) struct ap_outfile

/* Makes every missing directory above `path`. What cannot be made shows when it is used. */
void ap_make_parents(const char *path, mode_t mode);
/* A file without a name for data on its way; in `dir`, else where temporary files live. */
struct ap_err *ap_scratch_open(const char *dir, int *ret_fd);
/* Bytes that an ordinary user may still write in the directory of `path`; UINT64_MAX: unknown. */
uint64_t ap_free_space(const char *path);
struct ap_err *ap_write_all(int fd, const void *data, uint64_t bytes);
struct ap_err *ap_pwrite_all(int fd, const void *data, uint64_t bytes, uint64_t offset);
/*
 * The same into a file that holds nothing there yet: pieces of `hole` bytes, counted from the
 * first one, that are all zeros are not written. Who ends in one sets the file's size himself.
 */
struct ap_err *ap_pwrite_sparse(int fd, const void *data, uint64_t bytes, uint64_t offset,
				uint64_t hole);

#endif
