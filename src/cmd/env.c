/* env: the environment the process began with. What looks secret is masked. */
#include "base/mask.h"
#include "cmd/commands.h"
#include "model/core.h"

struct row {
	struct ap_text name, value;
	bool masked;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, name, "name", "NAME", TEXT, "of the variable"),
	AP_FIELD(struct row, value, "value", "VALUE", TEXT, "with secrets as ***"),
	AP_FIELD(struct row, masked, "masked", NULL, BOOL, "whether something of it is hidden"),
};

static const struct ap_table table = {
	.key = "variables",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

struct env {
	AP_VEC(struct row) rows;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct env *env = ap_alloc(ctx->arena, sizeof(*env));
	struct ap_image *image = ap_core_model_image(ctx->model);
	const char **at = image ? ap_image_process(image)->env : NULL;
	const char *wanted = ctx->args.n_words ? ctx->args.words[0] : NULL;

	if (!env)
		return &ap_err_nomem;
	if (!image)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					      "this target is no core: it has no environment"),
				   "a panic dump has one: print state['init.process.env']");
	if (!at)
		return ap_err_hint(
			ap_err_new(AP_E_FAULT, "the core does not hold the environment"),
			"it lies at the top of the main thread's stack, which is missing here");
	for (; *at; at++) {
		struct ap_text all = ap_text_of(*at);
		const char *equals = memchr(all.s, '=', all.n);
		struct ap_text name = {all.s, equals ? (size_t)(equals - all.s) : all.n};
		struct row row = {.name = name,
				  .value = {equals ? equals + 1 : all.s + all.n,
					    equals ? all.n - name.n - 1 : 0}};
		AP_STR_AUTO shown = {0};

		if (wanted && !ap_text_is(name, wanted))
			continue;
		if (!ap_session_show_secrets(ctx->session)) {
			ap_mask_value(&shown, name, row.value);
			struct ap_text masked = ap_str_text(&shown, ctx->arena);

			row.masked = !ap_text_eq(masked, row.value);
			row.value = masked;
		}
		if (!ap_vec_push(ctx->arena, &env->rows, row))
			return &ap_err_nomem;
	}
	if (wanted && !env->rows.n)
		return ap_err_new(AP_E_NOTFOUND, "there was no variable %s", wanted);
	*ret_data = env;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct env *env = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, env->rows.at, env->rows.n);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct env *env = p;
	size_t masked = 0;

	for (size_t i = 0; i < env->rows.n; i++) {
		ap_out_styled_text(ctx->out, AP_STYLE_NAME, env->rows.at[i].name);
		ap_out_s(ctx->out, "=");
		ap_out_text(ctx->out, env->rows.at[i].value);
		ap_out_s(ctx->out, "\n");
		masked += env->rows.at[i].masked;
	}
	if (masked)
		ap_warn(ctx, "%zu value%s masked; --show-secrets shows them", masked,
			masked == 1 ? " is" : "s are");
}

const struct ap_cmd ap_cmd_env = {
	.names = {[AP_PLAIN] = "env"},
	.group = AP_GROUP_NATIVE,
	.summary = "the environment, secrets masked",
	.synopsis = {[AP_PLAIN] = "[NAME]"},
	.help = "As it was when the process began; what the program changed later in process.env is not "
		"seen here. Values that look secret, by name or by form, are shown as ***.",
	.example = "env",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
