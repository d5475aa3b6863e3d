/* suspects: where memory piles up and what holds it, in words. */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "cmd/steps.h"

enum { OPT_NUMBER, OPT_PERCENT, DEFAULT_SUSPECTS = 5, DEFAULT_PERCENT = 5, MAX_SUSPECTS = 100 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "at most so many"},
	[OPT_PERCENT] = {'p', "percent", AP_OPTION_NUMBER, AP_IN_ALL, "P",
			 "places that keep at least P % of the heap; 5"},
	{0},
};

struct one {
	struct ap_suspect s;
	struct ap_text sentence, origin;
	const char *certainty;
	ap_path path;
	struct ap_shown_path shown;
};

struct suspects {
	struct ap_study *study;
	struct one *at;
	size_t n;
	uint64_t heap, wasted;
	struct ap_duplicate *duplicates;
	size_t n_duplicates;
};

/* "the Map `byId` in src/store.js", "the array `config.rows` in src/a.js", "an Object without a name". */
static void add_holder(struct ap_ctx *ctx, const struct ap_graph *g, const struct ap_suspect *s,
		       struct ap_str *out)
{
	struct ap_text label = ap_node_label(ctx, g, s->owner);
	struct ap_text where = {"", 0};

	if (!s->variable.s) {
		ap_str_addf(out, "the %.*s %s", AP_TEXT_ARG(label), ap_node_id_text(ctx, g, s->owner));
		return;
	}
	ap_str_addf(out, "the %.*s `%.*s%.*s`", AP_TEXT_ARG(label), AP_TEXT_ARG(s->variable),
		    AP_TEXT_ARG(s->path));
	if (s->global) {
		ap_str_adds(out, ", reached from the global object");
		return;
	}
	where = ap_place_text(ctx, &(struct ap_place){.script = s->scope.script});
	if (where.n)
		ap_str_addf(out, " in %.*s", AP_TEXT_ARG(where));
}

static void add_count(struct ap_str *out, uint64_t n)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			ap_str_addc(out, ',');
		ap_str_addc(out, digits[i]);
	}
}

static struct ap_text sentence(struct ap_ctx *ctx, const struct ap_graph *g, const struct ap_suspect *s)
{
	AP_STR_AUTO out = {0};
	AP_STR_AUTO quoted = {0};
	char bytes[AP_NUMBER_MAX];

	if (s->kind == AP_SUSPECT_SINGLE) {
		ap_str_addf(&out, "%s (%.0f %% of the heap) is one ", ap_bytes_human(s->retained_bytes, bytes),
			    s->percent);
		struct ap_text label = ap_node_label(ctx, g, s->point);
		ap_str_addf(&out, "%.*s, held by ", AP_TEXT_ARG(label));
	} else {
		add_count(&out, s->entries);
		ap_str_addf(&out, " %.*s (%s, %.0f %% of the heap) ", AP_TEXT_ARG(s->entry_class),
			    ap_bytes_human(s->retained_bytes, bytes), s->percent);
		ap_str_adds(&out, s->kind == AP_SUSPECT_LIST ? "in one long list are held by " : "are held by ");
	}
	add_holder(ctx, g, s, &out);
	if (s->same_text_count) {
		ap_escape_quoted(&quoted, s->same_text, 40);
		ap_str_adds(&out, "; ");
		add_count(&out, s->same_text_count);
		ap_str_addf(&out, " strings among them have the same text %s", quoted.s ? quoted.s : "");
	}
	return ap_str_text(&out, ctx->arena);
}

/* A named variable of the program that holds most of the heap is hardly an accident. */
static const char *certainty_of(const struct ap_suspect *s)
{
	if (s->percent >= 50 && s->variable.s)
		return ap_certainty_name(AP_CERTAIN);
	return ap_certainty_name(s->percent >= 20 && s->variable.s ? AP_LIKELY : AP_GUESS);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct suspects *r = ap_alloc(ctx->arena, sizeof(*r));
	uint64_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_SUSPECTS;
	uint64_t percent = ctx->args.given[OPT_PERCENT] ? ctx->args.number[OPT_PERCENT] : DEFAULT_PERCENT;
	struct ap_suspects found;
	const struct ap_traces *t;

	if (!r)
		return &ap_err_nomem;
	if (limit > MAX_SUSPECTS || percent > 100)
		return ap_err_new(AP_E_LIMIT, "at most %d suspects, of at most 100 %%", MAX_SUSPECTS);
	AP_TRY(ap_require_study(ctx, &r->study));
	const struct ap_graph *g = r->study->graph;
	AP_TRY(ap_study_suspects(r->study, (double)percent, limit, ctx->arena, &found));
	AP_TRY(ap_study_traces(r->study, &t));
	r->at = ap_alloc_array(ctx->arena, found.n + 1, sizeof(*r->at));
	if (!r->at)
		return &ap_err_nomem;
	r->n = found.n;
	r->heap = found.heap_bytes;
	for (size_t i = 0; i < found.n; i++) {
		struct one *one = &r->at[i];

		one->s = found.at[i];
		one->sentence = sentence(ctx, g, &one->s);
		one->origin = ap_place_text(ctx, &one->s.entry_origin);
		one->certainty = certainty_of(&one->s);
		AP_TRY(ap_trace_path(g, t, one->s.owner, ctx->arena, &one->path));
		AP_TRY(ap_show_path(ctx, r->study, &one->path, false, &one->shown));
	}
	AP_TRY(ap_graph_duplicates(g, 3, ctx->arena, &r->duplicates, &r->n_duplicates, &r->wasted));
	*ret_data = r;
	return NULL;
}

