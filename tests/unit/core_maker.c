#include "core_maker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

static void put(struct ap_str *s, const void *data, size_t n)
{
	ap_str_add(s, data, n);
}

void core_note(struct ap_str *notes, const char *name, uint32_t type, const void *desc,
	       size_t bytes)
{
	uint32_t header[3] = {(uint32_t)strlen(name) + 1, (uint32_t)bytes, type};

	put(notes, header, sizeof(header));
	put(notes, name, header[0]);
	ap_str_pad(notes, -header[0] & 3, '\0');
	put(notes, desc, bytes);
	ap_str_pad(notes, -bytes & 3, '\0');
}

static void note_threads(const struct core_spec *spec, struct ap_str *notes)
{
	for (unsigned i = 0; i < spec->n_threads; i++) {
		struct elf_prstatus status = {.pr_pid = CORE_PID + (int)i};
		uint8_t fxsave[512] = {0x7f};

		status.pr_cursig = (short)spec->signal;
		for (unsigned r = 0; r < ELF_NGREG; r++)
			status.pr_reg[r] = r + i * CORE_REG_STEP;
		core_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
		if (i == 0) {
			struct elf_prpsinfo info = {.pr_pid = CORE_PID, .pr_ppid = 1};
			siginfo_t si = {.si_signo = spec->signal, .si_code = SEGV_MAPERR};

			info.pr_uid = 500;
			info.pr_gid = 501;
			memcpy(info.pr_fname, "a-name-that-fits", 16);
			snprintf(info.pr_psargs, sizeof(info.pr_psargs), "node app.js ");
			si.si_addr = (void *)(uintptr_t)0x1234;
			core_note(notes, "CORE", NT_PRPSINFO, &info, sizeof(info));
			core_note(notes, "CORE", NT_SIGINFO, &si, sizeof(si));
			core_note(notes, "CORE", NT_AUXV, spec->auxv,
				  spec->n_auxv * sizeof(*spec->auxv));
		}
		core_note(notes, "CORE", NT_FPREGSET, fxsave, sizeof(fxsave));
	}
}

static void note_files(const struct core_spec *spec, struct ap_str *notes)
{
	AP_STR_AUTO desc = {0};
	uint64_t head[2] = {spec->n_files, 4096};

	put(&desc, head, sizeof(head));
	for (size_t i = 0; i < spec->n_files; i++) {
		const struct core_file *f = &spec->files[i];
		uint64_t range[3] = {f->start, f->end, f->page};

		put(&desc, range, sizeof(range));
	}
	for (size_t i = 0; i < spec->n_files; i++)
		put(&desc, spec->files[i].path, strlen(spec->files[i].path) + 1);
	core_note(notes, "CORE", NT_FILE, desc.s, desc.n);
}

static void make_headers(const struct core_spec *spec, struct core_maker *m)
{
	size_t n = spec->n_segments + 1;
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = spec->extended_count ? PN_XNUM : (uint16_t)n,
	};
	uint64_t offset = sizeof(eh) + n * sizeof(Elf64_Phdr);
	Elf64_Phdr ph = {.p_type = PT_NOTE, .p_offset = offset, .p_filesz = m->notes.n};

	m->notes_offset = offset;
	offset += m->notes.n;
	m->data_offset = offset;
	for (size_t i = 0; i < spec->n_segments; i++)
		offset += spec->segments[i].file_bytes;
	if (spec->extended_count) {
		eh.e_shoff = offset;
		eh.e_shnum = 1;
		eh.e_shentsize = sizeof(Elf64_Shdr);
	}
	put(&m->core, &eh, sizeof(eh));
	put(&m->core, &ph, sizeof(ph));
	offset = m->data_offset;
	for (size_t i = 0; i < spec->n_segments; i++) {
		const struct core_segment *s = &spec->segments[i];

		ph = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = s->flags,
			.p_offset = offset,
			.p_vaddr = s->start,
			.p_filesz = s->file_bytes,
			.p_memsz = s->mem_bytes,
			.p_align = 1,
		};
		put(&m->core, &ph, sizeof(ph));
		offset += s->file_bytes;
	}
}

void core_make(const struct core_spec *spec, struct core_maker *ret_maker)
{
	struct core_maker m = {.notes_offset = 0};

	note_threads(spec, &m.notes);
	if (spec->n_files)
		note_files(spec, &m.notes);
	make_headers(spec, &m);
	put(&m.core, m.notes.s ? m.notes.s : "", m.notes.n);
	for (size_t i = 0; i < spec->n_segments; i++) {
		const struct core_segment *s = &spec->segments[i];

		if (s->data)
			put(&m.core, s->data, s->file_bytes);
		else
			ap_str_pad(&m.core, s->file_bytes, '\0');
	}
	if (spec->extended_count) {
		Elf64_Shdr sh = {.sh_info = (uint32_t)spec->n_segments + 1};

		put(&m.core, &sh, sizeof(sh));
	}
	if (m.core.failed || m.notes.failed)
		abort();
	*ret_maker = m;
}

void core_maker_close(struct core_maker *maker)
{
	ap_str_close(&maker->core);
	ap_str_close(&maker->notes);
}

Elf64_Ehdr *core_header(struct core_maker *maker)
{
	return (Elf64_Ehdr *)(void *)maker->core.s;
}

Elf64_Phdr *core_phdr(struct core_maker *maker, size_t index)
{
	return (Elf64_Phdr *)(void *)(maker->core.s + sizeof(Elf64_Ehdr)) + index;
}

int core_as_file(const void *bytes, size_t n, char path[static 64])
{
	int fd = memfd_create("core", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	for (size_t done = 0; done < n;) {
		ssize_t wrote = write(fd, (const char *)bytes + done, n - done);

		if (wrote <= 0)
			abort();
		done += (size_t)wrote;
	}
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}
