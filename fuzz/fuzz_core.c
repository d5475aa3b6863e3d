/*
 * The way into a core file: headers, notes, segments, threads, modules, arguments, and the stacks.
 * Fails by crashing; answers that cannot be are traps of its own.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/image.h"
#include "unwind/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile uint64_t touched; /* so that reads are not optimised away */

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void touch(const char *s)
{
	touched += s ? strlen(s) : 0;
}

static void walk_segments(const struct ap_image *image)
{
	size_t n;
	const struct ap_segment *s = ap_image_segments(image, &n);

	for (size_t i = 0; i < n; i++) {
		uint8_t buf[32];
		uint64_t have;

		require(s[i].start < s[i].end && (i == 0 || s[i - 1].end <= s[i].start));
		require(ap_image_segment_at(image, s[i].start) == &s[i]);
		require(ap_image_segment_at(image, s[i].end - 1) == &s[i]);
		const uint8_t *view = ap_image_view(image, s[i].start, &have);
		require((view != NULL) == (s[i].data != NULL));
		/* A cut-off page shows at either end; all bytes of large segments would take
		 * seconds. */
		for (uint64_t k = 0; view && k < have; k += 61)
			touched += view[k];
		touched += view && have ? view[have - 1] : 0;
		(void)ap_image_read(image, s[i].end - 16, buf, sizeof(buf));
		touch(s[i].path);
	}
}

static void walk_modules(const struct ap_image *image)
{
	size_t n;
	const struct ap_module *m = ap_image_modules(image, &n);

	for (size_t i = 0; i < n; i++) {
		const struct ap_module *module;
		struct ap_symbol symbol;
		uint64_t offset;

		require(m[i].start < m[i].end || !m[i].elf);
		require(m[i].build_id.n <= AP_BUILD_ID_MAX);
		touch(m[i].path);
		if (ap_image_symbol(image, m[i].start + 0x1000, &symbol, &module, &offset))
			touch(symbol.name);
	}
}

static void walk_process(const struct ap_image *image)
{
	const struct ap_process *p = ap_image_process(image);

	touch(p->fname);
	touch(p->psargs);
	touch(p->exe);
	for (size_t i = 0; p->argv && p->argv[i]; i++)
		touch(p->argv[i]);
	for (size_t i = 0; p->env && p->env[i]; i++)
		touch(p->env[i]);
}

static void walk_stacks(const struct ap_image *image)
{
	enum { LIMIT = 64 };
	size_t n;
	const struct ap_thread *t = ap_image_threads(image, &n);
	struct ap_unwind *unwind;
	struct ap_arena arena;

	if (ap_unwind_open(image, &unwind))
		return;
	ap_arena_init(&arena, 16 << 20);
	for (size_t i = 0; i < n && i < 16; i++) {
		const ap_addr resume[] = {t[i].regs[AP_REG_RBP], t[i].regs[AP_REG_RSP] + 64};
		ap_native_frame_vec frames;
		bool broken;
		struct ap_err *err =
			ap_unwind_thread(unwind, &t[i], resume, 2, LIMIT, &arena, &frames, &broken);

		ap_err_free(err);
		require(err || (frames.n >= 1 && frames.n <= LIMIT));
		for (int k = 0; t[i].fpregs && k < 512; k++)
			touched += t[i].fpregs[k];
	}
	ap_arena_close(&arena);
	ap_unwind_close(unwind);
}

static bool is_compressed(const uint8_t *data, size_t bytes)
{
	static const char *const magics[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd",
					     ("\xfd"
					      "7zXZ"),
					     "\x04\x22\x4d\x18"};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (bytes >= strlen(magics[i]) && memcmp(data, magics[i], strlen(magics[i])) == 0)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct ap_image_options options = {.node_path = NULL};
	struct ap_image *image;
	char path[64];

	/* Unpacking is libarchive's business, and a few bytes there may stand for gigabytes. */
	if (is_compressed(data, bytes))
		return 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct ap_err *err = ap_image_open_core(path, &options, &image);
	if (!err) {
		walk_segments(image);
		walk_modules(image);
		walk_process(image);
		walk_stacks(image);
		ap_image_close(image);
	}
	require(!err || err->message);
	ap_err_free(err);
	close(fd);
	return 0;
}
