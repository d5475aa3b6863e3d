#include "elf/core.h"

#include <stddef.h>
#include <string.h>

#include "base/cursor.h"
#include "elf/note.h"

const struct ap_reg_name ap_reg_names[AP_N_REGS] = {
	{"rax", "rax", AP_REG_RAX},
	{"rbx", "rbx", AP_REG_RBX},
	{"rcx", "rcx", AP_REG_RCX},
	{"rdx", "rdx", AP_REG_RDX},
	{"rsi", "rsi", AP_REG_RSI},
	{"rdi", "rdi", AP_REG_RDI},
	{"rbp", "rbp", AP_REG_RBP},
	{"rsp", "rsp", AP_REG_RSP},
	{"r8", "r8", AP_REG_R8},
	{"r9", "r9", AP_REG_R9},
	{"r10", "r10", AP_REG_R10},
	{"r11", "r11", AP_REG_R11},
	{"r12", "r12", AP_REG_R12},
	{"r13", "r13", AP_REG_R13},
	{"r14", "r14", AP_REG_R14},
	{"r15", "r15", AP_REG_R15},
	{"rip", "rip", AP_REG_RIP},
	{"eflags", "rflags", AP_REG_EFLAGS},
	{"cs", "cs", AP_REG_CS},
	{"ss", "ss", AP_REG_SS},
	{"ds", "ds", AP_REG_DS},
	{"es", "es", AP_REG_ES},
	{"fs", "fs", AP_REG_FS},
	{"gs", "gs", AP_REG_GS},
	{"fs_base", "fsbase", AP_REG_FS_BASE},
	{"gs_base", "gsbase", AP_REG_GS_BASE},
	{"orig_rax", NULL, AP_REG_ORIG_RAX},
};

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return "32-bit x86";
	case EM_AARCH64:
		return "arm64";
	case EM_ARM:
		return "32-bit ARM";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390x";
	case EM_RISCV:
		return "RISC-V";
	default:
		return "another processor";
	}
}

static struct ap_err *header_check(const uint8_t *data, uint64_t bytes, const char *path)
{
	if (memcmp(data, ELFMAG, bytes < SELFMAG ? bytes : SELFMAG) != 0)
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s is not a core file (no ELF header)", path),
			"give the core that the kernel or gcore wrote; `file %s` tells what this is",
			path);
	if (bytes < sizeof(Elf64_Ehdr))
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s is cut off inside its ELF header", path),
			"only %llu bytes are left of it; fetch it again",
			(unsigned long long)bytes);
	if (data[EI_CLASS] != ELFCLASS64)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED, "%s is of a 32-bit process", path),
				   "only 64-bit x86-64 Node is supported");
	if (data[EI_DATA] != ELFDATA2LSB)
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED, "%s is of a big-endian process", path),
			"only x86-64 is supported");
	return NULL;
}

/* 65,535 headers or more: the true number stands in section header 0 (see elf(5)). */
static bool header_count_extended(const uint8_t *data, uint64_t bytes, const Elf64_Ehdr *eh,
				  uint64_t *ret_n)
{
	Elf64_Shdr sh;
	Elf64_Phdr first;

	if (eh->e_shoff <= bytes && bytes - eh->e_shoff >= sizeof(sh)) {
		memcpy(&sh, data + eh->e_shoff, sizeof(sh));
		*ret_n = sh.sh_info;
		return true;
	}
	/* That one is at the end of the file. Of a cut core: the notes follow right behind the
	 * headers. */
	if (eh->e_phoff > bytes || bytes - eh->e_phoff < sizeof(first))
		return false;
	memcpy(&first, data + eh->e_phoff, sizeof(first));
	if (first.p_type != PT_NOTE || first.p_offset < eh->e_phoff ||
	    (first.p_offset - eh->e_phoff) % sizeof(first) != 0 ||
	    (first.p_offset - eh->e_phoff) / sizeof(first) < PN_XNUM)
		return false;
	*ret_n = (first.p_offset - eh->e_phoff) / sizeof(first);
	return true;
}

struct ap_err *ap_core_read_header(const uint8_t *data, uint64_t bytes, const char *path,
				   struct ap_arena *arena, struct ap_core_header *ret_header)
{
	Elf64_Ehdr eh;

