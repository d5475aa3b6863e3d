/*
 * What setTimeout, setInterval and setImmediate have planned: the lists of lib/internal/timers.js.
 *
 * Ownership: rows go into the caller's arena. Times are ms.
 */
#ifndef AP_NODE_TIMERS_H
#define AP_NODE_TIMERS_H

#include "node/environment.h"

enum ap_node_timer_kind { AP_TIMER_TIMEOUT, AP_TIMER_INTERVAL, AP_TIMER_IMMEDIATE };

struct ap_node_timer {
	enum ap_node_timer_kind kind;
	ap_tagged object;   /* Timeout, Immediate, or what was enrolled as one */
	ap_tagged callback; /* 0: none */
	double after_ms;    /* -1: immediates */
	bool has_due;
	double due_in_ms; /* from the loop's last turn; negative: late */
	bool referenced;
};

typedef AP_VEC(struct ap_node_timer) ap_node_timer_vec;

/*
 * All of them, the next one first. *ret_found false: this Node keeps its timers in another way, or
 * its lists could not be read.
 */
struct ap_err *ap_node_timers(const struct ap_node_env *env, struct ap_arena *arena,
			      ap_node_timer_vec *ret, bool *ret_found);

#endif
