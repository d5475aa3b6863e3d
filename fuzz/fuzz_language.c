/*
 * Lines as they are typed, in all three dialects: words, paths, filters, expressions, formats,
 * pipes. Fails by crashing, by taking too long, by a status without a word about it, and by JSON
 * that is none.
 *
 * The first line of an input says how they are run, by its letters: j JSON, m as `mdb`, c against
 * the core of a program without V8, n against nothing; else a program made by hand. Whatever it is
 * has an object graph, but for n. Shells, files to write and other targets are out of reach: what
 * would open them is replaced here.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "cmd/graph_common.h"
#include "core_maker.h"
#include "fake_model.h"
#include "graph/snapshot.h"
#include "model/core.h"
#include "os/outfile.h"
#include "shell/shell.h"

enum { MAX_LINES_BYTES = 4096, MAX_OUTPUT = 1 << 20, CODE = 0x400000, STACK = 0x7ff000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int __wrap_system(const char *command);
FILE *__wrap_popen(const char *command, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
bool __wrap_ap_is_snapshot_file(const char *path);
struct ap_err *__wrap_ap_study_load(const char *path, const struct ap_heap_watch *watch,
				    struct ap_study **ret_study);
struct ap_err *__wrap_ap_outfile_open(const char *path, bool replace, struct ap_outfile *ret_file);
struct ap_err *__real_ap_image_open_core(const char *path, const struct ap_image_options *options,
					 struct ap_image **ret_image);
struct ap_err *__wrap_ap_image_open_core(const char *path, const struct ap_image_options *options,
					 struct ap_image **ret_image);

/* A leak in small: module scope `store` -> Map -> table -> two Sessions with the same text, a
 * WeakMap's pair. */
static const char snapshot[] =
	"{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\","
	"\"edge_count\",\"detachedness\"],\"node_types\":[[\"hidden\",\"array\",\"string\","
	"\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
	"\"string\",\"number\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\","
	"\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\",\"property\","
	"\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
	"\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},"
	"\"node_count\":11,\"edge_count\":13,\"trace_function_count\":0},\"nodes\":["
	"9,0,1,0,2,0, 9,1,3,0,1,0, 5,2,17,64,2,0, 3,3,33,48,1,0, 3,4,49,32,1,0, 1,5,65,9000,2,0,"
	"3,6,81,40,2,0, 3,6,97,40,1,0, 2,7,113,600,0,0, 2,7,129,600,0,0, 4,8,145,32,1,0],"
	"\"edges\":[1,1,6, 5,9,12, 1,2,12, 3,10,18, 3,11,60, 0,12,24, 3,13,30, 1,0,36, 1,1,42,"
	"2,14,48, 3,15,42, 2,14,54, 3,16,48],\"locations\":[12,4,10,2],\"strings\":[\"\","
	"\"(GC roots)\",\"boot\",\"system / Context\",\"Map\",\"(object elements)\",\"Session\","
	"\"a text that is there twice\",\"/app/store.js\",\"global\",\"context\",\"shared\","
	"\"store\",\"table\",\"name\",\"1 / part of key (K @81) -> value (V @97) pair in WeakMap "
	"(table @65)\",\"script\"]}";

static bool running; /* what reads the corpus may open files */

int __wrap_system(const char *command)
{
	(void)command;
	errno = EACCES;
	return -1;
}

FILE *__wrap_popen(const char *command, const char *mode)
{
	(void)command;
	(void)mode;
	errno = EACCES;
	return NULL;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (!running)
		return __real_fopen(path, mode);
	errno = EACCES;
	return NULL;
}

bool __wrap_ap_is_snapshot_file(const char *path)
{
	return strstr(path, ".heapsnapshot") != NULL;
}

struct ap_err *__wrap_ap_outfile_open(const char *path, bool replace, struct ap_outfile *ret_file)
{
	(void)replace;
	(void)ret_file;
	return ap_err_new(AP_E_IO, "%s cannot be written here", path);
}

/* Any other core than the one made here. */
struct ap_err *__wrap_ap_image_open_core(const char *path, const struct ap_image_options *options,
					 struct ap_image **ret_image)
{
	(void)options;
	(void)ret_image;
	return ap_err_new(AP_E_IO, "%s cannot be read here", path);
}

