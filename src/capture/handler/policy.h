/*
 * Which crashes are kept, and how much of them.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_HANDLER_POLICY_H
#define AP_CAPTURE_HANDLER_POLICY_H

#include "capture/handler/context.h"
#include "capture/spool/config.h"

struct ap_policy {
	size_t rule;   /* number of the one that decided, from 1; 0: none, so capture */
	size_t end;    /* rules by label count that stand before this one ... */
	size_t n_open; /* ... so many; 0: nothing is left to decide */
	enum ap_rule_action otherwise; /* if none of them fits */
};

/*
 * The first rule that fits; capture if none does. For a process in a container rules by label stay
 * open until somebody knows the labels: then the action is the one that keeps the most.
 */
enum ap_rule_action ap_policy_decide(const struct ap_config *config,
				     const struct ap_context *context,
				     struct ap_policy *ret_policy);
/* Whether a pod's namespace and name have to be known for that. */
bool ap_policy_needs_pod(const struct ap_config *config);

#endif
