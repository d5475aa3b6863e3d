#include "live/ncore.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "os/outfile.h"

enum {
	ANSWER_LIMIT = 256 << 20, /* of the arena for one step's messages */
	DUMP_LIMIT = 512 << 20,
	PIECE = 3 << 20, /* bytes of a dump in one message: whole groups of base64 */
	END_MS = 10000,  /* from the last message of a panic to the end of the program */
	MAX_PLACES = 4,
};

/* ncore.js, as it stands there. */
__asm__(".pushsection .rodata\n"
	"ap_ncore_script:\n"
	".incbin \"live/ncore.js\"\n" /* among the include directories */
	".byte 0\n"
	".popsection\n");
extern const char ap_ncore_script[];

static struct ap_err *step(struct ap_inspector *inspector, const char *name, bool by_value,
			   struct ap_arena *arena, struct ap_protocol_value *ret)
{
	/* The comment that names the script stands behind the expression, on a line of its own. */
	const char *mark = strstr(ap_ncore_script, "\n//# sourceURL");
	AP_STR_AUTO text = {0};

	ap_str_add(&text, ap_ncore_script, (size_t)(mark - ap_ncore_script));
	ap_str_addf(&text, ".%s()%s", name, mark);
	if (text.failed)
		return &ap_err_nomem;
	return ap_inspector_evaluate(inspector, text.s, by_value, arena, ret);
}

static struct ap_err *look(struct ap_inspector *inspector, const struct ap_target *target,
			   struct ap_arena *arena, struct ap_ncore_look *ret)
{
	struct ap_protocol_value value;

	AP_TRY(step(inspector, "look", true, arena, &value));
	if (!value.string.s)
		return ap_err_new(AP_E_FORMAT, "process %d answers a %.*s where a text should be",
				  target->pid, AP_TEXT_ARG(value.type));
	AP_TRY(ap_ncore_read_look(value.string, arena, ret));
	if (ret->pid != (uint64_t)target->status.ns_pid)
		return ap_err_new(
			AP_E_MISMATCH,
			"who answers on that port says it is process %llu, not %d: nothing was done",
			(unsigned long long)ret->pid, target->status.ns_pid);
	return NULL;
}

/* One piece of a text; *ret_n is less than PIECE at its end. */
static struct ap_err *fetch_piece(struct ap_inspector *inspector, struct ap_text list, size_t index,
				  uint64_t from, struct ap_arena *arena, struct ap_str *out,
				  size_t *ret_n)
{
	AP_STR_AUTO params = {0};
	struct ap_protocol_value value;
	struct ap_text body;
	struct ap_json j;

	ap_json_init(&j, &params, NULL);
	ap_json_object(&j, NULL);
	ap_json_text(&j, "objectId", list);
	ap_json_cstr(
		&j, "functionDeclaration",
		"function (index, from, to) { return this[index].toString('base64', from, to); }");
	ap_json_array(&j, "arguments");
	for (int i = 0; i < 3; i++) {
		ap_json_object(&j, NULL);
		ap_json_uint(&j, "value", i == 0 ? index : i == 1 ? from : from + PIECE);
		ap_json_end_object(&j);
	}
	ap_json_end_array(&j);
	ap_json_bool(&j, "returnByValue", true);
	ap_json_bool(&j, "silent", true);
	ap_json_end_object(&j);
	if (params.failed)
		return &ap_err_nomem;
	AP_TRY(ap_inspector_call(inspector, "Runtime.callFunctionOn", params.s, NULL, arena,
				 &body));
	if (!body.s)
		return ap_err_new(AP_E_IO,
				  "the program closed the connection in the middle of the dump");
	AP_TRY(ap_protocol_read_value(body, arena, &value));
	if (value.exception.s || !value.string.s)
		return ap_err_new(AP_E_FORMAT, "the program does not hand out its dump: %.*s",
				  AP_TEXT_ARG(value.exception.s ? value.exception : value.type));
	char *bytes = ap_alloc(arena, PIECE + 4);
	if (!bytes)
		return &ap_err_nomem;
	int n = value.string.n <= (size_t)PIECE / 3 * 4
			? lws_b64_decode_string_len(value.string.s, (int)value.string.n, bytes,
						    PIECE + 4)
			: -1;
	if (n < 0 || n > PIECE)
		return ap_err_new(AP_E_FORMAT,
				  "what the program hands out is not the piece that was asked for");
	ap_str_add(out, bytes, (size_t)n);
	*ret_n = (size_t)n;
	return out->failed ? &ap_err_nomem : NULL;
}

