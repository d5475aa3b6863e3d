/* profile: every fact about V8's layout that we use, where it came from, and how it was proven. */
#include <inttypes.h>

#include "cmd/v8_common.h"

enum { OPT_GROUP };

static const struct ap_option options[] = {
	[OPT_GROUP] = {'g', "group", AP_OPTION_TEXT, AP_IN_PLAIN, "NAME",
		       "only the facts of one group"},
	{0},
};

struct profile {
	const struct ap_profile *profile;
	const char *group; /* NULL: all */
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct profile *p = ap_alloc(ctx->arena, sizeof(*p));
	struct ap_v8 *v8;

	if (!p)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	p->profile = &v8->profile;
	p->group = ctx->args.text[OPT_GROUP];
	*ret_data = p;
	return NULL;
}

static bool wanted(const struct profile *p, enum ap_fact_group group)
{
	return !p->group || strcmp(p->group, ap_group_name(group)) == 0;
}

static void json_fact(struct ap_json *j, const struct ap_profile *profile, enum ap_fact_id id)
{
	const struct ap_fact *fact = &profile->facts[id];

	ap_json_object(j, NULL);
	ap_json_cstr(j, "name", ap_fact_name(id));
	ap_json_cstr(j, "group", ap_group_name(ap_fact_group_of(id)));
	if (fact->value == AP_FACT_NONE)
		ap_json_null(j, "value");
	else
		ap_json_int(j, "value", fact->value);
	ap_json_cstr(j, "source", ap_fact_source_name(fact->source));
	ap_json_bool(j, "confirmed", fact->confirmed);
	ap_json_bool(j, "disputed", fact->disputed);
	if (fact->disputed)
		ap_json_int(j, "other", fact->other);
	else
		ap_json_null(j, "other");
	ap_json_cstr(j, "symbol", ap_fact_symbol(id));
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *data_, struct ap_json *j)
{
	const struct profile *p = data_;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_cstr(j, "v8_version", p->profile->v8_version);
	ap_json_cstr(j, "table", ap_table_line_name(p->profile->table_line));
	ap_json_bool(j, "table_exact", p->profile->table_exact);
	ap_json_bool(j, "metadata", p->profile->metadata);
	ap_json_array(j, "groups");
	for (int g = 0; g < AP_N_GROUPS; g++) {
		const struct ap_group_state *state = &p->profile->groups[g];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "name", ap_group_name((enum ap_fact_group)g));
		ap_json_cstr(j, "what", ap_group_what((enum ap_fact_group)g));
		ap_json_bool(j, "on", state->on);
		ap_json_uint(j, "checked", state->checked);
		ap_json_uint(j, "good", state->good);
		ap_json_cstr(j, "why_off", state->why_off);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_array(j, "facts");
	for (int id = 0; id < AP_N_FACTS; id++) {
		if (wanted(p, ap_fact_group_of((enum ap_fact_id)id)))
			json_fact(j, p->profile, (enum ap_fact_id)id);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text_groups(struct ap_out *out, const struct ap_profile *profile)
{
	ap_out_styled(out, AP_STYLE_HEAD, "%-12s  %-4s  %8s  %8s  %s\n", "GROUP", "IS", "SAMPLES",
		      "GOOD", "NEEDED FOR");
	for (int g = 0; g < AP_N_GROUPS; g++) {
		const struct ap_group_state *state = &profile->groups[g];

		ap_out_f(out, "%-12s  ", ap_group_name((enum ap_fact_group)g));
		ap_out_styled(out, state->on ? AP_STYLE_PLAIN : AP_STYLE_BAD, "%-4s",
			      state->on ? "on" : "OFF");
		ap_out_f(out, "  %8" PRIu32 "  %8" PRIu32 "  %s%s%s\n", state->checked, state->good,
			 ap_group_what((enum ap_fact_group)g), state->why_off ? ": " : "",
			 state->why_off ? state->why_off : "");
	}
}

static void text(struct ap_ctx *ctx, const void *data_)
{
	const struct profile *p = data_;
	const struct ap_profile *profile = p->profile;
	struct ap_out *out = ctx->out;

	ap_out_f(out, "V8 %s; table of V8 %s (%s); metadata symbols in the binary: %s\n\n",
		 profile->v8_version ? profile->v8_version : "of unknown version",
		 ap_table_line_name(profile->table_line),
		 profile->table_exact ? "of this very line" : "the nearest we know",
		 profile->metadata ? "yes" : "no");
	text_groups(out, profile);
	ap_out_styled(out, AP_STYLE_HEAD, "\n%-12s  %-34s  %8s  %-11s  %s\n", "GROUP", "FACT",
		      "VALUE", "SOURCE", "");
	for (int i = 0; i < AP_N_FACTS && !out->broken; i++) {
		enum ap_fact_id id = (enum ap_fact_id)i;
		const struct ap_fact *fact = &profile->facts[i];

		if (!wanted(p, ap_fact_group_of(id)))
			continue;
		ap_out_f(out, "%-12s  %-34s  ", ap_group_name(ap_fact_group_of(id)),
			 ap_fact_name(id));
		if (fact->value == AP_FACT_NONE)
			ap_out_f(out, "%8s", "none");
		else
			ap_out_f(out, "%8d", fact->value);
		ap_out_f(out, "  %-11s", ap_fact_source_name(fact->source));
		if (fact->disputed)
			ap_out_styled(out, AP_STYLE_BAD, "  disputed: %d", fact->other);
		else if (fact->confirmed)
			ap_out_styled(out, AP_STYLE_DIM, "  confirmed");
		ap_out_s(out, "\n");
	}
}

const struct ap_cmd ap_cmd_profile = {
	.names = {[AP_PLAIN] = "profile"},
	.group = AP_GROUP_LAYOUT,
	.summary = "every fact about V8's layout, its source and its score",
	.synopsis = {[AP_PLAIN] = "[-g GROUP]"},
	.help = "Facts come from metadata symbols of the binary, from the table of a V8 line, or from the "
		"core itself, and are then validated against it. A group that fails is off: what needs it "
		"says so instead of giving a wrong answer.",
	.options = options,
	.example = "profile",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
