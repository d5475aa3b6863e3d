/* classes: the heap by constructor, as DevTools' summary: counts, own sizes, what they keep alive.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/graph_common.h"

enum { OPT_COUNT, OPT_SELF, OPT_NUMBER, DEFAULT_ROWS = 25 };

static const struct ap_option options[] = {
	[OPT_COUNT] = {'c', "by-count", AP_OPTION_FLAG, AP_IN_ALL, NULL, "most objects first"},
	[OPT_SELF] = {'s', "by-self", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		      "most bytes of their own first"},
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "so many rows; 0: all"},
	{0},
};

struct row {
	uint64_t count, self, retained;
	struct ap_text name;
	uint64_t largest;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, count, "count", "COUNT", COUNT, "objects"),
	AP_FIELD(struct row, self, "self_bytes", "SELF", BYTES, "bytes of the objects themselves"),
	AP_FIELD(struct row, retained, "retained_bytes", "RETAINED", BYTES,
		 "bytes that would go with them; nested ones count once"),
	AP_FIELD(struct row, name, "constructor", "CONSTRUCTOR", TEXT, "constructor or category"),
	AP_FIELD(struct row, largest, "largest", NULL, COUNT, "id of the one that retains most"),
};

static const struct ap_table table = {
	.key = "groups",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

struct classes {
	struct ap_study *study;
	AP_VEC(struct row) rows;
	size_t all;
};

static int by_count(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return (a->count < b->count) - (a->count > b->count);
}

static int by_self(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return (a->self < b->self) - (a->self > b->self);
}

static int by_retained(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return (a->retained < b->retained) - (a->retained > b->retained);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct classes *d = ap_alloc(ctx->arena, sizeof(*d));
	const char *wanted = ctx->args.n_words ? ctx->args.words[0] : NULL;
	size_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER]
		       : ctx->json                 ? 0
						   : DEFAULT_ROWS;

	if (!d)
		return &ap_err_nomem;
	AP_TRY(ap_require_study(ctx, &d->study));
	AP_TRY(ap_study_classes(d->study));
	for (uint32_t i = 0; i < d->study->n_classes; i++) {
		const struct ap_class *c = &d->study->classes[i];
		const struct row row = {c->count, c->self_bytes, c->retained_bytes, c->name,
					ap_node_id(d->study->graph, c->largest)};

		if (wanted && !memmem(c->name.s, c->name.n, wanted, strlen(wanted)))
			continue;
		if (!ap_vec_push(ctx->arena, &d->rows, row))
			return &ap_err_nomem;
	}
	if (wanted && !d->rows.n)
		return ap_err_new(AP_E_NOTFOUND, "no constructor holds \"%s\"", wanted);
	qsort(d->rows.at, d->rows.n, sizeof(*d->rows.at),
	      ctx->args.given[OPT_COUNT]  ? by_count
	      : ctx->args.given[OPT_SELF] ? by_self
					  : by_retained);
	d->all = d->rows.n;
	if (limit && d->rows.n > limit)
		d->rows.n = limit;
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct classes *d = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, d->rows.at, d->rows.n);
	ap_json_heap(j, d->study);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct classes *d = p;

	ap_out_table(ctx->out, &table, d->rows.at, d->rows.n);
	if (d->all > d->rows.n)
		ap_out_f(ctx->out, "\n%zu more constructors; classes -n 0 lists all\n",
			 d->all - d->rows.n);
}

const struct ap_cmd ap_cmd_classes = {
	.names = {[AP_PLAIN] = "classes"},
	.group = AP_GROUP_ALIVE,
	.summary = "constructors by count, own and retained size",
	.synopsis = {[AP_PLAIN] = "[-cs] [-n N] [TEXT]"},
	.help = "The heap by constructor or category, as the summary of Chrome DevTools counts it; with "
		"TEXT, those whose name holds it. What a constructor retains would go if all its objects "
		"went; an object inside another of the same constructor counts once.",
	.options = options,
	.example = "classes -n 10",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