/*
 * Text number `index` of a list that lives in the program, piece by piece, so that no answer holds
 * it up for long. As base64: V8 takes a second to write a million characters that are not ASCII.
 */
static struct ap_err *fetch(struct ap_inspector *inspector, struct ap_text list, size_t index,
			    struct ap_str *out)
{
	size_t n = PIECE;

	for (uint64_t from = 0; n == PIECE; from += n) {
		struct ap_arena arena;

		if (from > DUMP_LIMIT)
			return ap_err_new(AP_E_LIMIT, "a dump of more than %d MB",
					  DUMP_LIMIT >> 20);
		ap_arena_init(&arena, ANSWER_LIMIT);
		struct ap_err *err = fetch_piece(inspector, list, index, from, &arena, out, &n);
		ap_arena_close(&arena);
		AP_TRY(err);
	}
	return NULL;
}

/* A step that leaves a list of texts in the program. */
static struct ap_err *step_list(struct ap_inspector *inspector, const char *name,
				struct ap_arena *arena, struct ap_text *ret_list)
{
	struct ap_protocol_value value;

	AP_TRY(step(inspector, name, false, arena, &value));
	if (!value.object_id.s)
		return ap_err_new(AP_E_FORMAT, "the program answers a %.*s where a list should be",
				  AP_TEXT_ARG(value.type));
	*ret_list = value.object_id;
	return NULL;
}

/* The keys of a panic's dump, in their order, with what can be said of a program without one. */
static struct ap_err *survey(struct ap_inspector *inspector, const struct ap_ncore_options *options,
			     const struct ap_ncore_look *seen, struct ap_arena *arena,
			     struct ap_str *out)
{
	AP_STR_AUTO argv = {0};
	AP_STR_AUTO env = {0};
	AP_STR_AUTO rest = {0};
	AP_STR_AUTO cwd = {0};
	struct ap_text list;

	AP_TRY(step_list(inspector, "survey", arena, &list));
	AP_TRY(fetch(inspector, list, 0, &argv));
	AP_TRY(fetch(inspector, list, 1, &env));
	AP_TRY(fetch(inspector, list, 2, &rest));
	AP_TRY(fetch(inspector, list, 3, &cwd));
	if (rest.n < 2 || rest.s[0] != '{' || rest.s[rest.n - 1] != '}' || !cwd.n)
		return ap_err_new(AP_E_FORMAT,
				  "the program's answer is not the one that was asked for");
	ap_str_adds(out, "{\"dbg.format-version\":\"0.1\",\"init.process.argv\":");
	AP_TRY(ap_ncore_mask_list((struct ap_text){argv.s, argv.n}, false, options->show_secrets,
				  out));
	ap_str_addf(out, ",\"init.process.pid\":%llu,\"init.process.cwd\":%s,\"init.process.env\":",
		    (unsigned long long)seen->pid, cwd.s);
	AP_TRY(ap_ncore_mask_list((struct ap_text){env.s, env.n}, true, options->show_secrets,
				  out));
	ap_str_addc(out, ',');
	ap_str_add(out, rest.s + 1, rest.n - 1);
	return out->failed ? &ap_err_nomem : NULL;
}

static struct ap_err *write_dump(const struct ap_ncore_options *options, uint64_t pid,
				 const struct ap_str *text, struct ap_ncore_result *result)
{
	AP_OUTFILE_AUTO file = {0};
	char name[64];

	snprintf(name, sizeof(name), "ncore.%llu", (unsigned long long)pid);
	AP_TRY(ap_outfile_open(options->path ? options->path : name, true, &file));
	AP_TRY(ap_write_all(file.fd, text->s, text->n));
	AP_TRY(ap_outfile_commit(&file, true, true));
	if (!realpath(options->path ? options->path : name, result->path))
		snprintf(result->path, sizeof(result->path), "%s",
			 options->path ? options->path : name);
	result->bytes = text->n;
	return NULL;
}

