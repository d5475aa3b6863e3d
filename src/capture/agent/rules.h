/*
 * Rules by label. When a process dies nobody knows the labels of its pod, so the handler keeps the
 * most that any of them may ask for, and writes into state.json which ones are open. Who knows the
 * labels decides.
 *
 * Ownership: results live in the caller's arena.
 */
#ifndef AP_CAPTURE_AGENT_RULES_H
#define AP_CAPTURE_AGENT_RULES_H

#include "capture/agent/cri.h"
#include "capture/spool/config.h"

struct ap_label_rules {
	AP_VEC(struct ap_rule) rules; /* all of them by label */
	enum ap_rule_action otherwise;
};

/* From the text of state.json; without rules by label `rules` is empty. */
struct ap_err *ap_label_rules_parse(const char *text, size_t bytes, struct ap_arena *arena,
				    struct ap_label_rules *ret);
/* *ret_rule is the one that fits, NULL: none, and `otherwise` holds. */
enum ap_rule_action ap_label_rules_decide(const struct ap_label_rules *rules,
					  const ap_cri_pairs *labels,
					  const struct ap_rule **ret_rule);

#endif
