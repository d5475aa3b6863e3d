/* ::v8function: a JSFunction with what hangs on it. */
#include <inttypes.h>

#include "cmd/v8_common.h"
#include "v8/function.h"
#include "v8/naming.h"

static const struct ap_option options[] = {
	{'d', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "disassembles the code, and moves dot to it"},
	{0},
};

struct function {
	ap_tagged object;
	struct ap_function_info info;
	struct ap_text name;
	bool has_place;
	struct ap_place place;
	bool has_code;
	struct ap_v8_code code;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct function *f = ap_alloc(ctx->arena, sizeof(*f));
	struct ap_v8 *v8;

	if (!f)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_FUNCTIONS));
	AP_TRY(ap_v8_address(ctx, &f->object));
	if (!ap_function_info(v8, f->object, ctx->arena, &f->info))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSFunction", f->object);
	f->name = f->info.name;
	f->has_place = f->info.script && f->info.start >= 0 &&
		       ap_script_place(v8, f->info.script, f->info.start, ctx->arena, &f->place);
	AP_TRY(ap_v8_code_read(ctx, f->object, ctx->args.given[0], &f->has_code, &f->code));
	if (f->has_code && ctx->args.given[0])
		ap_session_set_dot(ctx->session, f->code.start);
	*ret_data = f;
	return NULL;
}

static void json_word(struct ap_json *j, const char *key, ap_tagged word)
{
	if (word)
		ap_json_addr(j, key, word & ~3ull);
	else
		ap_json_null(j, key);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct function *f = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_addr(j, "address", f->object & ~3ull);
	ap_json_text(j, "name", f->name);
	ap_json_text(j, "inferred_name", f->info.inferred);
	ap_json_text(j, "script", f->has_place ? f->place.script : (struct ap_text){0});
	ap_json_position(j, "line", f->has_place ? f->place.line : 0);
	ap_json_position(j, "column", f->has_place ? f->place.column : 0);
	json_word(j, "shared", f->info.shared);
	json_word(j, "context", f->info.context);
	json_word(j, "scope_info", f->info.scope_info);
	json_word(j, "bytecode", f->info.bytecode);
	ap_json_int(j, "formal_parameters", f->info.formal_parameters);
	if (f->has_code) {
		ap_json_object(j, "code");
		ap_v8_code_json(&f->code, j);
		ap_json_end_object(j);
	} else {
		ap_json_null(j, "code");
	}
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct function *f = p;
	struct ap_out *out = ctx->out;

	ap_out_f(out, "%" PRIx64 ": JSFunction: ", f->object);
	ap_mdb_function_name(out, f->name, f->info.inferred);
	ap_out_s(out, "\ndefined at ");
	if (f->has_place) {
		ap_mdb_ascii(out, f->place.script.n ? f->place.script : AP_TEXT("<unknown>"));
		ap_out_f(out, " line %d\n", f->place.line);
	} else {
		ap_out_s(out, "<unknown> unknown position\n");
	}
	ap_out_f(out, "context: %" PRIx64 "\n", f->info.context);
	if (f->info.scope_info)
		ap_out_f(out, "shared scope_info: %" PRIx64 "\n", f->info.scope_info);
	else
		ap_out_s(out, "shared scope_info not available\n");
	if (f->has_code)
		ap_v8_code_text(ctx, &f->code);
}

const struct ap_cmd ap_cmd_v8function = {
	.names = {[AP_MDB] = "v8function"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "a JSFunction: place, context, scope info, code",
	.synopsis = {[AP_MDB] = "[-d]"},
	.help = "The addresses feed ::v8context and ::v8scopeinfo.",
	.options = options,
	.example = "::help v8function",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
