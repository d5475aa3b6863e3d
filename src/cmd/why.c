/* why: the paths by which an object is alive. */
#include <inttypes.h>

#include "base/number.h"
#include "cmd/steps.h"

enum { OPT_NUMBER, OPT_ALL, DEFAULT_PATHS = 3, MAX_PATHS = 100 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "so many paths"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "V8's machinery between the objects too"},
	{0},
};

struct why {
	struct ap_study *study;
	uint32_t node;
	ap_path *paths;
	struct ap_shown_path *shown;
	size_t n;
	uint64_t retainers;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct why *w = ap_alloc(ctx->arena, sizeof(*w));
	uint64_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_PATHS;
	const struct ap_dominators *d;
	const struct ap_traces *t;

	if (!w)
		return &ap_err_nomem;
	AP_TRY(ap_require_study(ctx, &w->study));
	AP_TRY(ap_node_argument(ctx, w->study, &w->node));
	if (limit > MAX_PATHS)
		return ap_err_new(AP_E_LIMIT, "at most %d paths", MAX_PATHS);
	AP_TRY(ap_study_dominators(w->study, &d));
	AP_TRY(ap_study_traces(w->study, &t));
	AP_TRY(ap_study_scopes(w->study));
	AP_TRY(ap_trace_paths(w->study->graph, t, w->node, limit, ctx->arena, &w->paths, &w->n,
			      &w->retainers));
	w->shown = ap_alloc_array(ctx->arena, w->n + 1, sizeof(*w->shown));
	if (!w->shown)
		return &ap_err_nomem;
	for (size_t i = 0; i < w->n; i++)
		AP_TRY(ap_show_path(ctx, w->study, &w->paths[i], ctx->args.given[OPT_ALL],
				    &w->shown[i]));
	*ret_data = w;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct why *w = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_node(j, w->study, w->node);
	ap_json_uint(j, "retainers", w->retainers);
	ap_json_array(j, "paths");
	for (size_t i = 0; i < w->n; i++) {
		ap_json_object(j, NULL);
		ap_json_path(j, w->study, "steps", &w->paths[i]);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct why *w = p;
	const struct ap_graph *g = w->study->graph;
	char bytes[AP_NUMBER_MAX];

	ap_out_text(ctx->out, ap_node_label(ctx, g, w->node));
	ap_out_f(ctx->out, " %s, keeps %s alive\n", ap_node_id_text(ctx, g, w->node),
		 ap_bytes_human(w->study->dominators.retained[w->node], bytes));
	if (!w->n)
		ap_out_s(ctx->out,
			 w->node ? "\nonly weak references lead to it: nothing keeps it alive\n"
				 : "\nit is the root of everything\n");
	for (size_t i = 0; i < w->n; i++) {
		ap_out_s(ctx->out, "\n");
		ap_print_path(ctx, w->study, &w->shown[i], 2);
	}
	if (w->retainers > w->n && w->n)
		ap_out_f(ctx->out,
			 "\n%" PRIu64 " more objects hold it; why -n 20 shows more paths\n",
			 w->retainers - w->n);
}

const struct ap_cmd ap_cmd_why = {
	.names = {[AP_PLAIN] = "why"},
	.group = AP_GROUP_ALIVE,
	.summary = "the paths that keep an object alive",
	.synopsis = {[AP_PLAIN] = "[-a] [-n N] @ID"},
	.help = "From a root down to the object, by the names that a programmer uses: variables with their "
		"file, properties, elements, entries. Each path comes through another holder, the most "
		"telling one first; what repeats (a long list) stands once. Weak references are left out. "
		"With -a every step is shown, V8's tables and contexts too.",
	.options = options,
	.example = "why @1",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
