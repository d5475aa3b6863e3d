/* What is shipped beside crashes: executables, once each, and the files of folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "ship/bundle.h"
#include "ship/upload.h"
#include "tools/ship.h"

enum {
	QUIET_SECONDS = 10, /* a file that changed since is still being written */
	MAX_FILES = 10000,
	NOTES_BYTES = 4 << 20,
};

/* ---- executables ---- */

static struct ap_err *pack(int fd, struct ap_upload *u)
{
	size_t n_in = ZSTD_CStreamInSize(), n_out = ZSTD_CStreamOutSize();
	void *in = malloc(n_in), *out = malloc(n_out);
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct ap_err *err = in && out && zstd ? NULL : &ap_err_nomem;
	bool end = false;

	if (zstd)
		(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
	while (!err && !end) {
		ssize_t n = read(fd, in, n_in);
		ZSTD_inBuffer source = {in, n > 0 ? (size_t)n : 0, 0};
		size_t left = 1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = ap_err_errno(errno, "cannot read the executable");
			break;
		}
		end = n == 0;
		while (!err && (end ? left != 0 : source.pos < source.size)) {
			ZSTD_outBuffer sink = {out, n_out, 0};

			left = ZSTD_compressStream2(zstd, &sink, &source,
						    end ? ZSTD_e_end : ZSTD_e_continue);
			err = ZSTD_isError(left)
				      ? ap_err_new(AP_E_IO, "zstd: %s", ZSTD_getErrorName(left))
				      : ap_upload_write(u, out, sink.pos);
		}
	}
	free(in);
	free(out);
	(void)ZSTD_freeCCtx(zstd);
	return err;
}

static struct ap_err *send(struct ap_shipper *s, int fd, const char *key, bool zstd)
{
	struct ap_upload_options options = {
		.key = key, .part_bytes = (size_t)s->crashes->config.ship.part_bytes};
	struct ap_s3_head head;
	struct ap_upload u;
	char buf[65536];
	ssize_t n;

	AP_TRY(ap_upload_open(&s->store.s3, &options, &u));
	struct ap_err *err = zstd ? pack(fd, &u) : NULL;
	while (!zstd && !err && (n = read(fd, buf, sizeof(buf))) != 0) {
		if (n > 0)
			err = ap_upload_write(&u, buf, (size_t)n);
		else if (errno != EINTR)
			err = ap_err_errno(errno, "cannot read the file");
	}
	if (!err)
		err = ap_upload_finish(&u, &head);
	ap_upload_close(&u, err != NULL && err != &ap_err_cancelled);
	return err;
}

struct ap_err *ap_ship_program(struct ap_shipper *s, const struct ap_record *r)
{
	AP_STR_AUTO key = {0};
	struct ap_s3_head head;
	char name[200];

	if (!r->build_id || strlen(r->build_id) >= sizeof(s->program) ||
	    strcmp(r->build_id, s->program) == 0 ||
	    strspn(r->build_id, "0123456789abcdef") != strlen(r->build_id))
		return NULL;
	snprintf(name, sizeof(name), "programs/%s", r->build_id);
	int fd = openat(s->crashes->spool.root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ap_ship_fixed_prefix(&s->crashes->config.ship, &key);
	ap_str_addf(&key, "%s.zst", name);
	struct ap_err *err = key.failed ? &ap_err_nomem : ap_s3_head(&s->store.s3, key.s, &head);
	if (!err && !head.found)
		err = send(s, fd, key.s, true);
	close(fd);
	if (!err)
		strcpy(s->program, r->build_id);
	return err;
}

/* ---- folders ---- */

/* A file is known by what it is; one that is written anew is shipped anew. */
static void add_note(struct ap_str *out, const char *path, const struct stat *st)
{
	for (; *path; path++)
		ap_str_addc(out, strchr("\t\n", *path) ? '?' : *path);
	ap_str_addf(out, "\t%" PRIu64 "\t%" PRId64 "\t%" PRIu64 "\n", (uint64_t)st->st_size,
		    (int64_t)st->st_mtime, (uint64_t)st->st_ino);
}

static bool is_noted(const struct ap_str *notes, const struct ap_str *note)
{
	const char *at = notes->s;

	while (at && (at = memmem(at, (size_t)(notes->s + notes->n - at), note->s, note->n))) {
		if (at == notes->s || at[-1] == '\n')
			return true;
		at++;
	}
	return false;
}

static struct ap_err *file_key(const struct ap_shipper *s, const char *name, const struct stat *st,
			       struct ap_str *out)
{
	struct utsname un = {.nodename = ""};
	char stamp[64], id[AP_BUNDLE_NAME_SIZE];

