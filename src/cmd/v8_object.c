/* ::v8type, ::v8whatis, ::v8array: what lies at an address, in V8's own terms. */
#include <inttypes.h>

#include "cmd/v8_common.h"

struct object {
	ap_tagged object;
	struct ap_value value;
};

/* ---- ::v8type ---- */

static struct ap_err *type_data(struct ap_ctx *ctx, void **ret_data)
{
	struct object *o = ap_alloc(ctx->arena, sizeof(*o));
	struct ap_v8 *v8;

	if (!o)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_v8_address(ctx, &o->object));
	o->value = ap_v8_describe(ctx, o->object);
	if (o->value.type == AP_T_UNREADABLE)
		return ap_err_new(AP_E_TYPE,
				  "%" PRIx64 " is neither a small integer nor a heap object",
				  o->object);
	*ret_data = o;
	return NULL;
}

static void type_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct object *o = p;

	ap_json_value(ctx, j, "data", &o->value);
}

static void type_text(struct ap_ctx *ctx, const void *p)
{
	const struct object *o = p;

	ap_out_f(ctx->out, "0x%" PRIx64 ": ", o->object);
	ap_mdb_type(ctx, &o->value);
	ap_out_s(ctx->out, "\n");
}

const struct ap_cmd ap_cmd_v8type = {
	.names = {[AP_MDB] = "v8type"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the type of a V8 value",
	.synopsis = {[AP_MDB] = ""},
	.help = "SMI, the oddball's name, JSObject with its constructor, or V8's class.",
	.example = "0::v8type",
	.needs_model = true,
	.data = type_data,
	.json = type_json,
	.text = {[AP_PLAIN] = type_text},
};

/* ---- ::v8whatis ---- */

enum { OPT_VERBOSE, OPT_DISTANCE };

static const struct ap_option whatis_options[] = {
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			 "how it was found, or why it was not"},
	[OPT_DISTANCE] = {'d', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "bytes",
			  "look back at most so far (default 4096)"},
	{0},
};

struct whatis {
	uint64_t address;
	ap_tagged object, map; /* object 0: none found */
	struct ap_value value;
	uint64_t distance;
};

/*
 * Back from the address, word by word: the first word that is a map begins an object. Its size
 * tells whether it reaches that far, where the map gives one; arrays and strings tell by their
 * length.
 */
static struct ap_err *whatis_data(struct ap_ctx *ctx, void **ret_data)
{
	struct whatis *w = ap_alloc(ctx->arena, sizeof(*w));
	struct ap_v8 *v8;

	if (!w)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_MAPS));
	if (!ctx->has_address)
		return ap_err_new(AP_E_USAGE, "must specify address for ::v8whatis");
	w->address = ctx->address;
	w->distance = ctx->args.given[OPT_DISTANCE] ? ctx->args.number[OPT_DISTANCE] : 4096;
	*ret_data = w;
	for (uint64_t at = w->address & ~7ull; w->address - at <= w->distance && at >= 8; at -= 8) {
		struct ap_map_info map;

		if (!ap_v8_map(v8, at | 1, &map))
			continue;
		w->object = at | 1;
		w->map = map.address;
		w->value = ap_v8_describe(ctx, w->object);
		return NULL;
	}
	return NULL;
}

static void whatis_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct whatis *w = p;

	ap_json_object(j, "data");
	ap_json_addr(j, "address", w->address);
	if (w->object)
		ap_json_value(ctx, j, "object", &w->value);
	else
		ap_json_null(j, "object");
	if (w->object)
		ap_json_uint(j, "offset", (uint64_t)(w->address - (w->object & ~3ull)));
	else
		ap_json_null(j, "offset");
	ap_json_end_object(j);
}

static void whatis_text(struct ap_ctx *ctx, const void *p)
{
	const struct whatis *w = p;
	bool verbose = ctx->args.given[OPT_VERBOSE];

	if (!w->object) {
		if (verbose)
			ap_warn(ctx,
				"%" PRIx64 ": no heap object found in previous %" PRIu64 " bytes",
				w->address, w->distance);
		return;
	}
	ap_out_f(ctx->out, "%" PRIx64, w->object);
	if (verbose) {
		ap_out_f(ctx->out,
			 " (found Map at %" PRIx64 " (%" PRIx64 "-0x%" PRIx64 ") for type ", w->map,
			 w->address, (uint64_t)(w->address - (w->object & ~3ull)));
		ap_mdb_type(ctx, &w->value);
		ap_out_s(ctx->out, ")");
	}
	ap_out_s(ctx->out, "\n");
}

const struct ap_cmd ap_cmd_v8whatis = {
	.names = {[AP_MDB] = "v8whatis"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the V8 object that an address lies in",
	.help = "Looks back from the address for the beginning of an object; unaligned addresses are "
		"fine.",
	.options = whatis_options,
	.example = "::help v8whatis",
	.needs_model = true,
	.data = whatis_data,
	.json = whatis_json,
	.text = {[AP_PLAIN] = whatis_text},
};

/* ---- ::v8array ---- */

static const struct ap_option array_options[] = {
	{'i', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "read it whole first (same output)"},
	{0},
};

struct array {
	ap_tagged object;
	AP_VEC(ap_tagged) words;
};

static struct ap_err *array_data(struct ap_ctx *ctx, void **ret_data)
{
	struct array *a = ap_alloc(ctx->arena, sizeof(*a));
	struct ap_v8 *v8;
	uint32_t n;

	if (!a)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_v8_address(ctx, &a->object));
	if (!ap_v8_array_length(v8, a->object, &n))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a FixedArray", a->object);
	for (uint32_t i = 0; i < n; i++) {
		ap_tagged word;

		if (!ap_v8_array_at(v8, a->object, i, &word))
			break;
		if (!ap_vec_push(ctx->arena, &a->words, word))
			return &ap_err_nomem;
	}
	*ret_data = a;
	return NULL;
}

static void array_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct array *a = p;

	ap_json_object(j, "data");
	ap_json_array(j, "elements");
	for (size_t i = 0; i < a->words.n; i++) {
		struct ap_value value = ap_v8_describe(ctx, a->words.at[i]);

		ap_json_value(ctx, j, NULL, &value);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void array_text(struct ap_ctx *ctx, const void *p)
{
	const struct array *a = p;

	for (size_t i = 0; i < a->words.n && !ctx->out->broken; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", a->words.at[i]);
}

const struct ap_cmd ap_cmd_v8array = {
	.names = {[AP_MDB] = "v8array"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the elements of a FixedArray, one a line",
	.help = "Backing stores, contexts, tables; `::jsarray` is for JavaScript arrays.",
	.options = array_options,
	.example = "::help v8array",
	.needs_model = true,
	.data = array_data,
	.json = array_json,
	.text = {[AP_PLAIN] = array_text},
};
