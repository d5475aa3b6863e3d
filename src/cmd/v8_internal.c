/*
 * ::v8internal: the fields that native code keeps in an object, such as Node's pointer to the C++
 * side of a handle. They lie between V8's own fields and the object's in-object properties.
 */
#include <inttypes.h>

#include "cmd/v8_common.h"

struct internal {
	ap_tagged object;
	uint64_t n_fields, index, value;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct internal *in = ap_alloc(ctx->arena, sizeof(*in));
	struct ap_map_info map;
	struct ap_v8 *v8;

	if (!in)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_OBJECTS));
	AP_TRY(ap_v8_address(ctx, &in->object));
	if (ctx->args.n_words != 1 || !ap_parse_address(ctx->args.words[0], &in->index))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which field? give its number"),
				   "ADDR::v8internal 0 is the first");
	if (!ap_v8_map(v8, in->object, &map) || !ap_type_is_receiver(v8, map.type))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSObject", in->object);
	int64_t room = 8 * (int64_t)map.inobject_start - F(v8, EMBEDDER_FIELDS);
	/* Only objects made from native templates have such fields; others have V8's own there. */
	if (map.type == F(v8, T_JS_API_OBJECT) || map.type == F(v8, T_JS_SPECIAL_API_OBJECT))
		in->n_fields = room > 0 ? (uint64_t)room / 8 : 0;
	if (in->index >= in->n_fields)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
					      "%" PRIx64 " has %" PRIu64 " internal fields",
					      in->object, in->n_fields),
				   "handles, sockets and other objects of native code have some");
	if (!ap_v8_word(v8, in->object, F(v8, EMBEDDER_FIELDS) + 8 * (int64_t)in->index,
			&in->value))
		return ap_err_new(AP_E_FAULT, "field %" PRIu64 " of %" PRIx64 " is not in the core",
				  in->index, in->object);
	*ret_data = in;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct internal *in = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_addr(j, "object", in->object & ~3ull);
	ap_json_uint(j, "fields", in->n_fields);
	ap_json_uint(j, "index", in->index);
	ap_json_addr(j, "value", in->value);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct internal *in = p;

	ap_out_f(ctx->out, "%" PRIx64 "\n", in->value);
}

const struct ap_cmd ap_cmd_v8internal = {
	.names = {[AP_MDB] = "v8internal"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "a field that native code keeps in an object",
	.synopsis = {[AP_MDB] = "field"},
	.help = "Prints the bare word of the numbered embedder (internal) field of an object made by native code, as "
		"a rule a pointer to its C++ side. ADDR::whatis or ADDR/K goes on from there.",
	.example = "::help v8internal",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