/* A directory where the panic may put its file; held open, since the process is gone by then. */
struct place {
	int fd;
	char dir[PATH_MAX];
	struct stat before; /* st_ino 0: there was none */
};

/* As the process sees the path: its links lead nowhere out of its own file system. */
static int open_inside(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static void open_places(const struct ap_target *target, const struct ap_ncore_look *seen,
			const char *name, struct place places[static MAX_PLACES])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", target->pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < seen->n_dirs && i < MAX_PLACES; i++) {
		struct place *p = &places[i];

		snprintf(p->dir, sizeof(p->dir), "%.*s", AP_TEXT_ARG(seen->dirs[i]));
		p->fd = root >= 0 && p->dir[0] == '/' ? open_inside(root, p->dir) : -1;
		if (p->fd >= 0 && fstatat(p->fd, name, &p->before, AT_SYMLINK_NOFOLLOW) != 0)
			p->before = (struct stat){0};
	}
	if (root >= 0)
		close(root);
}

static bool is_whole(int fd, uint64_t bytes)
{
	char ends[2] = {0};

	return bytes > 2 && pread(fd, &ends[0], 1, 0) == 1 &&
	       pread(fd, &ends[1], 1, (off_t)bytes - 1) == 1 && ends[0] == '{' && ends[1] == '}';
}

static struct ap_err *copy_to(int from, const char *path, struct ap_ncore_result *result)
{
	AP_OUTFILE_AUTO file = {0};
	char chunk[65536];
	ssize_t n;

	AP_TRY(ap_outfile_open(path, true, &file));
	for (off_t at = 0; (n = pread(from, chunk, sizeof(chunk), at)) > 0; at += n)
		AP_TRY(ap_write_all(file.fd, chunk, (uint64_t)n));
	if (n < 0)
		return ap_err_errno(errno, "cannot read the dump");
	AP_TRY(ap_outfile_commit(&file, true, true));
	snprintf(result->path, sizeof(result->path), "%s", path);
	result->elsewhere = false;
	return NULL;
}

/* The file that was not there before the panic. */
static struct ap_err *find_dump(const struct ap_target *target,
				const struct ap_ncore_options *options, const char *name,
				const struct place places[static MAX_PLACES],
				struct ap_ncore_result *result)
{
	for (size_t i = 0; i < MAX_PLACES; i++) {
		struct stat st;
		int fd = places[i].fd > 0 ? openat(places[i].fd, name,
						   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
					  : -1;

		if (fd < 0)
			continue;
		bool found = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			     (st.st_ino != places[i].before.st_ino ||
			      st.st_mtim.tv_sec != places[i].before.st_mtim.tv_sec ||
			      st.st_mtim.tv_nsec != places[i].before.st_mtim.tv_nsec);
		struct ap_err *err = NULL;
		if (found) {
			bool slash = strcmp(places[i].dir, "/") == 0;

			result->bytes = (uint64_t)st.st_size;
			snprintf(result->path, sizeof(result->path), "%.*s/%s",
				 (int)(sizeof(result->path) - 80), slash ? "" : places[i].dir,
				 name);
			if (!is_whole(fd, result->bytes))
				err = ap_err_new(AP_E_FORMAT, "the dump %s is cut off",
						 result->path);
			else if (options->path)
				err = copy_to(fd, options->path, result);
		}
		close(fd);
		if (found)
			return err;
	}
	return ap_err_new(
		AP_E_NOTFOUND,
		"process %d %s and left no dump: its panic has skipDump, or could not write",
		target->pid, result->ended ? "panicked" : "was told to panic");
}

static struct ap_err *panic(struct ap_inspector *inspector, struct ap_target *target,
			    const struct ap_ncore_options *options, struct ap_arena *arena)
{
	static const char params[] =
		"{\"expression\":\"caPanic('core dump initiated at user request')\",\"silent\":true}";
	struct ap_protocol_value value;
	struct ap_text body;

	/* It waits for us to leave before it ends, and says when. */
	ap_err_free(ap_inspector_call(inspector, "NodeRuntime.notifyWhenWaitingForDisconnect",
				      "{\"enabled\":true}", NULL, arena, &body));
	ap_inspector_set_timeout(inspector, options->panic_ms);
	struct ap_err *err = ap_inspector_call(inspector, "Runtime.evaluate", params,
					       "NodeRuntime.waitingForDisconnect", arena, &body);
	if (err && err->code == AP_E_LIMIT) {
		ap_err_free(err);
		return ap_err_new(
			AP_E_LIMIT,
			"the panic of process %d has not ended after %u s; it goes on by itself",
			target->pid, options->panic_ms / 1000);
	}
	if (err && ap_target_wait_end(target, 100)) {
		/* it aborted: the connection broke, and nobody waited for us */
		ap_err_free(err);
		return NULL;
	}
	if (err || !body.s)
		return err;
	AP_TRY(ap_protocol_read_value(body, arena, &value));
	return ap_err_new(
		AP_E_UNSUPPORTED, "the panic of process %d came back%s%.*s: the program goes on",
		target->pid, value.exception.s ? " with " : "", AP_TEXT_ARG(value.exception));
}

static struct ap_err *take_panic(struct ap_inspector *inspector, struct ap_target *target,
				 const struct ap_ncore_options *options,
				 const struct ap_ncore_look *seen, struct ap_arena *arena,
				 struct ap_ncore_result *result)
{
	struct place places[MAX_PLACES] = {0};
	char name[64], ours[64], theirs[64];

