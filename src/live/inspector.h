/*
 * A client of V8's inspector in a running process: finding or opening it, calls, events, and
 * closing it again.
 *
 * Ownership: struct ap_inspector owns the connection until ap_inspector_close(), which leaves the
 * process as it was found: an inspector that we opened is shut. Texts of answers live in the arena
 * that was given. One thread uses one inspector.
 *
 * Everything has a deadline; `cancelled` is asked several times a second.
 */
#ifndef AP_LIVE_INSPECTOR_H
#define AP_LIVE_INSPECTOR_H

#include "live/protocol.h"
#include "live/target.h"

struct ap_inspector_options {
	unsigned timeout_ms; /* for opening it and for each call */
	uint16_t port;       /* where it listens or will; 0: as the process was started */
	bool (*cancelled)(void *arg);
	void (*tick)(void *arg); /* each 100 ms of waiting for it to open; may be NULL */
	void *arg;
};

struct ap_inspector;

/*
 * Connects to the process's inspector, and opens it with SIGUSR1 if it does not listen yet. Enters
 * the process's network namespace for that if it is another one. The error of a refusal names the
 * fact that proves it.
 */
struct ap_err *ap_inspector_open(struct ap_target *target,
				 const struct ap_inspector_options *options,
				 struct ap_inspector **ret_inspector);
/* True when the inspector is shut or was open before we came; false: it was ours and still listens.
 */
bool ap_inspector_close(struct ap_inspector *inspector);
/* Of a process that is about to end, and waits for us to leave. */
void ap_inspector_leave(struct ap_inspector *inspector);
/* For calls from now on. */
void ap_inspector_set_timeout(struct ap_inspector *inspector, unsigned timeout_ms);

uint16_t ap_inspector_port(const struct ap_inspector *inspector);
bool ap_inspector_was_open(const struct ap_inspector *inspector);

/*
 * Calls `method` with the JSON `params` (NULL: none) and waits for the answer. An answer of null in
 * *ret_body and no error: the connection ended instead, or `until_event` came first.
 */
struct ap_err *ap_inspector_call(struct ap_inspector *inspector, const char *method,
				 const char *params, const char *until_event,
				 struct ap_arena *arena, struct ap_text *ret_body);
/* Evaluates an expression in the main thread, even in the middle of a loop; `ret` may be NULL. */
struct ap_err *ap_inspector_evaluate(struct ap_inspector *inspector, const char *expression,
				     bool by_value, struct ap_arena *arena,
				     struct ap_protocol_value *ret);

#endif
