/* suspects: where memory piles up and what holds it, in words. */
#include "base/escape.h"
#include "base/number.h"
#include "cmd/suspects_common.h"

enum { OPT_NUMBER, OPT_PERCENT, DEFAULT_SUSPECTS = 5, DEFAULT_PERCENT = 5, MAX_SUSPECTS = 100 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "at most so many"},
	[OPT_PERCENT] = {'p', "percent", AP_OPTION_NUMBER, AP_IN_ALL, "P",
			 "places that keep at least P % of the heap; 5, and 1 MB"},
	{0},
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_told *told = ap_alloc(ctx->arena, sizeof(*told));
	uint64_t limit =
		ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_SUSPECTS;
	uint64_t percent =
		ctx->args.given[OPT_PERCENT] ? ctx->args.number[OPT_PERCENT] : DEFAULT_PERCENT;
	/* Who asks for a share gets it, however little that is. */
	uint64_t least = ctx->args.given[OPT_PERCENT] ? 0 : AP_SUSPECT_LEAST_BYTES;
	struct ap_study *study;

	if (!told)
		return &ap_err_nomem;
	if (limit > MAX_SUSPECTS || percent > 100)
		return ap_err_new(AP_E_LIMIT, "at most %d suspects, of at most 100 %%",
				  MAX_SUSPECTS);
	AP_TRY(ap_require_study(ctx, &study));
	AP_TRY(ap_tell_suspects(ctx, study, (double)percent, least, limit, told));
	*ret_data = told;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_told *told = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_told(j, told);
	ap_json_heap(j, told->study);
	ap_json_end_object(j);
}

static void print_suspect(struct ap_ctx *ctx, const struct ap_told *told, size_t i)
{
	const struct ap_told_suspect *one = &told->at[i];
	AP_STR_AUTO safe = {0};

	ap_escape(&safe, one->sentence);
	ap_out_f(ctx->out, "\n%zu. ", i + 1);
	ap_out_styled(ctx->out, AP_STYLE_STRONG, "%s", safe.s ? safe.s : "");
	ap_out_f(ctx->out, " (%s)\n", ap_certainty_name(one->certainty));
	if (one->origin.n) {
		ap_out_s(ctx->out, "   made with ");
		ap_out_text(ctx->out, one->s.entry_origin.function.n ? one->s.entry_origin.function
								     : ap_text_of("a function"));
		ap_out_s(ctx->out, " at ");
		ap_out_text(ctx->out, one->origin);
		ap_out_s(ctx->out, "\n");
	}
	if (one->removal.n) {
		ap_out_s(ctx->out, "   ");
		ap_out_text(ctx->out, one->removal);
		ap_out_s(ctx->out, "\n");
	}
	ap_print_path(ctx, told->study, &one->shown, 5);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_told *told = p;
	const struct ap_graph *g = told->study->graph;
	const char *head = "\nALSO  ";
	char bytes[AP_NUMBER_MAX];

	ap_out_f(ctx->out, "%s in %u objects\n", ap_bytes_human(told->heap_bytes, bytes),
		 g->n_nodes);
	if (told->outside_bytes * 20 > told->heap_bytes)
		ap_out_f(
			ctx->out,
			"%s of it lie outside the heap: memory of buffers, external strings and the like\n",
			ap_bytes_human(told->outside_bytes, bytes));
	if (!told->n)
		ap_out_f(
			ctx->out,
			"\nNothing stands out: %s. `classes` and `dominators` show what is there.\n",
			ctx->args.given[OPT_PERCENT] ? "no place keeps such a share of it"
						     : "no place keeps 1 MB and 5 % of it");
	for (size_t i = 0; i < told->n; i++)
		print_suspect(ctx, told, i);
	for (size_t i = 0; i < told->n_patterns; i++, head = "      ") {
		ap_out_s(ctx->out, head);
		ap_out_text(ctx->out, told->patterns[i].sentence);
		ap_out_s(ctx->out, "\n");
	}
	if (told->duplicate_bytes * 20 > told->heap_bytes)
		ap_out_f(
			ctx->out,
			"%s%s are strings of the same text, again and again; `duplicates` lists them\n",
			head, ap_bytes_human(told->duplicate_bytes, bytes));
	if (told->n)
		ap_out_f(ctx->out, "\nnext: dominators %s   why %s   classes\n",
			 ap_node_id_text(ctx, g, told->at[0].s.point),
			 ap_node_id_text(ctx, g, told->at[0].s.owner));
}

const struct ap_cmd ap_cmd_suspects = {
	.names = {[AP_PLAIN] = "suspects"},
	.group = AP_GROUP_ALIVE,
	.summary = "what keeps most memory alive, in words",
	.synopsis = {[AP_PLAIN] = "[-n N] [-p PERCENT]"},
	.help = "The places where memory piles up: a collection with many entries, a long list, one big thing; "
		"with the variable and the file that hold it, where its entries come from if a function of "
		"the program is among them, and the path from the roots. V8's own roots and caches are left "
		"out, and so is what keeps less than 1 MB, unless -p says from which share on. ALSO lists habits that leak whatever their size: listeners piled up on one emitter, timers "
		"and suspended functions by the function, tables with next to nothing in them, scopes that keep "
		"much for the closures that share them.",
	.options = options,
	.example = "suspects",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
