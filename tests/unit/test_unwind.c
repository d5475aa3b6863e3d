/*
 * Stacks: of this very program through its own call frame information, and built by hand where code
 * has none. Nothing here needs Node; tests/live compares Node's stacks.
 */
#include "unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "core_maker.h"
#include "unwind/unwind.h"

/* The address space of this process, as a core would hold it: stack, ELF headers, writable data. */
enum { MAX_MAPS = 256 };

struct self_core {
	struct core_segment segments[MAX_MAPS];
	struct core_file files[MAX_MAPS];
	char paths[MAX_MAPS][256];
	size_t n_segments, n_files;
	uint64_t regs[AP_N_REGS];
	const void *callers[8];
	size_t n_callers;
	struct core_maker maker;
	struct ap_image *image;
};

/* Through the kernel: a sanitizer would rightly object to reading a stack from end to end. */
static void *self_copy(uint64_t start, size_t n)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	void *copy = malloc(n);

	assert_true(fd >= 0 && copy);
	assert_int_equal(pread(fd, copy, n, (off_t)start), n);
	close(fd);
	return copy;
}

static void self_maps(struct self_core *self)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024], perms[8], path[512];
	uint64_t start, end, offset;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) && self->n_segments < MAX_MAPS) {
		path[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %511s", &start,
			   &end, perms, &offset, path) < 4 ||
		    (path[0] != '/' && strcmp(path, "[stack]") != 0))
			continue;
		struct core_segment *s = &self->segments[self->n_segments++];
		bool whole = path[0] == '[' || perms[1] == 'w';
		*s = (struct core_segment){
			.start = start,
			.mem_bytes = end - start,
			.flags = (perms[0] == 'r' ? PF_R : 0) | (perms[1] == 'w' ? PF_W : 0) |
				 (perms[2] == 'x' ? PF_X : 0),
			.file_bytes = perms[0] != 'r' ? 0
				      : whole         ? end - start
				      : offset        ? 0
						      : 4096,
		};
		if (s->file_bytes)
			s->data = self_copy(start, s->file_bytes);
		if (path[0] != '/')
			continue;
		snprintf(self->paths[self->n_files], 256, "%.255s", path);
		self->files[self->n_files] =
			(struct core_file){start, end, offset / 4096, self->paths[self->n_files]};
		self->n_files++;
	}
	fclose(maps);
}

static void self_open(struct self_core *self)
{
	struct ap_image_options options = {.node_path = NULL};
	struct core_spec spec = {
		.segments = self->segments,
		.n_segments = self->n_segments,
		.files = self->files,
		.n_files = self->n_files,
		.n_threads = 1,
	};
	char path[64];

	core_make(&spec, &self->maker);
	int fd = core_as_file(self->maker.core.s, self->maker.core.n, path);
	assert_ok(ap_image_open_core(path, &options, &self->image));
	close(fd);
}

static void self_close(struct self_core *self)
{
	ap_image_close(self->image);
	core_maker_close(&self->maker);
	for (size_t i = 0; i < self->n_segments; i++)
		free((void *)(uintptr_t)self->segments[i].data);
	free(self);
}

/* The core is taken here, in the innermost of three functions that know who called them. */
static __attribute__((noinline)) void self_inner(struct self_core *self, const char *missing)
{
	ucontext_t context;
	static const int order[] = {
		[AP_REG_R15] = REG_R15, [AP_REG_R14] = REG_R14, [AP_REG_R13] = REG_R13,
		[AP_REG_R12] = REG_R12, [AP_REG_RBP] = REG_RBP, [AP_REG_RBX] = REG_RBX,
		[AP_REG_RIP] = REG_RIP, [AP_REG_RSP] = REG_RSP,
	};

	self->callers[self->n_callers++] = __builtin_return_address(0);
	assert_int_equal(getcontext(&context), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] || i == AP_REG_R15)
			self->regs[i] = (uint64_t)context.uc_mcontext.gregs[order[i]];
	}
	self_maps(self);
	for (size_t i = 0; missing && i < self->n_files; i++) {
		if (strstr(self->paths[i], missing))
			memcpy(self->paths[i], "/no/such", 8);
	}
	self_open(self);
}

static __attribute__((noinline)) void self_middle(struct self_core *self, const char *missing,
						  int n)
{
	/* A frame of a size that only the compiler knows, and one addressed by rbp alone. */
	volatile char *room = __builtin_alloca((size_t)n);

	room[0] = 1;
	self->callers[self->n_callers++] = __builtin_return_address(0);
	self_inner(self, missing);
	room[n - 1] = 2;
}

