/* How cores come in (compressed, piped, not at all), and what files on disk serve. */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core_maker.h"
#include "image/image.h"

static const struct core_segment segments[] = {
	{0x10000, 0x3000, PF_R | PF_W, "hello, core", 12},
	{0x20000, 0x200000, PF_R | PF_W, NULL, 0x200000}, /* zeros: become a hole when unpacked */
};
static const struct core_spec small = {
	.segments = segments, .n_segments = 2, .n_threads = 1, .signal = SIGABRT};
static const struct ap_image_options no_options = {.node_path = NULL};

static char dir[] = "/tmp/test-image-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? setenv("TMPDIR", dir, 1) : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir); /* fails if a test, or the library, left anything behind */
}

static char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void check_small(struct ap_image *image)
{
	char text[12];
	uint64_t v;

	assert_true(ap_image_read(image, 0x10000, text, sizeof(text)));
	assert_string_equal(text, "hello, core");
	assert_true(ap_image_u64(image, 0x21ff8 + 0x1fe000, &v));
	assert_int_equal(v, 0);
	assert_int_equal(ap_image_gaps(image)->cut_bytes, 0);
	assert_int_equal(ap_image_process(image)->signal, SIGABRT);
	assert_true(ap_image_process(image)->died);
}

static void plain(void **state)
{
	struct core_maker m;
	struct ap_image *image;
	char *path = in_dir("core");

	(void)state;
	core_make(&small, &m);
	write_file(path, m.core.s, m.core.n);
	assert_ok(ap_image_open_core(path, &no_options, &image));
	assert_string_equal(ap_image_path(image), path);
	check_small(image);
	ap_image_close(image);
	unlink(path);
	core_maker_close(&m);
}

static size_t compress(int filter, const void *bytes, size_t n, void *out, size_t cap)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used = 0;

	if (archive_write_add_filter(a, filter) != ARCHIVE_OK)
		skip();
	archive_write_set_format_raw(a);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_memory(a, out, cap, &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, bytes, n), n);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	return used;
}

static void compressed(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD,
				      ARCHIVE_FILTER_LZ4};
	struct core_maker m;
	char *path = in_dir("core.packed");

	(void)state;
	core_make(&small, &m);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		size_t cap = m.core.n + 4096;
		uint8_t *packed = malloc(cap);
		size_t n = compress(filters[i], m.core.s, m.core.n, packed, cap);
		struct ap_image *image;

		write_file(path, packed, n);
		assert_ok(ap_image_open_core(path, &no_options, &image));
		check_small(image);
		ap_image_close(image);

		/* Cut off at any place: an error, or a core that says how much it lacks. */
		for (size_t cut = 1; cut < n; cut += n < 4000 ? 1 + n / 40 : n / 20) {
			write_file(path, packed, cut);
			struct ap_err *err = ap_image_open_core(path, &no_options, &image);
			if (err) {
				assert_int_equal(err->code, AP_E_FORMAT);
				ap_err_free(err);
				continue;
			}
			const struct ap_image_gaps *gaps = ap_image_gaps(image);
			assert_true(gaps->cut_bytes || gaps->missing_headers ||
				    gaps->file_bytes == m.core.n);
			ap_image_close(image);
		}
		free(packed);
	}
	unlink(path);
	core_maker_close(&m);
}

/* Opens a FIFO that a child fills with `bytes`. */
static struct ap_err *open_fifo(const void *bytes, size_t n, struct ap_image **ret_image)
{
	char *path = in_dir("fifo");

	assert_int_equal(mkfifo(path, 0600), 0);
	pid_t child = fork();
	if (child == 0) {
		signal(SIGPIPE, SIG_IGN);
		int fd = open(path, O_WRONLY);
		for (size_t done = 0; done < n;) {
			ssize_t wrote = write(fd, (const char *)bytes + done, n - done);
			if (wrote <= 0)
				break;
			done += (size_t)wrote;
		}
		_exit(0);
	}
	struct ap_err *err = ap_image_open_core(path, &no_options, ret_image);
	waitpid(child, NULL, 0);
	unlink(path);
	return err;
}