static struct ap_study *make_study(void)
{
	struct ap_json_memory memory = {snapshot, sizeof(snapshot) - 1};
	struct ap_study *study;
	struct ap_graph *graph;

	if (ap_snapshot_read(ap_json_source_memory(&memory), memory.bytes, &graph) ||
	    ap_study_open(graph, &study))
		abort();
	return study;
}

/* What every older target is: another of the same. */
struct ap_err *__wrap_ap_study_load(const char *path, const struct ap_heap_watch *watch,
				    struct ap_study **ret_study)
{
	(void)path;
	(void)watch;
	*ret_study = make_study();
	return NULL;
}

static struct ap_model *make_core(void)
{
	const struct ap_image_options options = {0};
	uint64_t stack[64] = {0};
	uint8_t code[64];
	char path[64];
	struct ap_image *image;
	struct ap_model *model;
	struct core_maker m;

	memset(code, 0xe8, sizeof(code));
	stack[16] = STACK + 0xa0;
	stack[17] = CODE + 0x10;
	memcpy(&stack[32], "node\0app.js\0A=1", 16);
	const struct core_segment segments[] = {
		{CODE, 0x1000, PF_R | PF_X, code, sizeof(code)},
		{STACK, sizeof(stack), PF_R | PF_W, stack, sizeof(stack)},
	};
	const struct core_spec spec = {
		.segments = segments, .n_segments = 2, .n_threads = 2, .signal = 11};
	core_make(&spec, &m);
	int fd = core_as_file(m.core.s, m.core.n, path);
	if (__real_ap_image_open_core(path, &options, &image) || ap_core_model_open(image, &model))
		abort();
	close(fd);
	core_maker_close(&m);
	return model;
}

/* The reader goes away when it has had enough, as `head` does. */
static ssize_t take(void *cookie, const char *s, size_t n)
{
	struct ap_str *out = cookie;

	if (out->n + n > MAX_OUTPUT) {
		errno = EPIPE;
		return 0;
	}
	ap_str_add(out, s, n);
	return (ssize_t)n;
}

/* Each line of what JSON came out is one envelope, and nothing else. */
static void check_json(const struct ap_str *out)
{
	for (size_t at = 0; at < out->n;) {
		const char *end = memchr(out->s + at, '\n', out->n - at);
		struct ap_json_memory line = {out->s + at, end ? (size_t)(end - out->s) - at : 0};
		struct ap_json_reader r;

		if (!end)
			abort();
		ap_json_read_init(&r, ap_json_source_memory(&line), MAX_OUTPUT);
		if (ap_json_peek(&r) != '{' || !ap_json_read_skip(&r) || !ap_json_read_end(&r))
			abort();
		ap_json_read_close(&r);
		at = (size_t)(end - out->s) + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const cookie_io_functions_t io = {.write = take};
	AP_STR_AUTO text = {0};
	AP_STR_AUTO out = {0};
	AP_STR_AUTO err = {0};
	struct ap_session *session;

	if (bytes > MAX_LINES_BYTES)
		return 0;
	ap_str_add(&text, (const char *)data, bytes);
	ap_str_add(&text, "\n", 2); /* the end of the last line, and of the text */
	size_t flags = strcspn(text.s, "\n");
	bool core = memchr(text.s, 'c', flags), none = memchr(text.s, 'n', flags);
	struct ap_session_options options = {
		.target = "core",
		.json = memchr(text.s, 'j', flags),
		.mdb = memchr(text.s, 'm', flags),
		.out = fopencookie(&out, "w", io),
		.err = fopencookie(&err, "w", io),
	};
	if (!options.out || !options.err ||
	    ap_session_open(&options,
			    none   ? NULL
			    : core ? make_core()
				   : fake_model(),
			    &session))
		abort();
	if (!none)
		ap_session_set_study(session, make_study());
	running = true;
	for (char *line = text.s + flags; *line && !ap_session_is_over(session);) {
		line += *line == '\n';
		size_t n = strcspn(line, "\n");
		bool last = !line[n];

		line[n] = '\0';
		ap_session_run(session, line);
		line += n + !last;
	}
	int status = ap_session_status(session);
	ap_session_close(session);
	running = false;
	fclose(options.out);
	fclose(options.err);
	if (status != AP_EXIT_OK && !out.n && !err.n)
		abort();
	if (options.json && out.n < MAX_OUTPUT / 2)
		check_json(&out);
	return 0;
}
