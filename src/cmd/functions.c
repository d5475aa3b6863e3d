/* functions = ::jsfunctions: definitions with the number of their closures, and where they stand.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/heap_common.h"
#include "cmd/values.h"

enum { OPT_NAME, OPT_SCRIPT, OPT_LIST, OPT_LIMIT, OPT_INSTRUCTION, OPT_RANGES, OPT_ALL };

enum { DEFAULT_LIMIT = 50 };

static const struct ap_option options[] = {
	[OPT_NAME] = {'n', "name", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "name",
		      "only functions whose name holds this"},
	[OPT_SCRIPT] = {'s', "script", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "file",
			"only those of scripts whose name holds this"},
	[OPT_LIST] = {'l', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "only addresses"},
	[OPT_LIMIT] = {0, "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "rows (default 50, 0: all)"},
	[OPT_INSTRUCTION] = {'x', "instruction", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "addr",
			     "only the function whose bytecode or machine code holds this address"},
	[OPT_RANGES] = {'X', "ranges", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_MDB, NULL,
			"also where its instructions begin and end"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "count the dead closures, too, that were not yet collected"},
	{0},
};

struct functions {
	AP_VEC(struct ap_heap_function) list;
	struct ap_heap_liveness liveness;
	uint64_t closures, total;
	bool instances; /* an address was given: its definition's closures */
	const uint64_t *addresses;
	size_t n_addresses;
};

static bool is_within(uint64_t address, uint64_t start, uint64_t end)
{
	return address >= start && address < end;
}

/* Machine code if it has any of its own, else bytecode. */
static void range_of(const struct ap_heap_function *f, uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = f->code_end ? f->code_start : f->bytecode_start;
	*ret_end = f->code_end ? f->code_end : f->bytecode_end;
}

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
	uint64_t instruction = 0, compiled = 0;
	if (a->given[OPT_LIST] &&
	    (a->given[OPT_NAME] || a->given[OPT_SCRIPT] || a->given[OPT_INSTRUCTION]))
		return ap_err_new(AP_E_USAGE, "-l takes no filter");
	if (a->given[OPT_INSTRUCTION] && !ap_parse_address(a->text[OPT_INSTRUCTION], &instruction))
		return ap_err_new(AP_E_USAGE, "-x: \"%s\" is no address", a->text[OPT_INSTRUCTION]);
	AP_TRY(ap_require_heap(ctx, &heap));
	*ret_data = d;
	ap_heap_watch(ctx, &watch);
	if (ctx->dialect == AP_MDB && ctx->has_address) {
		d->instances = true;
		err = ap_heap_closures(heap, &watch, ctx->address & ~3ull, a->given[OPT_ALL],
				       ctx->arena, &d->addresses, &d->n_addresses);
		ap_heap_watch_end(ctx);
		if (!err && !d->n_addresses)
			err = ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a JSFunction",
					 ctx->address);
		return err;
	}
	err = ap_heap_functions(heap, &watch, a->given[OPT_ALL], ctx->arena, &list, &n);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	ap_heap_liveness(heap, &d->liveness);
	if (a->given[OPT_INSTRUCTION])
		(void)ap_heap_function_at(heap, instruction, &compiled);
	for (size_t i = 0; i < n; i++) {
		const struct ap_heap_function *f = &list[i];

		if ((a->given[OPT_NAME] && !holds(f->name, a->text[OPT_NAME]) &&
		     !holds(f->inferred, a->text[OPT_NAME])) ||
		    (a->given[OPT_SCRIPT] && !holds(f->script, a->text[OPT_SCRIPT])) ||
		    (a->given[OPT_INSTRUCTION] && !(compiled && f->shared == compiled) &&
		     !is_within(instruction, f->bytecode_start, f->bytecode_end) &&
		     !is_within(instruction, f->code_start, f->code_end)))
			continue;
		d->total++;
		d->closures += f->count;
		if (!ap_vec_push(ctx->arena, &d->list, *f))
			return &ap_err_nomem;
	}
	return NULL;
}

