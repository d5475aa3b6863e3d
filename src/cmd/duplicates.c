/* duplicates: strings of the same text; variables: what each captured variable keeps alive. */
#include "base/number.h"
#include "cmd/graph_common.h"

enum { OPT_NUMBER, DEFAULT_ROWS = 20, MAX_ROWS = 1000 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "so many rows"},
	{0},
};

struct row {
	uint64_t count, bytes, wasted, example;
	struct ap_text text, script;
	const char *id;
};

static const struct ap_field duplicate_fields[] = {
	AP_FIELD(struct row, count, "count", "COUNT", COUNT, "strings of this text"),
	AP_FIELD(struct row, bytes, "bytes", NULL, COUNT, "of all of them"),
	AP_FIELD(struct row, wasted, "wasted_bytes", "WASTED", BYTES, "of all but one"),
	AP_FIELD(struct row, example, "example", NULL, COUNT, "id of one"),
	AP_FIELD(struct row, id, NULL, "ONE OF THEM", CSTR, "its number"),
	AP_FIELD(struct row, text, "text", "TEXT", TEXT, "as far as the snapshot holds it"),
};

static const struct ap_field variable_fields[] = {
	AP_FIELD(struct row, bytes, "retained_bytes", "RETAINED", BYTES,
		 "that its values keep alive"),
	AP_FIELD(struct row, count, "count", "SCOPES", COUNT, "scopes of that file that hold one"),
	AP_FIELD(struct row, example, "largest", NULL, COUNT, "id of the value that keeps most"),
	AP_FIELD(struct row, id, NULL, "LARGEST", CSTR, "the value that keeps most"),
	AP_FIELD(struct row, text, "variable", "VARIABLE", TEXT, "its name"),
	AP_FIELD(struct row, script, "script", "FILE", TEXT, "where it is declared"),
};

static const struct ap_table duplicate_table = {
	.key = "strings",
	.fields = duplicate_fields,
	.n_fields = sizeof(duplicate_fields) / sizeof(duplicate_fields[0]),
	.row_bytes = sizeof(struct row),
};

static const struct ap_table variable_table = {
	.key = "variables",
	.fields = variable_fields,
	.n_fields = sizeof(variable_fields) / sizeof(variable_fields[0]),
	.row_bytes = sizeof(struct row),
};

struct rows {
	struct ap_study *study;
	AP_VEC(struct row) rows;
	uint64_t wasted;
};

static struct ap_err *begin(struct ap_ctx *ctx, struct rows **ret, size_t *ret_limit)
{
	struct rows *r = ap_alloc(ctx->arena, sizeof(*r));

	if (!r)
		return &ap_err_nomem;
	*ret_limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_ROWS;
	if (*ret_limit > MAX_ROWS)
		return ap_err_new(AP_E_LIMIT, "at most %d rows", MAX_ROWS);
	*ret = r;
	return ap_require_study(ctx, &r->study);
}

static struct ap_err *duplicates_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_duplicate *found;
	struct rows *r;
	size_t limit, n;

	AP_TRY(begin(ctx, &r, &limit));
	AP_TRY(ap_graph_duplicates(r->study->graph, limit, ctx->arena, &found, &n, &r->wasted));
	for (size_t i = 0; i < n; i++) {
		const struct row row = {
			.count = found[i].count,
			.bytes = found[i].bytes,
			.wasted = found[i].wasted_bytes,
			.example = ap_node_id(r->study->graph, found[i].example),
			.id = ap_node_id_text(ctx, r->study->graph, found[i].example),
			.text = found[i].text,
		};

		if (!ap_vec_push(ctx->arena, &r->rows, row))
			return &ap_err_nomem;
	}
	*ret_data = r;
	return NULL;
}

static void duplicates_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct rows *r = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &duplicate_table, r->rows.at, r->rows.n);
	ap_json_uint(j, "wasted_bytes", r->wasted);
	ap_json_end_object(j);
}

static void duplicates_text(struct ap_ctx *ctx, const void *p)
{
	const struct rows *r = p;
	char bytes[AP_NUMBER_MAX];

	ap_out_f(ctx->out, "%s would be spared if every text stood once\n\n",
		 ap_bytes_human(r->wasted, bytes));
	ap_out_table(ctx->out, &duplicate_table, r->rows.at, r->rows.n);
}

static struct ap_err *variables_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_variable_size *found;
	struct rows *r;
	size_t limit, n;

	AP_TRY(begin(ctx, &r, &limit));
	AP_TRY(ap_study_variables(r->study, ctx->arena, &found, &n));
	for (size_t i = 0; i < n && i < limit; i++) {
		const struct row row = {
			.count = found[i].count,
			.bytes = found[i].retained_bytes,
			.example = ap_node_id(r->study->graph, found[i].largest),
			.id = ap_node_id_text(ctx, r->study->graph, found[i].largest),
			.text = found[i].name,
			.script = found[i].script,
		};

		if (!ap_vec_push(ctx->arena, &r->rows, row))
			return &ap_err_nomem;
	}
	*ret_data = r;
	return NULL;
}

static void variables_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct rows *r = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &variable_table, r->rows.at, r->rows.n);
	ap_json_end_object(j);
}

static void variables_text(struct ap_ctx *ctx, const void *p)
{
	const struct rows *r = p;

	ap_out_table(ctx->out, &variable_table, r->rows.at, r->rows.n);
}

const struct ap_cmd ap_cmd_duplicates = {
	.names = {[AP_PLAIN] = "duplicates"},
	.group = AP_GROUP_ALIVE,
	.summary = "strings of the same text, and what they waste",
	.synopsis = {[AP_PLAIN] = "[-n N]"},
	.help = "Strings of equal size and text, those that waste most first. A snapshot that V8 wrote holds "
		"the first 1024 characters of a string: longer ones that begin alike and are equally long "
		"count as equal.",
	.options = options,
	.example = "duplicates -n 5",
	.needs_graph = true,
	.data = duplicates_data,
	.json = duplicates_json,
	.text = {[AP_PLAIN] = duplicates_text},
};

const struct ap_cmd ap_cmd_variables = {
	.names = {[AP_PLAIN] = "variables"},
	.group = AP_GROUP_ALIVE,
	.summary = "variables by the memory that they keep alive",
	.synopsis = {[AP_PLAIN] = "[-n N]"},
	.help = "Every variable that a function captured, by name and file, with what its values alone keep "
		"alive. Variables that no function captures live on the stack and are not here.",
	.options = options,
	.example = "variables -n 5",
	.needs_graph = true,
	.data = variables_data,
	.json = variables_json,
	.text = {[AP_PLAIN] = variables_text},
};
