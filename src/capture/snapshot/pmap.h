/*
 * A process's memory by kind: what the kernel counts per mapping, put into words that a Node
 * developer uses. The kinds add up to what the kernel says in all.
 *
 * Ownership: struct ap_pmap owns its tables until ap_pmap_close().
 */
#ifndef AP_CAPTURE_PMAP_H
#define AP_CAPTURE_PMAP_H

#include <stdint.h>

#include "base/str.h"
#include "os/proc.h"

/* Types of notes with the owner AUTOPSY. */
enum { AP_NOTE_SNAPSHOT = 1, AP_NOTE_PMAP = 2 };

enum ap_kind {
	AP_KIND_JS_HEAP,
	AP_KIND_JS_CODE,
	AP_KIND_JS_READ_ONLY,
	AP_KIND_LARGE,  /* anonymous, 1 MB or more: array buffers and other big blocks */
	AP_KIND_NATIVE, /* malloc: brk, arenas, small blocks */
	AP_KIND_STACK,
	AP_KIND_FILE_DATA, /* pages of files that the process changed */
	AP_KIND_FILE,      /* pages as they are on disk: shared, can be dropped */
	AP_KIND_SHARED,    /* shared memory */
	AP_KIND_OTHER,     /* vdso and friends */
	AP_N_KINDS,
};

struct ap_kind_sum {
	uint64_t rss, anonymous, dirty, swap, size;
	size_t n;
};

struct ap_pmap {
	struct ap_maps maps; /* as smaps gives them */
	pid_t pid;
	int64_t time_ms; /* Unix */
};

const char *ap_kind_name(enum ap_kind kind);
const char *ap_kind_key(enum ap_kind kind);

struct ap_err *ap_pmap_of(pid_t pid, struct ap_pmap *ret_pmap);
/* A snapshot of ours (also zstd), or a file that ap_pmap_text() made. */
struct ap_err *ap_pmap_load(const char *path, struct ap_pmap *ret_pmap);
void ap_pmap_close(struct ap_pmap *pmap);
#define AP_PMAP_AUTO AP_CLEANUP(ap_pmap_close) struct ap_pmap

/* One line a mapping; the form in which watch and snapshots keep it. */
void ap_pmap_text(const struct ap_maps *maps, pid_t pid, struct ap_str *out);
struct ap_err *ap_pmap_parse(const char *text, size_t bytes, struct ap_pmap *ret_pmap);

void ap_pmap_sums(const struct ap_pmap *pmap, struct ap_kind_sum sums[static AP_N_KINDS]);
/* The kind that most of the mapping's memory is of. */
enum ap_kind ap_pmap_kind(const struct ap_pmap *pmap, size_t i);
/* What the kernel itself adds up (smaps_rollup); false when it cannot be read. */
bool ap_pmap_rollup(pid_t pid, struct ap_kind_sum *ret_sum);

#endif
