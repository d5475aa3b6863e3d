#include "capture/handler/policy.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { MAX_MATCHED_BYTES = 4096 };

static bool fits(const char *glob, const char *text)
{
	/* fnmatch's time grows with the text, and a process chooses how long its own are. */
	return strlen(text) < MAX_MATCHED_BYTES && fnmatch(glob, text, 0) == 0;
}

static bool fits_environment(const char *glob, const struct ap_str *environment)
{
	const char *s = environment->s, *end = s ? s + environment->n : NULL;

	while (s && s < end) {
		size_t n = strnlen(s, (size_t)(end - s));

		/* The last one may have been cut off: its end is unknown. */
		if (s + n < end && fits(glob, s))
			return true;
		s += n + 1;
	}
	return false;
}

static bool fits_signal(const char *glob, int sig)
{
	const char *name = sigabbrev_np(sig);
	char text[32];

	snprintf(text, sizeof(text), "%d", sig);
	if (fits(glob, text))
		return true;
	snprintf(text, sizeof(text), "SIG%s", name ? name : "");
	return name && (fits(glob, text) || fits(glob, name));
}

static bool rule_fits(const struct ap_rule *rule, const struct ap_context *c)
{
	char text[32];

	switch (rule->key) {
	case AP_RULE_ANY:
		return true;
	case AP_RULE_EXE:
		return fits(rule->glob, c->exe_path);
	case AP_RULE_COMM:
		return fits(rule->glob, c->args.comm);
	case AP_RULE_UID:
		snprintf(text, sizeof(text), "%u", c->args.uid);
		return fits(rule->glob, text);
	case AP_RULE_SIGNAL:
		return fits_signal(rule->glob, c->args.signal);
	case AP_RULE_CGROUP:
		return fits(rule->glob, c->identity.cgroup);
	case AP_RULE_NAMESPACE:
		return c->identity.namespace_[0] && fits(rule->glob, c->identity.namespace_);
	case AP_RULE_POD:
		return c->identity.pod[0] && fits(rule->glob, c->identity.pod);
	case AP_RULE_CONTAINER:
		return c->identity.container[0] && fits(rule->glob, c->identity.container);
	case AP_RULE_ENV:
		return fits_environment(rule->glob, &c->environ);
	case AP_RULE_LABEL:
	case AP_N_RULE_KEYS:
		break;
	}
	return false;
}

/* How much an action keeps. */
static int kept(enum ap_rule_action action)
{
	static const int amounts[] = {[AP_RULE_CAPTURE] = 3,
				      [AP_RULE_MINI] = 2,
				      [AP_RULE_META] = 1,
				      [AP_RULE_SKIP] = 0,
				      [AP_RULE_PASS] = 0};

	return amounts[action];
}

enum ap_rule_action ap_policy_decide(const struct ap_config *config,
				     const struct ap_context *context, struct ap_policy *ret_policy)
{
	struct ap_policy policy = {.otherwise = AP_RULE_CAPTURE};
	enum ap_rule_action most = AP_RULE_SKIP;
	size_t i = 0;

	for (; i < config->rules.n; i++) {
		const struct ap_rule *rule = &config->rules.at[i];

		if (rule->key == AP_RULE_LABEL && context->identity.container[0]) {
			policy.n_open++;
			if (kept(rule->action) > kept(most))
				most = rule->action;
		} else if (rule_fits(rule, context)) {
			policy.rule = i + 1;
			policy.otherwise = rule->action;
			break;
		}
	}
	policy.end = i;
	/* If none of the open rules could keep more, there is nothing to wait for. */
	if (policy.n_open && !kept(most) && !kept(policy.otherwise))
		policy.n_open = 0;
	*ret_policy = policy;
	return policy.n_open && kept(most) > kept(policy.otherwise) ? most : policy.otherwise;
}

bool ap_policy_needs_pod(const struct ap_config *config)
{
	for (size_t i = 0; i < config->rules.n; i++) {
		if (config->rules.at[i].key == AP_RULE_NAMESPACE ||
		    config->rules.at[i].key == AP_RULE_POD)
			return true;
	}
	return false;
}
