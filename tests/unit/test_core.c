/* The core reader on cores that are whole, cut off, enormous or built to harm. */
#include "unit.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "core_maker.h"
#include "elf/core.h"
#include "image/image.h"

static const struct core_segment segments[] = {
	{0x10000, 0x1000, PF_R | PF_W, "first", 5},
	{0x20000, 0x2000, PF_R | PF_X, NULL, 0x1000},
	{0x30000, 0x1000, PF_R, NULL, 0},
};
static const struct core_file files[] = {
	{0x20000, 0x22000, 0, "/no/such/program"},
	{0x30000, 0x31000, 3, "/no/such/data"},
};
static const Elf64_auxv_t auxv[] = {{AT_PAGESZ, {4096}}, {AT_ENTRY, {0x20010}}, {AT_NULL, {0}}};
static const struct core_spec small = {
	.segments = segments,
	.n_segments = 3,
	.files = files,
	.n_files = 2,
	.auxv = auxv,
	.n_auxv = 3,
	.n_threads = 3,
	.signal = SIGSEGV,
};

/* Reads exactly `n` bytes from the heap, where a sanitizer sees each byte read beyond. */
static struct ap_err *read_all(const void *bytes, size_t n, struct ap_arena *arena,
			       struct ap_core_header *ret_header, struct ap_core_notes *ret_notes)
{
	return ap_core_read_header(bytes, n, "core", arena, ret_header)
		       ?: ap_core_read_notes(bytes, n, ret_header, arena, ret_notes);
}

static void whole_core(void **state)
{
	struct core_maker m;
	struct ap_core_header header;
	struct ap_core_notes notes;
	struct ap_arena arena;

	(void)state;
	ap_arena_init(&arena, 0);
	core_make(&small, &m);
	assert_ok(read_all(m.core.s, m.core.n, &arena, &header, &notes));
	assert_int_equal(header.n_phdrs, 4);
	assert_int_equal(header.n_phdrs_missing, 0);
	assert_int_equal(header.phdrs[2].p_vaddr, 0x20000);
	assert_int_equal(notes.threads.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(notes.threads.at[i].tid, CORE_PID + i);
		assert_int_equal(notes.threads.at[i].signal, SIGSEGV);
		assert_int_equal(notes.threads.at[i].regs[AP_REG_RIP],
				 AP_REG_RIP + i * CORE_REG_STEP);
		assert_int_equal(notes.threads.at[i].fpregs[0], 0x7f);
	}
	assert_int_equal(notes.pid, CORE_PID);
	assert_int_equal(notes.uid, 500);
	assert_string_equal(notes.fname, "a-name-that-fits"); /* 16 bytes without a NUL */
	assert_string_equal(notes.psargs, "node app.js");
	assert_int_equal(notes.siginfo.signo, SIGSEGV);
	assert_int_equal(notes.siginfo.address, 0x1234);
	assert_int_equal(notes.files.n, 2);
	assert_string_equal(notes.files.at[1].path, "/no/such/data");
	assert_int_equal(notes.files.at[1].file_offset, 3 * 4096);
	assert_int_equal(ap_core_auxv(&notes, AT_ENTRY), 0x20010);
	assert_int_equal(ap_core_auxv(&notes, AT_BASE), 0);
	core_maker_close(&m);
	ap_arena_close(&arena);
}

static volatile unsigned touched; /* so that reading a segment is not optimised away */

static void check_image(const void *bytes, size_t n, bool want_ok, struct ap_image_gaps *ret_gaps)
{
	struct ap_image_options options = {.node_path = NULL};
	struct ap_image *image;
	char path[64];
	int fd = core_as_file(bytes, n, path);
	struct ap_err *err = ap_image_open_core(path, &options, &image);

	close(fd);
	if (err) {
		assert_false(want_ok);
		assert_non_null(err->message);
		ap_err_free(err);
		return;
	}
	assert_true(want_ok);
	size_t n_segments;
	const struct ap_segment *at = ap_image_segments(image, &n_segments);
	for (size_t i = 0; i < n_segments; i++) {
		assert_true(at[i].start < at[i].end);
		assert_true(i == 0 || at[i - 1].end <= at[i].start);
		assert_ptr_equal(ap_image_segment_at(image, at[i].start), &at[i]);
		assert_ptr_equal(ap_image_segment_at(image, at[i].end - 1), &at[i]);
		for (ap_addr a = at[i].start; at[i].data && a < at[i].end; a++)
			touched += at[i].data[a - at[i].start];
	}
	*ret_gaps = *ap_image_gaps(image);
	ap_image_close(image);
}

