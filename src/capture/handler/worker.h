/*
 * The unprivileged half: reads the core from the pipe and memory from the dying process, writes
 * what is to be kept into files that the entry opened, and tells the entry what became of it.
 *
 * Ownership: the entry owns all descriptors; the worker ends with its process.
 */
#ifndef AP_CAPTURE_HANDLER_WORKER_H
#define AP_CAPTURE_HANDLER_WORKER_H

#include "capture/handler/confine.h"
#include "capture/handler/context.h"
#include "capture/handler/drain.h"
#include "elf/file.h"

enum { AP_WORKER_TEXT = 200 };

/* First message: facts and minicore are in their files. Fixed in size, checked by the entry. */
struct ap_worker_mini {
	uint32_t have_meta, have_mini;
	uint32_t mini_stopped; /* the walk ended early */
	uint64_t core_bytes, mini_raw_bytes, mini_bytes, mini_pages, texts_left_out;
	uint64_t mini_us;
	char build_id[2 * AP_BUILD_ID_MAX + 1];
	char error[AP_WORKER_TEXT]; /* of what failed; "" */
};

/* The entry's answer: what may be kept of the core. */
struct ap_worker_go {
	uint32_t full;
	uint32_t threads;
	uint64_t most_bytes, reserve_bytes, deadline_ns;
};

/* Second message, after an answer with `full`. */
struct ap_worker_full {
	uint32_t end; /* enum ap_drain_end */
	uint32_t failed;
	uint64_t raw_bytes, stored_bytes, frames;
	char error[AP_WORKER_TEXT];
};

struct ap_worker {
	const char *uuid;
	const struct ap_context *context;
	struct ap_confinement confinement;
	uint64_t mini_raw_bytes;
	double mini_seconds;
	int pipe, meta, mini, core, talk; /* descriptors; core -1: not wanted */
	int guard;                        /* of struct ap_guard */
};

/* Never returns. Call it in a child of its own. */
_Noreturn void ap_worker_run(const struct ap_worker *worker);

#endif
