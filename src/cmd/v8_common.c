#include "cmd/v8_common.h"

#include <inttypes.h>

struct ap_err *ap_require_v8(struct ap_ctx *ctx, struct ap_v8 **ret_v8)
{
	struct ap_v8 *v8 = ap_core_model_v8(ctx->model);
	const struct ap_err *why = ap_core_model_v8_error(ctx->model);

	if (!v8 && !why)
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED, "this target holds no V8: it is no core"),
			AP_NO_CORE_HINT);
	if (!v8)
		return ap_err_new(AP_E_LAYOUT, "no V8 that we can read: %s", why->message);
	*ret_v8 = v8;
	return NULL;
}

struct ap_err *ap_v8_address(struct ap_ctx *ctx, ap_tagged *ret_object)
{
	uint64_t address = ctx->address;

	if (ctx->dialect != AP_MDB &&
	    (!ctx->args.n_words || !ap_parse_address(ctx->args.words[0], &address)))
		return ap_err_new(AP_E_USAGE, "give an address");
	*ret_object = ap_ref_of(address);
	return NULL;
}

struct ap_value ap_v8_describe(struct ap_ctx *ctx, ap_tagged object)
{
	struct ap_value value = {0};
	AP_ERR_AUTO err = ctx->model->ops->describe(ctx->model, object, ctx->arena, &value);

	if (err)
		value = (struct ap_value){.type = AP_T_UNREADABLE, .has_ref = true, .ref = object};
	return value;
}

void ap_v8_out_typed(struct ap_ctx *ctx, ap_tagged object)
{
	struct ap_value value = ap_v8_describe(ctx, object);

	ap_out_f(ctx->out, "%" PRIx64 " (", object);
	ap_mdb_type(ctx, &value);
	ap_out_s(ctx->out, ")");
}