static void cut_at_every_byte(void **state)
{
	struct core_maker m;
	struct ap_image_gaps gaps;

	(void)state;
	core_make(&small, &m);
	uint64_t last_cut = UINT64_MAX;
	for (size_t n = 0; n <= m.core.n; n++) {
		struct ap_arena arena;
		struct ap_core_header header;
		struct ap_core_notes notes;
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, m.core.s, n);
		ap_arena_init(&arena, 0);
		struct ap_err *err = read_all(copy, n, &arena, &header, &notes);
		if (n < sizeof(Elf64_Ehdr)) {
			assert_non_null(err);
			assert_int_equal(err->code, AP_E_FORMAT);
			ap_err_free(err);
		} else {
			assert_null(err);
			assert_int_equal(header.n_phdrs + header.n_phdrs_missing, 4);
		}
		ap_arena_close(&arena);
		free(copy);
		/* The whole way in for each byte of the headers, then in steps. */
		if (n < m.notes_offset + 2 || n % 97 == 0 || n == m.core.n) {
			check_image(m.core.s, n, n >= sizeof(Elf64_Ehdr), &gaps);
			if (n >= m.notes_offset) {
				/* What is missing is said, and less is missing of a longer file. */
				assert_int_equal(gaps.expected_bytes, m.core.n);
				assert_int_equal(gaps.missing_headers, 0);
				assert_true(gaps.cut_bytes <= last_cut);
				last_cut = gaps.cut_bytes;
			} else if (n >= sizeof(Elf64_Ehdr)) {
				assert_true(gaps.missing_headers > 0);
			}
		}
	}
	assert_int_equal(last_cut, 0);
	core_maker_close(&m);
}

static void more_headers_than_65535(void **state)
{
	enum { N = 70000 };
	struct core_segment *many = calloc(N, sizeof(*many));
	struct core_spec spec = small;
	struct ap_image_gaps gaps;
	struct core_maker m;

	(void)state;
	for (size_t i = 0; i < N; i++)
		many[i] = (struct core_segment){0x10000 + i * 0x1000, 0x800, PF_R, "x", 1};
	spec.segments = many;
	spec.n_segments = N;
	spec.extended_count = true;
	core_make(&spec, &m);

	struct ap_arena arena;
	struct ap_core_header header;
	ap_arena_init(&arena, 0);
	assert_ok(ap_core_read_header((uint8_t *)m.core.s, m.core.n, "core", &arena, &header));
	assert_int_equal(header.n_phdrs, N + 1);
	assert_int_equal(header.phdrs[N].p_vaddr, 0x10000 + (N - 1) * 0x1000);
	check_image(m.core.s, m.core.n, true, &gaps);
	assert_int_equal(gaps.cut_bytes, 0);

	/* The count is at the end of the file, and lost first. */
	size_t cut = m.data_offset + 10;
	assert_ok(ap_core_read_header((uint8_t *)m.core.s, cut, "core", &arena, &header));
	assert_int_equal(header.n_phdrs, N + 1);
	check_image(m.core.s, cut, true, &gaps);
	assert_int_equal(gaps.cut_bytes, N - 10);
	cut = sizeof(Elf64_Ehdr) + 1000 * sizeof(Elf64_Phdr) + 20;
	assert_ok(ap_core_read_header((uint8_t *)m.core.s, cut, "core", &arena, &header));
	assert_int_equal(header.n_phdrs, 1000);
	assert_int_equal(header.n_phdrs_missing, N + 1 - 1000);
	assert_err(ap_core_read_header((uint8_t *)m.core.s, sizeof(Elf64_Ehdr) + 20, "core", &arena,
				       &header),
		   AP_E_FORMAT);

	/* A count of 4 billion costs no more than the file is long. */
	Elf64_Shdr *sh = (Elf64_Shdr *)(void *)(m.core.s + m.core.n - sizeof(*sh));
	uint32_t huge = UINT32_MAX;
	memcpy(&sh->sh_info, &huge, sizeof(huge));
	assert_ok(ap_core_read_header((uint8_t *)m.core.s, m.core.n, "core", &arena, &header));
	assert_true(header.n_phdrs <= m.core.n / sizeof(Elf64_Phdr));
	ap_arena_close(&arena);
	core_maker_close(&m);
	free(many);
}

