/*
 * state.json: how far the capture of a crash came, and what is there of it.
 *
 * Ownership: the texts point; nothing is kept.
 */
#ifndef AP_CAPTURE_HANDLER_STATE_H
#define AP_CAPTURE_HANDLER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "capture/handler/policy.h"
#include "capture/handler/worker.h"
#include "capture/spool/counter.h"

struct ap_state {
	bool done;               /* false: "capturing" */
	const char *action;      /* what the rules said */
	struct ap_policy policy; /* which of them */
	const struct ap_config *config;
	const char *core;         /* "whole", "cut", "none" */
	char why[AP_WORKER_TEXT]; /* not whole; "" */
	struct ap_worker_mini mini;
	struct ap_worker_full full;
	bool program_kept;
	struct ap_counter counter;
	double total_ms, cpu_ms;
	uint64_t peak_bytes; /* resident, of handler and worker: the larger */
	const char *warning; /* or NULL */
};

void ap_state_write(const struct ap_state *state, struct ap_str *out);

#endif
