/* ::jsarray: the elements of an array, one value a line, made to be piped. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/values.h"

enum { OPT_INDEX };

static const struct ap_option options[] = {
	[OPT_INDEX] = {'i', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		       "the index in front of each value"},
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

static void line(struct ap_ctx *ctx, uint64_t index, const struct ap_value *value)
{
	if (ctx->args.given[OPT_INDEX])
		ap_out_f(ctx->out, "%" PRIu64 " ", index);
	ap_out_ref(ctx->out, AP_MDB, value);
	ap_out_s(ctx->out, "\n");
}

/* Holes too, where they have a word of their own: in arrays of raw doubles and in hash tables they
 * have none. */
static void text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_detail *d = p;
	const struct ap_value hole = {.type = AP_T_HOLE, .has_ref = true, .ref = d->hole};
	uint64_t next = 0, length = d->length > 0 ? (uint64_t)d->length : 0;

	for (size_t i = 0; i < d->elements.n && !ctx->out->broken; i++) {
		for (; d->hole && next < d->elements.at[i].index; next++)
			line(ctx, next, &hole);
		next = d->elements.at[i].index + 1;
		line(ctx, d->elements.at[i].index, &d->elements.at[i].value);
	}
	for (; d->hole && next < length && !ctx->out->broken; next++)
		line(ctx, next, &hole);
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