static void json_place(struct ap_json *j, const char *key, const struct ap_place *place)
{
	if (!place->script.n) {
		ap_json_null(j, key);
		return;
	}
	ap_json_object(j, key);
	ap_json_text(j, "script", place->script);
	ap_json_text(j, "function", place->function);
	if (place->line) {
		ap_json_uint(j, "line", place->line);
		ap_json_uint(j, "column", place->column);
	} else {
		ap_json_null(j, "line");
		ap_json_null(j, "column");
	}
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct suspects *r = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "suspects");
	for (size_t i = 0; i < r->n; i++) {
		const struct ap_suspect *s = &r->at[i].s;

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_suspect_kind_name(s->kind));
		ap_json_cstr(j, "certainty", r->at[i].certainty);
		ap_json_text(j, "text", r->at[i].sentence);
		ap_json_uint(j, "retained_bytes", s->retained_bytes);
		ap_json_double(j, "percent", s->percent);
		ap_json_text(j, "variable", s->variable);
		ap_json_text(j, "path", s->variable.s ? s->path : (struct ap_text){0});
		ap_json_bool(j, "global", s->global);
		json_place(j, "scope", &s->scope);
		ap_json_text(j, "entry_constructor", s->entry_class);
		ap_json_uint(j, "entries", s->entries);
		ap_json_uint(j, "entry_bytes", s->entry_bytes);
		json_place(j, "entry_origin", &s->entry_origin);
		ap_json_uint(j, "same_text_count", s->same_text_count);
		ap_json_object(j, "owner");
		ap_json_node(j, r->study, s->owner);
		ap_json_end_object(j);
		ap_json_object(j, "point");
		ap_json_node(j, r->study, s->point);
		ap_json_end_object(j);
		ap_json_path(j, r->study, "steps", &r->at[i].path);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_uint(j, "duplicate_string_bytes", r->wasted);
	ap_json_heap(j, r->study);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct suspects *r = p;
	const struct ap_graph *g = r->study->graph;
	char bytes[AP_NUMBER_MAX];

	ap_out_f(ctx->out, "%s in %u objects\n", ap_bytes_human(r->heap, bytes), g->n_nodes);
	if (!r->n)
		ap_out_s(ctx->out, "\nNo single place keeps much of it; `classes` and `dominators` show what is there.\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct one *one = &r->at[i];
		AP_STR_AUTO safe = {0};

		ap_escape(&safe, one->sentence);
		ap_out_f(ctx->out, "\n%zu. ", i + 1);
		ap_out_styled(ctx->out, AP_STYLE_STRONG, "%s", safe.s ? safe.s : "");
		ap_out_f(ctx->out, " (%s)\n", one->certainty);
		if (one->origin.n) {
			ap_out_s(ctx->out, "   made with ");
			ap_out_text(ctx->out, one->s.entry_origin.function.n ? one->s.entry_origin.function
									     : ap_text_of("a function"));
			ap_out_s(ctx->out, " at ");
			ap_out_text(ctx->out, one->origin);
			ap_out_s(ctx->out, "\n");
		}
		ap_print_path(ctx, r->study, &one->shown, 5);
	}
	if (r->wasted * 20 > r->heap) {
		ap_out_f(ctx->out, "\nALSO  %s are strings of the same text, again and again; `duplicates` lists them\n",
			 ap_bytes_human(r->wasted, bytes));
	}
	if (r->n)
		ap_out_f(ctx->out, "\nnext: dominators %s   why %s   classes\n",
			 ap_node_id_text(ctx, g, r->at[0].s.point), ap_node_id_text(ctx, g, r->at[0].s.owner));
}

const struct ap_cmd ap_cmd_suspects = {
	.names = {[AP_PLAIN] = "suspects"},
	.group = AP_GROUP_ALIVE,
	.summary = "what keeps most memory alive, in words",
	.synopsis = {[AP_PLAIN] = "[-n N] [-p PERCENT]"},
	.help = "The places where memory piles up: a collection with many entries, a long list, one big thing; "
		"with the variable and the file that hold it, where its entries come from if a function of "
		"the program is among them, and the path from the roots. V8's own roots and caches are left "
		"out.",
	.options = options,
	.example = "suspects",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