	snprintf(name, sizeof(name), "ncore.%llu", (unsigned long long)seen->pid);
	result->elsewhere = ap_proc_link(getpid(), "ns/mnt", ours, sizeof(ours)) &&
			    ap_proc_link(target->pid, "ns/mnt", theirs, sizeof(theirs)) &&
			    strcmp(ours, theirs) != 0;
	open_places(target, seen, name, places);
	struct ap_err *err = panic(inspector, target, options, arena);
	ap_inspector_leave(inspector);
	result->ended = ap_target_wait_end(target, err ? 0 : END_MS);
	if (!err)
		err = find_dump(target, options, name, places, result);
	if (!err && !result->ended)
		err = ap_err_new(AP_E_LIMIT, "process %d wrote %s, but has not ended after %d s",
				 target->pid, result->path, END_MS / 1000);
	for (size_t i = 0; i < MAX_PLACES; i++) {
		if (places[i].fd > 0)
			close(places[i].fd);
	}
	return err;
}

static struct ap_err *take_running(struct ap_inspector *inspector,
				   const struct ap_ncore_options *options,
				   const struct ap_ncore_look *seen, struct ap_arena *arena,
				   struct ap_ncore_result *result)
{
	AP_STR_AUTO text = {0};
	struct ap_text list, body;
	struct ap_err *err;

	if (seen->panic_loaded) {
		err = step_list(inspector, "dump", arena, &list);
		if (!err)
			err = fetch(inspector, list, 0, &text);
	} else {
		err = survey(inspector, options, seen, arena, &text);
	}
	ap_err_free(ap_inspector_call(inspector, "Runtime.releaseObjectGroup",
				      "{\"objectGroup\":\"autopsy\"}", NULL, arena, &body));
	result->left_open = !ap_inspector_close(inspector);
	return err ? err : write_dump(options, seen->pid, &text, result);
}

struct ap_err *ap_ncore_take(struct ap_target *target, const struct ap_ncore_options *options,
			     struct ap_ncore_result *ret_result)
{
	struct ap_ncore_result result = {0};
	struct ap_inspector *inspector;
	struct ap_ncore_look seen;
	struct ap_arena arena;

	AP_TRY(ap_inspector_open(target, &options->inspector, &inspector));
	if (options->attached)
		options->attached(options->inspector.arg);
	result.port = ap_inspector_port(inspector);
	result.was_open = ap_inspector_was_open(inspector);
	ap_arena_init(&arena, ANSWER_LIMIT);
	struct ap_err *err = look(inspector, target, &arena, &seen);
	if (err) {
		ap_inspector_close(inspector);
	} else {
		result.panic_loaded = seen.panic_loaded;
		snprintf(result.version, sizeof(result.version), "%.*s", AP_TEXT_ARG(seen.version));
		err = seen.panic_loaded && !options->keep_running
			      ? take_panic(inspector, target, options, &seen, &arena, &result)
			      : take_running(inspector, options, &seen, &arena, &result);
	}
	ap_arena_close(&arena);
	AP_TRY(err);
	*ret_result = result;
	return NULL;
}
