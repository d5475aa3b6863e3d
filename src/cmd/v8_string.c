/* ::v8str: a string's text, and how V8 holds it. */
#include <inttypes.h>

#include "cmd/v8_common.h"

enum { OPT_RAW, OPT_VERBOSE, OPT_SIZE };

static const struct ap_option options[] = {
	[OPT_RAW] = {'r', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "without quotes and escapes"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			 "the string's type and length too"},
	[OPT_SIZE] = {'N', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "bufsize",
		      "at most so many characters; a cut is marked [...]"},
	{0},
};

struct string {
	ap_tagged object;
	struct ap_text text;
	uint32_t length;
	bool cut;
	struct ap_text type;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct string *s = ap_alloc(ctx->arena, sizeof(*s));
	struct ap_v8 *v8;
	uint32_t limit = 64 << 20;

	if (!s)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_STRINGS));
	AP_TRY(ap_v8_address(ctx, &s->object));
	if (!ap_v8_string_length(v8, s->object, &s->length))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a V8 string", s->object);
	if (ctx->args.given[OPT_SIZE] && ctx->args.number[OPT_SIZE] < limit)
		limit = (uint32_t)ctx->args.number[OPT_SIZE];
	s->text = ap_v8_text(v8, s->object, limit, ctx->arena);
	s->cut = s->length > limit;
	s->type = ap_v8_type_name(v8, ap_v8_type(v8, s->object), ctx->arena);
	if (!s->text.s)
		return ap_err_new(AP_E_FAULT, "%" PRIx64 ": the text is not in the core",
				  s->object);
	*ret_data = s;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct string *s = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_addr(j, "address", s->object & ~3ull);
	ap_json_text(j, "string_type", s->type);
	ap_json_uint(j, "length", s->length);
	ap_json_text(j, "text", s->text);
	ap_json_bool(j, "truncated", s->cut);
	ap_json_end_object(j);
}

/* mdb_v8 escaped just these; a quote it did not, and whatever it could not show became '?'. */
static void escaped(struct ap_out *out, struct ap_text text)
{
	while (text.n) {
		size_t n = 0;

		while (n < text.n && !strchr("\b\n\r\\", text.s[n]))
			n++;
		ap_mdb_ascii(out, (struct ap_text){text.s, n});
		if (n == text.n)
			return;
		ap_out_s(out, text.s[n] == '\b'   ? "\\b"
			      : text.s[n] == '\n' ? "\\n"
			      : text.s[n] == '\r' ? "\\r"
						  : "\\\\");
		text = (struct ap_text){text.s + n + 1, text.n - n - 1};
	}
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct string *s = p;
	struct ap_out *out = ctx->out;

	if (ctx->args.given[OPT_VERBOSE]) {
		ap_out_f(out, "str %" PRIx64 ": ", s->object);
		ap_mdb_ascii(out, s->type);
		ap_out_f(out, ", length %" PRIu32 "\n", s->length);
	}
	if (ctx->args.given[OPT_RAW]) {
		ap_mdb_ascii(out, s->text);
	} else {
		ap_out_s(out, "\"");
		escaped(out, s->text);
	}
	ap_out_s(out, s->cut ? "[...]" : "");
	ap_out_s(out, ctx->args.given[OPT_RAW] ? "\n" : "\"\n");
}

const struct ap_cmd ap_cmd_v8str = {
	.names = {[AP_MDB] = "v8str"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the text of a V8 string",
	.help = "Of any shape: flat, cons, sliced, thin, external. As in mdb_v8, what is not ASCII shows as "
		"'?'; `print` shows it.",
	.options = options,
	.example = "::help v8str",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
