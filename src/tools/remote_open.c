/* autopsy dump, fetch, debug on a bucket: a download that is taken up again, and what is needed of
 * it unpacked. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/number.h"
#include "os/outfile.h"
#include "ship/bundle.h"
#include "ship/sigv4.h"
#include "ship/source.h"
#include "ship/unzip.h"
#include "tools/crash_print.h"

enum { PIECE = 8 << 20, FIRST_BYTES = 256 << 10, ROOM_LEFT = 64 << 20 };

/* ---- where downloads live ---- */

static struct ap_err *make_dirs(const char *path)
{
	ap_make_parents(path, 0700);
	return mkdir(path, 0700) < 0 && errno != EEXIST
		       ? ap_err_errno(errno, "cannot make %s", path)
		       : NULL;
}

static struct ap_err *cache_dir(const char *what, char ret[static PATH_MAX])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (cache && *cache == '/')
		n = snprintf(ret, PATH_MAX, "%s/autopsy/%s", cache, what);
	else if (home && *home == '/')
		n = snprintf(ret, PATH_MAX, "%s/.cache/autopsy/%s", home, what);
	else
		return ap_err_hint(ap_err_new(AP_E_USAGE, "there is no place for downloads"),
				   "set XDG_CACHE_HOME");
	if (n >= PATH_MAX)
		return ap_err_new(AP_E_USAGE, "the name of the cache is too long");
	return make_dirs(ret);
}

/* ---- download ---- */

static void progress(uint64_t at, uint64_t of, bool end)
{
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rautopsy: %s of %s%s", ap_bytes_human(at, a),
			ap_bytes_human(of, b), end ? "\n" : " ");
}

/* An object in a file, read from its beginning; the file stays until it is removed. */
struct download {
	int fd;
	char path[PATH_MAX + 128];
	uint64_t at;
	char buf[1 << 18];
};

/* The whole object; what is there already of the same object stays. `*d` is to be closed if it
 * succeeds. */
static struct ap_err *download(struct ap_remotes *all, const struct ap_remote *r, const char *dir,
			       struct download *d)
{
	char etag[AP_ETAG_SIZE];
	struct stat st;

	if (ap_free_space(dir) < r->bytes)
		return ap_err_hint(ap_err_new(AP_E_IO,
					      "there is no room for %" PRIu64 " bytes in %s",
					      r->bytes, dir),
				   "set XDG_CACHE_HOME, or --mini for the minicore alone");
	memcpy(etag, r->etag, sizeof(etag));
	for (char *p = etag; *p; p++) {
		if (*p == '/')
			*p = '_';
	}
	d->at = 0;
	snprintf(d->path, sizeof(d->path), "%s/%s.zip.part", dir, etag[0] ? etag : "object");
	int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return ap_err_errno(errno, "cannot open %s", d->path);
	}
	uint64_t at = (uint64_t)st.st_size > r->bytes || !etag[0] ? 0 : (uint64_t)st.st_size;
	struct ap_err *err = NULL;
	while (!err && at < r->bytes) {
		AP_STR_AUTO piece = {0};
		size_t want = r->bytes - at < PIECE ? (size_t)(r->bytes - at) : PIECE;

		progress(at, r->bytes, false);
		err = ap_s3_get(&all->store.s3, r->key, r->etag, at, want, &piece);
		if (!err && !piece.n)
			err = ap_err_new(AP_E_IO,
					 "the store sends nothing of %s behind byte %" PRIu64,
					 r->key, at);
		if (!err)
			err = ap_pwrite_all(fd, piece.s, piece.n, at);
		at += piece.n;
	}
	if (!err && ftruncate(fd, (off_t)r->bytes) < 0)
		err = ap_err_errno(errno, "cannot write %s", d->path);
	progress(at, r->bytes, true);
	if (err)
		close(fd);
	else
		d->fd = fd;
	return err;
}

/* ---- unpacking ---- */

static struct ap_err *next_of_file(void *arg, const void **ret, size_t *ret_n)
{
	struct download *f = arg;
	ssize_t n = pread(f->fd, f->buf, sizeof(f->buf), (off_t)f->at);

	if (n < 0)
		return ap_err_errno(errno, "cannot read the download");
	f->at += (uint64_t)n;
	*ret = f->buf;
	*ret_n = (size_t)n;
	return NULL;
}

