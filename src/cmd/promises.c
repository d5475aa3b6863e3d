/* promises: pending ones by the place that waits for them. */
#include <inttypes.h>

#include "cmd/activity_common.h"
#include "cmd/heap_common.h"

enum { OPT_LIMIT, OPT_ALL };

enum { DEFAULT_LIMIT = 30 };

static const struct ap_option options[] = {
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "rows (default 30, 0: all)"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "also the dead ones that were not yet collected"},
	{0},
};

struct promises {
	const struct ap_heap_promises *rows;
	size_t n;
	uint64_t count;
	struct ap_heap_liveness liveness;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct promises *d = ap_alloc(ctx->arena, sizeof(*d));
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct ap_err *err;

	if (!d)
		return &ap_err_nomem;
	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_promises(heap, &watch, ctx->args.given[OPT_ALL], ctx->arena, &d->rows, &d->n,
			       &d->count);
	ap_heap_watch_end(ctx);
	ap_heap_liveness(heap, &d->liveness);
	*ret_data = d;
	return err;
}

static struct ap_code_place place_of(const struct ap_heap_promises *p)
{
	return (struct ap_code_place){p->function, p->script, p->line, p->column};
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct promises *d = p;

	(void)ctx;
	ap_json_begin_rows(j, "groups");
	for (size_t i = 0; i < d->n; i++) {
		struct ap_code_place place = place_of(&d->rows[i]);

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_promise_kind_name(d->rows[i].kind));
		ap_json_code_place(j, "place", &place);
		ap_json_uint(j, "count", d->rows[i].count);
		ap_json_live(j, d->rows[i].live);
		ap_json_addr(j, "representative", d->rows[i].example);
		ap_json_end_object(j);
	}
	ap_json_end_rows(j, d->count);
}

struct row {
	uint64_t count, example;
	struct ap_text what;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, count, NULL, "COUNT", COUNT, ""),
	AP_FIELD(struct row, example, NULL, "EXAMPLE", ADDRESS, ""),
	AP_FIELD(struct row, what, NULL, "WAITS", TEXT, ""),
};

static const struct ap_table table = AP_ROWS_OF(fields, struct row);

static void text(struct ap_ctx *ctx, const void *p)
{
	static const char *const words[] = {
		[AP_PROMISE_ASYNC] = "result of async ",
		[AP_PROMISE_AWAITED] = "awaited by ",
		[AP_PROMISE_CHAINED] = "will call ",
		[AP_PROMISE_ALONE] = "nobody listens",
	};
	const struct promises *d = p;
	uint64_t limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_LIMIT;
	size_t n = limit && d->n > limit ? limit : d->n;
	struct row *rows = ap_alloc_array(ctx->arena, n + 1, sizeof(*rows));

	bool all = ctx->args.given[OPT_ALL];
	ap_out_f(ctx->out, "%" PRIu64 " %spending promise%s at %zu place%s%s\n", d->count,
		 ap_live_word(&d->liveness, all), d->count == 1 ? "" : "s", d->n,
		 d->n == 1 ? "" : "s", ap_live_remark(ctx, &d->liveness, all));
	if (!rows || !n)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct ap_heap_promises *g = &d->rows[i];
		struct ap_code_place place = place_of(g);
		AP_STR_AUTO what = {0};

		if (g->kind == AP_PROMISE_CHAINED && !g->function.s) {
			ap_str_adds(&what, "another promise hangs on it");
		} else {
			ap_str_adds(&what, words[g->kind]);
			if (g->kind != AP_PROMISE_ALONE)
				ap_str_code_place(&what, &place);
		}
		if (g->live == AP_LIVE_NO)
			ap_str_adds(&what, "  (dead)");
		rows[i] = (struct row){g->count, g->example, ap_str_text(&what, ctx->arena)};
	}
	ap_print_rows(ctx, &table, rows, n);
	if (n < d->n)
		ap_out_f(ctx->out, "... and %zu more: -n 0 shows all\n", d->n - n);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct promises *d = p;

	for (size_t i = 0; i < d->n; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", d->rows[i].example + 1);
}

const struct ap_cmd ap_cmd_promises = {
	.names = {[AP_PLAIN] = "promises", [AP_MDB] = "jspromises", [AP_LLNODE] = "promises"},
	.group = AP_GROUP_DOING,
	.summary = "pending promises by the place that waits",
	.synopsis = {[AP_PLAIN] = "[-a] [-n N]"},
	.help = "V8 does not keep where a promise was made; what waits for it has a place: an async function the "
		"line of its await, a handler of then() its own. Promises of one place are one row. Nobody waits "
		"for dead ones that were not yet collected: -a adds them.",
	.options = options,
	.example = "promises",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb},
};