static void overlapping_segments(void **state)
{
	static const struct core_segment overlapping[] = {
		{0x2000, 0x1000, PF_R, "\x01\x01\x01\x01", 4},
		{0x1000, 0x1800, PF_R, "\x02\x02\x02\x02", 4},     /* reaches into the first */
		{0x2002, 2, PF_R, "\x03\x03", 2},                  /* inside the first */
		{0x2002, 0x2000, PF_R, "\x04\x04\x04\x04\x04", 5}, /* out of its end */
		{UINT64_MAX - 0xfff, 0x1000, PF_R, "\x05", 1},     /* its end is 2^64 */
		{UINT64_MAX - 0xfff, 0x0fff, PF_R, "\x06", 1},
		{0x9000, UINT64_MAX, PF_R, "\x07", 1}, /* its end is beyond */
		{0x8000, 0, PF_R, "\x08", 1},
	};
	struct core_spec spec = {.segments = overlapping, .n_segments = 8};
	struct ap_image_options options = {.node_path = NULL};
	struct ap_image_gaps gaps;
	struct ap_image *image;
	struct core_maker m;
	char path[64];
	uint32_t v;

	(void)state;
	core_make(&spec, &m);
	check_image(m.core.s, m.core.n, true, &gaps);
	int fd = core_as_file(m.core.s, m.core.n, path);
	assert_ok(ap_image_open_core(path, &options, &image));
	close(fd);
	assert_true(ap_image_u32(image, 0x1000, &v));
	assert_int_equal(v, 0x02020202);
	assert_false(ap_image_u32(image, 0x2000, &v)); /* the range of 0x1000 comes first: not
							  dumped */
	assert_null(ap_image_segment_at(image, 0x8000));
	assert_null(ap_image_segment_at(image, 0x9000));
	assert_false(ap_image_u32(image, UINT64_MAX - 1, &v));
	assert_false(ap_image_u32(image, UINT64_MAX, &v));
	ap_image_close(image);
	core_maker_close(&m);
}

static void wild_program_headers(void **state)
{
	static const uint64_t wild[] = {0, 1, 0xfff, INT64_MAX, UINT64_MAX - 4096, UINT64_MAX};
	enum { N = sizeof(wild) / sizeof(wild[0]) };
	struct ap_image_gaps gaps;

	(void)state;
	for (size_t i = 0; i < N * N * N * 2; i++) {
		struct core_maker m;

		core_make(&small, &m);
		Elf64_Phdr *ph = core_phdr(&m, i % 2 ? 0 : 2);
		ph->p_offset = wild[i / 2 % N];
		ph->p_filesz = wild[i / 2 / N % N];
		ph->p_memsz = wild[i / 2 / N / N];
		check_image(m.core.s, m.core.n, true, &gaps);
		core_maker_close(&m);
	}
}

static struct ap_err *read_notes(const struct ap_str *notes, size_t n, struct ap_arena *arena,
				 struct ap_core_notes *ret_notes)
{
	Elf64_Phdr ph = {.p_type = PT_NOTE, .p_filesz = UINT64_MAX};
	struct ap_core_header header = {&ph, 1, 0};
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, notes->s ? notes->s : "", n);
	struct ap_err *err = ap_core_read_notes(copy, n, &header, arena, ret_notes);
	/* fpregs point into the file, which goes away here. */
	for (size_t i = 0; !err && i < ret_notes->threads.n; i++)
		ret_notes->threads.at[i].fpregs = NULL;
	free(copy);
	return err;
}

static void hostile_notes(void **state)
{
	static const uint32_t lengths[] = {0, 1,   3,          4,          5,
					   8, 100, 0x7fffffff, 0xfffffffc, 0xffffffff};
	static const uint32_t types[] = {NT_PRSTATUS, NT_PRPSINFO, NT_AUXV, NT_SIGINFO,
					 NT_FILE,     NT_FPREGSET, 0};
	enum { N = sizeof(lengths) / sizeof(lengths[0]) };
	struct core_maker m;
	struct ap_arena arena;
	struct ap_core_notes notes;

	(void)state;
	core_make(&small, &m);
	for (size_t name = 0; name < N; name++) {
		for (size_t desc = 0; desc < N; desc++) {
			for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
				AP_STR_AUTO s = {0};
				uint32_t header[3] = {lengths[name], lengths[desc], types[t]};

				ap_str_add(&s, (const char *)header, sizeof(header));
				ap_str_add(&s, "CORE\0\0\0\0", 8);
				ap_str_add(&s, m.notes.s, m.notes.n);
				ap_arena_init(&arena, 0);
				assert_ok(read_notes(&s, s.n, &arena, &notes));
				ap_arena_close(&arena);
			}
		}
	}
	/* Each note's own content at every length. */
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (size_t n = 0; n < 400; n++) {
			AP_STR_AUTO s = {0};

			core_note(&s, "CORE", types[t], m.core.s, n);
			ap_arena_init(&arena, 0);
			assert_ok(read_notes(&s, s.n, &arena, &notes));
			ap_arena_close(&arena);
		}
	}
	core_maker_close(&m);
}

