/* ::v8context and ::v8scopeinfo: where closure variables live, and what they are called. */
#include <inttypes.h>

#include "cmd/v8_common.h"
#include "v8/function.h"

static const struct ap_option context_options[] = {
	{'d', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "accepted for old scripts"},
	{0},
};

struct context {
	ap_tagged object, previous, scope_info, native;
	AP_VEC(ap_tagged) slots;
};

static struct ap_err *context_data(struct ap_ctx *ctx, void **ret_data)
{
	struct context *c = ap_alloc(ctx->arena, sizeof(*c));
	struct ap_v8 *v8;
	uint32_t n;

	if (!c)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_SCOPES));
	AP_TRY(ap_v8_address(ctx, &c->object));
	int type = ap_v8_type(v8, c->object);
	if (type < 0 || !ap_type_is_context(v8, type) || !ap_v8_array_length(v8, c->object, &n))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a Context", c->object);
	(void)ap_context_previous(v8, c->object, &c->previous);
	(void)ap_context_scope_info(v8, c->object, &c->scope_info);
	(void)ap_native_context_of(v8, c->object, &c->native);
	for (uint32_t i = 0; i < n; i++) {
		struct ap_slot value;
		ap_tagged word;

		if (!ap_context_slot(v8, c->object, (int)i, &word))
			break;
		/* 14.6 keeps what is written to in a ContextCell of its own: the variable's value
		 * is what counts. */
		if (ap_context_value(v8, c->object, (int)i, &value) && !value.is_raw_double)
			word = value.tagged;
		if (!ap_vec_push(ctx->arena, &c->slots, word))
			return &ap_err_nomem;
	}
	*ret_data = c;
	return NULL;
}

static void context_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct context *c = p;
	const ap_tagged words[] = {c->previous, c->scope_info, c->native};
	static const char *const keys[] = {"previous", "scope_info", "native_context"};

	ap_json_object(j, "data");
	ap_json_addr(j, "address", c->object & ~3ull);
	for (size_t i = 0; i < 3; i++) {
		if (words[i])
			ap_json_addr(j, keys[i], words[i] & ~3ull);
		else
			ap_json_null(j, keys[i]);
	}
	ap_json_array(j, "slots");
	for (size_t i = 0; i < c->slots.n; i++) {
		struct ap_value value = ap_v8_describe(ctx, c->slots.at[i]);

		ap_json_value(ctx, j, NULL, &value);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void named(struct ap_ctx *ctx, const char *name, ap_tagged word)
{
	ap_out_f(ctx->out, "%s: ", name);
	if (word)
		ap_v8_out_typed(ctx, word);
	else
		ap_out_s(ctx->out, "not available");
	ap_out_s(ctx->out, "\n");
}

static void context_text(struct ap_ctx *ctx, const void *p)
{
	const struct context *c = p;

	/* The closure function is gone from contexts since V8 6.9: its scope info stands there. */
	named(ctx, "scope info", c->scope_info);
	named(ctx, "previous context", c->previous);
	named(ctx, "native context", c->native);
	for (size_t i = 0; i < c->slots.n && !ctx->out->broken; i++) {
		ap_out_f(ctx->out, "    slot %zu: ", i);
		ap_v8_out_typed(ctx, c->slots.at[i]);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_v8context = {
	.names = {[AP_MDB] = "v8context"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the slots of a Context",
	.synopsis = {[AP_MDB] = "[-d]"},
	.help = "`::jsclosure` of a function shows them by name.",
	.options = context_options,
	.example = "::help v8context",
	.needs_model = true,
	.data = context_data,
	.json = context_json,
	.text = {[AP_PLAIN] = context_text},
};

/* ---- ::v8scopeinfo ---- */

struct scope_info {
	ap_tagged object;
	struct ap_scope_info info;
	AP_VEC(ap_tagged) names; /* of context locals */
};

static struct ap_err *scope_data(struct ap_ctx *ctx, void **ret_data)
{
	struct scope_info *s = ap_alloc(ctx->arena, sizeof(*s));
	struct ap_v8 *v8;

	if (!s)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_SCOPES));
	AP_TRY(ap_v8_address(ctx, &s->object));
	if (!ap_scope_info_read(v8, s->object, &s->info))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a ScopeInfo", s->object);
	for (int i = 0; i < s->info.n_locals; i++) {
		ap_tagged name;

		if (!ap_scope_local_name(v8, &s->info, i, &name))
			name = 0;
		if (!ap_vec_push(ctx->arena, &s->names, name))
			return &ap_err_nomem;
	}
	*ret_data = s;
	return NULL;
}

static struct ap_text name_of(struct ap_ctx *ctx, ap_tagged name)
{
	struct ap_v8 *v8 = ap_core_model_v8(ctx->model);

	return name ? ap_v8_text(v8, name, 1024, ctx->arena) : (struct ap_text){0};
}

static void scope_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct scope_info *s = p;

	ap_json_object(j, "data");
	ap_json_addr(j, "address", s->object & ~3ull);
	ap_json_int(j, "parameters", s->info.n_parameters);
	ap_json_array(j, "context_locals");
	for (size_t i = 0; i < s->names.n; i++)
		ap_json_text(j, NULL, name_of(ctx, s->names.at[i]));
	ap_json_end_array(j);
	ap_json_text(j, "function_name", name_of(ctx, s->info.function_name));
	ap_json_end_object(j);
}

static void scope_text(struct ap_ctx *ctx, const void *p)
{
	const struct scope_info *s = p;
	struct ap_out *out = ctx->out;

	/* V8 keeps neither parameters' nor stack locals' names any more, only how many parameters.
	 */
	ap_out_f(out, "%d parameter%s\n", s->info.n_parameters,
		 s->info.n_parameters == 1 ? "" : "s");
	ap_out_f(out, "%zu context local variable%s\n", s->names.n, s->names.n == 1 ? "" : "s");
	for (size_t i = 0; i < s->names.n; i++) {
		ap_out_f(out, "    context local variable %zu: %" PRIx64 " (\"", i, s->names.at[i]);
		ap_mdb_ascii(out, name_of(ctx, s->names.at[i]));
		ap_out_s(out, "\")\n");
	}
}

const struct ap_cmd ap_cmd_v8scopeinfo = {
	.names = {[AP_MDB] = "v8scopeinfo"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the names of a scope's variables",
	.synopsis = {[AP_MDB] = ""},
	.help = "`::v8function` gives the address.",
	.example = "::help v8scopeinfo",
	.needs_model = true,
	.data = scope_data,
	.json = scope_json,
	.text = {[AP_PLAIN] = scope_text},
};
