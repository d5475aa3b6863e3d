/* diff: what grew between two cores or heap snapshots: by what holds it, by constructor, variable,
 * string. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cmd/diff_holders.h"
#include "cmd/heap_common.h"
#include "heap/fill_graph.h"
#include "model/core.h"

/* In JSON all are shown, but for holders: to find a name costs. */
enum { OPT_NUMBER, DEFAULT_ROWS = 15, JSON_HOLDERS = 100 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N",
			"so many rows a table; 0: all"},
	{0},
};

/* One constructor, variable or string in both. */
struct row {
	struct ap_text name, script;
	uint64_t old_count, new_count, old_bytes, new_bytes;
	int64_t count_delta, bytes_delta;
	const char *change;
};

#define CHANGE_FIELDS                                                                              \
	AP_FIELD(struct row, change, "change", "CHANGE", CSTR,                                     \
		 "new, gone, grown, shrunk or same"),                                              \
		AP_FIELD(struct row, count_delta, "count_delta", "COUNT +", INT64,                 \
			 "more than before"),                                                      \
		AP_FIELD(struct row, bytes_delta, "bytes_delta", "BYTES +", INT64,                 \
			 "more than before"),                                                      \
		AP_FIELD(struct row, old_count, "old_count", NULL, COUNT, "in the old one"),       \
		AP_FIELD(struct row, new_count, "new_count", "COUNT", COUNT, "in the new one"),    \
		AP_FIELD(struct row, old_bytes, "old_bytes", NULL, COUNT, "in the old one"),       \
		AP_FIELD(struct row, new_bytes, "new_bytes", "BYTES", BYTES, "in the new one")

static const struct ap_field class_fields[] = {
	CHANGE_FIELDS,
	AP_FIELD(struct row, name, "constructor", "CONSTRUCTOR", TEXT, "constructor or category"),
};
static const struct ap_field variable_fields[] = {
	CHANGE_FIELDS,
	AP_FIELD(struct row, name, "variable", "VARIABLE", TEXT, "its name"),
	AP_FIELD(struct row, script, "script", "FILE", TEXT, "where it is declared"),
};
static const struct ap_field string_fields[] = {
	CHANGE_FIELDS,
	AP_FIELD(struct row, name, "text", "STRING", TEXT, "of that text"),
};

#define TABLE(key_, fields_)                                                                       \
	{                                                                                          \
		.key = (key_), .fields = (fields_),                                                \
		.n_fields = sizeof(fields_) / sizeof((fields_)[0]),                                \
		.row_bytes = sizeof(struct row)                                                    \
	}

enum { CLASSES, VARIABLES, STRINGS, N_TABLES };
static const struct ap_table tables[N_TABLES] = {
	TABLE("groups", class_fields),
	TABLE("variables", variable_fields),
	TABLE("strings", string_fields),
};
static const char *const titles[N_TABLES] = {
	"By constructor (bytes of the objects themselves)",
	"By variable (bytes kept alive)",
	"By string of the same text",
};

struct rows {
	AP_VEC(struct row) v;
};

struct diff {
	struct ap_study *old, *new;
	struct rows rows[N_TABLES];
	size_t all[N_TABLES];
	struct ap_holders holders;
	uint64_t old_bytes, new_bytes;
};

static int compare_text(struct ap_text a, struct ap_text b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.s, b.s, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int c = compare_text(a->name, b->name);

	return c ? c : compare_text(a->script, b->script);
}

static int by_growth(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->bytes_delta != b->bytes_delta)
		return a->bytes_delta > b->bytes_delta ? -1 : 1;
	return by_name(pa, pb);
}

