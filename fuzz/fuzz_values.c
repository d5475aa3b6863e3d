/*
 * Random memory behind a valid core: the stacks and every value reachable from them, while words of
 * the dead process's memory are not what they were. Fails by crashing or by taking too long; an
 * answer may be anything.
 *
 * AP_FUZZ_CORE names the core of a Node. It is opened once; its bytes are mapped privately, and an
 * input is a list of patches to them, undone after the run. The first run goes over the memory as
 * it is and notes each word that was read, and for which value (ap_image_read and ap_image_view are
 * wrapped by the linker): patches count through those words, so that few are wasted, and the values
 * that they hit are looked at first, so that a run may be short.
 *
 * A patch is 16 bytes: what to do, where to look, a distance, which word, a value; see apply().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "model/core_private.h"

enum {
	MAX_PATCHES = 64,
	MAX_THREADS = 4,
	MAX_FRAMES = 64,
	MAX_VALUES = 2000, /* of the first run; of the others: */
	MAX_VALUES_AGAIN = 200,
	MAX_DEPTH = 4,
	SEEN = 8192, /* a power of two, well above MAX_VALUES */
	MAX_CALL_SECONDS = 4,
	ARENA_BYTES = 64 << 20,
	MAX_MEGABYTES = 1500,
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
	uint64_t owner; /* of the word */
};

struct word {
	ap_addr addr;
	uint64_t owner; /* the value that it was read for; 0: for V8 itself or a stack */
};

struct ref {
	uint64_t ref;
	int depth;
};

