/*
 * The agent's shipping: a process of its own beside the one that looks at crashes, so that a core
 * of gigabytes on its way does not keep a new crash waiting; or a single round.
 *
 * Ownership: the process belongs to the agent and dies with it, however that ends.
 */
#ifndef AP_TOOLS_AGENT_SHIP_H
#define AP_TOOLS_AGENT_SHIP_H

#include <signal.h>
#include <sys/types.h>

#include "tools/crashes.h"

/* Starts the process if there is something to ship to and it does not run (any more). `*pid` -1: it
 * does not. */
void ap_agent_ship_keep(struct ap_crashes *crashes, pid_t *pid);
/* Ends it; who waits for a disk that stands still ends when that goes on, and keeps agent.lock
 * until then. */
void ap_agent_ship_end(pid_t pid);
/* `*ret_failed` is 1 if something could not be shipped. `id` NULL: everything. */
struct ap_err *ap_agent_ship_now(struct ap_crashes *crashes, const volatile sig_atomic_t *stop,
				 bool sweep, const char *id, int *ret_failed);

#endif
