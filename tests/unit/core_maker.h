/*
 * Core files built in memory, well-formed unless asked otherwise, so that tests of odd input need
 * no binary fixtures.
 *
 * Ownership: the maker owns its buffer until core_maker_close(); segment data are copied.
 */
#ifndef AP_TESTS_CORE_MAKER_H
#define AP_TESTS_CORE_MAKER_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct core_segment {
	uint64_t start, mem_bytes;
	uint32_t flags;
	const void *data; /* may be NULL: zeros */
	uint64_t file_bytes;
};

struct core_file {
	uint64_t start, end, page; /* file offset in pages of 4096 */
	const char *path;
};

struct core_spec {
	const struct core_segment *segments;
	size_t n_segments;
	const struct core_file *files;
	size_t n_files;
	const Elf64_auxv_t *auxv;
	size_t n_auxv;
	unsigned n_threads;
	int signal;
	bool extended_count; /* PN_XNUM, as the kernel does for 65,535 headers or more */
};

struct core_maker {
	struct ap_str core;
	struct ap_str notes;
	uint64_t notes_offset, data_offset;
};

void core_make(const struct core_spec *spec, struct core_maker *ret_maker);
void core_maker_close(struct core_maker *maker);
/* Appends one note; for hostile ones pass lengths that lie. */
void core_note(struct ap_str *notes, const char *name, uint32_t type, const void *desc,
	       size_t bytes);
Elf64_Ehdr *core_header(struct core_maker *maker);
Elf64_Phdr *core_phdr(struct core_maker *maker, size_t index); /* 0 is the one of the notes */

/* `n` bytes as a file that vanishes with the returned descriptor; its path goes to `path`. */
int core_as_file(const void *bytes, size_t n, char path[static 64]);

/* What the maker writes for thread `i`: tid 1000 + i, and each register its own number + i * 1000.
 */
enum { CORE_PID = 1000, CORE_REG_STEP = 1000 };

#endif
