/* The core writer against the core reader: few segments, and more than the ELF header can count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf/core.h"
#include "elf/core_write.h"

static void round_trip(size_t n_segments)
{
	struct ap_corew_segment *segments = calloc(n_segments, sizeof(*segments));
	struct ap_corew_thread threads[2] = {{.tid = 41}, {.tid = 42, .have_fpregs = true}};
	struct ap_corew_file file = {0x400000, 0x402000, 0x1000, "/opt/with space/node"};
	const uint64_t auxv[4] = {AT_PAGESZ, 4096, AT_NULL, 0};
	struct ap_corew_process process = {
		.pid = 41,
		.ppid = 1,
		.uid = 7,
		.gid = 8,
		.state = 'S',
		.fname = "node",
		.psargs =
			"node a-name-that-is-rather-long-and-goes-on-and-on-until-it-does-not-fit-eighty-bytes.js",
		.auxv = auxv,
		.n_auxv = sizeof(auxv),
		.files = &file,
		.n_files = 1,
	};
	AP_STR_AUTO notes = {0};
	AP_STR_AUTO core = {0};
	AP_STR_AUTO table = {0};
	struct ap_arena arena;
	struct ap_core_header header;
	struct ap_core_notes read;

	assert_non_null(segments);
	for (size_t i = 0; i < n_segments; i++)
		segments[i] = (struct ap_corew_segment){0x10000 + i * 0x2000, 0x1000, 0x100000,
							PF_R | PF_W, false};
	threads[0].regs.rip = 0x1234;
	threads[1].regs.gs = 99;
	threads[1].fpregs[511] = 3;
	assert_null(ap_corew_notes(&process, threads, 2, &notes));
	ap_corew_note(&notes, "AUTOPSY", 1, "x", 1);
	assert_null(ap_corew_headers(segments, n_segments, &notes, 64, &core, &table));
	assert_int_equal(table.n, ap_corew_table_bytes(n_segments, notes.n));
	ap_str_add(&core, table.s, table.n);
	ap_arena_init(&arena, 0);
	const uint8_t *data = (const uint8_t *)core.s;
	assert_null(ap_core_read_header(data, core.n, "test", &arena, &header));
	assert_int_equal(header.n_phdrs, n_segments + 1);
	assert_int_equal(header.n_phdrs_missing, 0);
	assert_int_equal(header.phdrs[n_segments].p_vaddr, 0x10000 + (n_segments - 1) * 0x2000);
	assert_null(ap_core_read_notes(data, core.n, &header, &arena, &read));
	assert_int_equal(read.threads.n, 2);
	assert_int_equal(read.threads.at[0].tid, 41);
	assert_int_equal(read.threads.at[0].regs[AP_REG_RIP], 0x1234);
	assert_int_equal(read.threads.at[1].regs[AP_REG_GS], 99);
	assert_non_null(read.threads.at[1].fpregs);
	assert_int_equal(read.threads.at[1].fpregs[511], 3);
	assert_int_equal(read.pid, 41);
	assert_int_equal(read.uid, 7);
	assert_string_equal(read.fname, "node");
	assert_int_equal(strlen(read.psargs), 79);
	assert_int_equal(read.files.n, 1);
	assert_string_equal(read.files.at[0].path, "/opt/with space/node");
	assert_int_equal(read.files.at[0].file_offset, 0x1000);
	assert_int_equal(ap_core_auxv(&read, AT_PAGESZ), 4096);
	assert_true(read.siginfo.present);
	assert_int_equal(read.siginfo.signo, 0);
	ap_arena_close(&arena);
	free(segments);
}

static void few(void **state)
{
	(void)state;
	round_trip(3);
}

static void many(void **state)
{
	(void)state;
	round_trip(65533); /* the last that fits e_phnum */
	round_trip(65534);
	round_trip(70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(few), cmocka_unit_test(many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
