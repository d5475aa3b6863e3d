/* strings: the largest, the most often repeated, and those that match. */
#include <inttypes.h>

#include "base/escape.h"
#include "base/number.h"
#include "cmd/heap_common.h"

enum { OPT_PATTERN, OPT_DUPLICATES, OPT_LIMIT, OPT_ALL };

enum { DEFAULT_LIMIT = 30, TEXT_COLUMNS = 60 };

static const struct ap_option options[] = {
	[OPT_PATTERN] = {'g', "grep", AP_OPTION_TEXT, AP_IN_ALL, "regex",
			 "only strings that match (POSIX extended)"},
	[OPT_DUPLICATES] = {'d', "duplicates", AP_OPTION_FLAG, AP_IN_ALL, NULL,
			    "by the bytes that equal texts waste, not by size"},
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "rows (default 30, 0: all)"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "also the dead ones that were not yet collected"},
	{0},
};

struct strings {
	struct ap_heap_strings found;
	struct ap_heap_liveness liveness;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct strings *d = ap_alloc(ctx->arena, sizeof(*d));
	const struct ap_heap_strings_options what = {
		.dead = ctx->args.given[OPT_ALL],
		.duplicates = ctx->args.given[OPT_DUPLICATES],
		.pattern = ctx->args.text[OPT_PATTERN],
		.limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_LIMIT,
	};
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct ap_err *err;

	if (!d)
		return &ap_err_nomem;
	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_strings(heap, &watch, &what, ctx->arena, &d->found);
	ap_heap_watch_end(ctx);
	ap_heap_liveness(heap, &d->liveness);
	*ret_data = d;
	return err;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct strings *s = p;
	const struct ap_heap_strings *d = &s->found;

	ap_json_object(j, "data");
	ap_json_array(j, "strings");
	for (size_t i = 0; i < d->n; i++) {
		const struct ap_heap_string *row = &d->rows[i];

		ap_json_object(j, NULL);
		ap_json_addr(j, "address", row->address);
		ap_json_uint(j, "length", row->length);
		ap_json_uint(j, "bytes", row->bytes);
		ap_json_uint(j, "count", row->count);
		ap_json_uint(j, "wasted_bytes", row->wasted);
		ap_json_text(j, "text", row->text);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", d->count);
	ap_json_uint(j, "bytes", d->bytes);
	ap_json_uint(j, "distinct", d->distinct);
	ap_json_uint(j, "wasted_bytes", d->wasted);
	ap_json_uint(j, "unsearched", d->unsearched);
	ap_json_end_object(j);
	ap_json_live(j, ap_live_shown(&s->liveness, ctx->args.given[OPT_ALL]));
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct strings *s = p;
	const struct ap_heap_strings *d = &s->found;
	char bytes[AP_NUMBER_MAX], waste[AP_NUMBER_MAX];

	ap_out_f(ctx->out,
		 "%" PRIu64 " %sstrings, %s; %" PRIu64 " different texts, %s in repetitions%s\n\n",
		 d->count, ap_live_word(&s->liveness, ctx->args.given[OPT_ALL]),
		 ap_bytes_human(d->bytes, bytes), d->distinct, ap_bytes_human(d->wasted, waste),
		 ap_live_remark(ctx, &s->liveness, ctx->args.given[OPT_ALL]));
	if (d->unsearched)
		ap_out_f(ctx->out,
			 "%" PRIu64 " concatenated strings were not searched: too much text\n\n",
			 d->unsearched);
	ap_out_f(ctx->out, "%-14s %9s %10s %7s %10s  %s\n", "ADDRESS", "LENGTH", "BYTES", "COUNT",
		 "WASTED", "TEXT");
	for (size_t i = 0; i < d->n; i++) {
		const struct ap_heap_string *row = &d->rows[i];
		AP_STR_AUTO quoted = {0};

		ap_escape_quoted(&quoted, row->text, TEXT_COLUMNS);
		ap_out_f(ctx->out, "0x%-12" PRIx64 " %9" PRIu64 " %10s %7" PRIu64 " %10s  ",
			 row->address, row->length, ap_bytes_human(row->bytes, bytes), row->count,
			 ap_bytes_human(row->wasted, waste));
		ap_out_raw(ctx->out, (struct ap_text){quoted.s ? quoted.s : "", quoted.n});
		ap_out_s(ctx->out, "\n");
	}
}

/* In a pipeline of mdb addresses are wanted. */
static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct ap_heap_strings *d = &((const struct strings *)p)->found;

	for (size_t i = 0; i < d->n; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", d->rows[i].address + 1);
}

const struct ap_cmd ap_cmd_strings = {
	.names = {[AP_PLAIN] = "strings", [AP_MDB] = "jsstrings", [AP_LLNODE] = "strings"},
	.group = AP_GROUP_MEMORY,
	.summary = "largest strings, repeated strings, strings that match",
	.help = "Strings with equal text are one row. Flat strings are looked at: the parts of concatenated "
		"and sliced ones are among them; -g searches the whole text of concatenated ones, too (the first "
		"million characters of each). Live ones are shown; -a adds the dead ones that were not yet collected.",
	.options = options,
	.example = "strings -n 5",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb},
};
