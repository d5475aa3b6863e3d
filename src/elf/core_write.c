#include "elf/core_write.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>

void ap_corew_note(struct ap_str *out, const char *owner, uint32_t type, const void *desc,
		   size_t bytes)
{
	size_t name = strlen(owner) + 1;
	Elf64_Nhdr nh = {(uint32_t)name, (uint32_t)bytes, type};

	ap_str_add(out, (const char *)&nh, sizeof(nh));
	ap_str_add(out, owner, name);
	ap_str_pad(out, -name & 3, '\0');
	if (bytes)
		ap_str_add(out, desc, bytes);
	ap_str_pad(out, -bytes & 3, '\0');
}

static void seconds(double v, struct timeval *ret)
{
	ret->tv_sec = (time_t)v;
	ret->tv_usec = (suseconds_t)((v - (double)(time_t)v) * 1e6);
}

static void note_prstatus(struct ap_str *out, const struct ap_corew_process *p,
			  const struct ap_corew_thread *t)
{
	struct elf_prstatus st = {
		.pr_cursig = (short)t->signal,
		.pr_sigpend = t->sig_pending,
		.pr_sighold = t->sig_blocked,
		.pr_pid = t->tid,
		.pr_ppid = p->ppid,
		.pr_pgrp = p->pgrp,
		.pr_sid = p->sid,
		.pr_fpvalid = t->have_fpregs,
	};

	_Static_assert(sizeof(st.pr_reg) == sizeof(t->regs), "27 registers");
	st.pr_info.si_signo = t->signal;
	seconds(t->utime, &st.pr_utime);
	seconds(t->stime, &st.pr_stime);
	memcpy(&st.pr_reg, &t->regs, sizeof(t->regs));
	ap_corew_note(out, "CORE", NT_PRSTATUS, &st, sizeof(st));
}

static void note_prpsinfo(struct ap_str *out, const struct ap_corew_process *p)
{
	static const char states[] = "RSDTZW";
	const char *state = strchr(states, p->state);
	struct elf_prpsinfo ps = {
		.pr_state = (char)(state && p->state ? state - states : 0),
		.pr_sname = p->state,
		.pr_zomb = p->state == 'Z',
		.pr_nice = (char)p->nice,
		.pr_flag = p->flags,
		.pr_uid = p->uid,
		.pr_gid = p->gid,
		.pr_pid = p->pid,
		.pr_ppid = p->ppid,
		.pr_pgrp = p->pgrp,
		.pr_sid = p->sid,
	};

	snprintf(ps.pr_fname, sizeof(ps.pr_fname), "%s", p->fname);
	snprintf(ps.pr_psargs, sizeof(ps.pr_psargs), "%s", p->psargs);
	ap_corew_note(out, "CORE", NT_PRPSINFO, &ps, sizeof(ps));
}

static void note_file(struct ap_str *out, const struct ap_corew_process *p)
{
	AP_STR_AUTO desc = {0};
	uint64_t head[2] = {p->n_files, 4096};

	ap_str_add(&desc, (const char *)head, sizeof(head));
	for (size_t i = 0; i < p->n_files; i++) {
		uint64_t range[3] = {p->files[i].start, p->files[i].end, p->files[i].offset / 4096};

		ap_str_add(&desc, (const char *)range, sizeof(range));
	}
	for (size_t i = 0; i < p->n_files; i++)
		ap_str_add(&desc, p->files[i].path, strlen(p->files[i].path) + 1);
	if (desc.failed)
		out->failed = true;
	else
		ap_corew_note(out, "CORE", NT_FILE, desc.s, desc.n);
}

static void notes_float(struct ap_str *out, const struct ap_corew_thread *t)
{
	if (t->have_fpregs)
		ap_corew_note(out, "CORE", NT_PRFPREG, t->fpregs, sizeof(t->fpregs));
	if (t->xstate && t->n_xstate)
		ap_corew_note(out, "LINUX", NT_X86_XSTATE, t->xstate, t->n_xstate);
}

struct ap_err *ap_corew_notes(const struct ap_corew_process *process,
			      const struct ap_corew_thread *threads, size_t n_threads,
			      struct ap_str *out)
{
	siginfo_t si = {.si_signo = n_threads ? threads[0].signal : 0};

	for (size_t i = 0; i < n_threads; i++) {
		note_prstatus(out, process, &threads[i]);
		if (i == 0) {
			note_prpsinfo(out, process);
			ap_corew_note(out, "CORE", NT_SIGINFO, &si, sizeof(si));
			if (process->n_auxv)
				ap_corew_note(out, "CORE", NT_AUXV, process->auxv, process->n_auxv);
			if (process->n_files)
				note_file(out, process);
		}
		notes_float(out, &threads[i]);
	}
	return out->failed ? &ap_err_nomem : NULL;
}

/* 65,535 headers or more do not fit e_phnum: the number goes into section header 0 (elf(5)). */
static bool is_extended(size_t n_segments)
{
	return n_segments + 1 >= PN_XNUM;
}

uint64_t ap_corew_table_bytes(size_t n_segments, size_t notes_bytes)
{
	return (n_segments + 1) * sizeof(Elf64_Phdr) +
	       (is_extended(n_segments) ? sizeof(Elf64_Shdr) : 0) + notes_bytes;
}

struct ap_err *ap_corew_headers(const struct ap_corew_segment *segments, size_t n_segments,
				const struct ap_str *notes, uint64_t table_offset,
				struct ap_str *ret_ehdr, struct ap_str *ret_table)
{
	bool extended = is_extended(n_segments);
	uint64_t after = table_offset + (n_segments + 1) * sizeof(Elf64_Phdr);
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = table_offset,
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(extended ? PN_XNUM : n_segments + 1),
		.e_shoff = extended ? after : 0,
		.e_shentsize = extended ? sizeof(Elf64_Shdr) : 0,
		.e_shnum = extended,
	};
	Elf64_Phdr note = {
		.p_type = PT_NOTE,
		.p_offset = after + (extended ? sizeof(Elf64_Shdr) : 0),
		.p_filesz = notes->n,
		.p_align = 4,
	};

	ap_str_add(ret_ehdr, (const char *)&eh, sizeof(eh));
	ap_str_add(ret_table, (const char *)&note, sizeof(note));
	for (size_t i = 0; i < n_segments; i++) {
		Elf64_Phdr ph = {
			.p_type = PT_LOAD,
			.p_flags = segments[i].flags,
			.p_offset = segments[i].offset,
			.p_vaddr = segments[i].vaddr,
			.p_filesz = segments[i].absent ? 0 : segments[i].bytes,
			.p_memsz = segments[i].bytes,
			.p_align = 4096,
		};

		ap_str_add(ret_table, (const char *)&ph, sizeof(ph));
	}
	if (extended) {
		Elf64_Shdr sh = {.sh_info = (uint32_t)(n_segments + 1)};

		ap_str_add(ret_table, (const char *)&sh, sizeof(sh));
	}
	ap_str_add(ret_table, notes->s, notes->n);
	return ret_ehdr->failed || ret_table->failed ? &ap_err_nomem : NULL;
}