	AP_TRY(header_check(data, bytes, path));
	memcpy(&eh, data, sizeof(eh));
	if (eh.e_machine != EM_X86_64)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED, "%s is of %s (ELF machine %u)",
					      path, machine_name(eh.e_machine), eh.e_machine),
				   "only x86-64 is supported");
	if (eh.e_type == ET_EXEC || eh.e_type == ET_DYN)
		return ap_err_hint(ap_err_new(AP_E_FORMAT,
					      "%s is a program or library, not a core file", path),
				   "usage: autopsy [NODE] CORE");
	if (eh.e_type != ET_CORE)
		return ap_err_new(AP_E_FORMAT, "%s is an ELF file of type %u, not a core file",
				  path, eh.e_type);
	if (eh.e_phentsize != sizeof(Elf64_Phdr))
		return ap_err_new(AP_E_FORMAT, "%s: program headers of %u bytes, 56 expected", path,
				  eh.e_phentsize);
	uint64_t n = eh.e_phnum;
	if (n == PN_XNUM && !header_count_extended(data, bytes, &eh, &n))
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT,
				   "%s is cut off before the count of its program headers", path),
			"the core has 65,535 or more memory ranges and its end is missing");
	if (eh.e_phoff > bytes)
		return ap_err_new(AP_E_FORMAT, "%s is cut off before its program headers", path);
	uint64_t present = (bytes - eh.e_phoff) / sizeof(Elf64_Phdr);
	if (present > n)
		present = n;
	Elf64_Phdr *phdrs = ap_alloc_array(arena, present ? present : 1, sizeof(*phdrs));
	if (!phdrs)
		return &ap_err_nomem;
	if (present)
		memcpy(phdrs, data + eh.e_phoff, present * sizeof(*phdrs));
	*ret_header = (struct ap_core_header){phdrs, present, n - present};
	return NULL;
}

/* struct elf_prstatus: 112 bytes of signal and process facts, then the registers. */
static bool note_prstatus(struct ap_cursor desc, struct ap_arena *arena,
			  struct ap_core_notes *notes)
{
	struct ap_core_thread t = {0};

	(void)ap_cursor_bytes(&desc, 12);
	t.signal = (int16_t)ap_cursor_u16(&desc);
	(void)ap_cursor_bytes(&desc, 18);
	t.tid = (pid_t)ap_cursor_u32(&desc);
	(void)ap_cursor_bytes(&desc, 76);
	const uint8_t *regs = ap_cursor_bytes(&desc, sizeof(t.regs));
	if (!regs)
		return true;
	memcpy(t.regs, regs, sizeof(t.regs));
	return ap_vec_push(arena, &notes->threads, t);
}

/* struct elf_prpsinfo: state, flags, ids, then fname[16] and psargs[80]. */
static bool note_prpsinfo(struct ap_cursor desc, struct ap_arena *arena,
			  struct ap_core_notes *notes)
{
	(void)ap_cursor_bytes(&desc, 16);
	uint32_t uid = ap_cursor_u32(&desc), gid = ap_cursor_u32(&desc);
	uint32_t pid = ap_cursor_u32(&desc), ppid = ap_cursor_u32(&desc);
	(void)ap_cursor_bytes(&desc, 8);
	const char *fname = (const char *)ap_cursor_bytes(&desc, 16);
	const char *psargs = (const char *)ap_cursor_bytes(&desc, 80);

	if (!psargs)
		return true;
	notes->uid = uid;
	notes->gid = gid;
	notes->pid = (pid_t)pid;
	notes->ppid = (pid_t)ppid;
	notes->fname = ap_strndup(arena, fname, strnlen(fname, 16));
	size_t n = strnlen(psargs, 80);
	while (n && psargs[n - 1] == ' ')
		n--;
	notes->psargs = ap_strndup(arena, psargs, n);
	notes->have_psinfo = notes->fname && notes->psargs;
	return notes->have_psinfo;
}

static void note_siginfo(struct ap_cursor desc, struct ap_core_notes *notes)
{
	if (notes->siginfo.present)
		return; /* gcore writes one for every thread; the first is the dying one's */
	struct ap_core_siginfo si = {.present = true};

	si.signo = (int)ap_cursor_u32(&desc);
	(void)ap_cursor_u32(&desc);
	si.code = (int)ap_cursor_u32(&desc);
	(void)ap_cursor_u32(&desc);
	struct ap_cursor again = desc;
	si.sender = (pid_t)ap_cursor_u32(&again);
	si.address = ap_cursor_u64(&desc);
	if (!desc.bad)
		notes->siginfo = si;
}

/* NT_FILE: count, page size, count x {start, end, offset in pages}, then count paths. */
static bool note_file(struct ap_cursor desc, struct ap_arena *arena, struct ap_core_notes *notes)
{
	uint64_t n = ap_cursor_u64(&desc), page = ap_cursor_u64(&desc);

	if (desc.bad || n > ap_cursor_left(&desc) / 24)
		return true;
	struct ap_cursor ranges = desc;
	(void)ap_cursor_bytes(&desc, n * 24);
	for (uint64_t i = 0; i < n; i++) {
		struct ap_core_file f;

		f.start = ap_cursor_u64(&ranges);
		f.end = ap_cursor_u64(&ranges);
		if (__builtin_mul_overflow(ap_cursor_u64(&ranges), page, &f.file_offset))
			continue;
		const char *path = ap_cursor_cstr(&desc);
		if (!path)
			break;
		f.path = ap_strdup(arena, path);
		if (!f.path || !ap_vec_push(arena, &notes->files, f))
			return false;
	}
	return true;
}

