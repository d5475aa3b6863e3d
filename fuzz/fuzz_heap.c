/*
 * The whole heap of a core whose pages, spaces, maps and objects are not what they were: pages are
 * found, walked, grouped and searched anew in each run. Fails by crashing, by taking too long or by
 * sums that contradict each other.
 *
 * AP_FUZZ_CORE names the core of a Node. Its bytes are mapped privately, and an input is a list of
 * patches to them, undone after the run. A patch is 16 bytes: what to do, where, a distance, which
 * page, a value; see place() and apply().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "graph/patterns.h"
#include "graph/snapshot.h"
#include "graph/suspects.h"
#include "heap/fill_graph.h"
#include "heap/heap_private.h"

enum {
	MAX_PATCHES = 64,
	MAX_RUN_SECONDS = 60,
	ARENA_BYTES = 256 << 20,
	MAX_MEGABYTES = 2000,
	MAX_RANDOM_MAPS = 4096,
};

struct patch {
	uint8_t op, where;
	int16_t distance; /* in words */
	uint32_t index;
	uint64_t value;
};
_Static_assert(sizeof(struct patch) == 16, "the corpus is made of these");

struct undo {
	uint8_t *at;
	uint64_t old;
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct ap_image *image;
static struct ap_heap_page *pages; /* of the undisturbed heap */
static size_t n_pages;
static ap_tagged *maps;
static size_t n_maps;
static bool with_graph = true; /* it costs as much as all the rest: for one input in four */

static uint8_t *bytes_at(ap_addr addr)
{
	const struct ap_segment *s = ap_image_segment_at(image, addr);

	if (!s || s->origin != AP_SEGMENT_CORE || !s->data || s->end - addr < 8)
		return NULL;
	return (uint8_t *)(uintptr_t)s->data + (addr - s->start);
}

static ap_addr place(const struct patch *p)
{
	const struct ap_heap_page *page = &pages[p->index % n_pages];
	uint64_t words = (page->end - page->start) / 8;

	switch (p->where & 7) {
	case 0: /* what the page says of itself */
	case 1:
		return (p->where & 8 ? page->chunk : page->header) +
		       (uint64_t)(p->distance & 63) * 8;
	case 2: /* its space */
		return page->owner + (uint64_t)(p->distance & 127) * 8;
	case 3: /* a map */
	case 4:
		return (maps[p->index % n_maps] & ~3ull) + (uint64_t)(p->distance & 15) * 8;
	case 5: /* the first object, the end */
		return p->distance & 1 ? page->end - 8
				       : page->start + (uint64_t)(p->distance >> 1 & 7) * 8;
	default: /* anything in it */
		return page->start + (p->value >> 16) % words * 8;
	}
}

static bool apply(const struct patch *p, struct undo *ret_undo)
{
	static const uint64_t odd[] = {
		0,
		1,
		3,
		8,
		1ull << 32,
		UINT64_MAX << 32,
		(uint64_t)INT32_MAX << 32,
		1ull << 63,
		UINT64_MAX,
		0x40000,
		1ull << 47,
		255ull << 32,
		65536ull << 32,
	};
	const struct ap_heap_page *other = &pages[p->value % n_pages];
	ap_addr addr = place(p) & ~7ull;
	uint8_t *at = bytes_at(addr);
	uint64_t w;

	if (!at)
		return false;
	memcpy(&w, at, sizeof(w));
	*ret_undo = (struct undo){at, w};
	switch (p->op & 7) {
	case 0:
		w = odd[p->value % (sizeof(odd) / sizeof(odd[0]))];
		break;
	case 1:
		w ^= 1ull << (p->value & 63);
		break;
	case 2: /* another page: its header, its area */
		w = p->op & 8 ? other->header : p->op & 16 ? other->start : other->end;
		break;
	case 3: /* another kind of object */
		w = maps[p->value % n_maps];
		break;
	case 4: /* a moved object */
		w = other->start + (p->value >> 16) % ((other->end - other->start) / 8) * 8;
		break;
	case 5: /* a length a little off */
		w += (uint64_t)((int64_t)(p->value & 255) - 128) << (p->value >> 8 & 63);
		break;
	case 6: /* half a word */
		w = (w & 0xffffffffu) | (p->value << 32);
		break;
	default:
		w = p->value;
		break;
	}
	memcpy(at, &w, sizeof(w));
	return true;
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

struct sums {
	uint64_t n, bytes, last;
};

static bool on_object(void *arg, uint64_t address, uint64_t bytes, size_t group)
{
	struct sums *s = arg;

	(void)group;
	require(!s->n || address > s->last, "objects are not in order");
	s->last = address + bytes - 1;
	s->n++;
	s->bytes += bytes;
	return true;
}

static struct ap_err *count_bytes(void *arg, const void *bytes, size_t n)
{
	uint64_t *sum = arg;

	(void)bytes;
	*sum += n;
	return NULL;
}

/* The graph of what lives, and what is found out about it. */
static struct ap_err *ask_graph(struct ap_heap *heap, uint64_t objects)
{
	uint64_t sum = 0, written = 0;
	const struct ap_snapshot_sink sink = {count_bytes, &written};
	const struct ap_dominators *d;
	struct ap_snapshot_written done;
	struct ap_fill_summary filled;
	struct ap_suspects suspects;
	struct ap_patterns patterns;
	struct ap_study *study;
	struct ap_graph *graph;

	AP_TRY(ap_heap_graph(heap, NULL, &graph, &filled));
	AP_TRY(ap_study_open(graph, &study));
	require(filled.live_objects <= objects, "more objects live than there are");
	struct ap_err *err = ap_study_dominators(study, &d);
	if (!err) {
		for (uint32_t v = 0; v < graph->n_nodes; v++)
			sum += ap_node_size(graph, v);
		require(d->retained[0] == sum, "the root does not keep all");
		err = ap_study_suspects(study, 1, 0, 5, &suspects);
	}
	if (!err)
		err = ap_study_patterns(study, &patterns);
	if (!err)
		err = ap_snapshot_write(graph, &sink, &done);
	require(err || done.bytes == written, "bytes were written that were not counted");
	ap_study_close(study);
	return err;
}

/* Everything that commands ask of a heap. */
static void ask(struct ap_heap *heap)
{
	const struct ap_heap_strings_options options = {
		.duplicates = true, .dead = true, .pattern = "a", .limit = 10};
	const struct ap_heap_function *functions;
	const struct ap_heap_group *groups;
	struct ap_heap_strings strings;
	struct ap_heap_summary summary;
	struct ap_heap_refs refs;
	struct ap_arena arena;
	struct sums sums = {0};
	size_t n = 0, n_functions;
	uint64_t in_groups = 0;

	ap_heap_summary(heap, &summary);
	for (size_t i = 0; i < summary.n_spaces; i++) {
		const struct ap_heap_space *s = &summary.spaces[i];

		require(heap->scanned || s->object_bytes + s->free_bytes + s->buffer_bytes +
							 s->forwarded_bytes + s->gap_bytes +
							 s->absent_bytes ==
						 s->area_bytes,
			"the parts of a space are not its whole");
	}
	ap_arena_init(&arena, ARENA_BYTES);
	struct ap_err *err = ap_heap_groups(heap, NULL, true, &groups, &n);
	for (size_t i = 0; !err && i < n; i++)
		in_groups += groups[i].count;
	require(err || in_groups <= summary.objects, "groups have more objects than there are");
	if (!err)
		err = ap_heap_each(heap, NULL, NULL, on_object, &sums);
	require(err || sums.n <= summary.objects, "more objects are met than were counted");
	if (!err)
		err = ap_heap_functions(heap, NULL, true, &arena, &functions, &n_functions);
	if (!err)
		err = ap_heap_strings(heap, NULL, &options, &arena, &strings);
	for (size_t i = 0; !err && i < n && i < 2000; i += 499)
		err = ap_heap_refs(heap, NULL, groups[i].representative, 0, 1000, false, &arena,
				   &refs);
	if (!err && with_graph)
		err = ask_graph(heap, summary.objects);
	ap_err_free(err);
	ap_arena_close(&arena);
}

/* V8 is opened anew in each run: what it keeps of the memory would hide what was changed. */
static void run(bool remember)
{
	double since = cpu_seconds();
	struct ap_heap *heap = NULL;
	struct ap_v8 *v8 = NULL;
	struct ap_err *err = ap_v8_open(image, &v8);

	if (!err)
		err = ap_heap_open(v8, &heap);
	if (!err)
		err = ap_heap_walk(heap, NULL);
	if (!err)
		ask(heap);
	if (remember && !err) {
		pages = calloc(heap->pages.n, sizeof(*pages));
		maps = calloc(MAX_RANDOM_MAPS, sizeof(*maps));
		require(pages && maps, "no memory");
		memcpy(pages, heap->pages.at, heap->pages.n * sizeof(*pages));
		n_pages = heap->pages.n;
		for (size_t i = 0; i < heap->maps.cap && n_maps < MAX_RANDOM_MAPS; i++) {
			if (heap->maps.at[i].address)
				maps[n_maps++] = heap->maps.at[i].address;
		}
	}
	ap_err_free(err);
	ap_heap_close(heap);
	ap_v8_close(v8);
	if (cpu_seconds() - since > MAX_RUN_SECONDS) {
		fprintf(stderr, "took %.1f s\n", cpu_seconds() - since);
		abort();
	}
}

/* The core's own bytes become writable: the mapping is private, the file stays as it is. */
static void make_writable(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t n;
	const struct ap_segment *s = ap_image_segments(image, &n);

	for (size_t i = 0; i < n; i++) {
		uintptr_t start = (uintptr_t)s[i].data & ~(page - 1);

		if (s[i].origin == AP_SEGMENT_CORE && s[i].data &&
		    mprotect((void *)start, (uintptr_t)s[i].data - start + (s[i].end - s[i].start),
			     PROT_READ | PROT_WRITE) < 0) {
			perror("mprotect");
			exit(2);
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct ap_image_options options = {.node_path = NULL};
	const char *core = getenv("AP_FUZZ_CORE");

	(void)argc;
	(void)argv;
	if (!core) {
		puts("skipped: AP_FUZZ_CORE names no core");
		exit(77);
	}
	struct ap_err *err = ap_image_open_core(core, &options, &image);
	if (err) {
		fprintf(stderr, "%s: %s\n", core, err->message);
		exit(2);
	}
	make_writable();
	run(true);
	if (n_pages < 10 || n_maps < 100) { /* the runs would prove nothing */
		fprintf(stderr, "%s: only %zu pages and %zu maps\n", core, n_pages, n_maps);
		exit(2);
	}
	printf("%zu pages, %zu maps\n", n_pages, n_maps);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct undo undo[MAX_PATCHES];
	struct rusage usage;
	size_t n = 0;
	unsigned sum = 0;

	/* By what the input is, so that it does the same again. */
	for (size_t i = 0; i < bytes; i++)
		sum += data[i];
	with_graph = sum % 4 == 0;
	for (size_t i = 0; n < MAX_PATCHES && bytes - i >= sizeof(struct patch);
	     i += sizeof(struct patch)) {
		struct patch p;

		memcpy(&p, data + i, sizeof(p));
		n += apply(&p, &undo[n]);
	}
	run(false);
	while (n-- > 0)
		memcpy(undo[n].at, &undo[n].old, sizeof(undo[n].old));
	if (getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > MAX_MEGABYTES * 1024L) {
		fprintf(stderr, "%ld MB of memory\n", usage.ru_maxrss / 1024);
		abort();
	}
	return 0;
}
