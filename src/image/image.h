/*
 * One address space with its threads, registers and modules, whatever it came from: a core file,
 * a running process, or memory made by a test. Everything above reads the target through this.
 *
 * Ownership: the image owns all it hands out (segments, threads, modules, strings) until
 * ap_image_close(). Views point into mapped files and are valid as long.
 *
 * Reads never fail loudly: a page that the core does not hold is data ("absent"), and the caller
 * decides whether it matters. Addresses and sizes are in bytes.
 */
#ifndef AP_IMAGE_IMAGE_H
#define AP_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "elf/core.h"
#include "elf/file.h"

typedef uint64_t ap_addr;

enum ap_segment_origin {
	AP_SEGMENT_CORE, /* the core holds these bytes */
	AP_SEGMENT_FILE, /* served from the binary or library, proven by build-id or --force */
	AP_SEGMENT_CUT,  /* the core should hold them, but the file ends before */
	AP_SEGMENT_NONE, /* not dumped: guard pages, excluded mappings, missing libraries */
	AP_SEGMENT_TEST,
};

struct ap_segment {
	ap_addr start, end;
	const uint8_t *data; /* end - start bytes, or NULL when not readable */
	enum ap_segment_origin origin;
	uint32_t flags;   /* PF_R, PF_W, PF_X */
	const char *path; /* of the mapped file, or NULL */
};

enum ap_module_state {
	AP_MODULE_OK,
	AP_MODULE_MISSING,  /* no such file here */
	AP_MODULE_MISMATCH, /* the file's build-id is another one */
	AP_MODULE_UNPROVEN, /* the core holds no build-id to compare; used all the same */
};

struct ap_module {
	const char *path; /* as the process had it */
	ap_addr start, end;
	uint64_t bias;               /* address in memory = address as linked + bias */
	struct ap_build_id build_id; /* as the core says; may be empty */
	enum ap_module_state state;
	struct ap_elf *elf; /* NULL unless OK or UNPROVEN */
	bool is_main;
};

struct ap_thread {
	pid_t tid;
	int signal;
	const uint64_t *regs; /* AP_N_REGS, indexed by enum ap_reg */
	const uint8_t *fpregs;
};

struct ap_process {
	pid_t pid, ppid;
	uid_t uid;
	gid_t gid;
	const char *fname, *psargs;
	const char *exe;   /* path of the program as NT_FILE records it, or NULL */
	const char **argv; /* NULL-ended, from the stack; or NULL */
	const char **env;
	struct ap_core_siginfo siginfo;
	int signal; /* that ended it; 0 if it did not die */
	bool died;  /* false: a picture of a live process (gcore or our own) */
};

struct ap_image_gaps {
	uint64_t cut_bytes; /* missing because the file is cut off */
	uint64_t cut_segments;
	uint64_t missing_headers;            /* program headers beyond the end of the file */
	uint64_t file_bytes, expected_bytes; /* of the core file */
	uint64_t minicore_of; /* bytes of the core that this is a minicore of; 0: it is none */
};

struct ap_image;

struct ap_image_options {
	const char *node_path; /* the program given by the user, or NULL */
	bool force;            /* accept a NODE whose build-id differs */
};

/* Opens a core, plain or compressed, or a FIFO; `path` may be "-". */
struct ap_err *ap_image_open_core(const char *path, const struct ap_image_options *options,
				  struct ap_image **ret_image);
void ap_image_close(struct ap_image *image);

const char *ap_image_path(const struct ap_image *image);
const struct ap_segment *ap_image_segments(const struct ap_image *image, size_t *ret_n);
const struct ap_module *ap_image_modules(const struct ap_image *image, size_t *ret_n);
const struct ap_thread *ap_image_threads(const struct ap_image *image, size_t *ret_n);
const struct ap_process *ap_image_process(const struct ap_image *image);
const struct ap_image_gaps *ap_image_gaps(const struct ap_image *image);
uint64_t ap_image_auxv(const struct ap_image *image, uint64_t type);
/* NT_FILE: the file mappings in address order. */
const struct ap_core_file *ap_image_files(const struct ap_image *image, size_t *ret_n);

const struct ap_segment *ap_image_segment_at(const struct ap_image *image, ap_addr addr);
const struct ap_module *ap_image_module_at(const struct ap_image *image, ap_addr addr);
/* The module of the program itself, or NULL. */
const struct ap_module *ap_image_main_module(const struct ap_image *image);

/*
 * Bytes of a segment that the process ever touched: what it never did is a hole in the core. Equals
 * the segment's size for cores whose holes a copy filled.
 */
uint64_t ap_image_touched(const struct ap_image *image, const struct ap_segment *segment);

/*
 * The first address from `addr` on, inside the segment, whose page the process touched; its end if
 * none is left. What lies between reads as zeros: not looking there spares the disk and the page
 * cache.
 */
ap_addr ap_image_next_touched(const struct ap_image *image, const struct ap_segment *segment,
			      ap_addr addr);

/*
 * Bytes of a segment that has data, copied out of the file: cheaper than mapping a page for each of
 * many places that lie far apart. False if they are not all there.
 */
bool ap_image_peek(const struct ap_image *image, const struct ap_segment *segment, ap_addr addr,
		   void *buf, size_t bytes);

/* Readable bytes that follow `addr` without a hole, `*ret_bytes` of them; NULL if absent. */
const uint8_t *ap_image_view(const struct ap_image *image, ap_addr addr, uint64_t *ret_bytes);
/* All or nothing; crosses adjoining segments. */
bool ap_image_read(const struct ap_image *image, ap_addr addr, void *buf, size_t bytes);

#define AP_IMAGE_INT(name, type)                                                                   \
	static inline bool ap_image_##name(const struct ap_image *image, ap_addr addr, type *ret)  \
	{                                                                                          \
		return ap_image_read(image, addr, ret, sizeof(*ret));                              \
	}
AP_IMAGE_INT(u8, uint8_t)
AP_IMAGE_INT(u16, uint16_t)
AP_IMAGE_INT(u32, uint32_t)
AP_IMAGE_INT(u64, uint64_t)
#undef AP_IMAGE_INT

/* A NUL-terminated string of at most `max` bytes, copied into `arena`; NULL if unreadable. */
char *ap_image_cstr(const struct ap_image *image, ap_addr addr, size_t max, struct ap_arena *arena);

/* "module`symbol+0x1f" parts for a code or data address; false if no symbol is known. */
bool ap_image_symbol(const struct ap_image *image, ap_addr addr, struct ap_symbol *ret_symbol,
		     const struct ap_module **ret_module, uint64_t *ret_offset);

/* For tests: an image of the given segments (copied) and threads, with no files behind it. */
struct ap_err *ap_image_of_segments(const struct ap_segment *segments, size_t n,
				    struct ap_image **ret_image);

#endif
