/* head, tail, filter, sort, select, count: what stands between two bars of a plain pipe. */
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/rows.h"

static struct ap_err *begin(struct ap_ctx *ctx, struct ap_rows **ret)
{
	if (!ctx->rows)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "this works on the rows of a pipe"),
				   "objects | head 3, threads | filter role = worker");
	*ret = ap_alloc(ctx->arena, sizeof(**ret));
	return *ret ? NULL : &ap_err_nomem;
}

static struct ap_err *count_of(struct ap_ctx *ctx, uint64_t *ret)
{
	const char *word = ctx->args.n_words ? ctx->args.words[0] : "10";

	if (ctx->args.n_words > 1 || !ap_parse_number(word, 10, ret))
		return ap_err_new(AP_E_USAGE, "expected a count, not \"%s\"", word);
	return NULL;
}

static struct ap_err *slice(struct ap_ctx *ctx, size_t from, size_t to, struct ap_rows *rows)
{
	for (size_t i = from; i < to && i < ctx->rows->at.n; i++) {
		if (!ap_vec_push(ctx->arena, &rows->at, ctx->rows->at.at[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *head_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_rows *rows = NULL;
	uint64_t n;

	AP_TRY(begin(ctx, &rows));
	AP_TRY(count_of(ctx, &n));
	*ret_data = rows;
	return slice(ctx, 0, n, rows);
}

static struct ap_err *tail_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_rows *rows = NULL;
	uint64_t n;

	AP_TRY(begin(ctx, &rows));
	AP_TRY(count_of(ctx, &n));
	*ret_data = rows;
	return slice(ctx, n < ctx->rows->at.n ? ctx->rows->at.n - n : 0, ctx->rows->at.n, rows);
}

static struct ap_err *need_key(struct ap_ctx *ctx, const char *key)
{
	for (size_t i = 0; i < ctx->rows->at.n; i++) {
		if (ap_row_value(&ctx->rows->at.at[i], key).s)
			return NULL;
	}
	if (!ctx->rows->at.n)
		return NULL;
	struct ap_text row = ctx->rows->at.at[0].json;
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "no row has a \"%s\"", key),
			   "a row looks so: %.*s", (int)(row.n < 300 ? row.n : 300), row.s);
}

/* Numbers and addresses by value, all else by text; what is missing stands last. */
static bool number_of(struct ap_text json, double *ret)
{
	char *end;

	if (json.n && *json.s == '"' && json.n > 4 && strncmp(json.s, "\"0x", 3) == 0) {
		*ret = (double)strtoull(json.s + 1, &end, 16);
		return *end == '"';
	}
	if (!json.n || !strchr("-0123456789", *json.s))
		return false;
	*ret = strtod(json.s, &end);
	return true;
}

static int compare(struct ap_text a, struct ap_text b, struct ap_arena *arena)
{
	double x, y;

	if (number_of(a, &x) && number_of(b, &y))
		return (x > y) - (x < y);
	struct ap_text s = ap_row_text(a, arena), t = ap_row_text(b, arena);
	size_t n = s.n < t.n ? s.n : t.n;
	int order = n ? memcmp(s.s, t.s, n) : 0;
	return order ? order : (s.n > t.n) - (s.n < t.n);
}

struct condition {
	const char *key, *operator, * value;
	regex_t regex;
};

static bool passes(struct ap_ctx *ctx, const struct ap_row *row, const struct condition *c)
{
	struct ap_text json = ap_row_value(row, c->key);
	struct ap_text wanted = ap_text_of(c->value);
	double x;

	if (!json.s)
		return false;
	if (c->operator[0] == '~') {
		struct ap_text text = ap_row_text(json, ctx->arena);

		const char *copy = ap_strndup(ctx->arena, text.s, text.n);
		return copy && regexec(&c->regex, copy, 0, NULL, 0) == 0;
	}
	const char *quoted = number_of(json, &x) ? NULL : ap_printf(ctx->arena, "\"%s\"", c->value);
	if (*json.s == '"' && strncmp(c->value, "0x", 2) == 0)
		quoted = ap_printf(ctx->arena, "\"%s\"", c->value);
	int order = compare(json, quoted ? ap_text_of(quoted) : wanted, ctx->arena);
	/* A string of quotes and escapes is compared as a person reads it. */
	if (quoted && *json.s != '"')
		order = compare(ap_row_text(json, ctx->arena), wanted, ctx->arena);
	switch (c->operator[0]) {
	case '=':
		return order == 0;
	case '!':
		return order != 0;
	case '<':
		return c->operator[1] ? order <= 0 : order<0;
	default:
		return c->operator[1] ? order >= 0 : order> 0;
	}
}

static struct ap_err *where_data(struct ap_ctx *ctx, void **ret_data)
{
	static const char *const operators[] = {"=", "==", "!=", "<", "<=", ">", ">=", "~"};
	struct condition c = {0};
	struct ap_rows *rows = NULL;