static __attribute__((noinline)) struct self_core *self_take(const char *missing)
{
	struct self_core *self = calloc(1, sizeof(*self));

	assert_non_null(self);
	self->callers[self->n_callers++] = __builtin_return_address(0);
	self_middle(self, missing, 100);
	return self;
}

static void check_rising(const ap_native_frame_vec *frames)
{
	for (size_t i = 1; i < frames->n; i++)
		assert_true(frames->at[i].sp > frames->at[i - 1].sp);
}

static size_t find_pc(const ap_native_frame_vec *frames, const void *pc, size_t from)
{
	for (size_t i = from; i < frames->n; i++) {
		if (frames->at[i].pc == (uintptr_t)pc)
			return i;
	}
	fail_msg("%p is not on the stack", pc);
	return 0;
}

static bool has_symbol(const struct ap_image *image, const ap_native_frame_vec *frames,
		       const char *name)
{
	for (size_t i = 0; i < frames->n; i++) {
		const struct ap_module *module;
		struct ap_symbol symbol;
		uint64_t offset;

		if (ap_image_symbol(image, frames->at[i].pc - 1, &symbol, &module, &offset) &&
		    strcmp(symbol.name, name) == 0)
			return true;
	}
	return false;
}

static void own_stack(void **state)
{
	struct self_core *self = self_take(NULL);
	struct ap_thread thread = {.regs = self->regs};
	struct ap_unwind *unwind;
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	assert_ok(ap_unwind_open(self->image, &unwind));
	assert_ok(ap_unwind_thread(unwind, &thread, NULL, 0, 0, &arena, &frames, &broken));
	assert_false(broken);
	check_rising(&frames);
	assert_true(frames.at[0].exact_pc);
	assert_false(frames.at[1].exact_pc);
	/* Innermost first: the return addresses that the functions saw, one frame after the other.
	 */
	size_t at = 1;
	for (size_t i = self->n_callers; i-- > 0; at++)
		assert_int_equal(find_pc(&frames, self->callers[i], at), at);
	assert_true(has_symbol(self->image, &frames, "main"));
	assert_true(has_symbol(self->image, &frames, "_start"));

	/* A limit cuts, and says nothing of being broken. */
	assert_ok(ap_unwind_thread(unwind, &thread, NULL, 0, 2, &arena, &frames, &broken));
	assert_int_equal(frames.n, 2);
	assert_false(broken);
	ap_unwind_close(unwind);
	ap_arena_close(&arena);
	self_close(self);
}

/* The library between two of our frames is not here: the caller below it is found all the same. */
static void library_missing(void **state)
{
	struct self_core *self = self_take("libcmocka");
	struct ap_thread thread = {.regs = self->regs};
	struct ap_unwind *unwind;
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	assert_ok(ap_unwind_open(self->image, &unwind));
	assert_ok(ap_unwind_thread(unwind, &thread, NULL, 0, 0, &arena, &frames, &broken));
	check_rising(&frames);
	if (self->n_files && broken) { /* else cmocka is linked statically */
		assert_true(has_symbol(self->image, &frames, "main"));
		assert_true(has_symbol(self->image, &frames, "_start"));
	}
	ap_unwind_close(unwind);
	ap_arena_close(&arena);
	self_close(self);
}

/* Stacks by hand: code without call frame information at CODE, a stack at STACK. */
enum { CODE = 0x100000, STACK = 0x7000000, STACK_WORDS = 4096, FAR_STACK = 0x9000000 };

static uint8_t code[4096];
static uint64_t stack[STACK_WORDS];

static uint64_t at(size_t word)
{
	return STACK + 8 * word;
}

/* An address behind a call instruction. */
static uint64_t ret_to(size_t offset)
{
	code[offset - 5] = 0xe8;
	return CODE + offset;
}

static void hand_frame(size_t word, uint64_t link, uint64_t pc)
{
	stack[word] = link;
	stack[word + 1] = pc;
}

static void hand_walk(uint64_t pc, size_t sp, uint64_t fp, const ap_addr *resume, size_t n_resume,
		      struct ap_arena *arena, ap_native_frame_vec *ret_frames, bool *ret_broken)
{
	const struct ap_segment segments[] = {
		{CODE, CODE + sizeof(code), code, AP_SEGMENT_TEST, PF_R | PF_X, NULL},
		{STACK, STACK + sizeof(stack), (const uint8_t *)stack, AP_SEGMENT_TEST, PF_R | PF_W,
		 NULL},
		{FAR_STACK, FAR_STACK + sizeof(stack), (const uint8_t *)stack, AP_SEGMENT_TEST,
		 PF_R | PF_W, NULL},
	};
	uint64_t regs[AP_N_REGS] = {[AP_REG_RIP] = pc, [AP_REG_RSP] = at(sp), [AP_REG_RBP] = fp};
	struct ap_thread thread = {.regs = regs};
	struct ap_unwind *unwind;
	struct ap_image *image;

