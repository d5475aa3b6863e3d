/* functions = ::jsfunctions: definitions with the number of their closures, and where they stand. */
#include <inttypes.h>
#include <string.h>

#include "cmd/heap_common.h"
#include "cmd/values.h"

enum { OPT_NAME, OPT_SCRIPT, OPT_LIST, OPT_LIMIT };

enum { DEFAULT_LIMIT = 50 };

static const struct ap_option options[] = {
	[OPT_NAME] = {'n', "name", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "name",
		      "only functions whose name holds this"},
	[OPT_SCRIPT] = {'s', "script", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "file",
			"only those of scripts whose name holds this"},
	[OPT_LIST] = {'l', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "only addresses"},
	[OPT_LIMIT] = {0, "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "rows (default 50, 0: all)"},
	{0},
};

struct functions {
	AP_VEC(struct ap_heap_function) list;
	uint64_t closures, total;
};

static bool holds(struct ap_text text, const char *part)
{
	return text.s && memmem(text.s, text.n, part, strlen(part));
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct functions *d = ap_alloc(ctx->arena, sizeof(*d));
	const struct ap_heap_function *list;
	const struct ap_args *a = &ctx->args;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct ap_err *err;
	size_t n;

	if (!d)
		return &ap_err_nomem;
	if (a->given[OPT_LIST] && (a->given[OPT_NAME] || a->given[OPT_SCRIPT]))
		return ap_err_new(AP_E_USAGE, "-l takes no filter");
	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_functions(heap, &watch, ctx->arena, &list, &n);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct ap_heap_function *f = &list[i];

		if ((a->given[OPT_NAME] && !holds(f->name, a->text[OPT_NAME]) &&
		     !holds(f->inferred, a->text[OPT_NAME])) ||
		    (a->given[OPT_SCRIPT] && !holds(f->script, a->text[OPT_SCRIPT])))
			continue;
		d->total++;
		d->closures += f->count;
		if (!ap_vec_push(ctx->arena, &d->list, *f))
			return &ap_err_nomem;
	}
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct functions *d = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "functions");
	for (size_t i = 0; i < d->list.n; i++) {
		const struct ap_heap_function *f = &d->list.at[i];

		ap_json_object(j, NULL);
		ap_json_text(j, "function", f->name.n ? f->name : (struct ap_text){NULL, 0});
		ap_json_text(j, "inferred_name", f->inferred.n ? f->inferred : (struct ap_text){NULL, 0});
		ap_json_text(j, "script", f->script);
		ap_json_position(j, "line", f->line);
		ap_json_position(j, "column", f->column);
		ap_json_uint(j, "count", f->count);
		ap_json_uint(j, "bytes", f->bytes);
		ap_json_addr(j, "shared", f->shared);
		ap_json_addr(j, "representative", f->representative);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", d->total);
	ap_json_uint(j, "closures", d->closures);
	ap_json_end_object(j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct functions *d = p;
	uint64_t limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_LIMIT;
	size_t i;

	ap_out_f(ctx->out, "%" PRIu64 " closures of %" PRIu64 " functions\n\n%-16s %8s  %-40s %s\n", d->closures,
		 d->total, "CLOSURE", "COUNT", "NAME", "PLACE");
	for (i = 0; i < d->list.n && (!limit || i < limit); i++) {
		const struct ap_heap_function *f = &d->list.at[i];
		struct ap_text name = f->name.n ? f->name : f->inferred.n ? f->inferred : AP_TEXT("(anonymous)");

		ap_out_f(ctx->out, "0x%-14" PRIx64 " %8" PRIu64 "  ", f->representative, f->count);
		ap_out_cell(ctx->out, name, 40, false);
		ap_out_s(ctx->out, " ");
		ap_out_text(ctx->out, f->script.s ? f->script : AP_TEXT("native"));
		if (f->line)
			ap_out_f(ctx->out, ":%d:%d", f->line, f->column);
		ap_out_s(ctx->out, "\n");
	}
	if (i < d->list.n)
		ap_out_f(ctx->out, "... and %zu more: --limit 0 shows all\n", d->list.n - i);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct functions *d = p;

	if (!ctx->args.given[OPT_LIST])
		ap_out_f(ctx->out, "%16s %8s %-40s %s\n", "FUNC", "#FUNCS", "NAME", "FROM");
	for (size_t i = 0; i < d->list.n; i++) {
		const struct ap_heap_function *f = &d->list.at[i];
		struct ap_out name = {.file = NULL};

		if (ctx->args.given[OPT_LIST]) {
			ap_out_f(ctx->out, "%" PRIx64 "\n", f->representative + 1);
			continue;
		}
		ap_out_init(&name, NULL);
		ap_mdb_function_name(&name, f->name, f->inferred);
		ap_out_f(ctx->out, "%16" PRIx64 " %8" PRIu64 " %-40.39s ", f->representative + 1, f->count,
			 name.text.s ? name.text.s : "");
		ap_out_close(&name);
		ap_out_text(ctx->out, f->script.s ? f->script : AP_TEXT("<unknown>"));
		if (f->line)
			ap_out_f(ctx->out, " line %d", f->line);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_functions = {
	.names = {[AP_PLAIN] = "functions", [AP_MDB] = "jsfunctions", [AP_LLNODE] = "functions"},
	.group = AP_GROUP_MEMORY,
	.summary = "functions, how many closures each has, and their place",
	.help = "One row per definition in the source; many closures of one are a common sight in leaks. "
		"Dead closures that were not yet collected are included.",
	.options = options,
	.example = "functions",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb},
};