static void json_range(struct ap_json *j, const char *start_key, uint64_t start,
		       const char *end_key, uint64_t end)
{
	if (!end) {
		ap_json_null(j, start_key);
		ap_json_null(j, end_key);
		return;
	}
	ap_json_addr(j, start_key, start);
	ap_json_addr(j, end_key, end);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct functions *d = p;

	ap_json_object(j, "data");
	if (d->instances) {
		ap_json_array(j, "closures");
		for (size_t i = 0; i < d->n_addresses; i++)
			ap_json_addr(j, NULL, d->addresses[i]);
		ap_json_end_array(j);
		ap_json_end_object(j);
		return;
	}
	ap_json_array(j, "functions");
	for (size_t i = 0; i < d->list.n; i++) {
		const struct ap_heap_function *f = &d->list.at[i];

		ap_json_object(j, NULL);
		ap_json_text(j, "function", f->name.n ? f->name : (struct ap_text){NULL, 0});
		ap_json_text(j, "inferred_name",
			     f->inferred.n ? f->inferred : (struct ap_text){NULL, 0});
		ap_json_text(j, "script", f->script);
		ap_json_position(j, "line", f->line);
		ap_json_position(j, "column", f->column);
		ap_json_uint(j, "count", f->count);
		ap_json_uint(j, "bytes", f->bytes);
		ap_json_addr(j, "shared", f->shared);
		ap_json_addr(j, "representative", f->representative);
		json_range(j, "bytecode_start", f->bytecode_start, "bytecode_end", f->bytecode_end);
		json_range(j, "code_start", f->code_start, "code_end", f->code_end);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", d->total);
	ap_json_uint(j, "closures", d->closures);
	ap_json_end_object(j);
	ap_json_live(j, ap_live_shown(&d->liveness, ctx->args.given[OPT_ALL]));
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct functions *d = p;
	uint64_t limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_LIMIT;
	size_t i;

	ap_out_f(ctx->out, "%" PRIu64 " %sclosures of %" PRIu64 " functions%s\n\n%-16s %8s  ",
		 d->closures, ap_live_word(&d->liveness, ctx->args.given[OPT_ALL]), d->total,
		 ap_live_remark(ctx, &d->liveness, ctx->args.given[OPT_ALL]), "CLOSURE", "COUNT");
	if (ctx->args.given[OPT_RANGES])
		ap_out_f(ctx->out, "%-16s %-16s ", "START", "END");
	ap_out_f(ctx->out, "%-40s %s\n", "NAME", "PLACE");
	for (i = 0; i < d->list.n && (!limit || i < limit); i++) {
		const struct ap_heap_function *f = &d->list.at[i];
		struct ap_text name = f->name.n       ? f->name
				      : f->inferred.n ? f->inferred
						      : AP_TEXT("(anonymous)");

		ap_out_f(ctx->out, "0x%-14" PRIx64 " %8" PRIu64 "  ", f->representative, f->count);
		if (ctx->args.given[OPT_RANGES]) {
			uint64_t start, end;

			range_of(f, &start, &end);
			if (end)
				ap_out_f(ctx->out, "0x%-14" PRIx64 " 0x%-14" PRIx64 " ", start,
					 end);
			else
				ap_out_f(ctx->out, "%-16s %-16s ", "?", "?");
		}
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

	for (size_t i = 0; i < d->n_addresses; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", d->addresses[i] + 1);
	if (d->instances)
		return;
	if (!ctx->args.given[OPT_LIST] && ctx->args.given[OPT_RANGES])
		ap_out_f(ctx->out, "%16s %8s %16s %16s %-40s %s\n", "FUNC", "#FUNCS", "START",
			 "END", "NAME", "FROM");
	else if (!ctx->args.given[OPT_LIST])
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
		ap_out_f(ctx->out, "%16" PRIx64 " %8" PRIu64 " ", f->representative + 1, f->count);
		if (ctx->args.given[OPT_RANGES]) {
			uint64_t start, end;

			range_of(f, &start, &end);
			if (end)
				ap_out_f(ctx->out, "%16" PRIx64 " %16" PRIx64 " ", start, end);
			else
				ap_out_f(ctx->out, "%16s %16s ", "?", "?");
		}
		ap_out_f(ctx->out, "%-40.39s ", name.text.s ? name.text.s : "");
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
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "functions, how many closures each has, and their place",
	.help = "One row per definition in the source; many closures of one are a common sight in leaks. "
		"Live closures are counted; -a adds the dead ones that were not yet collected. -x finds the function whose bytecode, or "
		"whose closure's machine code, holds an address; in mdb, ADDR::jsfunctions lists all closures of "
		"the same definition.",
	.options = options,
	.example = "functions",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb},
};
