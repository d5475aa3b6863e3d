/*
 * A core of a running process, with a pause as short as this kernel and this process allow.
 *
 * Ownership: options point to the caller's memory; results hold none. Nothing here prints: what a
 * person should know while it works is handed to `say` and `progress`.
 *
 * Whatever happens (errors, a deadline, SIGKILL of this program) the target goes on running: all
 * that is done inside it is done by sequences that finish without us (see inject.h).
 */
#ifndef AP_CAPTURE_SNAPSHOT_H
#define AP_CAPTURE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum ap_snapshot_mode {
	AP_SNAPSHOT_AUTO,
	AP_SNAPSHOT_PRECOPY, /* copy while it runs, stop, copy what changed */
	AP_SNAPSHOT_FORK,    /* stop, clone, read the clone */
	AP_SNAPSHOT_DIRECT,  /* stop, read */
};

struct ap_snapshot_options {
	pid_t pid;
	enum ap_snapshot_mode mode;
	const char *path; /* NULL: `fd` takes the stream */
	int fd;
	bool compress; /* zstd */
	bool replace;
	bool verify;           /* read everything twice and compare: a long pause, for tests */
	unsigned max_pause_ms; /* 0: 2 s, for direct 60 s */
	void (*say)(void *arg, const char *sentence);
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	/* Asked between chunks of work; true stops it and leaves nothing behind. */
	bool (*cancelled)(void *arg);
	void *arg;
};

struct ap_snapshot_result {
	enum ap_snapshot_mode mode;
	double pause_ms;
	double total_ms;
	uint64_t core_bytes; /* before compression */
	uint64_t file_bytes;
	uint64_t memory_bytes;     /* of the target, in the core */
	uint64_t paused_bytes;     /* copied while it stood still */
	uint64_t unreadable_bytes; /* written as zeros */
	size_t n_threads, n_mappings, n_segments;
};

const char *ap_snapshot_mode_name(enum ap_snapshot_mode mode);
bool ap_snapshot_mode_named(const char *name, enum ap_snapshot_mode *ret_mode);

struct ap_err *ap_snapshot_take(const struct ap_snapshot_options *options,
				struct ap_snapshot_result *ret_result);

/* What could be taken of a process, without touching it. */
struct ap_snapshot_prospect {
	enum ap_snapshot_mode mode; /* what AUTO would begin with */
	char reason[256];           /* why not a better one; "" when there is none */
};
struct ap_err *ap_snapshot_prospect(pid_t pid, struct ap_snapshot_prospect *ret_prospect);

/* What a killed dumper may have left: dead children that nobody waits for, a heap that forks copy.
 */
struct ap_snapshot_repair {
	unsigned n_zombies; /* reaped */
	unsigned n_marked;  /* stretches of V8's heap that are MADV_DONTFORK again */
};
struct ap_err *ap_snapshot_repair(pid_t pid, struct ap_snapshot_repair *ret_repair);

#endif
