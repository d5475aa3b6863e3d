#include "cmd/diff_holders.h"

#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "cmd/suspects_common.h"

/* Finding a name can take a look at all edges: the rows further down stay without. */
enum { MAX_NAMED = 200 };

static const struct ap_field fields[] = {
	AP_FIELD(struct ap_holder_row, change, "change", "CHANGE", CSTR,
		 "new, gone, grown, shrunk or changed"),
	AP_FIELD(struct ap_holder_row, bytes_delta, "bytes_delta", "BYTES +", INT64,
		 "more than before"),
	AP_FIELD(struct ap_holder_row, new_count, "new_count", "NEW", COUNT,
		 "objects that were not there"),
	AP_FIELD(struct ap_holder_row, new_bytes, "new_bytes", NULL, COUNT, "of those"),
	AP_FIELD(struct ap_holder_row, gone_count, "gone_count", "GONE", COUNT,
		 "objects that are no more"),
	AP_FIELD(struct ap_holder_row, gone_bytes, "gone_bytes", NULL, COUNT, "of those"),
	AP_FIELD(struct ap_holder_row, resized_bytes, "resized_bytes", NULL, INT64,
		 "by which objects in both grew"),
	AP_FIELD(struct ap_holder_row, entries, "entries", "ENTRIES", COUNT,
		 "of the new (or gone) directly below"),
	AP_FIELD(struct ap_holder_row, entry_class, "entry_constructor", "OF", TEXT,
		 "what most of them are"),
	AP_FIELD(struct ap_holder_row, text, "holder", "HELD BY", TEXT, "in words"),
	AP_FIELD(struct ap_holder_row, constructor, "constructor", NULL, TEXT, "of the holder"),
	AP_FIELD(struct ap_holder_row, variable, "variable", NULL, TEXT, "that leads to it"),
	AP_FIELD(struct ap_holder_row, path, "path", NULL, TEXT, "from there"),
	AP_FIELD(struct ap_holder_row, script, "script", NULL, TEXT, "of the variable"),
	AP_FIELD(struct ap_holder_row, id, "id", NULL, COUNT,
		 "of the holder, in the newer one; of one that is gone in the older"),
};

static const struct ap_table table = {
	.key = "holders",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct ap_holder_row),
};

static bool keep(struct ap_ctx *ctx, struct ap_text *text)
{
	char *copy = ap_strndup(ctx->arena, text->s ? text->s : "", text->n);

	*text = (struct ap_text){copy, text->n};
	return copy;
}

static struct ap_text holder_text(struct ap_ctx *ctx, const struct ap_study *s,
				  const struct ap_suspect *named)
{
	const struct ap_graph *g = s->graph;
	AP_STR_AUTO out = {0};

	if (ap_text_is(ap_node_name(g, named->owner), "system / Context") &&
	    s->scopes[named->owner] != AP_NO_NODE) {
		struct ap_place place = {0};

		ap_closure_place(g, s->scopes[named->owner], &place);
		struct ap_text where = ap_place_text(ctx, &place);
		ap_str_addf(&out, "the scope of %.*s()", AP_TEXT_ARG(place.function));
		if (where.n)
			ap_str_addf(&out, " in %.*s", AP_TEXT_ARG(where));
	} else if (g->types[named->owner] == AP_NODE_SYNTHETIC) {
		struct ap_text name = ap_node_name(g, named->owner);

		ap_str_add(&out, name.n ? name.s : "(root)", name.n ? name.n : 6);
	} else {
		ap_add_holder(ctx, g, named, &out);
	}
	return ap_str_text(&out, ctx->arena);
}

static const char *change_of(const struct ap_growth *g)
{
	return g->kind == AP_GROWTH_NEW    ? "new"
	       : g->kind == AP_GROWTH_GONE ? "gone"
	       : g->delta > 0              ? "grown"
	       : g->delta < 0              ? "shrunk"
					   : "changed";
}