static void piped(void **state)
{
	struct core_maker m;
	struct ap_image *image;

	(void)state;
	core_make(&small, &m);
	assert_ok(open_fifo(m.core.s, m.core.n, &image));
	check_small(image);
	ap_image_close(image);

	uint8_t *packed = malloc(m.core.n + 4096);
	size_t n = compress(ARCHIVE_FILTER_GZIP, m.core.s, m.core.n, packed, m.core.n + 4096);
	assert_ok(open_fifo(packed, n, &image));
	check_small(image);
	ap_image_close(image);
	free(packed);
	core_maker_close(&m);

	assert_err(open_fifo("", 0, &image), AP_E_FORMAT);
	assert_err(open_fifo("no core", 7, &image), AP_E_FORMAT);
}

static void refused(void **state)
{
	struct ap_image *image = NULL;
	struct ap_err *err;
	char *path = in_dir("odd");

	(void)state;
	assert_err(ap_image_open_core(dir, &no_options, &image), AP_E_FORMAT);
	assert_err(ap_image_open_core("/no/such/core", &no_options, &image), AP_E_IO);
	assert_err(ap_image_open_core("", &no_options, &image), AP_E_IO);
	assert_err(ap_image_open_core("/dev/null", &no_options, &image), AP_E_FORMAT);
	write_file(path, "", 0);
	err = ap_image_open_core(path, &no_options, &image);
	assert_int_equal(err->code, AP_E_FORMAT);
	assert_non_null(strstr(ap_err_find_hint(err), "full disk"));
	ap_err_free(err);
	/* Magic numbers of compressors with nothing sensible behind them. */
	static const char *const magics[] = {"\x1f\x8b",
					     "\x28\xb5\x2f\xfd",
					     ("\xfd"
					      "7zXZ"),
					     "\x04\x22\x4d\x18",
					     "\x7f"
					     "ELF",
					     "PK\x03\x04"};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		char junk[300];

		memset(junk, 'j', sizeof(junk));
		memcpy(junk, magics[i], strlen(magics[i]));
		for (size_t n = strlen(magics[i]); n <= sizeof(junk); n += 37) {
			write_file(path, junk, n);
			err = ap_image_open_core(path, &no_options, &image);
			assert_non_null(err);
			ap_err_free(err);
		}
	}
	unlink(path);
	assert_null(image);
}

/* argv and the environment on a stack as the kernel lays it out, ends included. */
static void arguments(void **state)
{
	enum { BASE = 0x7ff000, RANDOM = BASE + 0x800, STRINGS = BASE + 0x900 };
	uint64_t stack[0x200] = {0};
	const Elf64_auxv_t auxv[] = {
		{AT_PAGESZ, {4096}}, {AT_UID, {5}}, {AT_RANDOM, {RANDOM}}, {AT_NULL, {0}}};
	char *strings = (char *)stack + 0x900;
	struct core_segment s = {BASE, sizeof(stack), PF_R | PF_W, stack, sizeof(stack)};
	struct core_spec spec = {.segments = &s,
				 .n_segments = 1,
				 .auxv = auxv,
				 .n_auxv = 4,
				 .n_threads = 1,
				 .signal = SIGSEGV};
	struct core_maker m;
	struct ap_image *image;
	char path[64];

	(void)state;
	memcpy(strings, "node\0app.js\0A=1\0B=\xff\0", 20);
	uint64_t *p = stack + 16;
	*p++ = 2; /* argc */
	*p++ = STRINGS;
	*p++ = STRINGS + 5;
	*p++ = 0;
	*p++ = STRINGS + 12;
	*p++ = 0x666000; /* absent: overwritten, or not dumped */
	*p++ = STRINGS + 16;
	*p++ = 0;
	memcpy(p, auxv, sizeof(auxv));
	core_make(&spec, &m);
	int fd = core_as_file(m.core.s, m.core.n, path);
	assert_ok(ap_image_open_core(path, &no_options, &image));
	close(fd);
	const struct ap_process *process = ap_image_process(image);
	assert_non_null(process->argv);
	assert_string_equal(process->argv[0], "node");
	assert_string_equal(process->argv[1], "app.js");
	assert_null(process->argv[2]);
	assert_string_equal(process->env[0], "A=1");
	assert_string_equal(process->env[1], "");
	assert_string_equal(process->env[2], "B=\xff");
	assert_null(process->env[3]);
	assert_int_equal(ap_image_auxv(image, AT_UID), 5);
	ap_image_close(image);
	core_maker_close(&m);
}