	AP_TRY(begin(ctx, &rows));
	if (ctx->args.n_words != 3)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "expected KEY OPERATOR VALUE"),
				   "objects | filter count >= 1000");
	c.key = ctx->args.words[0];
	c.value = ctx->args.words[2];
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (strcmp(operators[i], ctx->args.words[1]) == 0)
			c.operator= operators[i];
	}
	if (!c.operator)
		return ap_err_new(AP_E_USAGE, "\"%s\" is none of = != < <= > >= ~",
				  ctx->args.words[1]);
	AP_TRY(need_key(ctx, c.key));
	if (c.operator[0] == '~' && regcomp(&c.regex, c.value, REG_EXTENDED | REG_NOSUB) != 0)
		return ap_err_new(AP_E_USAGE, "\"%s\" is no regular expression", c.value);
	struct ap_err *err = NULL;
	for (size_t i = 0; i < ctx->rows->at.n && !err && !ap_ctx_cancelled(ctx); i++) {
		if (passes(ctx, &ctx->rows->at.at[i], &c) &&
		    !ap_vec_push(ctx->arena, &rows->at, ctx->rows->at.at[i]))
			err = &ap_err_nomem;
	}
	if (c.operator[0] == '~')
		regfree(&c.regex);
	*ret_data = rows;
	return err ? err : ap_ctx_cancelled(ctx) ? &ap_err_cancelled : NULL;
}

enum { OPT_REVERSE };

static const struct ap_option sort_options[] = {
	[OPT_REVERSE] = {'r', "reverse", AP_OPTION_FLAG, AP_IN_PLAIN, NULL, "largest first"},
	{0},
};

struct sorting {
	struct ap_ctx *ctx;
	bool reverse;
};

struct sorted {
	struct ap_row row;
	struct ap_text value;
	size_t index;
};

