/* ::jsarray: the elements of an array, one value a line, made to be piped. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/values.h"

enum { OPT_INDEX };

static const struct ap_option options[] = {
	[OPT_INDEX] = {'i', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "the index in front of each value"},
	{0},
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	static const struct ap_detail_limits limits = {.items = 0, .text_units = 64, .bytes = 1};
	struct ap_detail *detail = ap_alloc(ctx->arena, sizeof(*detail));
	struct ap_value value;

	if (!detail)
		return &ap_err_nomem;
	AP_TRY(ap_ctx_required_value(ctx, &value));
	if (value.type != AP_T_ARRAY)
		return ap_err_new(AP_E_TYPE, "%" PRIx64 ": failed to load JSArray",
				  value.has_ref ? value.ref : ctx->address);
	AP_TRY(ctx->model->ops->detail(ctx->model, value.ref, &limits, ctx->arena, detail));
	*ret_data = detail;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_detail *d = p;

	ap_json_full_value(ctx, j, "data", &d->self, d, &ap_detail_default_limits, 1);
}

/* Holes are left out: they have no word of their own that a next stage could take. */
static void text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_detail *d = p;

	for (size_t i = 0; i < d->elements.n && !ctx->out->broken; i++) {
		if (ctx->args.given[OPT_INDEX])
			ap_out_f(ctx->out, "%" PRIu64 " ", d->elements.at[i].index);
		ap_out_ref(ctx->out, AP_MDB, &d->elements.at[i].value);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_jsarray = {
	.names = {[AP_MDB] = "jsarray"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the elements of an array, one value a line",
	.help = "ADDR::jsarray | ::jsprint prints each. Elements held as raw doubles have no address: they "
		"show as 0.",
	.options = options,
	.example = "::help jsarray",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