/* The next file of that kind becomes `path`, whole or not at all. */
static struct ap_err *extract_to(struct ap_unzip *u, const char *path, bool replace)
{
	AP_OUTFILE_AUTO out = {0};
	uint64_t bytes, room = ap_free_space(path);

	AP_TRY(ap_outfile_open(path, replace, &out));
	AP_TRY(ap_unzip_file(u, out.fd, room > ROOM_LEFT ? room - ROOM_LEFT : 0, &bytes));
	return ap_outfile_commit(&out, replace, false);
}

static struct ap_err *extract_one(struct ap_unzip *u, enum ap_bundle_file wanted, const char *path,
				  bool replace)
{
	const char *name;

	do {
		AP_TRY(ap_unzip_next(u, &name));
	} while (name && ap_bundle_file_of(name) != wanted);
	return name ? extract_to(u, path, replace)
		    : ap_err_new(AP_E_NOTFOUND, "there is no %s in this bundle",
				 wanted == AP_BUNDLE_MINI ? "minicore" : "core");
}

static struct ap_err *extract_core(struct ap_unzip *u, const char *path, bool replace)
{
	return extract_one(u, AP_BUNDLE_CORE, path, replace);
}

/* The minicore stands before the core: a few ranges of the object are enough. */
static struct ap_err *get_mini(struct ap_remotes *all, const struct ap_remote *r, const char *path,
			       bool replace)
{
	struct ap_source source;
	struct ap_unzip u;

	ap_source_init(&source, &all->store.s3, r->key, r->etag, r->bytes, FIRST_BYTES);
	struct ap_err *err = ap_unzip_open(&u, ap_source_next, &source);
	if (!err) {
		err = extract_one(&u, AP_BUNDLE_MINI, path, replace);
		ap_unzip_close(&u);
	}
	ap_source_close(&source);
	return err;
}

/* ---- the executable ---- */

static struct ap_err *unpack_program(struct ap_source *source, int fd)
{
	size_t n_out = ZSTD_DStreamOutSize(), left = 1;
	void *out = malloc(n_out);
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	struct ap_err *err = out && zstd ? NULL : &ap_err_nomem;

	while (!err) {
		ZSTD_inBuffer in = {NULL, 0, 0};

		err = ap_source_next(source, &in.src, &in.size);
		if (err || !in.size)
			break;
		while (!err && in.pos < in.size) {
			ZSTD_outBuffer sink = {out, n_out, 0};

			left = ZSTD_decompressStream(zstd, &sink, &in);
			err = ZSTD_isError(left)
				      ? ap_err_new(AP_E_FORMAT, "the executable does not unpack")
				      : ap_write_all(fd, out, sink.pos);
		}
	}
	if (!err && left)
		err = ap_err_new(AP_E_FORMAT, "the executable is cut off");
	free(out);
	(void)ZSTD_freeDCtx(zstd);
	return err;
}

/* At the bundle's prefix or above it. `*ret_found` false: nobody put it there. */
static struct ap_err *get_program(struct ap_remotes *all, const struct ap_remote *r,
				  const char *path, bool *ret_found)
{
	AP_STR_AUTO key = {0};
	struct ap_s3_head head = {.found = false};
	struct ap_source source;
	size_t n = strlen(r->key);

	*ret_found = false;
	while (n && !head.found) {
		while (n && r->key[n - 1] != '/')
			n--;
		ap_str_clear(&key);
		ap_str_add(&key, r->key, n);
		ap_str_addf(&key, "programs/%s.zst", r->record.build_id);
		if (key.failed)
			return &ap_err_nomem;
		AP_TRY(ap_s3_head(&all->store.s3, key.s, &head));
		if (n)
			n--;
	}
	if (!head.found)
		return NULL;
	AP_OUTFILE_AUTO out = {0};
	AP_TRY(ap_outfile_open(path, true, &out));
	ap_source_init(&source, &all->store.s3, key.s, head.etag, head.bytes, PIECE);
	struct ap_err *err = unpack_program(&source, out.fd);
	ap_source_close(&source);
	if (!err && fchmod(out.fd, 0700) < 0)
		err = ap_err_errno(errno, "cannot change %s", path);
	if (!err)
		err = ap_outfile_commit(&out, true, false);
	*ret_found = !err;
	return err;
}

