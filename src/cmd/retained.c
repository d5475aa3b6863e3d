/* retained: what would go if this object went. */
#include <inttypes.h>

#include "base/number.h"
#include "cmd/graph_common.h"

struct retained {
	struct ap_study *study;
	uint32_t node, distance;
	uint32_t holders[64];
	size_t n_holders;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct retained *r = ap_alloc(ctx->arena, sizeof(*r));
	const struct ap_dominators *d;
	const uint32_t *distances;

	if (!r)
		return &ap_err_nomem;
	AP_TRY(ap_require_study(ctx, &r->study));
	AP_TRY(ap_node_argument(ctx, r->study, &r->node));
	AP_TRY(ap_study_dominators(r->study, &d));
	AP_TRY(ap_study_distances(r->study, &distances));
	r->distance = distances[r->node];
	for (uint32_t v = r->node; v && r->n_holders < 64; v = d->idom[v]) {
		if (d->idom[v] && r->study->graph->types[d->idom[v]] != AP_NODE_SYNTHETIC)
			r->holders[r->n_holders++] = d->idom[v];
	}
	*ret_data = r;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct retained *r = p;
	const struct ap_dominators *d = &r->study->dominators;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_node(j, r->study, r->node);
	ap_json_uint(j, "dominated", d->first_child[r->node + 1] - d->first_child[r->node]);
	if (r->distance == AP_NO_DISTANCE)
		ap_json_null(j, "distance");
	else
		ap_json_uint(j, "distance", r->distance);
	ap_json_array(j, "dominators");
	for (size_t i = 0; i < r->n_holders; i++) {
		ap_json_object(j, NULL);
		ap_json_node(j, r->study, r->holders[i]);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void line(struct ap_ctx *ctx, const struct ap_study *s, uint32_t v)
{
	char bytes[AP_NUMBER_MAX];

	ap_out_text(ctx->out, ap_node_label(ctx, s->graph, v));
	ap_out_f(ctx->out, " %s  %s\n", ap_node_id_text(ctx, s->graph, v),
		 ap_bytes_human(s->dominators.retained[v], bytes));
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct retained *r = p;
	const struct ap_dominators *d = &r->study->dominators;
	const struct ap_graph *g = r->study->graph;
	char self[AP_NUMBER_MAX], all[AP_NUMBER_MAX];

	ap_out_text(ctx->out, ap_node_label(ctx, g, r->node));
	ap_out_f(ctx->out,
		 " %s\n  retains %s (%" PRIu64 " bytes), %s of its own, %u node%s directly below\n",
		 ap_node_id_text(ctx, g, r->node), ap_bytes_human(d->retained[r->node], all),
		 d->retained[r->node], ap_bytes_human(ap_node_size(g, r->node), self),
		 d->first_child[r->node + 1] - d->first_child[r->node],
		 d->first_child[r->node + 1] - d->first_child[r->node] == 1 ? "" : "s");
	if (r->distance != AP_NO_DISTANCE && r->distance < AP_DISTANCE_SYSTEM)
		ap_out_f(ctx->out, "  %u steps from the global object\n", r->distance);
	if (!r->n_holders) {
		ap_out_s(ctx->out, "  no single object keeps it alive; why shows the paths\n");
		return;
	}
	ap_out_s(ctx->out, "  would go with:\n");
	for (size_t i = 0; i < r->n_holders; i++) {
		ap_out_s(ctx->out, "    ");
		line(ctx, r->study, r->holders[i]);
	}
}

const struct ap_cmd ap_cmd_retained = {
	.names = {[AP_PLAIN] = "retained"},
	.group = AP_GROUP_ALIVE,
	.summary = "what would go if this object went",
	.synopsis = {[AP_PLAIN] = "@ID"},
	.help = "Its own size, the size of all that it alone keeps alive, and the objects that it would go "
		"with: its dominators, nearest first.",
	.example = "retained @1",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
