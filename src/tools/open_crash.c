/* autopsy dump, fetch, debug: getting at the core of a kept crash. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/number.h"
#include "os/outfile.h"
#include "tools/bundle.h"
#include "tools/crash_print.h"
#include "tools/crashes.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

static const char dump_usage[] =
	"usage: autopsy dump [--mini|--zip] [-c FILE] [--force] [s3://BUCKET/PREFIX] ID|last [-o FILE|-]\n"
	"Writes the core of a crash, unpacked (default: core.ID here; - is standard output).\n"
	"  --mini   the minicore: stacks and what they lead to\n"
	"  --zip    all of it as the zip that the agent would ship\n";

static const char fetch_usage[] =
	"usage: autopsy fetch [-c FILE] [s3://BUCKET/PREFIX] ID|last [-o DIR]\n"
	"Copies a crash with its program into a directory that can be taken elsewhere\n"
	"(default: crash-ID here): autopsy DIR/PROGRAM DIR/core.zst opens it there (DIR/core of a bucket).\n";

static const char debug_usage[] =
	"usage: autopsy debug [--mini] [-c FILE] [s3://BUCKET/PREFIX] [ID|last] [-e CMD ...] [--json]\n"
	"Opens a crash with the program that it was: a prompt, or the commands of -e.\n"
	"  --mini   the minicore although the full core is there\n"
	"autopsy debug --kubectl --help: in a pod of the cluster\n";

/* The file that holds the core; a whole one before a cut one before the minicore. */
static struct ap_err *choose(const struct ap_record *r, bool mini, const char **ret_name)
{
	const char *name = mini           ? (r->have_mini ? "mini.core.zst" : NULL)
			   : r->have_core ? "core.zst"
			   : r->have_cut  ? "core.cut.zst"
			   : r->have_mini ? "mini.core.zst"
					  : NULL;

	if (!name)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "of crash %s there %s", r->uuid,
					      mini && (r->have_core || r->have_cut)
						      ? "is no minicore"
						      : "is no core, only what /proc said"),
				   "autopsy info %s shows it, and why", r->uuid);
	*ret_name = name;
	return NULL;
}

/* Unpacks frame after frame; the memory is zstd's window. */
static struct ap_err *unpack(int from, int to)
{
	size_t n_in = ZSTD_DStreamInSize(), n_out = ZSTD_DStreamOutSize();
	void *in = malloc(n_in), *out = malloc(n_out);
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	struct ap_err *err = in && out && zstd ? NULL : &ap_err_nomem;
	size_t left = 0;

	while (!err) {
		ssize_t n = read(from, in, n_in);
		ZSTD_inBuffer source = {in, n > 0 ? (size_t)n : 0, 0};

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = ap_err_errno(errno, "cannot read the core");
		if (n <= 0)
			break;
		while (!err && source.pos < source.size) {
			ZSTD_outBuffer sink = {out, n_out, 0};

			left = ZSTD_decompressStream(zstd, &sink, &source);
			if (ZSTD_isError(left))
				err = ap_err_new(AP_E_FORMAT, "the core does not unpack: %s",
						 ZSTD_getErrorName(left));
			else if (sink.pos)
				err = ap_write_all(to, out, sink.pos);
		}
	}
	if (!err && left)
		err = ap_err_new(AP_E_FORMAT, "the core is cut off inside a frame");
	free(in);
	free(out);
	(void)ZSTD_freeDCtx(zstd);
	return err;
}

static int open_in(const struct ap_crash *crash, const char *name)
{
	return openat(crash->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static const char *short_id(const struct ap_record *r)
{
	return r->uuid + AP_UUID_SIZE - 1 - 12;
}

static struct ap_err *dump(const struct ap_crash *crash, const struct ap_record *r, bool mini,
			   const char *output, bool force)
{
	struct ap_outfile file = {0};
	char name[64];
	const char *core;

	AP_TRY(choose(r, mini, &core));
	if (!output) {
		snprintf(name, sizeof(name), "%score.%s", mini ? "mini." : "", short_id(r));
		output = name;
	}
	bool to_stdout = strcmp(output, "-") == 0;
	if (to_stdout && isatty(STDOUT_FILENO))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "a core on a terminal helps nobody"),
				   "pipe it, or give -o FILE");
	int from = open_in(crash, core);
	if (from < 0)
		return ap_err_errno(errno, "cannot open %s of crash %s", core, r->uuid);
	struct ap_err *err = to_stdout ? NULL : ap_outfile_open(output, force, &file);
	if (!err)
		err = unpack(from, to_stdout ? STDOUT_FILENO : file.fd);
	if (!err && !to_stdout)
		err = ap_outfile_commit(&file, force, false);
	ap_outfile_close(&file);
	close(from);
	if (!err && !to_stdout)
		printf("%s\n", output);
	return err;
}

