/* ::nodebuffer: where the bytes of a Buffer lie. */
#include <inttypes.h>

#include "cmd/v8_common.h"
#include "v8/builtin.h"

enum { OPT_FORCE };

static const struct ap_option options[] = {
	[OPT_FORCE] = {'f', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		       "do not ask whether it is a buffer"},
	{0},
};

struct buffer {
	ap_tagged object;
	ap_addr data;
	uint64_t bytes;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct buffer *b = ap_alloc(ctx->arena, sizeof(*b));
	struct ap_v8 *v8;
	struct ap_view view;
	struct ap_buffer buffer;

	if (!b)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_BUFFERS));
	AP_TRY(ap_v8_address(ctx, &b->object));
	struct ap_value value = ap_v8_describe(ctx, b->object);
	bool is_view = value.type == AP_T_BUFFER || value.type == AP_T_TYPEDARRAY ||
		       value.type == AP_T_DATAVIEW;
	if (!is_view && value.type != AP_T_ARRAYBUFFER && value.type != AP_T_SHAREDARRAYBUFFER)
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " does not appear to be a buffer",
				  b->object);
	if (is_view && ap_view_read(v8, b->object, &view)) {
		b->data = view.data;
		b->bytes = view.byte_length;
	} else if (!is_view && ctx->args.given[OPT_FORCE] &&
		   ap_buffer_read(v8, b->object, &buffer)) {
		b->data = buffer.data;
		b->bytes = buffer.byte_length;
	} else if (!is_view) {
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " does not appear to be a buffer",
				  b->object);
	} else {
		return ap_err_new(AP_E_FAULT, "%" PRIx64 ": its fields could not be read",
				  b->object);
	}
	*ret_data = b;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct buffer *b = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_addr(j, "address", b->object & ~3ull);
	ap_json_addr(j, "data_address", b->data);
	ap_json_uint(j, "byte_length", b->bytes);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct buffer *b = p;

	ap_out_f(ctx->out, "%" PRIx64 "\n", b->data);
}

const struct ap_cmd ap_cmd_nodebuffer = {
	.names = {[AP_MDB] = "nodebuffer"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "where the bytes of a Buffer lie",
	.help = "Of a Buffer or typed array, a slice's offset included; `print` shows the bytes themselves.",
	.options = options,
	.example = "::help nodebuffer",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