struct self {
	uint64_t base, code, code_end, code_page, code_vaddr;
	char path[512];
};

/* Where this very program is in memory, to make a core that names it as the one that died. */
static int find_self(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct self *self = arg;

	(void)size;
	self->base = info->dlpi_addr;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		self->code_vaddr = ph->p_vaddr & ~4095ull;
		self->code = info->dlpi_addr + self->code_vaddr;
		self->code_end = (info->dlpi_addr + ph->p_vaddr + ph->p_filesz + 4095) & ~4095ull;
		self->code_page = ph->p_offset / 4096;
	}
	ssize_t n = readlink("/proc/self/exe", self->path, sizeof(self->path) - 1);
	self->path[n > 0 ? n : 0] = '\0';
	return 1; /* the first is the program */
}

/* Missing code comes from the file if, and only if, the build-id is the one of the core. */
static void served_from_files(void **state)
{
	enum { FAR = 0x40000000 };
	struct self self = {0};
	uint8_t head[4096];

	(void)state;
	dl_iterate_phdr(find_self, &self);
	if (!self.code || self.code_vaddr < 4096)
		skip(); /* linked in a way that this test does not make cores of */
	memcpy(head, (const void *)(uintptr_t)self.base, sizeof(head));
	const struct core_segment maps[] = {
		{FAR, self.code_end - self.code, PF_R | PF_X, NULL, 0},
		{self.base, 4096, PF_R, head, 4096},
		{self.code, self.code_end - self.code, PF_R | PF_X, NULL, 0},
	};
	const struct core_file files[] = {
		{FAR, FAR + self.code_end - self.code, self.code_page, self.path},
		{self.base, self.base + 4096, 0, self.path},
		{self.code, self.code_end, self.code_page, self.path},
		/* The code again, beyond where the program ends: as V8 maps its builtins. */
		{self.base + (1ull << 40), self.base + (1ull << 40) + 4096, self.code_page,
		 self.path},
	};
	ap_addr here = (uintptr_t)served_from_files;
	const Elf64_auxv_t auxv[] = {{AT_ENTRY, {here}}, {AT_NULL, {0}}};
	struct core_spec spec = {.segments = maps,
				 .n_segments = 3,
				 .files = files,
				 .n_files = 4,
				 .auxv = auxv,
				 .n_auxv = 2,
				 .n_threads = 1};
	struct core_maker m;
	struct ap_image *image;
	char path[64];
	uint8_t code[64];

	core_make(&spec, &m);
	int fd = core_as_file(m.core.s, m.core.n, path);
	assert_ok(ap_image_open_core(path, &no_options, &image));
	const struct ap_module *module = ap_image_main_module(image);
	assert_non_null(module);
	assert_int_equal(module->start, self.base);
	assert_int_equal(module->end, self.code_end);
	assert_int_equal(module->bias, ap_elf_is_dynamic(module->elf) ? self.base : 0);
	if (!module->build_id.n)
		skip();
	assert_int_equal(module->state, AP_MODULE_OK);
	assert_true(ap_image_read(image, here, code, sizeof(code)));
	assert_memory_equal(code, (const void *)(uintptr_t)here, sizeof(code));
	assert_int_equal(ap_image_segment_at(image, here)->origin, AP_SEGMENT_FILE);
	assert_true(ap_image_segment_at(image, here)->flags & PF_X);
	assert_true(ap_image_read(image, here - self.code + FAR, code, sizeof(code)));
	assert_memory_equal(code, (const void *)(uintptr_t)here, sizeof(code));

	/* A symbol is found in the program and in the far copy of its code. */
	const ap_addr places[] = {here + 3, here - self.code + FAR + 3};
	for (size_t i = 0; i < 2 && ap_elf_has_symtab(module->elf); i++) {
		const struct ap_module *found;
		struct ap_symbol symbol;
		uint64_t offset;

		assert_true(ap_image_symbol(image, places[i], &symbol, &found, &offset));
		assert_string_equal(symbol.name, "served_from_files");
		assert_int_equal(offset, 3);
		assert_ptr_equal(found, module);
	}
	ap_image_close(image);
	close(fd);

	/* Another build-id in the core: the file is not used, and a program named by hand is
	 * refused. */
	struct ap_elf *elf;
	assert_ok(ap_elf_open(self.path, &elf));
	struct ap_build_id build_id = ap_elf_build_id(elf);
	ap_elf_close(elf);
	uint8_t *id = memmem(m.core.s, m.core.n, build_id.bytes, build_id.n);
	if (!id)
		skip(); /* the note lies beyond the first page */
	id[0] ^= 1;
	fd = core_as_file(m.core.s, m.core.n, path);
	assert_ok(ap_image_open_core(path, &no_options, &image));
	assert_int_equal(ap_image_main_module(image)->state, AP_MODULE_MISMATCH);
	assert_false(ap_image_read(image, here, code, sizeof(code)));
	ap_image_close(image);
	struct ap_image_options named = {.node_path = self.path};
	assert_err(ap_image_open_core(path, &named, &image), AP_E_MISMATCH);
	named.force = true;
	assert_ok(ap_image_open_core(path, &named, &image));
	assert_true(ap_image_read(image, here, code, sizeof(code)));
	ap_image_close(image);
	named.node_path = "/no/such/node";
	assert_err(ap_image_open_core(path, &named, &image), AP_E_IO);
	close(fd);
	core_maker_close(&m);
}

