/* What `objects` prints, in three dialects and as JSON. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/number.h"
#include "cmd/objects_parts.h"
#include "cmd/values.h"

enum { DEFAULT_ROWS = 40 };

struct row {
	const struct ap_heap_group *group;
	uint64_t count, self, elements, properties, backing;
	char *object;
	struct ap_text constructor;
};

static void json_group(struct ap_json *j, const struct ap_heap_group *g)
{
	ap_json_object(j, NULL);
	ap_json_text(j, "constructor", g->constructor);
	ap_json_array(j, "properties");
	for (size_t i = 0; i < g->n_properties; i++)
		ap_json_text(j, NULL, g->properties[i]);
	ap_json_end_array(j);
	ap_json_uint(j, "count", g->count);
	ap_json_uint(j, "self_bytes", g->self_bytes);
	ap_json_uint(j, "elements_bytes", g->elements_bytes);
	ap_json_uint(j, "properties_bytes", g->properties_bytes);
	ap_json_uint(j, "backing_bytes", g->backing_bytes);
	ap_json_live(j, g->live);
	ap_json_addr(j, "representative", g->representative);
	ap_json_text(j, "shape", g->shape.n ? g->shape : (struct ap_text){NULL, 0});
	ap_json_text(j, "prototype_of", g->prototype_of);
	ap_json_bool(j, "internal", g->internal);
	ap_json_bool(j, "dictionary", g->dictionary);
	ap_json_bool(j, "in_object", g->in_object);
	ap_json_bool(j, "out_of_object", g->out_of_object);
	ap_json_end_object(j);
}

void ap_objects_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_objects_answer *o = p;
	uint64_t count = 0, bytes = 0;

	(void)ctx;
	ap_json_object(j, "data");
	if (o->marking) {
		ap_marks_json(j, &o->marks);
		ap_json_end_object(j);
		return;
	}
	if (o->list) {
		ap_json_array(j, "addresses");
		for (size_t i = 0; i < o->addresses.n; i++)
			ap_json_addr(j, NULL, o->addresses.at[i]);
		ap_json_end_array(j);
	}
	ap_json_array(j, "groups");
	for (size_t i = 0; i < o->groups.n; i++) {
		json_group(j, o->groups.at[i]);
		count += o->groups.at[i]->count;
		bytes += o->groups.at[i]->self_bytes;
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", count);
	ap_json_uint(j, "bytes", bytes);
	ap_json_end_object(j);
	if (o->liveness.known) {
		ap_json_object(j, "dead");
		ap_json_uint(j, "count", o->liveness.dead);
		ap_json_uint(j, "bytes", o->liveness.dead_bytes);
		ap_json_end_object(j);
	} else {
		ap_json_null(j, "dead");
	}
	ap_json_cstr(j, "live_unknown", o->liveness.why_unknown);
	if (o->summary.scanned)
		ap_json_null(j, "accounted_percent");
	else
		ap_json_double(j, "accounted_percent", o->summary.accounted_percent);
	ap_json_end_object(j);
}

/* "Dog: name, age", "(string) SeqString", "Object (prototype of Dog): bark". */
static void title(const struct ap_heap_group *g, struct ap_str *out)
{
	ap_str_add(out, g->constructor.s, g->constructor.n);
	if (g->shape.n)
		ap_str_addf(out, " %.*s", AP_TEXT_ARG(g->shape));
	if (g->live == AP_LIVE_NO)
		ap_str_adds(out, " (dead)");
	if (g->prototype_of.s)
		ap_str_addf(out, " (prototype of %.*s)", AP_TEXT_ARG(g->prototype_of));
	for (size_t i = 0; i < g->n_properties && out->n < 400; i++)
		ap_str_addf(out, "%s%.*s", i ? ", " : ": ", AP_TEXT_ARG(g->properties[i]));
	if (g->n_properties < g->all_properties)
		ap_str_adds(out, ", ...");
}