static void hostile_file_note(void **state)
{
	static const uint64_t counts[] = {0, 1, 2, 3, UINT64_MAX, UINT64_MAX / 24 + 1, 1ull << 61};
	static const uint64_t pages[] = {0, 1, 4096, UINT64_MAX};
	struct ap_arena arena;
	struct ap_core_notes notes;

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (size_t p = 0; p < sizeof(pages) / sizeof(pages[0]); p++) {
			AP_STR_AUTO s = {0};
			uint64_t desc[9] = {counts[c],  pages[p], 1,          2, 3,
					    UINT64_MAX, 0,        UINT64_MAX, 0};

			memcpy(&desc[8], "/a\0/bcde", 8); /* the second path is not ended */
			core_note(&s, "CORE", NT_FILE, desc, sizeof(desc));
			ap_arena_init(&arena, 0);
			assert_ok(read_notes(&s, s.n, &arena, &notes));
			assert_true(notes.files.n <= 2);
			for (size_t i = 0; i < notes.files.n; i++)
				assert_non_null(notes.files.at[i].path);
			ap_arena_close(&arena);
		}
	}
}

/* Thousands of headers over the same notes must not multiply them. */
static void repeated_notes(void **state)
{
	enum { N = 20000 };
	struct core_maker m;
	struct ap_arena arena;
	struct ap_core_notes notes;
	Elf64_Phdr *ph = calloc(N, sizeof(*ph));

	(void)state;
	core_make(&small, &m);
	for (size_t i = 0; i < N; i++)
		ph[i] = (Elf64_Phdr){
			.p_type = PT_NOTE, .p_offset = m.notes_offset, .p_filesz = m.notes.n};
	struct ap_core_header header = {ph, N, 0};
	ap_arena_init(&arena, 0);
	assert_ok(ap_core_read_notes((uint8_t *)m.core.s, m.core.n, &header, &arena, &notes));
	assert_true(notes.threads.n >= 3 && notes.threads.n <= 12);
	ap_arena_close(&arena);
	core_maker_close(&m);
	free(ph);
}

static void refused(void **state)
{
	struct core_maker m;
	struct ap_arena arena;
	struct ap_core_header header = {.n_phdrs = 77};
	Elf64_Ehdr *eh;

	(void)state;
	ap_arena_init(&arena, 0);
#define REFUSED(change, errc)                                                                      \
	do {                                                                                       \
		core_make(&small, &m);                                                             \
		eh = core_header(&m);                                                              \
		change;                                                                            \
		assert_err(                                                                        \
			ap_core_read_header((uint8_t *)m.core.s, m.core.n, "x", &arena, &header),  \
			errc);                                                                     \
		core_maker_close(&m);                                                              \
	} while (0)
	REFUSED(eh->e_ident[EI_CLASS] = ELFCLASS32, AP_E_UNSUPPORTED);
	REFUSED(eh->e_ident[EI_CLASS] = 0, AP_E_UNSUPPORTED);
	REFUSED(eh->e_ident[EI_DATA] = ELFDATA2MSB, AP_E_UNSUPPORTED);
	REFUSED(eh->e_machine = EM_AARCH64, AP_E_UNSUPPORTED);
	REFUSED(eh->e_machine = EM_386, AP_E_UNSUPPORTED);
	REFUSED(eh->e_type = ET_EXEC, AP_E_FORMAT);
	REFUSED(eh->e_type = ET_DYN, AP_E_FORMAT);
	REFUSED(eh->e_type = ET_REL, AP_E_FORMAT);
	REFUSED(eh->e_phentsize = 32, AP_E_FORMAT);
	REFUSED(eh->e_phoff = UINT64_MAX, AP_E_FORMAT);
	REFUSED(eh->e_ident[EI_MAG1] = 'X', AP_E_FORMAT);
#undef REFUSED
	assert_err(ap_core_read_header((const uint8_t *)"", 0, "x", &arena, &header), AP_E_FORMAT);
	assert_int_equal(header.n_phdrs, 77); /* untouched on failure */
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_core),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(more_headers_than_65535),
		cmocka_unit_test(overlapping_segments),
		cmocka_unit_test(wild_program_headers),
		cmocka_unit_test(hostile_notes),
		cmocka_unit_test(hostile_file_note),
		cmocka_unit_test(repeated_notes),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