	assert_ok(ap_image_of_segments(segments, 3, &image));
	assert_ok(ap_unwind_open(image, &unwind));
	assert_ok(ap_unwind_thread(unwind, &thread, resume, n_resume, 0, arena, ret_frames,
				   ret_broken));
	check_rising(ret_frames);
	ap_unwind_close(unwind);
	ap_image_close(image);
}

static int clear(void **state)
{
	(void)state;
	memset(code, 0x90, sizeof(code));
	memset(stack, 0, sizeof(stack));
	return 0;
}

static void frame_pointers(void **state)
{
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	hand_frame(10, at(20), ret_to(0x100));
	hand_frame(20, at(4000), ret_to(0x200));
	hand_frame(4000, 0, ret_to(0x300));
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 4);
	assert_int_equal(frames.at[0].fp, at(10));
	assert_int_equal(frames.at[1].pc, CODE + 0x100);
	assert_int_equal(frames.at[1].sp, at(12));
	assert_int_equal(frames.at[1].fp, at(20));
	assert_int_equal(frames.at[3].pc, CODE + 0x300);
	assert_int_equal(frames.at[3].fp, 0);
	assert_true(broken); /* nobody has said that this was the last */

	/* What cannot be a frame: below sp, unaligned, another stack, absent, no code to return to.
	 */
	const uint64_t bad[] = {at(1),          at(10) + 4, FAR_STACK + 80, 0x1000,
				UINT64_MAX - 7, 0,          at(4095)};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hand_walk(CODE + 0x50, 2, bad[i], NULL, 0, &arena, &frames, &broken);
		assert_int_equal(frames.n, 1);
		assert_true(broken);
	}
	stack[11] = STACK; /* data */
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 1);
	ap_arena_close(&arena);
}

/* The top of a stack before a frame is made, while it is made, and after it is gone. */
static void top_without_frame(void **state)
{
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	memcpy(code + 0x40, "\x55\x48\x89\xe5", 4); /* push rbp; mov rbp, rsp */
	code[0x60] = 0xc3;                          /* ret */
	hand_frame(10, 0, ret_to(0x200));
	stack[2] = ret_to(0x100);
	static const uint64_t frameless[] = {CODE + 0x40, CODE + 0x60, 0, 0xdead000};
	for (size_t i = 0; i < sizeof(frameless) / sizeof(frameless[0]); i++) {
		hand_walk(frameless[i], 2, at(10), NULL, 0, &arena, &frames, &broken);
		assert_int_equal(frames.n, 3);
		assert_int_equal(frames.at[1].pc, CODE + 0x100);
		assert_int_equal(frames.at[1].sp, at(3));
		assert_int_equal(frames.at[1].fp, at(10));
		assert_int_equal(frames.at[2].pc, CODE + 0x200);
	}
	/* Pushed, not moved yet. */
	stack[1] = at(10);
	hand_walk(CODE + 0x41, 1, 0x1234, NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 3);
	assert_int_equal(frames.at[1].pc, CODE + 0x100);
	assert_int_equal(frames.at[1].fp, at(10));
	/* In the body of a function a stale return address on top of the stack means nothing. */
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 2);
	assert_int_equal(frames.at[1].pc, CODE + 0x200);
	ap_arena_close(&arena);
}

static void loops_end(void **state)
{
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	hand_frame(10, at(10), ret_to(0x100)); /* its own caller */
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 2);
	assert_true(broken);
	hand_frame(10, at(20), ret_to(0x100));
	hand_frame(20, at(10), ret_to(0x100)); /* down again */
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_int_equal(frames.n, 3);

	/* The tightest chain there can be stays within the stack and the limit. */
	for (size_t i = 10; i + 3 < STACK_WORDS; i += 2)
		hand_frame(i, at(i + 2), ret_to(0x100));
	hand_walk(CODE + 0x50, 2, at(10), NULL, 0, &arena, &frames, &broken);
	assert_true(frames.n > 2000 && frames.n <= STACK_WORDS / 2);
	ap_arena_close(&arena);
}

