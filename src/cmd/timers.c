/* timers: what setTimeout, setInterval and setImmediate had planned. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/number.h"
#include "cmd/activity_common.h"

struct timers {
	ap_timer_vec rows;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_activity_ops *ops;
	struct timers *d;

	AP_TRY(ap_activity_begin(ctx, sizeof(*d), &d, &ops));
	AP_TRY(ops->timers(ctx->model, ctx->arena, &d->rows));
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct timers *d = p;

	ap_json_begin_rows(j, "timers");
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_timer *t = &d->rows.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_timer_kind_name(t->kind));
		ap_json_tid(j, t->tid);
		if (t->after_ms >= 0)
			ap_json_double(j, "after_ms", t->after_ms);
		else
			ap_json_null(j, "after_ms");
		if (t->has_due)
			ap_json_double(j, "due_in_ms", t->due_in_ms);
		else
			ap_json_null(j, "due_in_ms");
		ap_json_bool(j, "referenced", t->referenced);
		ap_json_value(ctx, j, "object", &t->object);
		ap_json_value(ctx, j, "callback", &t->callback);
		ap_json_code_place(j, "place", &t->place);
		ap_json_end_object(j);
	}
	ap_json_end_rows(j, d->rows.n);
}

struct row {
	uint64_t address;
	const char *kind;
	struct ap_text after, due, callback;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, kind, NULL, "KIND", CSTR, ""),
	AP_FIELD(struct row, after, NULL, "AFTER", TEXT, ""),
	AP_FIELD(struct row, due, NULL, "DUE", TEXT, ""),
	AP_FIELD(struct row, address, NULL, "OBJECT", ADDRESS, ""),
	AP_FIELD(struct row, callback, NULL, "CALLBACK", TEXT, ""),
};

static const struct ap_table table = AP_ROWS_OF(fields, struct row);

static struct ap_text milliseconds(struct ap_ctx *ctx, double ms)
{
	char text[AP_NUMBER_MAX];

	return ap_text_of(ms < 10000 ? ap_printf(ctx->arena, "%.0f ms", ms)
				     : ap_strdup(ctx->arena, ap_duration_human(ms / 1000, text)));
}

static struct ap_text due(struct ap_ctx *ctx, const struct ap_timer *t)
{
	if (t->kind == AP_TIMER_KIND_IMMEDIATE)
		return AP_TEXT("next turn");
	if (!t->has_due)
		return AP_TEXT("unknown");
	if (t->due_in_ms >= 0)
		return ap_text_of(ap_printf(ctx->arena, "in %.*s",
					    AP_TEXT_ARG(milliseconds(ctx, t->due_in_ms))));
	return ap_text_of(
		ap_printf(ctx->arena, "%.*s late", AP_TEXT_ARG(milliseconds(ctx, -t->due_in_ms))));
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct timers *d = p;
	struct row *rows = ap_alloc_array(ctx->arena, d->rows.n + 1, sizeof(*rows));

	ap_out_f(ctx->out, "%zu timer%s\n", d->rows.n, d->rows.n == 1 ? "" : "s");
	if (!rows || !d->rows.n)
		return;
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_timer *t = &d->rows.at[i];
		AP_STR_AUTO callback = {0};

		if (t->callback.has_ref)
			ap_str_code_place(&callback, &t->place);
		if (!t->referenced)
			ap_str_adds(&callback, " (unref'd)");
		rows[i] = (struct row){
			.address = t->object.address,
			.kind = ap_timer_kind_name(t->kind),
			.after = t->after_ms >= 0 ? milliseconds(ctx, t->after_ms) : AP_TEXT(""),
			.due = due(ctx, t),
			.callback = ap_str_text(&callback, ctx->arena),
		};
	}
	ap_print_rows(ctx, &table, rows, d->rows.n);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct timers *d = p;

	for (size_t i = 0; i < d->rows.n; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", d->rows.at[i].object.ref);
}

const struct ap_cmd ap_cmd_timers = {
	.names = {[AP_PLAIN] = "timers", [AP_MDB] = "jstimers", [AP_LLNODE] = "gettimers"},
	.group = AP_GROUP_DOING,
	.summary = "timeouts, intervals and immediates, the next one first",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "What was planned and had not run, with its callback and the place where that was written. The "
		"due time counts from the last turn of the event loop: a negative one was late already.",
	.example = "timers",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb},
};
