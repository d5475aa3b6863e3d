#include "capture/agent/rules.h"

#include <fnmatch.h>
#include <string.h>

#include "base/json_read.h"

enum { MAX_RULES = 1000, TEXT_BYTES = 4096 };

static bool read_action(struct ap_json_reader *r, enum ap_rule_action *ret)
{
	struct ap_text text;

	if (!ap_json_read_text(r, &text))
		return false;
	for (enum ap_rule_action a = AP_RULE_CAPTURE; a <= AP_RULE_PASS; a++) {
		if (ap_text_is(text, ap_rule_action_name(a))) {
			*ret = a;
			return true;
		}
	}
	return ap_json_read_fail(r, "an action that does not exist");
}

static bool read_rule(struct ap_json_reader *r, struct ap_arena *arena,
		      struct ap_label_rules *rules)
{
	struct ap_rule rule = {AP_RULE_CAPTURE, AP_RULE_LABEL, NULL};
	struct ap_text key, text;
	bool first = true;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "action"))
			(void)read_action(r, &rule.action);
		else if (!ap_text_is(key, "label"))
			(void)ap_json_read_skip(r);
		else if (ap_json_read_text(r, &text))
			rule.glob = ap_strndup(arena, text.s, text.n);
	}
	if (r->failed)
		return false;
	if (!rule.glob || rules->rules.n == MAX_RULES)
		return ap_json_read_fail(r, "a rule without a label, or too many");
	return ap_vec_push(arena, &rules->rules, rule);
}

struct ap_err *ap_label_rules_parse(const char *text, size_t bytes, struct ap_arena *arena,
				    struct ap_label_rules *ret)
{
	struct ap_label_rules rules = {.otherwise = AP_RULE_CAPTURE};
	struct ap_json_memory memory = {text, bytes};
	bool first = true, memory_left = true;
	struct ap_json_reader r;
	struct ap_text key;

	ap_json_read_init(&r, ap_json_source_memory(&memory), TEXT_BYTES);
	if (ap_json_read_token(&r, '{')) {
		while (memory_left && ap_json_read_more(&r, &first, '}') &&
		       ap_json_read_key(&r, &key)) {
			if (ap_text_is(key, "otherwise") && ap_json_peek(&r) == '"') {
				(void)read_action(&r, &rules.otherwise);
			} else if (ap_text_is(key, "label_rules") && ap_json_peek(&r) == '[') {
				bool first_rule = true;

				(void)ap_json_read_token(&r, '[');
				while (memory_left && ap_json_read_more(&r, &first_rule, ']'))
					memory_left = read_rule(&r, arena, &rules);
			} else {
				(void)ap_json_read_skip(&r);
			}
		}
	}
	struct ap_err *err = ap_json_read_error(&r);
	ap_json_read_close(&r);
	if (!err && !memory_left)
		err = &ap_err_nomem;
	if (!err)
		*ret = rules;
	return err;
}

enum ap_rule_action ap_label_rules_decide(const struct ap_label_rules *rules,
					  const ap_cri_pairs *labels,
					  const struct ap_rule **ret_rule)
{
	for (size_t i = 0; i < rules->rules.n; i++) {
		const struct ap_rule *rule = &rules->rules.at[i];

		for (size_t k = 0; k < labels->n; k++) {
			AP_STR_AUTO label = {0};

			ap_str_addf(&label, "%s=%s", labels->at[k].key, labels->at[k].value);
			/* fnmatch's time grows with the text; Kubernetes allows 317 and 63
			 * characters. */
			if (label.failed || label.n > TEXT_BYTES ||
			    fnmatch(rule->glob, label.s, 0) != 0)
				continue;
			*ret_rule = rule;
			return rule->action;
		}
	}
	*ret_rule = NULL;
	return rules->otherwise;
}