static void resumes(void **state)
{
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	ap_arena_init(&arena, 0);
	hand_frame(10, 0xbad0, ret_to(0x100)); /* breaks here */
	hand_frame(100, at(110), ret_to(0x200));
	hand_frame(110, 0, ret_to(0x300));
	hand_frame(300, 0, ret_to(0x400));
	const ap_addr known[] = {STACK, at(5), 0x33, at(50), at(100), at(300)};
	hand_walk(CODE + 0x50, 2, at(10), known, 6, &arena, &frames, &broken);
	assert_true(broken);
	assert_int_equal(frames.n, 5);
	assert_int_equal(frames.at[1].pc, CODE + 0x100);
	assert_int_equal(frames.at[2].pc, CODE + 0x200);
	assert_int_equal(frames.at[2].fp, at(110));
	assert_int_equal(frames.at[3].pc, CODE + 0x300);
	assert_int_equal(frames.at[4].pc, CODE + 0x400);
	ap_arena_close(&arena);
}

/* Stacks and registers of noise: any answer, but soon and with rising stack pointers. */
static void noise(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	struct ap_arena arena;
	ap_native_frame_vec frames;
	bool broken;

	(void)state;
	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < STACK_WORDS; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			stack[i] = seed % 4 == 0   ? at(seed / 8 % STACK_WORDS)
				   : seed % 4 == 1 ? CODE + seed / 8 % sizeof(code)
				   : seed % 4 == 2 ? FAR_STACK + seed / 8 % sizeof(stack)
						   : seed;
			code[seed / 16 % sizeof(code)] = (uint8_t)(seed >> 32);
		}
		ap_arena_init(&arena, 0);
		hand_walk(CODE + seed % sizeof(code), seed / 64 % STACK_WORDS, stack[0], stack, 8,
			  &arena, &frames, &broken);
		assert_true(frames.n >= 1 && frames.n <= STACK_WORDS);
		ap_arena_close(&arena);
	}
}

static void demangling(void **state)
{
	struct ap_arena arena;
	AP_STR_AUTO s = {0};
	struct timespec start, end;

	(void)state;
	ap_arena_init(&arena, 0);
	assert_string_equal(ap_demangle("_ZN4node5AbortEv", &arena), "node::Abort()");
	assert_string_equal(
		ap_demangle(
			"_ZN2v88internal12_GLOBAL__N_16InvokeEPNS0_7IsolateERKNS1_12InvokeParamsE",
			&arena),
		"v8::internal::(anonymous namespace)::Invoke(v8::internal::Isolate*, "
		"v8::internal::(anonymous namespace)::InvokeParams const&)");
	static const char *const as_they_are[] = {"",
						  "_",
						  "_Z",
						  "uv_run",
						  "_ZN",
						  "_ZN4node",
						  "_Z1fI",
						  "Builtins_ArrayMap",
						  "_Z99999999999999999999f",
						  "i"};
	for (size_t i = 0; i < sizeof(as_they_are) / sizeof(as_they_are[0]); i++)
		assert_ptr_equal(ap_demangle(as_they_are[i], &arena), as_they_are[i]);

	clock_gettime(CLOCK_MONOTONIC, &start);
	/* Pairs of pairs of pairs: 40 levels stand for 2^40 names. */
	ap_str_adds(&s, "_Z1fSt4pairIiiE");
	for (int i = 0; i < 35; i++) {
		char id = (char)(i < 10 ? '0' + i : 'A' + i - 10);

		ap_str_addf(&s, "S_IS%c_S%c_E", id, id);
	}
	assert_ptr_equal(ap_demangle(s.s, &arena), s.s);
	/* Deeper than any stack. */
	static const char *const nested[] = {"P", "St1aI", "DpT_", "N1a", "XL", "Fv", "cv", "A_"};
	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
		for (int n = 10; n <= 1000000; n *= 10) {
			ap_str_clear(&s);
			ap_str_adds(&s, "_Z1f");
			for (int k = 0; k < n; k++)
				ap_str_adds(&s, nested[i]);
			ap_str_adds(&s, "i");
			assert_non_null(ap_demangle(s.s, &arena));
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 20);
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_stack),
		cmocka_unit_test(library_missing),
		cmocka_unit_test_setup(frame_pointers, clear),
		cmocka_unit_test_setup(top_without_frame, clear),
		cmocka_unit_test_setup(loops_end, clear),
		cmocka_unit_test_setup(resumes, clear),
		cmocka_unit_test_setup(noise, clear),
		cmocka_unit_test(demangling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
