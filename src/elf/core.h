/*
 * What an ELF core file says before any memory is read: program headers and notes.
 *
 * Our own reader, not libelf's: a core may be cut off at any byte, which libelf refuses, and every
 * length in it is hostile.
 *
 * Ownership: all results live in the caller's arena or point into the mapped file.
 */
#ifndef AP_ELF_CORE_H
#define AP_ELF_CORE_H

#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

enum { AP_N_REGS = 27 }; /* user_regs_struct of x86-64, in its order */

enum ap_reg {
	AP_REG_R15,
	AP_REG_R14,
	AP_REG_R13,
	AP_REG_R12,
	AP_REG_RBP,
	AP_REG_RBX,
	AP_REG_R11,
	AP_REG_R10,
	AP_REG_R9,
	AP_REG_R8,
	AP_REG_RAX,
	AP_REG_RCX,
	AP_REG_RDX,
	AP_REG_RSI,
	AP_REG_RDI,
	AP_REG_ORIG_RAX,
	AP_REG_RIP,
	AP_REG_CS,
	AP_REG_EFLAGS,
	AP_REG_RSP,
	AP_REG_SS,
	AP_REG_FS_BASE,
	AP_REG_GS_BASE,
	AP_REG_DS,
	AP_REG_ES,
	AP_REG_FS,
	AP_REG_GS,
};

/* What people call them: Linux and gdb on the one hand, mdb on the other (NULL: it has no such). */
struct ap_reg_name {
	const char *name, *mdb;
	enum ap_reg reg;
};

/* In the order in which they are shown; orig_rax comes last. */
extern const struct ap_reg_name ap_reg_names[AP_N_REGS];

struct ap_core_thread {
	pid_t tid;
	int signal; /* pr_cursig */
	uint64_t regs[AP_N_REGS];
	const uint8_t *fpregs; /* 512 bytes of FXSAVE, or NULL */
};

struct ap_core_file {
	uint64_t start, end, file_offset; /* addresses; the offset in bytes */
	const char *path;
};

struct ap_core_siginfo {
	bool present;
	int signo, code;
	pid_t sender; /* meaningful for SI_USER and friends */
	uint64_t address;
};

/* Of the owner AUTOPSY, JSON: what a minicore left out. */
enum { AP_NOTE_MINICORE = 3 };

struct ap_core_notes {
	AP_VEC(struct ap_core_thread) threads; /* the one that died comes first */
	AP_VEC(struct ap_core_file) files;
	AP_VEC(Elf64_auxv_t) auxv;
	struct ap_core_siginfo siginfo;
	bool have_psinfo;
	pid_t pid, ppid;
	uid_t uid;
	gid_t gid;
	const char *fname;    /* at most 15 bytes, as the kernel keeps it */
	const char *psargs;   /* at most 79 bytes */
	bool made_by_gdb;     /* gcore wrote it: the process did not die */
	uint64_t minicore_of; /* our handler left most memory out: bytes of the full core; 0: it did
				 not */
};

struct ap_core_header {
	const Elf64_Phdr *phdrs; /* may be unaligned in memory: copied into the arena */
	size_t n_phdrs;
	uint64_t n_phdrs_missing; /* headers cut off by the end of the file */
};

/* Fails when `data` is not a 64-bit x86-64 ELF core; a truncated one is fine. */
struct ap_err *ap_core_read_header(const uint8_t *data, uint64_t bytes, const char *path,
				   struct ap_arena *arena, struct ap_core_header *ret_header);
struct ap_err *ap_core_read_notes(const uint8_t *data, uint64_t bytes,
				  const struct ap_core_header *header, struct ap_arena *arena,
				  struct ap_core_notes *ret_notes);
/* Where the last segment ends in the file: its size when it is whole. */
uint64_t ap_core_file_bytes(const struct ap_core_header *header);
/* The value of the auxiliary vector entry AT_x, or 0. */
uint64_t ap_core_auxv(const struct ap_core_notes *notes, uint64_t type);

#endif
