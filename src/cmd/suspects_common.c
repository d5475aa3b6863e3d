#include "cmd/suspects_common.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"

void ap_add_holder(struct ap_ctx *ctx, const struct ap_graph *g, const struct ap_suspect *s,
		   struct ap_str *out)
{
	struct ap_text label = ap_node_label(ctx, g, s->owner);
	struct ap_text where = {"", 0};

	if (!s->variable.s) {
		ap_str_addf(out, "the %.*s %s", AP_TEXT_ARG(label),
			    ap_node_id_text(ctx, g, s->owner));
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

static struct ap_text sentence(struct ap_ctx *ctx, const struct ap_graph *g,
			       const struct ap_suspect *s)
{
	AP_STR_AUTO out = {0};
	AP_STR_AUTO quoted = {0};
	char bytes[AP_NUMBER_MAX];

	if (s->kind == AP_SUSPECT_SINGLE) {
		ap_str_addf(&out, "%s (%.0f %% of the heap) is one ",
			    ap_bytes_human(s->retained_bytes, bytes), s->percent);
		struct ap_text label = ap_node_label(ctx, g, s->point);
		ap_str_addf(&out, "%.*s, held by ", AP_TEXT_ARG(label));
	} else {
		add_count(&out, s->entries);
		ap_str_addf(&out, " %.*s (%s, %.0f %% of the heap) ", AP_TEXT_ARG(s->entry_class),
			    ap_bytes_human(s->retained_bytes, bytes), s->percent);
		ap_str_adds(&out, s->kind == AP_SUSPECT_LIST ? "in one long list are held by "
							     : "are held by ");
	}
	ap_add_holder(ctx, g, s, &out);
	if (s->same_text_count) {
		ap_escape_quoted(&quoted, s->same_text, 40);
		ap_str_adds(&out, "; ");
		add_count(&out, s->same_text_count);
		ap_str_addf(&out, " strings among them have the same text %s",
			    quoted.s ? quoted.s : "");
	}
	return ap_str_text(&out, ctx->arena);
}

/* A named variable of the program that holds most of the heap is hardly an accident. */
static enum ap_certainty certainty_of(const struct ap_suspect *s)
{
	if (s->percent >= 50 && s->variable.s)
		return AP_CERTAIN;
	return s->percent >= 20 && s->variable.s ? AP_LIKELY : AP_GUESS;
}

/* "onEvent in src/a.js:8" */
static void add_function(struct ap_ctx *ctx, struct ap_str *out, const struct ap_place *place)
{
	struct ap_text where = ap_place_text(ctx, place);

	if (place->function.n)
		ap_str_add(out, place->function.s, place->function.n);
	else
		ap_str_adds(out, "an anonymous function");
	if (where.n)
		ap_str_addf(out, " in %.*s", AP_TEXT_ARG(where));
}

static struct ap_text pattern_sentence(struct ap_ctx *ctx, const struct ap_graph *g,
				       const struct ap_pattern *p)
{
	struct ap_text label = ap_node_label(ctx, g, p->node);
	const char *id = ap_node_id_text(ctx, g, p->node);
	char bytes[AP_NUMBER_MAX];
	AP_STR_AUTO out = {0};

	switch (p->kind) {
	case AP_PATTERN_LISTENERS:
		add_count(&out, p->count);
		ap_str_addf(&out, " listeners of `%.*s` on one %.*s %s, the last of them ",
			    AP_TEXT_ARG(p->name), AP_TEXT_ARG(label), id);
		add_function(ctx, &out, &p->place);
		break;
	case AP_PATTERN_TIMERS:
		add_count(&out, p->count);
		ap_str_adds(&out, " timers that run ");
		add_function(ctx, &out, &p->place);
		break;
	case AP_PATTERN_WAITING:
		add_count(&out, p->count);
		ap_str_adds(&out, " suspended calls of ");
		add_function(ctx, &out, &p->place);
		break;
	case AP_PATTERN_SLACK:
		ap_str_addf(&out, "a %.*s %s of %s holds ", AP_TEXT_ARG(label), id,
			    ap_bytes_human(p->bytes, bytes));
		add_count(&out, p->count);
		ap_str_addf(&out, " reference%s: plain numbers, or nearly empty",
			    p->count == 1 ? "" : "s");
		break;
	case AP_PATTERN_SCOPE:
		ap_str_addf(&out, "`%.*s` (%s) is kept by the scope of ", AP_TEXT_ARG(p->name),
			    ap_bytes_human(p->bytes, bytes));
		if (p->count == 1) {
			ap_str_adds(&out, "one closure, ");
			add_function(ctx, &out, &p->place);
			break;
		}
		add_count(&out, p->count);
		ap_str_adds(&out, " closures, ");
		add_function(ctx, &out, &p->place);
		ap_str_adds(&out, " among them");
		break;
	case AP_N_PATTERN_KINDS:
		break;
	}
	if (p->bytes && (p->kind == AP_PATTERN_LISTENERS || p->kind == AP_PATTERN_TIMERS ||
			 p->kind == AP_PATTERN_WAITING))
		ap_str_addf(&out, "; they keep %s", ap_bytes_human(p->bytes, bytes));
	return ap_str_text(&out, ctx->arena);
}

/* The graph of a core holds no places; the core does. */
static void fill_place(struct ap_ctx *ctx, const struct ap_graph *g, struct ap_place *place)
{
	static const struct ap_detail_limits limits = {.items = 1, .text_units = 64, .bytes = 1};
	const struct ap_extra *line, *column;
	struct ap_detail detail;

	if (place->line || !place->closure || !ctx->model || !g->ids_are_addresses)
		return;
	AP_ERR_AUTO none = ctx->model->ops->detail(ctx->model, ap_node_id(g, place->closure) + 1,
						   &limits, ctx->arena, &detail);
	if (none)
		return;
	line = ap_detail_extra(&detail, "line");
	column = ap_detail_extra(&detail, "column");
	if (line && column && line->kind == AP_EXTRA_INT && column->kind == AP_EXTRA_INT &&
	    line->number > 0) {
		place->line = (uint32_t)line->number;
		place->column = (uint32_t)column->number;
	}
}

static struct ap_err *tell_patterns(struct ap_ctx *ctx, struct ap_told *told)
{
	struct ap_patterns found;

	AP_TRY(ap_study_patterns(told->study, &found));
	told->patterns = ap_alloc_array(ctx->arena, found.n + 1, sizeof(*told->patterns));
	if (!told->patterns)
		return &ap_err_nomem;
	for (size_t i = 0; i < found.n; i++) {
		struct ap_told_pattern *pattern = &told->patterns[i];

		pattern->p = found.at[i];
		fill_place(ctx, told->study->graph, &pattern->p.place);
		pattern->sentence = pattern_sentence(ctx, told->study->graph, &pattern->p);
	}
	told->n_patterns = found.n;
	return NULL;
}

static uint64_t outside(const struct ap_graph *g)
{
	uint64_t bytes = 0;

	for (uint32_t v = 0; v < g->n_nodes; v++)
		bytes += g->types[v] == AP_NODE_NATIVE ? ap_node_size(g, v) : 0;
	return bytes;
}

struct ap_err *ap_tell_suspects(struct ap_ctx *ctx, struct ap_study *study, double percent,
				uint64_t least, size_t limit, struct ap_told *ret)
{
	const struct ap_graph *g = study->graph;
	struct ap_told told = {.study = study};
	struct ap_suspects found;
	const struct ap_traces *t;

	AP_TRY(ap_study_suspects(study, percent, least, limit, &found));
	AP_TRY(ap_study_traces(study, &t));
	told.at = ap_alloc_array(ctx->arena, found.n + 1, sizeof(*told.at));
	if (!told.at)
		return &ap_err_nomem;
	told.n = found.n;
	told.heap_bytes = found.heap_bytes;
	told.outside_bytes = outside(g);
	for (size_t i = 0; i < found.n; i++) {
		struct ap_told_suspect *one = &told.at[i];

		one->s = found.at[i];
		fill_place(ctx, g, &one->s.entry_origin);
		fill_place(ctx, g, &one->s.scope);
		one->sentence = sentence(ctx, g, &one->s);
		one->origin = ap_place_text(ctx, &one->s.entry_origin);
		one->certainty = certainty_of(&one->s);
		AP_TRY(ap_trace_path(g, t, one->s.owner, ctx->arena, &one->path));
		AP_TRY(ap_show_path(ctx, study, &one->path, false, &one->shown));
		AP_TRY(ap_tell_removal(ctx, study, one));
	}
	AP_TRY(ap_study_wasted(study, &told.duplicate_bytes));
	AP_TRY(tell_patterns(ctx, &told));
	*ret = told;
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

static void json_suspect(struct ap_json *j, const struct ap_told *told,
			 const struct ap_told_suspect *one)
{
	const struct ap_suspect *s = &one->s;

	ap_json_object(j, NULL);
	ap_json_cstr(j, "kind", ap_suspect_kind_name(s->kind));
	ap_json_cstr(j, "certainty", ap_certainty_name(one->certainty));
	ap_json_text(j, "text", one->sentence);
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
	ap_json_text(j, "removal", one->removal.n ? one->removal : (struct ap_text){0});
	ap_json_object(j, "owner");
	ap_json_node(j, told->study, s->owner);
	ap_json_end_object(j);
	ap_json_object(j, "point");
	ap_json_node(j, told->study, s->point);
	ap_json_end_object(j);
	ap_json_path(j, told->study, "steps", &one->path);
	ap_json_end_object(j);
}

void ap_json_told(struct ap_json *j, const struct ap_told *told)
{
	ap_json_array(j, "suspects");
	for (size_t i = 0; i < told->n; i++)
		json_suspect(j, told, &told->at[i]);
	ap_json_end_array(j);
	ap_json_array(j, "patterns");
	for (size_t i = 0; i < told->n_patterns; i++) {
		const struct ap_pattern *p = &told->patterns[i].p;

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_pattern_kind_name(p->kind));
		ap_json_text(j, "text", told->patterns[i].sentence);
		ap_json_uint(j, "count", p->count);
		ap_json_uint(j, "bytes", p->bytes);
		ap_json_text(j, "name", p->name);
		json_place(j, "place", &p->place);
		ap_json_object(j, "node");
		ap_json_node(j, told->study, p->node);
		ap_json_end_object(j);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_uint(j, "duplicate_string_bytes", told->duplicate_bytes);
	ap_json_uint(j, "outside_bytes", told->outside_bytes);
}
