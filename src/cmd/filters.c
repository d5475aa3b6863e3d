/* ::head, ::map, ::grep: what stands between two pipes. */
#include <inttypes.h>

#include "cmd/answer.h"
#include "cmd/commands.h"

enum { DEFAULT_HEAD = 10 };

static const struct ap_option head_options[] = {
	{'n', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "count",
	 "so many (default ten); -COUNT is the same"},
	{0},
};

static struct ap_err *head_data(struct ap_ctx *ctx, void **ret_data)
{
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	uint64_t n = ctx->args.given[0] ? ctx->args.number[0] : DEFAULT_HEAD;

	if (!list)
		return &ap_err_nomem;
	if (ctx->args.n_words && !ap_parse_number(ctx->args.words[0], 10, &n))
		return ap_err_new(AP_E_USAGE, "expected a count, not \"%s\"", ctx->args.words[0]);
	for (size_t i = 0; i < ctx->n_values && i < n; i++) {
		if (!ap_vec_push(ctx->arena, list, ctx->values[i]))
			return &ap_err_nomem;
	}
	*ret_data = list;
	return NULL;
}

const struct ap_cmd ap_cmd_head = {
	.names = {[AP_MDB] = "head"},
	.group = AP_GROUP_SESSION,
	.summary = "the first values of a pipe",
	.synopsis = {[AP_MDB] = "[-count]"},
	.help = "... | ::head -3 | ... ; ten without a count, which is decimal.",
	.options = head_options,
	.example = "1 | ::head -1",
	.takes_pipe = true,
	.data = head_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ap_answer_values_print},
};

static struct ap_err *one_value(struct ap_ctx *ctx, uint64_t *ret)
{
	if (ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "expected one expression"),
				   "quote it: ::map \".+8\"");
	return ap_session_evaluate(ctx->session, ctx->args.words[0], ret);
}

static struct ap_err *map_data(struct ap_ctx *ctx, void **ret_data)
{
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	uint64_t v;

	AP_TRY(one_value(ctx, &v));
	if (!list || !ap_vec_push(ctx->arena, list, v))
		return &ap_err_nomem;
	*ret_data = list;
	return NULL;
}

const struct ap_cmd ap_cmd_map = {
	.names = {[AP_MDB] = "map"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "each value of a pipe becomes that of an expression",
	.synopsis = {[AP_MDB] = "expression"},
	.help = "Dot is the value: ::map \".+8\", ::map \"*.\"",
	.example = "10 | ::map \".+8\"",
	.data = map_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ap_answer_values_print},
};

static struct ap_err *grep_data(struct ap_ctx *ctx, void **ret_data)
{
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	uint64_t v;

	AP_TRY(one_value(ctx, &v));
	if (!list || (v && !ap_vec_push(ctx->arena, list, ctx->address)))
		return &ap_err_nomem;
	*ret_data = list;
	return NULL;
}

const struct ap_cmd ap_cmd_grep = {
	.names = {[AP_MDB] = "grep"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "the values of a pipe for which an expression is not 0",
	.synopsis = {[AP_MDB] = "expression"},
	.help = "Dot is the value: ::grep \".>>4==0\"",
	.example = "10 | ::grep \".==10\"",
	.data = grep_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ap_answer_values_print},
};