static const struct ap_field fields[] = {
	AP_FIELD(struct row, count, NULL, "COUNT", COUNT, "objects"),
	AP_FIELD(struct row, self, NULL, "SELF", BYTES, "bytes of the objects themselves"),
	AP_FIELD(struct row, elements, NULL, "ELEMENTS", BYTES, "their elements"),
	AP_FIELD(struct row, properties, NULL, "PROPERTIES", BYTES, "properties outside of them"),
	AP_FIELD(struct row, backing, NULL, "BACKING", BYTES,
		 "tables of collections, memory of buffers"),
	AP_FIELD(struct row, object, NULL, "OBJECT", CSTR, "one of them"),
	AP_FIELD(struct row, constructor, NULL, "CONSTRUCTOR: PROPERTIES", TEXT, "name and shape"),
};

static const struct ap_table table = {
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

/* What is shown, and how far it can be believed. */
static const char *headline(struct ap_ctx *ctx, const struct ap_objects_answer *o)
{
	const struct ap_heap_liveness *l = &o->liveness;
	char live[AP_NUMBER_MAX], dead[AP_NUMBER_MAX];
	const char *found = o->summary.scanned
				    ? "Found by scanning."
				    : ap_printf(ctx->arena, "%.3f %% of the heap accounted.",
						o->summary.accounted_percent);
	const char *line;

	(void)ap_bytes_human(l->live_bytes, live);
	(void)ap_bytes_human(l->dead_bytes, dead);
	if (!l->known)
		line = ap_printf(
			ctx->arena,
			"%" PRIu64
			" objects, %s, dead ones among them: what lives is not known (%s). %s\n\n",
			l->live, live, l->why_unknown ? l->why_unknown : "nobody has looked",
			found);
	else if (ctx->args.given[OPT_ALL])
		line = ap_printf(ctx->arena,
				 "%" PRIu64 " live objects, %s; %" PRIu64
				 " dead ones, %s, not yet collected. %s\n\n",
				 l->live, live, l->dead, dead, found);
	else
		line = ap_printf(ctx->arena, "%" PRIu64 " live objects, %s. %s\n\n", l->live, live,
				 found);
	return line ? line : "";
}

void ap_objects_text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_objects_answer *o = p;
	uint64_t limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_ROWS;
	AP_VEC(struct row) rows = {0};
	char bytes[AP_NUMBER_MAX];

	ap_out_wrap(ctx->out, headline(ctx, o), 0);
	for (size_t i = 0; i < o->groups.n && (!limit || i < limit); i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		AP_STR_AUTO name = {0};

		title(g, &name);
		const struct row row = {g,
					g->count,
					g->self_bytes,
					g->elements_bytes,
					g->properties_bytes,
					g->backing_bytes,
					ap_printf(ctx->arena, "0x%" PRIx64, g->representative),
					ap_str_text(&name, ctx->arena)};
		if (!ap_vec_push(ctx->arena, &rows, row))
			return;
	}
	if (!rows.n) {
		if (o->liveness.known && o->liveness.dead && !ctx->args.given[OPT_ALL])
			ap_out_f(ctx->out,
				 "No live object passes; -a looks among the %" PRIu64
				 " dead ones, too.\n",
				 o->liveness.dead);
		else
			ap_out_s(ctx->out, "No object passes; `objects -n 0` shows all groups.\n");
		return;
	}
	ap_out_table(ctx->out, &table, rows.at, rows.n);
	if (rows.n < o->groups.n)
		ap_out_f(ctx->out, "... and %zu more groups: -n 0 shows all\n",
			 o->groups.n - rows.n);
	if (o->liveness.dead && !ctx->args.given[OPT_ALL] && !ap_objects_filtered(ctx))
		ap_out_f(ctx->out, "%" PRIu64 " dead objects (%s) are left out: -a shows them\n",
			 o->liveness.dead, ap_bytes_human(o->liveness.dead_bytes, bytes));
	if (o->hidden_groups)
		ap_out_f(ctx->out,
			 "%" PRIu64
			 " objects of the engine itself (%s) are left out: -i shows them\n",
			 o->hidden_count, ap_bytes_human(o->hidden_bytes, bytes));
}

