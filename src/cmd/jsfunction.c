/* ::jsfunction: name and place of a function, or what a bound one wraps. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/values.h"

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	static const struct ap_detail_limits limits = {.items = 1024, .text_units = 64, .bytes = 1};
	struct ap_detail *detail = ap_alloc(ctx->arena, sizeof(*detail));
	struct ap_value value;

	if (!detail)
		return &ap_err_nomem;
	AP_TRY(ap_ctx_required_value(ctx, &value));
	if (value.type != AP_T_FUNCTION && value.type != AP_T_CLASS &&
	    value.type != AP_T_BOUND_FUNCTION)
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSFunction",
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

static struct ap_text text_of(const struct ap_detail *d, const char *key)
{
	const struct ap_extra *x = ap_detail_extra(d, key);

	return x && x->kind == AP_EXTRA_TEXT ? x->text : (struct ap_text){0};
}

static void bound(struct ap_ctx *ctx, const struct ap_detail *d)
{
	struct ap_out *out = ctx->out;
	const struct ap_extra *target = ap_detail_extra(d, "bound_target");
	const struct ap_extra *receiver = ap_detail_extra(d, "bound_this");
	const struct ap_extra *arguments = ap_detail_extra(d, "bound_arguments");

	ap_out_s(out, "bound function that wraps: ");
	if (target && target->values)
		ap_out_ref(out, AP_MDB, target->values);
	ap_out_s(out, "\nwith \"this\" = ");
	if (receiver && receiver->values) {
		ap_out_ref(out, AP_MDB, receiver->values);
		ap_out_s(out, " (");
		ap_mdb_type(ctx, receiver->values);
		ap_out_s(out, ")");
	}
	ap_out_s(out, "\n");
	for (size_t i = 0; arguments && i < arguments->n; i++) {
		ap_out_f(out, "      arg%-2zu = ", i);
		ap_out_ref(out, AP_MDB, &arguments->values[i]);
		ap_out_s(out, " (");
		ap_mdb_type(ctx, &arguments->values[i]);
		ap_out_s(out, ")\n");
	}
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_detail *d = p;
	const struct ap_extra *line = ap_detail_extra(d, "line");
	struct ap_text script = text_of(d, "script");

	if (d->self.type == AP_T_BOUND_FUNCTION) {
		bound(ctx, d);
		return;
	}
	ap_out_s(ctx->out, "function: ");
	ap_mdb_function_name(ctx->out, text_of(d, "name"), (struct ap_text){0});
	ap_out_s(ctx->out, "\ndefined at ");
	ap_mdb_ascii(ctx->out, script.n ? script : AP_TEXT("<unknown>"));
	if (line && line->kind == AP_EXTRA_INT && line->number > 0)
		ap_out_f(ctx->out, " line %" PRId64 "\n", line->number);
	else
		ap_out_s(ctx->out, " unknown position\n");
}

const struct ap_cmd ap_cmd_jsfunction = {
	.names = {[AP_MDB] = "jsfunction"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "name and place of a function, or what it binds",
	.synopsis = {[AP_MDB] = ""},
	.help = "`::jssource` shows its lines, `::jsclosure` what it closes over.",
	.example = "::help jsfunction",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
