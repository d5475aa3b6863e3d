#include "capture/handler/state.h"

#include "base/json.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* What the agent has to decide once it knows the pod's labels. */
static void put_rules(struct ap_json *j, const struct ap_state *s)
{
	ap_json_uint(j, "rule", s->policy.rule);
	ap_json_uint(j, "n_label_rules", s->policy.n_open);
	ap_json_array(j, "label_rules");
	for (size_t i = 0; s->policy.n_open && i < s->policy.end; i++) {
		const struct ap_rule *rule = &s->config->rules.at[i];

		if (rule->key != AP_RULE_LABEL)
			continue;
		ap_json_object(j, NULL);
		ap_json_cstr(j, "action", ap_rule_action_name(rule->action));
		ap_json_cstr(j, "label", rule->glob);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_cstr(j, "otherwise", ap_rule_action_name(s->policy.otherwise));
}

void ap_state_write(const struct ap_state *s, struct ap_str *out)
{
	struct ap_json j;

	ap_json_init(&j, out, NULL);
	ap_json_object(&j, NULL);
	ap_json_int(&j, "schema", 1);
	ap_json_cstr(&j, "state", s->done ? "done" : "capturing");
	ap_json_cstr(&j, "action", s->action);
	put_rules(&j, s);
	ap_json_cstr(&j, "core", s->core);
	ap_json_cstr(&j, "core_reason", or_null(s->why));
	ap_json_uint(&j, "core_bytes", s->mini.core_bytes);
	ap_json_uint(&j, "raw_bytes", s->full.raw_bytes);
	ap_json_uint(&j, "stored_bytes", s->full.stored_bytes);
	ap_json_uint(&j, "frames", s->full.frames);
	ap_json_bool(&j, "mini", s->mini.have_mini);
	ap_json_uint(&j, "mini_bytes", s->mini.mini_bytes);
	ap_json_uint(&j, "mini_raw_bytes", s->mini.mini_raw_bytes);
	ap_json_uint(&j, "mini_pages", s->mini.mini_pages);
	ap_json_double(&j, "mini_ms", (double)s->mini.mini_us / 1000);
	ap_json_bool(&j, "mini_stopped", s->mini.mini_stopped);
	ap_json_uint(&j, "texts_left_out", s->mini.texts_left_out);
	ap_json_cstr(&j, "build_id", or_null(s->mini.build_id));
	ap_json_bool(&j, "program", s->program_kept);
	ap_json_uint(&j, "count", s->counter.count);
	ap_json_uint(&j, "count_in_window", s->counter.seen_in_window);
	ap_json_double(&j, "total_ms", s->total_ms);
	ap_json_double(&j, "cpu_ms", s->cpu_ms);
	ap_json_uint(&j, "peak_bytes", s->peak_bytes);
	ap_json_cstr(&j, "warning", s->warning);
	ap_json_end_object(&j);
	ap_json_newline(&j);
}
