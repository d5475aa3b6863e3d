#include "cmd/activity_common.h"

#include <inttypes.h>

#include "base/mask.h"
#include "model/core.h"

struct ap_err *ap_require_activity(struct ap_ctx *ctx, const struct ap_activity_ops **ret_ops)
{
	if (!ctx->model->ops->activity)
		return ap_err_hint(
			ap_err_new(
				AP_E_UNSUPPORTED,
				"this target does not tell what the program waited for: it is no core"),
			AP_NO_CORE_HINT);
	*ret_ops = ctx->model->ops->activity;
	return NULL;
}

struct ap_err *ap_activity_begin(struct ap_ctx *ctx, size_t bytes, void *ret_rows,
				 const struct ap_activity_ops **ret_ops)
{
	void *rows = ap_alloc(ctx->arena, bytes);

	if (!rows)
		return &ap_err_nomem;
	AP_TRY(ap_require_activity(ctx, ret_ops));
	memcpy(ret_rows, &rows, sizeof(rows));
	return NULL;
}

void ap_json_begin_rows(struct ap_json *j, const char *key)
{
	ap_json_object(j, "data");
	ap_json_array(j, key);
}

void ap_json_end_rows(struct ap_json *j, uint64_t count)
{
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", count);
	ap_json_end_object(j);
	ap_json_end_object(j);
}

void ap_print_rows(struct ap_ctx *ctx, const struct ap_table *table, const void *rows, size_t n)
{
	if (!n)
		return;
	ap_out_s(ctx->out, "\n");
	ap_out_table(ctx->out, table, rows, n);
}

void ap_json_tid(struct ap_json *j, pid_t tid)
{
	ap_json_number_or_null(j, "tid", tid ? tid : -1);
}

void ap_json_number_or_null(struct ap_json *j, const char *key, int64_t number)
{
	if (number < 0)
		ap_json_null(j, key);
	else
		ap_json_int(j, key, number);
}

void ap_json_endpoint(struct ap_json *j, const char *key, const struct ap_endpoint *endpoint)
{
	if (!endpoint->address.s) {
		ap_json_null(j, key);
		return;
	}
	ap_json_object(j, key);
	ap_json_text(j, "address", endpoint->address);
	ap_json_number_or_null(j, "port", endpoint->port);
	ap_json_end_object(j);
}

void ap_json_code_place(struct ap_json *j, const char *key, const struct ap_code_place *place)
{
	if (!place->function.s && !place->script.s) {
		ap_json_null(j, key);
		return;
	}
	ap_json_object(j, key);
	ap_json_text(j, "function", place->function);
	ap_json_text(j, "script", place->script);
	ap_json_position(j, "line", place->line);
	ap_json_position(j, "column", place->column);
	ap_json_end_object(j);
}

void ap_str_masked(struct ap_ctx *ctx, struct ap_str *out, struct ap_text text)
{
	if (ap_session_show_secrets(ctx->session))
		ap_str_add(out, text.s, text.n);
	else
		ap_mask_value(out, (struct ap_text){0}, text);
}

void ap_json_masked(struct ap_ctx *ctx, struct ap_json *j, const char *key, struct ap_text text)
{
	AP_STR_AUTO masked = {0};

	if (!text.s) {
		ap_json_null(j, key);
		return;
	}
	ap_str_masked(ctx, &masked, text);
	ap_json_text(j, key, (struct ap_text){masked.s ? masked.s : "", masked.n});
}

void ap_str_endpoint(struct ap_str *out, const struct ap_endpoint *endpoint)
{
	bool v6 = memchr(endpoint->address.s, ':', endpoint->address.n);

	ap_str_addf(out, v6 ? "[%.*s]" : "%.*s", AP_TEXT_ARG(endpoint->address));
	if (endpoint->port >= 0)
		ap_str_addf(out, ":%d", endpoint->port);
}

void ap_str_code_place(struct ap_str *out, const struct ap_code_place *place)
{
	struct ap_text script = place->script;

	if (script.n > 7 && memcmp(script.s, "file://", 7) == 0)
		script = (struct ap_text){script.s + 7, script.n - 7};
	if (place->function.n)
		ap_str_add(out, place->function.s, place->function.n);
	else
		ap_str_adds(out, "(anonymous)");
	if (!script.n)
		return;
	ap_str_addf(out, " at %.*s", AP_TEXT_ARG(script));
	if (place->line)
		ap_str_addf(out, ":%d:%d", place->line, place->column);
}

void ap_llnode_list_head(struct ap_ctx *ctx, const char *what, size_t n)
{
	ap_out_f(ctx->out, "Active %s: %zu\n\n", what, n);
}