/* Rows of both sides, joined by name, what grew most first; what stayed as it was is left out. */
static void join(struct rows *rows, size_t limit, size_t *ret_all)
{
	size_t out = 0;

	if (rows->v.n)
		qsort(rows->v.at, rows->v.n, sizeof(*rows->v.at), by_name);
	for (size_t i = 0; i < rows->v.n; i++) {
		struct row *r = &rows->v.at[i];

		if (out && by_name(&rows->v.at[out - 1], r) == 0) {
			struct row *into = &rows->v.at[out - 1];

			into->old_count += r->old_count;
			into->new_count += r->new_count;
			into->old_bytes += r->old_bytes;
			into->new_bytes += r->new_bytes;
		} else {
			rows->v.at[out++] = *r;
		}
	}
	rows->v.n = out;
	out = 0;
	for (size_t i = 0; i < rows->v.n; i++) {
		struct row r = rows->v.at[i];

		r.count_delta = (int64_t)(r.new_count - r.old_count);
		r.bytes_delta = (int64_t)(r.new_bytes - r.old_bytes);
		r.change = !r.old_count        ? "new"
			   : !r.new_count      ? "gone"
			   : r.bytes_delta > 0 ? "grown"
			   : r.bytes_delta < 0 ? "shrunk"
					       : "same";
		if (r.count_delta || r.bytes_delta)
			rows->v.at[out++] = r;
	}
	*ret_all = rows->v.n = out;
	if (out)
		qsort(rows->v.at, out, sizeof(*rows->v.at), by_growth);
	/* Both ends are of interest: most grown and most shrunk. */
	if (limit && out > limit) {
		size_t tail = limit / 3;

		memmove(&rows->v.at[limit - tail], &rows->v.at[out - tail],
			tail * sizeof(*rows->v.at));
		rows->v.n = limit;
	}
}

static struct ap_err *add(struct ap_ctx *ctx, struct rows *rows, bool new, struct ap_text name,
			  struct ap_text script, uint64_t count, uint64_t bytes)
{
	const struct row row = {
		.name = name,
		.script = script.s ? script : (struct ap_text){"", 0},
		.old_count = new ? 0 : count,
		.new_count = new ? count : 0,
		.old_bytes = new ? 0 : bytes,
		.new_bytes = new ? bytes : 0,
	};

	return ap_vec_push(ctx->arena, &rows->v, row) ? NULL : &ap_err_nomem;
}

static struct ap_err *collect(struct ap_ctx *ctx, struct diff *d, struct ap_study *s, bool new)
{
	struct ap_variable_size *variables;
	struct ap_duplicate *strings;
	uint64_t wasted;
	size_t n;

	AP_TRY(ap_study_classes(s));
	for (uint32_t i = 0; i < s->n_classes; i++)
		AP_TRY(add(ctx, &d->rows[CLASSES], new, s->classes[i].name, (struct ap_text){0},
			   s->classes[i].count, s->classes[i].self_bytes));
	AP_TRY(ap_study_variables(s, ctx->arena, &variables, &n));
	for (size_t i = 0; i < n; i++)
		AP_TRY(add(ctx, &d->rows[VARIABLES], new, variables[i].name, variables[i].script,
			   variables[i].count, variables[i].retained_bytes));
	AP_TRY(ap_graph_duplicates(s->graph, 1000, ctx->arena, &strings, &n, &wasted));
	for (size_t i = 0; i < n; i++)
		AP_TRY(add(ctx, &d->rows[STRINGS], new, strings[i].text, (struct ap_text){0},
			   strings[i].count, strings[i].bytes));
	return NULL;
}

static struct ap_err *copy_texts(struct ap_ctx *ctx, struct rows *rows)
{
	for (size_t i = 0; i < rows->v.n; i++) {
		struct row *r = &rows->v.at[i];
		char *name = ap_strndup(ctx->arena, r->name.s, r->name.n);
		char *script = ap_strndup(ctx->arena, r->script.s, r->script.n);

		if (!name || !script)
			return &ap_err_nomem;
		r->name.s = name;
		r->script.s = script;
	}
	return NULL;
}

static struct ap_err *compare(struct ap_ctx *ctx, struct diff *d)
{
	size_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER]
		       : ctx->json                 ? 0
						   : DEFAULT_ROWS;

	AP_TRY(collect(ctx, d, d->old, false));
	AP_TRY(collect(ctx, d, d->new, true));
	d->old_bytes = d->old->dominators.retained[0];
	d->new_bytes = d->new->dominators.retained[0];
	for (int i = 0; i < N_TABLES; i++) {
		join(&d->rows[i], limit, &d->all[i]);
		AP_TRY(copy_texts(ctx, &d->rows[i]));
	}
	if (!ctx->args.given[OPT_NUMBER] && ctx->json)
		limit = JSON_HOLDERS;
	return ap_diff_holders(ctx, d->old, d->new, limit, &d->holders);
}

