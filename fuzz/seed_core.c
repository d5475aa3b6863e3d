/* Writes the seeds of fuzz/corpus/core: seed_core DIR. Small cores, one for each way into the
 * reader. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core_maker.h"

enum { STACK = 0x7ff000, CODE = 0x400000, RANDOM = STACK + 0x600, STRINGS = STACK + 0x700 };

static const char *dir;

static void save(const char *name, const struct core_spec *spec)
{
	struct core_maker m;
	char path[4096];

	core_make(spec, &m);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(m.core.s, 1, m.core.n, f) != m.core.n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
	core_maker_close(&m);
}

/* The start of a program: ELF header, two segments, a build-id. */
static void make_elf(uint8_t page[static 512])
{
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	const Elf64_Phdr ph[] = {
		{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 512, .p_memsz = 512},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_X,
		 .p_offset = 4096,
		 .p_vaddr = 0x1000,
		 .p_filesz = 64,
		 .p_memsz = 0x1000},
		{.p_type = PT_NOTE,
		 .p_offset = 0x100,
		 .p_vaddr = 0x100,
		 .p_filesz = 32,
		 .p_memsz = 32},
	};
	AP_STR_AUTO note = {0};

	core_note(&note, "GNU", NT_GNU_BUILD_ID, "0123456789abcdef", 16);
	memset(page, 0, 512);
	memcpy(page, &eh, sizeof(eh));
	memcpy(page + sizeof(eh), ph, sizeof(ph));
	memcpy(page + 0x100, note.s, note.n);
}

int main(int argc, char **argv)
{
	uint64_t stack[256] = {0};
	uint8_t elf[512], code[64];

	if (argc != 2)
		return 64;
	dir = argv[1];
	const Elf64_auxv_t auxv[] = {{AT_PAGESZ, {4096}},
				     {AT_ENTRY, {CODE + 0x1000}},
				     {AT_RANDOM, {RANDOM}},
				     {AT_NULL, {0}}};
	/* Frames for rbp = STACK + 0x80, then argc, argv, environment and auxv. */
	stack[16] = STACK + 0xa0;
	stack[17] = CODE + 0x1010;
	stack[20] = 0;
	stack[21] = CODE + 0x1020;
	const uint64_t start[] = {2, STRINGS, STRINGS + 5, 0, STRINGS + 12, 0};
	memcpy(&stack[32], start, sizeof(start));
	memcpy(&stack[38], auxv, sizeof(auxv));
	memcpy((char *)stack + 0x700, "node\0app.js\0A=1", 16);
	memset(code, 0xe8, sizeof(code));
	make_elf(elf);
	const struct core_segment segments[] = {
		{CODE, 0x1000, PF_R, elf, sizeof(elf)},
		{CODE + 0x1000, 0x1000, PF_R | PF_X, code, sizeof(code)},
		{STACK, sizeof(stack), PF_R | PF_W, stack, sizeof(stack)},
		{0x10000000, 0x4000, PF_R | PF_W, NULL, 0},
	};
	const struct core_file files[] = {
		{CODE, CODE + 0x1000, 0, "/no/such/node"},
		{CODE + 0x1000, CODE + 0x2000, 1, "/no/such/node"},
		{0x10000000, 0x10004000, 7, "/no/such/node"},
	};
	struct core_spec spec = {
		.segments = segments,
		.n_segments = 4,
		.files = files,
		.n_files = 3,
		.auxv = auxv,
		.n_auxv = 4,
		.n_threads = 2,
		.signal = SIGSEGV,
	};

	save("whole", &spec);
	spec.extended_count = true;
	save("extended-count", &spec);
	spec.extended_count = false;
	spec.n_files = 0;
	spec.n_threads = 1;
	save("no-files", &spec);
	spec.n_threads = 0;
	save("no-threads", &spec);
	spec.n_segments = 0;
	save("no-segments", &spec);
	return 0;
}