static struct ap_err *fill_row(struct ap_ctx *ctx, const struct ap_study *s,
			       const struct ap_growth *g, const struct ap_suspect *named,
			       struct ap_holder_row *row)
{
	*row = (struct ap_holder_row){
		.change = change_of(g),
		.bytes_delta = g->delta,
		.resized_bytes = g->resized_bytes,
		.new_count = g->new_count,
		.new_bytes = g->new_bytes,
		.gone_count = g->gone_count,
		.gone_bytes = g->gone_bytes,
		.text = holder_text(ctx, s, named),
		.constructor = ap_node_class(s->graph, g->holder),
		.variable = named->variable,
		.path = named->path,
		.script = named->scope.script,
		.entry_class = g->entry_class,
		.entries = g->entries,
		.id = ap_node_id(s->graph, g->holder),
	};
	return row->text.s && keep(ctx, &row->constructor) && keep(ctx, &row->variable) &&
			       keep(ctx, &row->path) && keep(ctx, &row->script) &&
			       keep(ctx, &row->entry_class)
		       ? NULL
		       : &ap_err_nomem;
}

/* The rows whose holder is in this study. */
static struct ap_err *name_rows(struct ap_ctx *ctx, struct ap_study *s, bool gone,
				const struct ap_growth *rows, struct ap_holders *h)
{
	struct ap_suspect *named = ap_alloc_array(ctx->arena, h->n + 1, sizeof(*named));
	size_t n = 0, k = 0;

	if (!named)
		return &ap_err_nomem;
	for (size_t i = 0; i < h->n; i++) {
		if ((rows[i].kind == AP_GROWTH_GONE) == gone)
			named[n++] = (struct ap_suspect){.owner = rows[i].holder,
							 .point = rows[i].holder,
							 .entry = AP_NO_NODE,
							 .holder = AP_NO_NODE};
	}
	struct ap_suspects suspects = {.at = named, .n = n < MAX_NAMED ? n : MAX_NAMED};
	AP_TRY(ap_suspects_name(s, ctx->arena, &suspects));
	for (size_t i = 0; i < h->n; i++) {
		if ((rows[i].kind == AP_GROWTH_GONE) == gone)
			AP_TRY(fill_row(ctx, s, &rows[i], &named[k++], &h->at[i]));
	}
	return NULL;
}

struct ap_err *ap_diff_holders(struct ap_ctx *ctx, struct ap_study *old, struct ap_study *new,
			       size_t limit, struct ap_holders *ret)
{
	struct ap_holders h = {
		.old_nodes = old->graph->n_nodes,
		.new_nodes = new->graph->n_nodes,
	};
	struct ap_growth *rows;
	struct ap_matches m;

	AP_TRY(ap_graph_match(old->graph, new->graph, &m));
	struct ap_err *err = ap_study_growth(old, new, &m, ctx->arena, &rows, &h.all);
	h.matched = m.n;
	ap_matches_close(&m);
	if (err)
		return err;
	h.n = h.all;
	if (limit && h.n > limit) {
		size_t tail = limit / 3;

		memmove(&rows[limit - tail], &rows[h.n - tail], tail * sizeof(*rows));
		h.n = limit;
	}
	h.at = ap_alloc_array(ctx->arena, h.n + 1, sizeof(*h.at));
	if (!h.at)
		return &ap_err_nomem;
	AP_TRY(name_rows(ctx, old, true, rows, &h));
	AP_TRY(name_rows(ctx, new, false, rows, &h));
	*ret = h;
	return NULL;
}

void ap_diff_holders_json(const struct ap_holders *h, bool addresses, struct ap_json *j)
{
	ap_json_object(j, "matched");
	ap_json_uint(j, "count", h->matched);
	ap_json_uint(j, "old_count", h->old_nodes);
	ap_json_uint(j, "new_count", h->new_nodes);
	ap_json_bool(j, "ids_are_addresses", addresses);
	ap_json_end_object(j);
	ap_json_table(j, &table, h->at, h->n);
}

void ap_diff_holders_text(struct ap_ctx *ctx, const struct ap_holders *h)
{
	if (!h->all)
		return;
	ap_out_s(ctx->out, "\n");
	ap_out_styled(ctx->out, AP_STYLE_HEAD, "By what holds it");
	ap_out_f(ctx->out, " (%.1f %% of the older one's objects were found again)\n",
		 100.0 * (double)h->matched / (double)h->old_nodes);
	ap_out_table(ctx->out, &table, h->at, h->n);
	if (h->all > h->n)
		ap_out_f(ctx->out, "%zu more changed; -n 0 lists all\n", h->all - h->n);
}