static struct ap_err *to_fd(void *fd, const void *data, size_t bytes)
{
	return ap_write_all(*(int *)fd, data, bytes);
}

static struct ap_err *dump_zip(const struct ap_crashes *c, const struct ap_crash *crash,
			       const struct ap_record *r, const char *output, bool force)
{
	struct ap_outfile file = {0};
	struct ap_crash_bundle bundle;
	AP_STR_AUTO name = {0};
	int fd = STDOUT_FILENO;

	AP_TRY(ap_crash_bundle_open(&c->config.ship, crash, r, true, NULL, &bundle));
	ap_str_addf(&name, "%s.zip", bundle.name);
	if (!output)
		output = name.s;
	bool to_stdout = output && strcmp(output, "-") == 0;
	struct ap_err *err = name.failed ? &ap_err_nomem
			     : to_stdout && isatty(STDOUT_FILENO)
				     ? ap_err_new(AP_E_USAGE, "a zip on a terminal helps nobody")
			     : to_stdout ? NULL
					 : ap_outfile_open(output, force, &file);
	if (!err && !to_stdout)
		fd = file.fd;
	if (!err)
		err = ap_bundle_write(bundle.name, bundle.members, bundle.n_members, bundle.time,
				      to_fd, &fd);
	if (!err && !to_stdout)
		err = ap_outfile_commit(&file, force, false);
	if (!err && !to_stdout)
		printf("%s\n", output);
	ap_outfile_close(&file);
	ap_crash_bundle_close(&bundle);
	return err;
}

static struct ap_err *copy_to(int from, const char *dir, const char *name)
{
	struct ap_outfile file;
	char path[PATH_MAX], buf[65536];
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return ap_err_new(AP_E_USAGE, "the name of the directory is too long");
	AP_TRY(ap_outfile_open(path, false, &file));
	struct ap_err *err = NULL;
	while (!err && (n = read(from, buf, sizeof(buf))) != 0) {
		if (n > 0)
			err = ap_write_all(file.fd, buf, (uint64_t)n);
		else if (errno != EINTR)
			err = ap_err_errno(errno, "cannot read %s", name);
	}
	if (!err)
		err = ap_outfile_commit(&file, false, false);
	ap_outfile_close(&file);
	return err;
}