static bool note_auxv(struct ap_cursor desc, struct ap_arena *arena, struct ap_core_notes *notes)
{
	while (ap_cursor_left(&desc) >= sizeof(Elf64_auxv_t)) {
		Elf64_auxv_t entry = {.a_type = ap_cursor_u64(&desc)};

		entry.a_un.a_val = ap_cursor_u64(&desc);
		if (!ap_vec_push(arena, &notes->auxv, entry))
			return false;
		if (entry.a_type == AT_NULL)
			break;
	}
	return true;
}

/* {"pages":..., "core_bytes":N, ...} */
static void note_minicore(const struct ap_note *note, struct ap_core_notes *notes)
{
	static const char key[] = "\"core_bytes\":";
	const uint8_t *end = note->desc + note->desc_bytes;
	const uint8_t *p = memmem(note->desc, note->desc_bytes, key, sizeof(key) - 1);
	uint64_t v = 0;

	for (p = p ? p + sizeof(key) - 1 : end;
	     p < end && *p >= '0' && *p <= '9' && v < UINT64_MAX / 100; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	notes->minicore_of = v ? v : 1;
}

static struct ap_err *notes_segment(const uint8_t *data, uint64_t bytes, struct ap_arena *arena,
				    struct ap_core_notes *notes)
{
	struct ap_cursor c = ap_cursor_of(data, bytes);
	struct ap_note note;
	bool memory = true;

	while (memory && ap_note_next(&c, &note)) {
		struct ap_cursor d = ap_cursor_of(note.desc, note.desc_bytes);
		if (note.name_bytes >= 3 && memcmp(note.name, "GDB", 3) == 0)
			notes->made_by_gdb = true;
		if (note.name_bytes == 8 && memcmp(note.name, "AUTOPSY", 8) == 0 &&
		    note.type == AP_NOTE_MINICORE)
			note_minicore(&note, notes);
		if (note.name_bytes < 4 || memcmp(note.name, "CORE", 4) != 0)
			continue;
		switch (note.type) {
		case NT_PRSTATUS:
			memory = note_prstatus(d, arena, notes);
			break;
		case NT_FPREGSET:
			if (note.desc_bytes >= 512 && notes->threads.n)
				notes->threads.at[notes->threads.n - 1].fpregs = note.desc;
			break;
		case NT_PRPSINFO:
			memory = note_prpsinfo(d, arena, notes);
			break;
		case NT_SIGINFO:
			note_siginfo(d, notes);
			break;
		case NT_FILE:
			memory = note_file(d, arena, notes);
			break;
		case NT_AUXV:
			memory = note_auxv(d, arena, notes);
			break;
		default:
			break;
		}
	}
	return memory ? NULL : &ap_err_nomem;
}

struct ap_err *ap_core_read_notes(const uint8_t *data, uint64_t bytes,
				  const struct ap_core_header *header, struct ap_arena *arena,
				  struct ap_core_notes *ret_notes)
{
	struct ap_core_notes notes = {0};

	/* All notes together are no longer than the file: headers that repeat them are a trap. */
	uint64_t budget = bytes;

	for (size_t i = 0; i < header->n_phdrs; i++) {
		const Elf64_Phdr *ph = &header->phdrs[i];

		if (ph->p_type != PT_NOTE || ph->p_offset >= bytes)
			continue;
		uint64_t have = bytes - ph->p_offset;
		if (have > ph->p_filesz)
			have = ph->p_filesz;
		if (have > budget)
			break;
		budget -= have;
		AP_TRY(notes_segment(data + ph->p_offset, have, arena, &notes));
	}
	*ret_notes = notes;
	return NULL;
}

uint64_t ap_core_file_bytes(const struct ap_core_header *header)
{
	uint64_t bytes = 0, end;

	for (size_t i = 0; i < header->n_phdrs; i++) {
		if (!__builtin_add_overflow(header->phdrs[i].p_offset, header->phdrs[i].p_filesz,
					    &end) &&
		    end > bytes)
			bytes = end;
	}
	return bytes;
}

uint64_t ap_core_auxv(const struct ap_core_notes *notes, uint64_t type)
{
	for (size_t i = 0; i < notes->auxv.n; i++) {
		if (notes->auxv.at[i].a_type == type)
			return notes->auxv.at[i].a_un.a_val;
	}
	return 0;
}
