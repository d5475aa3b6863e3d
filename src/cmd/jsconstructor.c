/* ::jsconstructor: the name of an object's constructor. */
#include <inttypes.h>

#include "cmd/commands.h"
#include "cmd/values.h"

enum { OPT_VERBOSE };

static const struct ap_option options[] = {
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			 "the constructor's address too"},
	{0},
};

struct constructor {
	struct ap_value object;
	bool has_function;
	struct ap_value function;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	static const struct ap_detail_limits limits = {.items = 1, .text_units = 64, .bytes = 1};
	struct constructor *c = ap_alloc(ctx->arena, sizeof(*c));
	struct ap_detail detail;

	if (!c)
		return &ap_err_nomem;
	AP_TRY(ap_ctx_required_value(ctx, &c->object));
	if (!ap_type_is_object(c->object.type))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSObject",
				  c->object.has_ref ? c->object.ref : ctx->address);
	*ret_data = c;
	/* The name is the model's; the function is what its prototype points back to. */
	AP_TRY(ctx->model->ops->detail(ctx->model, c->object.ref, &limits, ctx->arena, &detail));
	if (!detail.prototype.has_ref)
		return NULL;
	AP_ERR_AUTO none = ap_value_follow(ctx->model, detail.prototype.ref, "constructor",
					   ctx->arena, &c->function);
	c->has_function =
		!none && (c->function.type == AP_T_FUNCTION || c->function.type == AP_T_CLASS);
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct constructor *c = p;

	ap_json_object(j, "data");
	ap_json_text(j, "constructor", c->object.constructor);
	if (c->has_function)
		ap_json_value(ctx, j, "function", &c->function);
	else
		ap_json_null(j, "function");
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct constructor *c = p;

	ap_mdb_ascii(ctx->out, c->object.constructor);
	if (ctx->args.given[OPT_VERBOSE] && c->has_function) {
		ap_out_s(ctx->out, " (JSFunction: ");
		ap_out_ref(ctx->out, AP_MDB, &c->function);
		ap_out_s(ctx->out, ")");
	}
	ap_out_s(ctx->out, "\n");
}

const struct ap_cmd ap_cmd_jsconstructor = {
	.names = {[AP_MDB] = "jsconstructor"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the name of an object's constructor",
	.help = "The one that made it: Dog, not Animal, for an instance of a derived class.",
	.options = options,
	.example = "::help jsconstructor",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
