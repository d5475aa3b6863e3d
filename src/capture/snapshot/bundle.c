#include "capture/snapshot/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/json.h"
#include "elf/file.h"
#include "os/outfile.h"
#include "os/proc.h"

enum { COPY = 1 << 20, FILES_LIMIT = 4096 };

/*
 * The very file that is mapped, also when its name was deleted or replaced: map_files needs
 * privileges; the name inside the target's own root does if it is still the same file.
 */
static int open_mapped(pid_t pid, const struct ap_mapping *m, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, m->start,
		 m->end);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "/proc/%d/root%s", pid, name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != m->inode)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static struct ap_err *make_parents(char *path, size_t from)
{
	for (char *p = path + from; (p = strchr(p + 1, '/'));) {
		*p = '\0';
		int failed = mkdir(path, 0700) < 0 && errno != EEXIST;
		*p = '/';
		if (failed)
			return ap_err_errno(errno, "cannot make the directories of %s", path);
	}
	return NULL;
}

static struct ap_err *copy(int from, const char *path, unsigned long long *ret_bytes)
{
	char *buf = malloc(COPY);
	struct ap_err *err = buf ? NULL : &ap_err_nomem;
	ssize_t n;
	int to = err ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);

	if (!err && to < 0)
		err = ap_err_errno(errno, "cannot write %s", path);
	while (!err && (n = read(from, buf, COPY)) != 0) {
		if (n < 0)
			err = ap_err_errno(errno, "cannot read the file for %s", path);
		else
			err = ap_write_all(to, buf, (uint64_t)n);
		*ret_bytes += n > 0 ? (unsigned long long)n : 0;
	}
	if (to >= 0)
		close(to);
	free(buf);
	return err;
}

static void build_id_of(const char *path, char hex[static 2 * AP_BUILD_ID_MAX + 1])
{
	struct ap_elf *elf = NULL;
	AP_ERR_AUTO err = ap_elf_open(path, &elf);

	hex[0] = '\0';
	if (err)
		return;
	(void)ap_build_id_hex(ap_elf_build_id(elf), hex);
	ap_elf_close(elf);
}

static struct ap_err *bundle_one(pid_t pid, const char *dir, const struct ap_mapping *m,
				 const char *name, struct ap_json *j, struct ap_bundle_result *r)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX], hex[2 * AP_BUILD_ID_MAX + 1] = "";
	unsigned long long bytes = 0;
	size_t n = strlen(name), tail = sizeof(deleted) - 1;
	bool is_deleted = n > tail && strcmp(name + n - tail, deleted) == 0;

	n -= is_deleted ? tail : 0;
	/* The kernel writes no ".." here; a name that has one is not followed. */
	if (memmem(name, n, "/../", 4) ||
	    snprintf(path, sizeof(path), "%s%.*s", dir, (int)n, name) >= (int)sizeof(path))
		return NULL;
	int fd = open_mapped(pid, m, name);
	ap_json_object(j, NULL);
	ap_json_text(j, "path", (struct ap_text){name, n});
	ap_json_bool(j, "deleted", is_deleted);
	if (fd >= 0) {
		struct ap_err *err = make_parents(path, strlen(dir));

		if (!err)
			err = copy(fd, path, &bytes);
		close(fd);
		if (err)
			return err;
		build_id_of(path, hex);
		r->n_files++;
		r->bytes += bytes;
	} else {
		r->n_missing++;
	}
	ap_json_bool(j, "copied", fd >= 0);
	ap_json_uint(j, "bytes", bytes);
	ap_json_cstr(j, "build_id", *hex ? hex : NULL);
	ap_json_end_object(j);
	return NULL;
}

struct ap_err *ap_bundle(pid_t pid, const char *dir, struct ap_bundle_result *ret_result)
{
	AP_MAPS_AUTO maps = {0};
	AP_STR_AUTO text = {0};
	AP_OUTFILE_AUTO manifest = {0};
	struct ap_bundle_result r = {0};
	struct ap_json j;
	char path[PATH_MAX];
	const char *done[FILES_LIMIT];
	size_t n_done = 0;

	AP_TRY(ap_maps_read(pid, &maps));
	if (mkdir(dir, 0700) < 0)
		return ap_err_errno(errno, "cannot make the directory %s", dir);
	ap_json_init(&j, &text, NULL);
	ap_json_object(&j, NULL);
	ap_json_array(&j, "files");
	for (size_t i = 0; i < maps.n && n_done < FILES_LIMIT; i++) {
		const struct ap_mapping *m = &maps.at[i];
		const char *name = ap_mapping_name(&maps, m);
		bool again = false;

		if (*name != '/' || !(m->flags & AP_MAP_EXEC) || !m->inode)
			continue;
		for (size_t k = 0; k < n_done; k++)
			again |= strcmp(done[k], name) == 0;
		if (again)
			continue;
		done[n_done++] = name;
		AP_TRY(bundle_one(pid, dir, m, name, &j, &r));
	}
	ap_json_end_array(&j);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	if (text.failed)
		return &ap_err_nomem;
	snprintf(path, sizeof(path), "%s/manifest.json", dir);
	AP_TRY(ap_outfile_open(path, false, &manifest));
	AP_TRY(ap_write_all(manifest.fd, text.s, text.n));
	AP_TRY(ap_outfile_commit(&manifest, false, false));
	*ret_result = r;
	return NULL;
}