/* The kept program of that build-id, -1: there is none. */
static int open_program(const struct ap_crashes *c, const struct ap_record *r)
{
	char name[200];

	if (!r->build_id || strlen(r->build_id) > 128 ||
	    strspn(r->build_id, "0123456789abcdef") != strlen(r->build_id))
		return -1;
	snprintf(name, sizeof(name), "programs/%s", r->build_id);
	return openat(c->spool.root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static struct ap_err *fetch(const struct ap_crashes *c, const struct ap_crash *crash,
			    const struct ap_record *r, const char *output)
{
	static const char *const files[] = {"meta.json",     "state.json",  "pod.json",
					    "container.log", "stack.json",  "mini.core.zst",
					    "core.zst",      "core.cut.zst"};
	char dir[PATH_MAX];

	if (output)
		snprintf(dir, sizeof(dir), "%s", output);
	else
		snprintf(dir, sizeof(dir), "crash-%s", short_id(r));
	if (mkdir(dir, 0700) < 0)
		return ap_err_hint(ap_err_errno(errno, "cannot make %s", dir),
				   "name another one with -o");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int from = open_in(crash, files[i]);

		if (from < 0)
			continue;
		struct ap_err *err = copy_to(from, dir, files[i]);
		close(from);
		if (err)
			return err;
	}
	int program = open_program(c, r);
	if (program >= 0) {
		/* Under the name that the core knows: then it is found beside the core. */
		const char *name = ap_record_program(r);
		struct ap_err *err = copy_to(program, dir, strchr(name, '/') ? "program" : name);

		close(program);
		if (err)
			return err;
	}
	printf("%s\n", dir);
	return NULL;
}

/* Becomes the opener: its prompt, options and exit status are the ones that people know. */
static struct ap_err *debug(const struct ap_crashes *c, const struct ap_record *r, bool mini,
			    char **rest, int n_rest)
{
	char core[PATH_MAX + 64], program[PATH_MAX + 200];
	char **argv = calloc((size_t)n_rest + 4, sizeof(*argv));
	const char *name = NULL;
	size_t n = 0;

	if (!argv)
		return &ap_err_nomem;
	struct ap_err *err = choose(r, mini, &name);
	if (err) {
		free(argv);
		return err;
	}
	snprintf(core, sizeof(core), "%s/crashes/%s/%s", c->spool.path, r->uuid, name);
	argv[n++] = (char *)"autopsy";
	int fd = open_program(c, r);
	if (fd >= 0) {
		close(fd);
		snprintf(program, sizeof(program), "%s/programs/%s", c->spool.path, r->build_id);
		argv[n++] = program;
	}
	argv[n++] = core;
	for (int i = 0; i < n_rest; i++)
		argv[n++] = rest[i];
	if (strcmp(name, "core.zst") != 0)
		fprintf(stderr, "autopsy debug: this is %s\n",
			strcmp(name, "mini.core.zst") == 0
				? "a minicore: stacks and what they lead to, not the whole heap"
				: "a core that was cut off");
	execv("/proc/self/exe", argv);
	err = ap_err_errno(errno, "cannot start autopsy");
	free(argv);
	return err;
}

enum what { DUMP, FETCH, DEBUG };

static struct ap_err *open_remote(const char *config, const struct ap_remote_want *want)
{
	struct ap_config loaded;

	AP_TRY(ap_config_load(config, environ, &loaded));
	struct ap_err *err = ap_remote_open(&loaded.ship, want);
	ap_config_close(&loaded);
	return err;
}

static int run(int argc, char **argv, enum what what)
{
	static const char *const usages[] = {dump_usage, fetch_usage, debug_usage};
	const char *name = argv[0], *config = NULL, *id = NULL, *output = NULL, *address = NULL;
	char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	bool mini = false, force = false, zip = false;
	struct ap_crashes c;
	struct ap_crash crash;
	struct ap_record r;
	int n_rest = 0;

	for (int i = 1; rest && i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
			free(rest);
			return fputs(usages[what], stdout), 0;
		}
		if (strcmp(word, "-c") == 0 && i + 1 < argc)
			config = argv[++i];
		else if (what != FETCH && strcmp(word, "--mini") == 0)
			mini = true;
		else if (what == DUMP && strcmp(word, "--zip") == 0)
			zip = true;
		else if (what == DUMP && strcmp(word, "--force") == 0)
			force = true;
		else if (what != DEBUG && strcmp(word, "-o") == 0 && i + 1 < argc)
			output = argv[++i];
		else if (what == DEBUG && word[0] == '-') {
			rest[n_rest++] = argv[i];
			if (strcmp(word, "-e") == 0 && i + 1 < argc)
				rest[n_rest++] = argv[++i];
		} else if (!address && !id && ap_store_is_address(word))
			address = word;
		else if (!id && word[0] != '-')
			id = word;
		else {
			free(rest);
			return ap_tool_usage(name, usages[what], "%s is not understood", word);
		}
	}
	/* The address may be that of the bundle itself. */
	if (!id && (what == DEBUG || (address && strlen(address) > 4 &&
				      strcmp(address + strlen(address) - 4, ".zip") == 0)))
		id = "last";
	if (!id || !rest) {
		free(rest);
		return ap_tool_usage(name, usages[what], "which crash?");
	}
	if (address && zip) {
		free(rest);
		return ap_tool_usage(name, usages[what],
				     "in a bucket it is a zip already: autopsy fetch");
	}
	if (address) {
		struct ap_remote_want want = {
			(enum ap_remote_what)what, address, id, output, mini, force, rest, n_rest};
		struct ap_err *failed = open_remote(config, &want);

		free(rest);
		return failed ? ap_tool_fail(name, failed) : 0;
	}
	struct ap_err *err = ap_crashes_open(config, &c);
	if (err) {
		free(rest);
		return ap_tool_fail(name, err);
	}
	err = ap_crash_open(&c.spool, id, &crash);
	if (!err) {
		err = ap_record_read(&c.spool, crash.uuid, &c.arena, &r);
		if (!err)
			err = zip             ? dump_zip(&c, &crash, &r, output, force)
			      : what == DUMP  ? dump(&crash, &r, mini, output, force)
			      : what == FETCH ? fetch(&c, &crash, &r, output)
					      : debug(&c, &r, mini, rest, n_rest);
		ap_crash_close(&c.spool, &crash);
	}
	ap_crashes_close(&c);
	free(rest);
	return err ? ap_tool_fail(name, err) : 0;
}

int ap_tool_dump(int argc, char **argv)
{
	return run(argc, argv, DUMP);
}

int ap_tool_fetch(int argc, char **argv)
{
	return run(argc, argv, FETCH);
}

int ap_tool_debug(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--kubectl") == 0)
			return ap_tool_debug_kubectl(argc, argv);
	}
	return run(argc, argv, DEBUG);
}