static void memory_images(void **state)
{
	static const uint8_t a[8] = "abcdefgh", b[8] = "ijkl\0mno";
	const struct ap_segment parts[] = {
		{0x1008, 0x1010, b, AP_SEGMENT_TEST, PF_R, NULL},
		{0x1000, 0x1008, a, AP_SEGMENT_TEST, PF_R, NULL},
		{0x2000, 0x3000, NULL, AP_SEGMENT_NONE, PF_R, NULL},
	};
	struct ap_image *image;
	struct ap_arena arena;
	char buf[16];
	uint64_t have;

	(void)state;
	ap_arena_init(&arena, 0);
	assert_ok(ap_image_of_segments(parts, 3, &image));
	assert_true(ap_image_read(image, 0x1004, buf, 8)); /* across two adjoining ones */
	assert_memory_equal(buf, "efghijkl", 8);
	assert_false(ap_image_read(image, 0x1009, buf, 8));
	assert_false(ap_image_read(image, 0x2000, buf, 1));
	assert_true(ap_image_read(image, 0x5000, buf, 0));
	assert_ptr_equal(ap_image_view(image, 0x1001, &have), a + 1);
	assert_int_equal(have, 7);
	assert_string_equal(ap_image_cstr(image, 0x1006, 100, &arena), "ghijkl");
	assert_string_equal(ap_image_cstr(image, 0x1006, 3, &arena), "ghi");
	assert_null(ap_image_cstr(image, 0x100d, 100, &arena)); /* runs into the hole */
	assert_non_null(ap_image_segment_at(image, 0x2fff));
	assert_null(ap_image_segment_at(image, 0x3000));
	assert_null(ap_image_segment_at(image, 0));
	assert_null(ap_image_main_module(image));
	ap_image_close(image);
	ap_image_close(NULL);
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),         cmocka_unit_test(compressed),
		cmocka_unit_test(piped),         cmocka_unit_test(refused),
		cmocka_unit_test(arguments),     cmocka_unit_test(served_from_files),
		cmocka_unit_test(memory_images),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