static int by_value(const void *a, const void *b, void *arg)
{
	const struct sorted *x = a, *y = b;
	const struct sorting *s = arg;
	int order = !x->value.s || !y->value.s ? !x->value.s - !y->value.s
					       : compare(x->value, y->value, s->ctx->arena);

	if (s->reverse && x->value.s && y->value.s)
		order = -order;
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct ap_err *sort_data(struct ap_ctx *ctx, void **ret_data)
{
	struct sorting sorting = {ctx, ctx->args.given[OPT_REVERSE]};
	struct ap_rows *rows = NULL;

	AP_TRY(begin(ctx, &rows));
	*ret_data = rows;
	if (ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "by which key?"),
				   "objects | sort -r count");
	AP_TRY(need_key(ctx, ctx->args.words[0]));
	size_t n = ctx->rows->at.n;
	struct sorted *all = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*all));
	if (!all)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct sorted){ctx->rows->at.at[i],
					 ap_row_value(&ctx->rows->at.at[i], ctx->args.words[0]), i};
	qsort_r(all, n, sizeof(*all), by_value, &sorting);
	for (size_t i = 0; i < n; i++) {
		if (!ap_vec_push(ctx->arena, &rows->at, all[i].row))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Objects of the chosen keys alone. */
static struct ap_err *select_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_rows *rows = NULL;

	AP_TRY(begin(ctx, &rows));
	if (!ctx->args.n_words)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which keys?"),
				   "objects | select constructor count");
	for (size_t k = 0; k < ctx->args.n_words; k++)
		AP_TRY(need_key(ctx, ctx->args.words[k]));
	for (size_t i = 0; i < ctx->rows->at.n; i++) {
		AP_STR_AUTO text = {0};
		struct ap_json j;

		ap_json_init(&j, &text, NULL);
		ap_json_object(&j, NULL);
		for (size_t k = 0; k < ctx->args.n_words; k++) {
			struct ap_text value =
				ap_row_value(&ctx->rows->at.at[i], ctx->args.words[k]);

			ap_json_raw(&j, ctx->args.words[k], value.s ? value : AP_TEXT("null"));
		}
		ap_json_end_object(&j);
		const struct ap_row row = {ap_str_text(&text, ctx->arena)};
		if (!row.json.s || !ap_vec_push(ctx->arena, &rows->at, row))
			return &ap_err_nomem;
	}
	*ret_data = rows;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_rows *rows = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_rows_json(j, "rows", rows);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	ap_rows_text(ctx, p);
}

#define FILTER(id, name, words, summary_, help_, options_, example_)                               \
	const struct ap_cmd ap_cmd_rows_##id = {                                                   \
		.names = {[AP_PLAIN] = (name)},                                                    \
		.group = AP_GROUP_SESSION,                                                         \
		.summary = (summary_),                                                             \
		.synopsis = {[AP_PLAIN] = (words)},                                                \
		.help = (help_),                                                                   \
		.options = (options_),                                                             \
		.example = (example_),                                                             \
		.takes_rows = true,                                                                \
		.data = id##_data,                                                                 \
		.json = json,                                                                      \
		.text = {[AP_PLAIN] = text},                                                       \
	}

FILTER(head, "head", "[N]", "the first rows of a pipe", "COMMAND | head 3; ten without a number.",
       NULL, "threads | head 1");
FILTER(tail, "tail", "[N]", "the last rows of a pipe", "COMMAND | tail 3; ten without a number.",
       NULL, "threads | tail 1");
FILTER(where, "filter|where", "KEY OPERATOR VALUE", "the rows of a pipe for which something is so",
       "Operators: = != < <= > >=, and ~ for a regular expression. KEYs are those of the command's JSON, "
       "value.address reaches into it.",
       NULL, "threads | filter role = main");
FILTER(sort, "sort", "[-r] KEY", "the rows of a pipe by one of their keys",
       "Numbers and addresses by value, all else by text. KEYs are those of the command's JSON.",
       sort_options, "threads | sort -r tid");
FILTER(select, "select", "KEY ...", "some keys of the rows of a pipe",
       "KEYs are those of the command's JSON.", NULL, "threads | select tid role");

static struct ap_err *count_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_rows *rows = NULL;

	AP_TRY(begin(ctx, &rows));
	uint64_t *n = ap_alloc(ctx->arena, sizeof(*n));
	if (!n)
		return &ap_err_nomem;
	*n = ctx->rows->at.n;
	*ret_data = n;
	return NULL;
}

static void count_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const uint64_t *n = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_uint(j, "count", *n);
	ap_json_end_object(j);
}

static void count_text(struct ap_ctx *ctx, const void *p)
{
	const uint64_t *n = p;

	ap_out_f(ctx->out, "%" PRIu64 "\n", *n);
}

const struct ap_cmd ap_cmd_rows_count = {
	.names = {[AP_PLAIN] = "count"},
	.group = AP_GROUP_SESSION,
	.summary = "how many rows came down the pipe",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "COMMAND | count",
	.example = "threads | count",
	.takes_rows = true,
	.data = count_data,
	.json = count_json,
	.text = {[AP_PLAIN] = count_text},
};