	(void)uname(&un);
	snprintf(stamp, sizeof(stamp), "%" PRId64 "-%" PRIu64, (int64_t)st->st_mtime,
		 (uint64_t)st->st_ino);
	struct ap_bundle_field fields[] = {{"host", un.nodename}, {"name", name}, {"stamp", stamp}};
	ap_bundle_name("{stamp}-{name}", fields, 3, stamp, id);
	ap_ship_fixed_prefix(&s->crashes->config.ship, out);
	if (!ap_bundle_prefix("files/{host}/", fields, 1, out))
		return ap_err_new(AP_E_USAGE, "the host's name is too long");
	ap_str_adds(out, id);
	return out->failed ? &ap_err_nomem : NULL;
}

/* Notes of the files that are still there, so that the list does not grow for ever. */
static struct ap_err *ship_file(struct ap_shipper *s, int dir, const char *folder, const char *name,
				const struct ap_str *notes, struct ap_str *fresh, bool *ret_shipped)
{
	AP_STR_AUTO path = {0};
	AP_STR_AUTO note = {0};
	AP_STR_AUTO key = {0};
	struct stat st = {0};

	*ret_shipped = false;
	if (name[0] == '.' || strstr(name, ".tmp") || strstr(name, ".partial"))
		return NULL;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	double age = fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
			     ? (double)time(NULL) - (double)st.st_mtime
			     : -1;
	/* A time ahead of the clock says nothing: then the next round decides by the size. */
	bool quiet =
		age >= QUIET_SECONDS || (age < 0 && S_ISREG(st.st_mode) && age < -QUIET_SECONDS);
	ap_str_addf(&path, "%s/%s", folder, name);
	if (quiet && !path.failed)
		add_note(&note, path.s, &st);
	struct ap_err *err = NULL;
	if (note.n && is_noted(notes, &note)) {
		ap_str_add(fresh, note.s, note.n);
	} else if (note.n) {
		err = ap_ship_connect(s);
		if (!err)
			err = file_key(s, name, &st, &key);
		if (!err)
			err = send(s, fd, key.s, false);
		struct stat now;
		/* Written to meanwhile: what went out is not what is there. */
		if (!err && (fstat(fd, &now) < 0 || now.st_size != st.st_size ||
			     now.st_mtime != st.st_mtime)) {
			err = ap_s3_delete(&s->store.s3, key.s);
		} else if (!err) {
			ap_str_add(fresh, note.s, note.n);
			printf("%s shipped: s3://%s/%s\n", path.s, s->store.bucket, key.s);
			fflush(stdout);
			*ret_shipped = true;
		}
	}
	close(fd);
	return err ? err : fresh->failed || note.failed ? &ap_err_nomem : NULL;
}

static struct ap_err *write_notes(const struct ap_spool *spool, const struct ap_str *fresh)
{
	return ap_dir_write(spool->root, "shipped-files", fresh->s ? fresh->s : "", fresh->n);
}

struct ap_err *ap_ship_folders(struct ap_shipper *s, unsigned *ret_shipped, unsigned *ret_failed)
{
	const struct ap_ship_config *config = &s->crashes->config.ship;
	const struct ap_spool *spool = &s->crashes->spool;
	AP_STR_AUTO notes = {0};
	AP_STR_AUTO fresh = {0};
	struct ap_err *err = NULL;
	unsigned n = 0;

	if (!config->folders.n)
		return NULL;
	/* None yet: everything is new. */
	ap_err_free(ap_dir_read(spool->root, "shipped-files", NOTES_BYTES, &notes));
	for (size_t i = 0; i < config->folders.n && !err; i++) {
		const char *folder = config->folders.at[i];
		DIR *dir = opendir(folder);

		for (struct dirent *e; dir && !err && n < MAX_FILES && (e = readdir(dir)); n++) {
			bool shipped;

			err = ship_file(s, dirfd(dir), folder, e->d_name, &notes, &fresh, &shipped);
			*ret_shipped += shipped;
			if (err && err != &ap_err_cancelled && err->code != AP_E_NOMEM) {
				fprintf(stderr, "autopsy agent: %s/%s: %s\n", folder, e->d_name,
					err->message);
				++*ret_failed;
			}
			/* Each is noted at once: a kill makes at most one go out twice, under the
			 * same key. */
			if (!err && shipped) {
				AP_STR_AUTO both = {0};

				ap_str_add(&both, notes.s, notes.n);
				ap_str_add(&both, fresh.s, fresh.n);
				err = both.failed ? &ap_err_nomem : write_notes(spool, &both);
			}
		}
		if (dir)
			closedir(dir);
	}
	if (err && (err == &ap_err_cancelled || err->code != AP_E_NOMEM)) {
		ap_err_free(err);
		return NULL;
	}
	return err ? err : notes.n == fresh.n ? NULL : write_notes(spool, &fresh);
}
