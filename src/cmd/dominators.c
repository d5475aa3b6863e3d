/* dominators: the objects that keep most alive, each with all that would go with it. */
#include <stdlib.h>

#include "cmd/graph_common.h"

enum { OPT_NUMBER, OPT_ALL, DEFAULT_ROWS = 20 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "so many rows"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL, "V8's own roots by kind as well"},
	{0},
};

struct row {
	uint64_t retained, self, children, id;
	double percent;
	const char *id_text;
	struct ap_text label, constructor;
	const char *type;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, retained, "retained_bytes", "RETAINED", BYTES,
		 "bytes that go with it"),
	AP_FIELD(struct row, percent, "percent", "SHARE", PERCENT, "of the heap"),
	AP_FIELD(struct row, self, "self_bytes", "SELF", BYTES, "bytes of its own"),
	AP_FIELD(struct row, children, "dominated", "HOLDS", COUNT, "nodes directly below it"),
	AP_FIELD(struct row, id, "id", NULL, COUNT, "its number"),
	AP_FIELD(struct row, id_text, NULL, "OBJECT", CSTR, "its number"),
	AP_FIELD(struct row, type, "type", NULL, CSTR, "kind of node"),
	AP_FIELD(struct row, constructor, "constructor", NULL, TEXT, "constructor or category"),
	AP_FIELD(struct row, label, "name", "", TEXT, "what it is"),
};

static const struct ap_table table = {
	.key = "nodes",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

struct dominators {
	struct ap_study *study;
	AP_VEC(struct row) rows;
};

/* Keeps the `limit` that retain most. */
static void offer(const struct ap_dominators *d, uint32_t *best, size_t *n, size_t limit,
		  uint32_t v)
{
	size_t at;

	if (*n == limit && (!limit || d->retained[best[limit - 1]] >= d->retained[v]))
		return;
	at = *n < limit ? (*n)++ : limit - 1;
	for (; at && d->retained[best[at - 1]] < d->retained[v]; at--)
		best[at] = best[at - 1];
	best[at] = v;
}

static void offer_children(const struct ap_study *s, bool all, uint32_t of, uint32_t *best,
			   size_t *n, size_t limit)
{
	const struct ap_dominators *d = &s->dominators;

	/* Roots by kind are two levels of synthetic nodes; below a node of the program there are
	 * none. */
	for (uint32_t i = d->first_child[of]; i < d->first_child[of + 1]; i++) {
		uint32_t v = d->children[i];

		if (s->graph->types[v] != AP_NODE_SYNTHETIC || all) {
			offer(d, best, n, limit, v);
			continue;
		}
		for (uint32_t k = d->first_child[v]; k < d->first_child[v + 1]; k++) {
			uint32_t u = d->children[k];

			if (s->graph->types[u] != AP_NODE_SYNTHETIC) {
				offer(d, best, n, limit, u);
				continue;
			}
			for (uint32_t m = d->first_child[u]; m < d->first_child[u + 1]; m++)
				offer(d, best, n, limit, d->children[m]);
		}
	}
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct dominators *r = ap_alloc(ctx->arena, sizeof(*r));
	size_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_ROWS;
	const struct ap_dominators *d;
	uint32_t of = 0, *best;
	size_t n = 0;

	if (!r)
		return &ap_err_nomem;
	AP_TRY(ap_require_study(ctx, &r->study));
	const struct ap_graph *g = r->study->graph;
	limit = limit < g->n_nodes ? limit : g->n_nodes;
	if (limit > 10000)
		return ap_err_new(AP_E_LIMIT, "at most 10000 rows");
	if (ctx->args.n_words)
		AP_TRY(ap_node_argument(ctx, r->study, &of));
	AP_TRY(ap_study_dominators(r->study, &d));
	best = ap_alloc_array(ctx->arena, limit + 1, sizeof(*best));
	if (!best)
		return &ap_err_nomem;
	offer_children(r->study, ctx->args.given[OPT_ALL], of, best, &n, limit);
	for (size_t i = 0; i < n; i++) {
		uint32_t v = best[i];
		const struct row row = {
			.retained = d->retained[v],
			.self = ap_node_size(g, v),
			.children = d->first_child[v + 1] - d->first_child[v],
			.id = ap_node_id(g, v),
			.percent = d->retained[0]
					   ? 100.0 * (double)d->retained[v] / (double)d->retained[0]
					   : 0,
			.id_text = ap_node_id_text(ctx, g, v),
			.label = ap_node_label(ctx, g, v),
			.constructor = ap_node_class(g, v),
			.type = ap_node_type_name((enum ap_node_type)g->types[v]),
		};

		if (!ap_vec_push(ctx->arena, &r->rows, row))
			return &ap_err_nomem;
	}
	*ret_data = r;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct dominators *r = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, r->rows.at, r->rows.n);
	ap_json_heap(j, r->study);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct dominators *r = p;

	if (!r->rows.n)
		ap_out_s(ctx->out, "nothing would go with it\n");
	else
		ap_out_table(ctx->out, &table, r->rows.at, r->rows.n);
}

const struct ap_cmd ap_cmd_dominators = {
	.names = {[AP_PLAIN] = "dominators"},
	.group = AP_GROUP_ALIVE,
	.summary = "the objects that keep most memory alive",
	.synopsis = {[AP_PLAIN] = "[-a] [-n N] [@ID]"},
	.help = "An object dominates another if every path from the roots to the other leads through it: "
		"what it dominates would go with it. Without an object, the topmost ones; with one, what it "
		"dominates directly. Weak references keep nothing alive, values of a WeakMap hang on their keys.",
	.options = options,
	.example = "dominators -n 5",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
