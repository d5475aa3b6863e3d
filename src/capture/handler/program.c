#include "capture/handler/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/outfile.h"

enum { MAX_PROGRAMS = 64, COPY_BYTES = 1 << 20 };

static bool is_hex(const char *s)
{
	size_t n = strlen(s);

	if (n < 8 || n > 128)
		return false;
	for (; *s; s++) {
		if (!isxdigit((unsigned char)*s))
			return false;
	}
	return true;
}

/* Opaque bytes: nothing here looks at them. */
static struct ap_err *copy(int from, int to)
{
	char *buf;
	off_t at = 0;
	ssize_t n;

	while ((n = copy_file_range(from, &at, to, NULL, 1 << 30, 0)) > 0)
		;
	if (n == 0)
		return NULL;
	/* Not between these file systems. */
	buf = malloc(COPY_BYTES);
	struct ap_err *err = buf ? NULL : &ap_err_nomem;
	while (!err && (n = pread(from, buf, COPY_BYTES, at)) > 0) {
		err = ap_write_all(to, buf, (uint64_t)n);
		at += n;
	}
	if (!err && n < 0)
		err = ap_err_errno(errno, "cannot read the program");
	free(buf);
	return err;
}

struct ap_err *ap_program_keep(const struct ap_spool *spool, const char *build_id, int exe,
			       uint64_t most_bytes, bool *ret_kept)
{
	struct ap_new_file file;
	struct ap_err *err = NULL;
	struct stat st;
	uint64_t bytes;
	int dir;

	*ret_kept = false;
	if (!is_hex(build_id) || exe < 0 || fstat(exe, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	AP_TRY(ap_spool_directory(spool, "programs", &dir));
	(void)flock(dir, LOCK_EX); /* a hundred copies of the same at once help nobody */
	if (ap_dir_size(dir, build_id, &bytes)) {
		(void)utimensat(dir, build_id, NULL, AT_SYMLINK_NOFOLLOW);
		*ret_kept = true;
	} else if ((uint64_t)st.st_size <= most_bytes) {
		ap_dir_make_room(dir, MAX_PROGRAMS);
		err = ap_new_file_open(dir, build_id, &file);
		if (!err) {
			err = copy(exe, file.fd);
			if (err)
				ap_new_file_close(dir, &file);
			else
				err = ap_new_file_commit(dir, build_id, true, &file);
		}
		*ret_kept = !err;
	}
	close(dir);
	return err;
}