struct walk {
	struct ap_model *model;
	struct ref queue[MAX_VALUES];
	size_t n, done, max;
	uint64_t seen[SEEN];
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
bool __real_ap_image_read(const struct ap_image *image, ap_addr addr, void *buf, size_t bytes);
bool __wrap_ap_image_read(const struct ap_image *image, ap_addr addr, void *buf, size_t bytes);
const uint8_t *__real_ap_image_view(const struct ap_image *image, ap_addr addr,
				    uint64_t *ret_bytes);
const uint8_t *__wrap_ap_image_view(const struct ap_image *image, ap_addr addr,
				    uint64_t *ret_bytes);

static struct ap_image *image;
static struct word *words; /* that an undisturbed run reads, in address order */
static size_t n_words, words_cap;
static bool recording;
static uint64_t owner; /* of what is read now */

/* ---- the words that are read ---- */

static void note_word(ap_addr addr)
{
	const struct ap_segment *s = ap_image_segment_at(image, addr);

	addr &= ~(ap_addr)7;
	if (!s || s->origin != AP_SEGMENT_CORE || addr < s->start || s->end - addr < 8 ||
	    (n_words && words[n_words - 1].addr == addr))
		return;
	if (n_words == words_cap) {
		words_cap = words_cap ? 2 * words_cap : 65536;
		words = realloc(words, words_cap * sizeof(*words));
		if (!words)
			abort();
	}
	words[n_words++] = (struct word){addr, owner};
}

bool __wrap_ap_image_read(const struct ap_image *of, ap_addr addr, void *buf, size_t bytes)
{
	for (size_t i = 0; recording && i < bytes && i < 256; i += 8)
		note_word(addr + i);
	return __real_ap_image_read(of, addr, buf, bytes);
}

const uint8_t *__wrap_ap_image_view(const struct ap_image *of, ap_addr addr, uint64_t *ret_bytes)
{
	if (recording) {
		note_word(addr);
		note_word(addr + 8);
	}
	return __real_ap_image_view(of, addr, ret_bytes);
}

static int word_cmp(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

static void sort_words(void)
{
	size_t kept = 0;

	qsort(words, n_words, sizeof(*words), word_cmp);
	for (size_t i = 0; i < n_words; i++) {
		if (kept && words[kept - 1].addr == words[i].addr)
			kept--;
		words[kept++] = words[i];
	}
	n_words = kept;
}

/* ---- patches ---- */

/* The bytes of the mapped core behind `addr`, or NULL; they are ours to write. */
static uint8_t *bytes_at(ap_addr addr)
{
	const struct ap_segment *s = ap_image_segment_at(image, addr);

	if (!s || s->origin != AP_SEGMENT_CORE || !s->data || s->end - addr < 8)
		return NULL;
	return (uint8_t *)(uintptr_t)s->data + (addr - s->start);
}

static ap_addr word_of(uint64_t index)
{
	return words[index % n_words].addr;
}

static uint64_t owner_of(ap_addr addr)
{
	size_t lo = 0, hi = n_words;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (words[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? words[lo - 1].owner : 0;
}

static uint64_t content_of(ap_addr addr)
{
	const uint8_t *p = bytes_at(addr);
	uint64_t w = 0;

	if (p)
		memcpy(&w, p, sizeof(w));
	return w;
}

static ap_addr patch_address(const struct patch *p, ap_addr last)
{
	const struct ap_segment *segments;
	size_t n;

	switch (p->where & 3) {
	case 0:
	case 1: /* near a word that is read */
		return word_of(p->index) + (p->where & 1 ? (ap_addr)(int64_t)p->distance * 8 : 0);
	case 2: /* near the last patch: several fields of one object */
		return (last ? last : word_of(p->index)) + (ap_addr)(int64_t)(p->distance % 16) * 8;
	default: /* anywhere: a page of a segment */
		segments = ap_image_segments(image, &n);
		segments += p->index % n;
		return segments->start + ((p->value >> 32) * 4096 + (uint16_t)p->distance) %
						 (segments->end - segments->start);
	}
}

static bool apply(const struct patch *p, ap_addr *last, struct undo *ret_undo)
{
	static const uint64_t odd[] = {
		0,
		1,
		3,
		1ull << 32,
		UINT64_MAX << 32,
		(uint64_t)INT32_MAX << 32,
		1ull << 63,
		(1ull << 63) + 1,
		UINT64_MAX,
		UINT64_MAX - 2,
		(1ull << 47) + 1,
		0x7ff8000000000000ull,
		0xfff7fffffff7ffffull,
		16ull << 32,
		65536ull << 32,
		(1ull << 56) - 1,
	};
	ap_addr addr = patch_address(p, *last);
	uint8_t *at = bytes_at(addr);
	uint64_t w;

	if (!at)
		return false;
	memcpy(&w, at, sizeof(w));
	*ret_undo = (struct undo){at, w, owner_of(addr)};
	switch (p->op & 7) {
	case 0: /* what another word holds: a tagged pointer of the wrong kind */
	case 1:
		w = content_of(word_of(p->value));
		break;
	case 2: /* an object that begins where a word was read; itself, too */
		w = (p->value & 7 ? word_of(p->value) : addr - (p->value >> 8 & 31) * 8) | 1;
		break;
	case 3:
		w = odd[p->value % (sizeof(odd) / sizeof(odd[0]))];
		break;
	case 4:
		w ^= 1ull << (p->value & 63);
		break;
	case 5: /* a length or an index a little off */
		w += (uint64_t)((int64_t)(p->value & 255) - 128) << (p->value >> 8 & 63);
		break;
	case 6: /* half a word: Smis and pairs of 32 bits */
		w = (w & 0xffffffffu) | (p->value << 32);
		break;
	default:
		w = p->value;
		break;
	}
	memcpy(at, &w, sizeof(w));
	*last = addr;
	return true;
}

/* ---- one run ---- */

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* No question may take long, whatever the memory says. */
static void check_time(const char *what, double since)
{
	double took = cpu_seconds() - since;

	if (took > MAX_CALL_SECONDS) {
		fprintf(stderr, "%s took %.1f s\n", what, took);
		abort();
	}
}

static void want(struct walk *walk, const struct ap_value *value, int depth)
{
	if (!value->has_ref || value->is_smi || depth > MAX_DEPTH || walk->n == walk->max)
		return;
	for (size_t i = (value->ref >> 3) * 0x9e3779b97f4a7c15u >> 51;; i = (i + 1) % SEEN) {
		if (walk->seen[i] == value->ref)
			return;
		if (!walk->seen[i]) {
			walk->seen[i] = value->ref;
			break;
		}
	}
	walk->queue[walk->n++] = (struct ref){value->ref, depth};
}

static void want_parts(struct walk *walk, const struct ap_detail *d, int depth)
{
	want(walk, &d->prototype, depth);
	for (size_t i = 0; i < d->properties.n; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (p->has_value)
			want(walk, &p->value, depth);
		want(walk, &p->getter, depth);
		want(walk, &p->setter, depth);
	}
	for (size_t i = 0; i < d->elements.n; i++)
		want(walk, &d->elements.at[i].value, depth);
	for (size_t i = 0; i < d->entries.n; i++) {
		if (d->entries.at[i].has_key)
			want(walk, &d->entries.at[i].key, depth);
		want(walk, &d->entries.at[i].value, depth);
	}
	for (size_t i = 0; i < d->extras.n; i++) {
		const struct ap_extra *e = &d->extras.at[i];

		for (size_t k = 0; k < e->n; k++) {
			if (e->kind == AP_EXTRA_VALUE || e->kind == AP_EXTRA_VALUES)
				want(walk, &e->values[k], depth);
			else if (e->kind == AP_EXTRA_WAITERS)
				want(walk, &e->waiters[k].generator, depth);
		}
	}
}

static void walk_values(struct walk *walk)
{
	static const struct ap_detail_limits limits = {
		.items = 64, .text_units = 4096, .bytes = 256};

	while (walk->done < walk->n) {
		struct ref r = walk->queue[walk->done++];
		struct ap_arena arena;
		struct ap_value value = {0};
		struct ap_detail detail = {0};
		double since = cpu_seconds();

		owner = r.ref;
		ap_arena_init(&arena, ARENA_BYTES);
		if (!walk->model->ops->describe(walk->model, r.ref, &arena, &value))
			(void)ap_value_preview(walk->model, &value, &arena);
		check_time("describing a value", since);
		struct ap_err *err =
			walk->model->ops->detail(walk->model, r.ref, &limits, &arena, &detail);
		check_time("the full form of a value", since);
		if (!err)
			want_parts(walk, &detail, r.depth + 1);
		ap_err_free(err);
		if (walk->done % 8 == 0) {
			err = ap_value_follow(walk->model, r.ref, "plain.c[0]", &arena, &value);
			ap_err_free(err);
			check_time("following a path", since);
		}
		ap_arena_close(&arena);
	}
}

static void walk_frame(struct walk *walk, const struct ap_frame *f)
{
	ap_scope_vec scopes = {0};
	struct ap_source source;
	struct ap_arena arena;
	double since = cpu_seconds();

	want(walk, &f->callee, 1);
	if (f->has_receiver)
		want(walk, &f->receiver, 1);
	for (size_t i = 0; i < f->arguments.n; i++)
		want(walk, &f->arguments.at[i].value, 0);
	if (!f->callee.has_ref)
		return;
	ap_arena_init(&arena, ARENA_BYTES);
	struct ap_err *err =
		walk->model->ops->scopes(walk->model, f->callee.ref, f, &arena, &scopes);
	check_time("the scopes of a frame", since);
	for (size_t i = 0; !err && i < scopes.n; i++) {
		for (size_t k = 0; k < scopes.at[i].variables.n; k++)
			want(walk, &scopes.at[i].variables.at[k].value, 2);
	}
	ap_err_free(err);
	err = walk->model->ops->source(walk->model, f->callee.ref, f, &arena, &source);
	check_time("the source of a frame", since);
	ap_err_free(err);
	ap_arena_close(&arena);
}

static void walk_threads(struct walk *walk)
{
	const struct ap_frames_options options = {
		.native = true, .values = true, .async = true, .limit = MAX_FRAMES};
	size_t n;

	(void)ap_image_threads(image, &n);
	for (size_t i = 0; i < n && i < MAX_THREADS; i++) {
		ap_frame_vec frames = {0};
		struct ap_arena arena;
		double since = cpu_seconds();

		ap_arena_init(&arena, ARENA_BYTES);
		struct ap_err *err =
			walk->model->ops->frames(walk->model, i, &options, &arena, &frames);
		check_time("the stack of a thread", since);
		for (size_t k = 0; !err && k < frames.n; k++)
			walk_frame(walk, &frames.at[k]);
		ap_err_free(err);
		ap_arena_close(&arena);
	}
}

static void ask_the_rest(struct walk *walk)
{
	const struct ap_model_ops *ops = walk->model->ops;
	struct ap_verdict verdict = {0};
	ap_thread_vec threads = {0};
	struct ap_info info = {0};
	struct ap_arena arena;
	double since = cpu_seconds();

	ap_arena_init(&arena, ARENA_BYTES);
	struct ap_err *err = ops->verdict(walk->model, &arena, &verdict);
	if (!err && verdict.has_error)
		want(walk, &verdict.error, 0);
	ap_err_free(err);
	check_time("the verdict", since);
	ap_err_free(ops->info(walk->model, &arena, &info));
	check_time("the facts about the process", since);
	ap_err_free(ops->threads(walk->model, &arena, &threads));
	check_time("the list of threads", since);
	ap_arena_close(&arena);
}

/* V8 is opened anew in each run: what it keeps of the memory would hide what was changed. */
static void run(const struct undo *patches, size_t n)
{
	static struct walk walk;
	double since = cpu_seconds();

	memset(&walk, 0, sizeof(walk));
	walk.max = recording ? MAX_VALUES : MAX_VALUES_AGAIN;
	owner = 0;
	struct ap_err *err = ap_core_model_open(image, &walk.model);
	if (err)
		abort(); /* only for want of memory; and the image would be gone */
	check_time("opening", since);
	for (size_t i = 0; i < n; i++)
		want(&walk,
		     &(struct ap_value){.has_ref = patches[i].owner != 0, .ref = patches[i].owner},
		     1);
	ask_the_rest(&walk);
	walk_threads(&walk);
	walk_values(&walk);
	ap_core_of(walk.model)->image = NULL; /* stays for the next run */
	ap_model_close(walk.model);
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
	recording = true;
	run(NULL, 0);
	recording = false;
	sort_words();
	if (n_words < 10000) { /* no stack or no values: the runs would prove nothing */
		fprintf(stderr, "%s: only %zu words were read\n", core, n_words);
		exit(2);
	}
	printf("%zu words to patch\n", n_words);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct undo undo[MAX_PATCHES];
	struct rusage usage;
	ap_addr last = 0;
	size_t n = 0;

	for (size_t i = 0; n < MAX_PATCHES && bytes - i >= sizeof(struct patch);
	     i += sizeof(struct patch)) {
		struct patch p;

		memcpy(&p, data + i, sizeof(p));
		n += apply(&p, &last, &undo[n]);
	}
	run(undo, n);
	while (n-- > 0)
		memcpy(undo[n].at, &undo[n].old, sizeof(undo[n].old));
	if (getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > MAX_MEGABYTES * 1024L) {
		fprintf(stderr, "%ld MB of memory\n", usage.ru_maxrss / 1024);
		abort();
	}
	return 0;
}
