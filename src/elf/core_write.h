/*
 * Writing an ELF core: notes and headers, as the kernel of x86-64 writes them.
 *
 * Ownership: nothing is kept; results are appended to the caller's strings. The memory itself is
 * the caller's business: he says where in the file each segment lies.
 */
#ifndef AP_ELF_CORE_WRITE_H
#define AP_ELF_CORE_WRITE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/err.h"
#include "base/str.h"

struct ap_corew_thread {
	pid_t tid; /* as the process itself sees it */
	int signal;
	uint64_t sig_pending, sig_blocked;
	double utime, stime; /* seconds */
	struct user_regs_struct regs;
	bool have_fpregs;
	uint8_t fpregs[512];
	const uint8_t *xstate; /* may be NULL */
	size_t n_xstate;
};

struct ap_corew_file {
	uint64_t start, end, offset; /* bytes */
	const char *path;
};

struct ap_corew_process {
	pid_t pid, ppid, pgrp, sid;
	uid_t uid;
	gid_t gid;
	char state;
	long nice;
	unsigned flags;
	const char *fname;
	const char *psargs;
	const void *auxv;
	size_t n_auxv; /* bytes */
	const struct ap_corew_file *files;
	size_t n_files;
};

/* All notes, the first thread's in the kernel's order. */
struct ap_err *ap_corew_notes(const struct ap_corew_process *process,
			      const struct ap_corew_thread *threads, size_t n_threads,
			      struct ap_str *out);
/* One note more, of an owner of ours. */
void ap_corew_note(struct ap_str *out, const char *owner, uint32_t type, const void *desc,
		   size_t bytes);

struct ap_corew_segment {
	uint64_t vaddr, bytes, offset;
	uint32_t flags; /* PF_* */
	bool absent;    /* the process had it, the file does not */
};

/* Bytes that the table of ap_corew_headers() takes. */
uint64_t ap_corew_table_bytes(size_t n_segments, size_t notes_bytes);
/*
 * The 64 bytes for the start of the file, and the table (program headers, the section header that
 * holds their number when it is over 65,534, the notes) for `table_offset`, which is 64 or more and
 * a multiple of 8.
 */
struct ap_err *ap_corew_headers(const struct ap_corew_segment *segments, size_t n_segments,
				const struct ap_str *notes, uint64_t table_offset,
				struct ap_str *ret_ehdr, struct ap_str *ret_table);

#endif