/* A snapshot gives a study of its own, a core a model that has one: the caller closes what is not
 * NULL. */
static struct ap_err *open_old(struct ap_ctx *ctx, const char *path, struct ap_study **ret_own,
			       struct ap_model **ret_model, struct ap_study **ret_study)
{
	const struct ap_image_options found = {0};
	struct ap_fill_summary summary;
	struct ap_heap_watch watch;
	struct ap_image *image;
	struct ap_model *model;
	struct ap_err *err;

	if (ap_is_snapshot_file(path)) {
		ap_heap_watch(ctx, &watch);
		err = ap_study_load(path, &watch, ret_own);
		ap_heap_watch_end(ctx);
		*ret_study = *ret_own;
		return err;
	}
	AP_TRY(ap_image_open_core(path, &found, &image));
	AP_TRY(ap_core_model_open(image, &model));
	ap_heap_watch(ctx, &watch);
	err = ap_core_model_study(model, &watch, ret_study, &summary);
	ap_heap_watch_end(ctx);
	if (err) {
		ap_model_close(model);
		return ap_err_wrap(err, "%s", path);
	}
	if (model->incomplete || summary.guessed)
		ap_warn(ctx, "%s could not be read whole: what looks new may only be missing there",
			path);
	*ret_model = model;
	return NULL;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct diff *d = ap_alloc(ctx->arena, sizeof(*d));

	if (!d)
		return &ap_err_nomem;
	if (ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which older one? diff OLD"),
				   "on the command line: autopsy diff OLD NEW");
	AP_TRY(ap_require_study(ctx, &d->new));
	struct ap_study *own = NULL;
	struct ap_model *model = NULL;
	AP_TRY(open_old(ctx, ctx->args.words[0], &own, &model, &d->old));
	d->old->graph->cancelled = ctx->cancelled;
	struct ap_err *err = compare(ctx, d);
	ap_study_close(own);
	ap_model_close(model);
	d->old = NULL;
	if (!err)
		*ret_data = d;
	return err;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct diff *d = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_uint(j, "old_bytes", d->old_bytes);
	ap_json_uint(j, "new_bytes", d->new_bytes);
	for (int i = 0; i < N_TABLES; i++)
		ap_json_table(j, &tables[i], d->rows[i].v.at, d->rows[i].v.n);
	ap_diff_holders_json(&d->holders, d->new->graph->ids_are_addresses, j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct diff *d = p;
	char old[AP_NUMBER_MAX], new[AP_NUMBER_MAX];

	ap_out_f(ctx->out, "%s before, %s now\n", ap_bytes_human(d->old_bytes, old),
		 ap_bytes_human(d->new_bytes, new));
	ap_diff_holders_text(ctx, &d->holders);
	for (int i = 0; i < N_TABLES; i++) {
		if (!d->rows[i].v.n)
			continue;
		ap_out_s(ctx->out, "\n");
		ap_out_styled(ctx->out, AP_STYLE_HEAD, "%s", titles[i]);
		ap_out_s(ctx->out, "\n");
		ap_out_table(ctx->out, &tables[i], d->rows[i].v.at, d->rows[i].v.n);
		if (d->all[i] > d->rows[i].v.n)
			ap_out_f(ctx->out, "%zu more changed; -n 0 lists all\n",
				 d->all[i] - d->rows[i].v.n);
	}
}

const struct ap_cmd ap_cmd_diff = {
	.names = {[AP_PLAIN] = "diff"},
	.group = AP_GROUP_ALIVE,
	.summary = "what grew since an older core or snapshot",
	.synopsis = {[AP_PLAIN] = "[-n N] OLD"},
	.help = "Compares the open core or snapshot with an older one (either), by what holds it, by constructor, by the "
		"variables that keep memory alive, and by strings of the same text: new, gone, grown, shrunk. What "
		"grew most comes first, what shrank most last. For the holders the objects of both are matched by "
		"structure, from the roots down: each object that is new, gone or of another size counts in one "
		"row, under the nearest object above that is in both, and all rows together are the whole "
		"difference. Two of unlike processes have little in common there. JSON has the 100 holders that "
		"changed most unless -n says else; only the first 200 get names of variables.",
	.options = options,
	.example = "diff out.heapsnapshot",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