static bool has_build_id(const struct ap_record *r)
{
	return r->build_id && *r->build_id && strlen(r->build_id) <= 128 &&
	       strspn(r->build_id, "0123456789abcdef") == strlen(r->build_id);
}

/* ---- the subcommands ---- */

static struct ap_err *check(const struct ap_remote *r, bool *mini)
{
	if (*mini ? r->record.have_mini
		  : r->record.have_core || r->record.have_cut || r->record.have_mini) {
		*mini = *mini || !(r->record.have_core || r->record.have_cut);
		return NULL;
	}
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "of this crash there is no %s in the bucket",
				      *mini ? "minicore" : "core"),
			   "autopsy info shows what there is, and why");
}

/* The object through a download in `dir`: `unpack` makes of it what stands under `path`. */
static struct ap_err *
unpack_download(struct ap_remotes *all, const struct ap_remote *r, const char *dir,
		struct ap_err *(*unpack)(struct ap_unzip *u, const char *path, bool replace),
		const char *path, bool replace)
{
	struct download *d = malloc(sizeof(*d));
	struct ap_err *err = d ? download(all, r, dir, d) : &ap_err_nomem;
	struct ap_unzip u;

	if (!err) {
		err = ap_unzip_open(&u, next_of_file, d);
		if (!err) {
			err = unpack(&u, path, replace);
			ap_unzip_close(&u);
		}
		/* Unpacked, or what came is damaged: in both cases the next try is a new download.
		 */
		if (!err || err->code == AP_E_FORMAT)
			(void)unlink(d->path);
		close(d->fd);
	}
	free(d);
	return err;
}

/* A directory of the cache for this object, by what it is called and by its etag. */
static struct ap_err *object_dir(const struct ap_remotes *all, const struct ap_remote *r,
				 char ret[static PATH_MAX])
{
	AP_STR_AUTO all_of_it = {0};
	char hash[AP_SHA256_HEX_SIZE], what[64];

	ap_str_addf(&all_of_it, "%s/%s/%s/%s", all->store.s3.host, all->store.bucket, r->key,
		    r->etag);
	if (all_of_it.failed)
		return &ap_err_nomem;
	ap_sha256_hex(all_of_it.s, all_of_it.n, hash);
	snprintf(what, sizeof(what), "crashes/%.24s", hash);
	return cache_dir(what, ret);
}

static struct ap_err *debug(struct ap_remotes *all, const struct ap_remote *r,
			    const struct ap_remote_want *w)
{
	char dir[PATH_MAX], programs[PATH_MAX], core[PATH_MAX + 32], program[PATH_MAX + 140];
	char **argv = calloc((size_t)w->n_rest + 4, sizeof(*argv));
	bool mini = w->mini, have_program = false;
	size_t n = 0;

	if (!argv)
		return &ap_err_nomem;
	struct ap_err *err = check(r, &mini);
	if (!err)
		err = object_dir(all, r, dir);
	if (!err)
		err = cache_dir("programs", programs);
	if (!err) {
		snprintf(core, sizeof(core), "%s/%s", dir, mini ? "mini.core" : "core");
		if (access(core, R_OK) < 0)
			err = mini ? get_mini(all, r, core, true)
				   : unpack_download(all, r, dir, extract_core, core, true);
	}
	if (!err && has_build_id(&r->record)) {
		snprintf(program, sizeof(program), "%s/%s", programs, r->record.build_id);
		have_program = access(program, R_OK) == 0;
		if (!have_program)
			err = get_program(all, r, program, &have_program);
	}
	if (!err) {
		argv[n++] = (char *)"autopsy";
		if (have_program)
			argv[n++] = program;
		argv[n++] = core;
		for (int i = 0; i < w->n_rest; i++)
			argv[n++] = w->rest[i];
		if (mini || !r->record.have_core)
			fprintf(stderr, "autopsy debug: this is %s\n",
				mini ? "a minicore: stacks and what they lead to, not the whole heap"
				     : "a core that was cut off");
		fprintf(stderr, "autopsy debug: the core lies in %s; remove it when you are done\n",
			dir);
		execv("/proc/self/exe", argv);
		err = ap_err_errno(errno, "cannot start autopsy");
	}
	free(argv);
	return err;
}