void ap_objects_text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct ap_objects_answer *o = p;

	if (o->marking) {
		ap_marks_text(ctx, &o->marks);
		return;
	}
	if (ctx->args.given[OPT_VERBOSE]) {
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "objects",
			 o->summary.objects);
		if (o->liveness.known) {
			ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "live objects",
				 o->liveness.live);
			ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "garbage",
				 o->liveness.dead);
		}
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "pages",
			 o->summary.pages);
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "bytes in objects",
			 o->summary.object_bytes);
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "gaps",
			 o->summary.all_gaps);
		ap_out_f(ctx->out, "findjsobjects: %30s => %zu\n", "unique groups", o->groups.n);
		ap_out_f(ctx->out, "findjsobjects: %30s => %.3f\n", "seconds", o->summary.seconds);
	}
	if (o->list) {
		for (size_t i = 0; i < o->addresses.n; i++)
			ap_out_f(ctx->out, "%" PRIx64 "\n", o->addresses.at[i] + 1);
		return;
	}
	if (o->representatives) {
		for (size_t i = 0; i < o->groups.n; i++)
			ap_out_f(ctx->out, "%" PRIx64 "\n", o->groups.at[i]->representative + 1);
		return;
	}
	ap_out_f(ctx->out, "%16s %8s %8s %s\n", "OBJECT", "#OBJECTS", "#PROPS",
		 "CONSTRUCTOR: PROPS");
	for (size_t i = 0; i < o->groups.n; i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		AP_STR_AUTO name = {0}, safe = {0};

		title(g, &name);
		ap_mdb_row_tail(&name, &safe, 80 - 36);
		ap_out_f(ctx->out, "%16" PRIx64 " %8" PRIu64 " %8" PRIu64 " %s\n",
			 g->representative + 1, g->count, g->all_properties, safe.s ? safe.s : "");
	}
}

/* llnode's summary sums up the shapes of a constructor. */
void ap_objects_text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct ap_objects_answer *o = p;
	bool detailed = ctx->args.given[OPT_DETAILED];
	uint64_t count = 0, bytes = 0;
	struct ap_heap_group *sums =
		ap_alloc_array(ctx->arena, o->groups.n ? o->groups.n : 1, sizeof(*sums));
	const struct ap_heap_group **order =
		ap_alloc_array(ctx->arena, o->groups.n ? o->groups.n : 1, sizeof(*order));
	size_t n = 0;

	if (!sums || !order)
		return;
	for (size_t i = 0; i < o->groups.n; i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		size_t k = 0;

		while (!detailed && k < n &&
		       (!ap_text_eq(sums[k].constructor, g->constructor) ||
			sums[k].live != g->live))
			k++;
		if (detailed || k == n) {
			sums[k = n++] = *g;
		} else {
			sums[k].count += g->count;
			sums[k].self_bytes += g->self_bytes;
		}
		order[k] = &sums[k];
		count += g->count;
		bytes += g->self_bytes;
	}
	qsort(order, n, sizeof(*order), ap_group_by_count);
	if (detailed) {
		ap_out_s(ctx->out,
			 "   Sample Obj.  Instances  Total Size  Properties  Elements  Name\n"
			 " ------------- ---------- ----------- ----------- --------- -----\n");
	} else {
		ap_out_s(ctx->out, " Instances  Total Size Name\n ---------- ---------- ----\n");
	}
	for (size_t i = 0; i < n; i++) {
		const struct ap_heap_group *g = order[i];

		if (detailed)
			ap_out_f(ctx->out,
				 "0x%012" PRIx64 " %10" PRIu64 " %11" PRIu64 " %11" PRIu64
				 " %9" PRIu64 " ",
				 g->representative + 1, g->count, g->self_bytes, g->all_properties,
				 g->elements_bytes / 8);
		else
			ap_out_f(ctx->out, " %10" PRIu64 " %10" PRIu64 " ", g->count,
				 g->self_bytes);
		AP_STR_AUTO name = {0};
		if (detailed)
			title(g, &name);
		else
			ap_str_addf(&name, "%.*s%s", AP_TEXT_ARG(g->constructor),
				    g->live == AP_LIVE_NO ? " (dead)" : "");
		ap_out_text(ctx->out, (struct ap_text){name.s ? name.s : "", name.n});
		ap_out_s(ctx->out, "\n");
	}
	ap_out_f(ctx->out, " %10s %10s\n %10" PRIu64 " %10" PRIu64 "\n", "----------", "----------",
		 count, bytes);
}