static struct ap_err *dump(struct ap_remotes *all, const struct ap_remote *r,
			   const struct ap_remote_want *w)
{
	char dir[PATH_MAX], name[96];
	const char *output = w->output;
	bool mini = w->mini;

	AP_TRY(check(r, &mini));
	if (output && strcmp(output, "-") == 0)
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED, "a core from a bucket goes into a file"),
			"give -o FILE");
	if (!output) {
		snprintf(name, sizeof(name), "%score.%s", mini ? "mini." : "",
			 r->record.uuid[0] ? r->record.uuid + AP_UUID_SIZE - 1 - 12 : "crash");
		output = name;
	}
	if (!w->force && access(output, F_OK) == 0)
		return ap_err_hint(ap_err_new(AP_E_IO, "%s is there already", output),
				   "--force replaces it");
	AP_TRY(object_dir(all, r, dir));
	AP_TRY(mini ? get_mini(all, r, output, w->force)
		    : unpack_download(all, r, dir, extract_core, output, w->force));
	(void)rmdir(dir);
	printf("%s\n", output);
	return NULL;
}

/* "node-1-dump-info.json" of bundle "node-1": "dump-info.json"; NULL for a name that is not ours to
 * write. */
static const char *plain_name(const char *name, size_t n_bundle)
{
	const char *plain = strlen(name) > n_bundle + 1 ? name + n_bundle + 1 : NULL;

	return plain && plain[0] != '.' && plain[0] != '-' &&
			       strspn(plain,
				      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
				       strlen(plain)
		       ? plain
		       : NULL;
}

static struct ap_err *unpack_all(struct ap_unzip *u, const char *dir, bool replace)
{
	static const char first[] = "-dump-info.json";
	char path[PATH_MAX + 256];
	size_t n_bundle = 0, left_out = 0;
	const char *name;

	for (;;) {
		AP_TRY(ap_unzip_next(u, &name));
		if (!name)
			break;
		if (!n_bundle && ap_bundle_file_of(name) == AP_BUNDLE_DUMP_INFO)
			n_bundle = strlen(name) - strlen(first);
		const char *plain = n_bundle ? plain_name(name, n_bundle) : NULL;
		if (!plain || strlen(plain) > 200) {
			left_out++;
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", dir, plain);
		AP_TRY(extract_to(u, path, replace));
	}
	if (left_out)
		fprintf(stderr,
			"autopsy fetch: %zu files of the bundle have names that were left out\n",
			left_out);
	return n_bundle ? NULL
			: ap_err_new(AP_E_FORMAT,
				     "this zip is no crash: it has no ...-dump-info.json");
}

static struct ap_err *fetch(struct ap_remotes *all, const struct ap_remote *r,
			    const struct ap_remote_want *w)
{
	char dir[PATH_MAX], cache[PATH_MAX], path[PATH_MAX + 256];
	const char *program = ap_record_program(&r->record);
	bool found = false;

	if (w->output)
		snprintf(dir, sizeof(dir), "%s", w->output);
	else
		snprintf(dir, sizeof(dir), "crash-%s",
			 r->record.uuid[0] ? r->record.uuid + AP_UUID_SIZE - 1 - 12 : "s3");
	if (mkdir(dir, 0700) < 0)
		return ap_err_hint(ap_err_errno(errno, "cannot make %s", dir),
				   "name another one with -o");
	AP_TRY(object_dir(all, r, cache));
	struct ap_err *err = unpack_download(all, r, cache, unpack_all, dir, false);
	if (!err)
		(void)rmdir(cache);
	if (!err && has_build_id(&r->record)) {
		bool plain = *program && program[0] != '.' && !strchr(program, '/') &&
			     strlen(program) < 200 && strcmp(program, "core") != 0;

		snprintf(path, sizeof(path), "%s/%s", dir, plain ? program : "program");
		if (access(path, F_OK) < 0)
			err = get_program(all, r, path, &found);
	}
	if (!err)
		printf("%s\n", dir);
	return err;
}

struct ap_err *ap_remote_open(const struct ap_ship_config *config, const struct ap_remote_want *w)
{
	struct ap_remotes all;
	struct ap_remote *r;

	AP_TRY(ap_remotes_open(config, w->address, &all));
	struct ap_err *err = ap_remotes_find(&all, w->id, &r);
	if (!err)
		err = w->what == AP_REMOTE_DUMP    ? dump(&all, r, w)
		      : w->what == AP_REMOTE_FETCH ? fetch(&all, r, w)
						   : debug(&all, r, w);
	ap_remotes_close(&all);
	return err;
}
