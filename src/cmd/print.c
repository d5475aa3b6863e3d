/* print = ::jsprint: any value, whole. JSON: docs/json/print.md. */
#include "cmd/print.h"
#include "cmd/commands.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cmd/values.h"

enum { OPT_DEPTH, OPT_LIMIT, OPT_ADDRESSES, OPT_BASE, OPT_LAYOUT, OPT_STRING };

static const struct ap_option options[] = {
	[OPT_DEPTH] = {'d', "depth", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_MDB, "depth",
		       "levels of objects inside each other (plain: 1, mdb: 2)"},
	[OPT_LIMIT] = {'l', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N",
		       "items per list (default 1024, 0: all)"},
	[OPT_ADDRESSES] = {'a', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			   "the address of each value in front of it"},
	[OPT_BASE] = {'b', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		      "the address of the object that a member was taken from in front of it"},
	[OPT_LAYOUT] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "how V8 holds the properties"},
	[OPT_STRING] = {'N', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "length",
			"at most this many characters of a string"},
	{0},
};

struct ap_err *ap_print_load(struct ap_ctx *ctx, const struct ap_detail_limits *limits,
			     struct ap_print_item *item)
{
	const struct ap_value *v = &item->value;

	/* What has no address was held raw, or is not there: its short form is all there is. */
	if (!v->has_ref || v->type == AP_T_UNREADABLE)
		return NULL;
	AP_TRY(ctx->model->ops->detail(ctx->model, v->ref, limits, ctx->arena, &item->detail));
	item->has_detail = true;
	item->value = item->detail.self;
	return NULL;
}

static struct ap_err *add_item(struct ap_ctx *ctx, struct ap_print *print,
			       struct ap_print_item *item)
{
	if (!item->missing)
		AP_TRY(ap_print_load(ctx, &print->limits, item));
	return ap_vec_push(ctx->arena, &print->items, *item) ? NULL : &ap_err_nomem;
}

/* The members of ::jsprint: own ones, and one that does not exist is "undefined". */
static struct ap_err *mdb_members(struct ap_ctx *ctx, const struct ap_value *base,
				  struct ap_print *print)
{
	for (size_t i = 0; i < ctx->args.n_words; i++) {
		const char *member = ctx->args.words[i];
		struct ap_print_item item = {.has_base = ctx->args.given[OPT_BASE],
					     .base = base->ref};
		struct ap_err *err =
			ap_value_follow(ctx->model, base->ref, member, ctx->arena, &item.value);

		if (err && err->code == AP_E_NOTFOUND) {
			ap_err_free(err);
			item.missing = member;
		} else if (err) {
			return err;
		}
		AP_TRY(add_item(ctx, print, &item));
	}
	return NULL;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_print *print = ap_alloc(ctx->arena, sizeof(*print));
	struct ap_print_item item = {0};
	bool given;
	const char *path = "";

	if (!print)
		return &ap_err_nomem;
	print->limits = ap_detail_default_limits;
	print->depth = ctx->dialect == AP_MDB ? 2 : 1;
	if (ctx->args.given[OPT_DEPTH])
		print->depth = ctx->args.number[OPT_DEPTH] > 1000
				       ? 1000
				       : (unsigned)ctx->args.number[OPT_DEPTH];
	if (ctx->args.given[OPT_LIMIT])
		print->limits.items = ctx->args.number[OPT_LIMIT];
	else if (ctx->dialect == AP_MDB && !ctx->json)
		print->limits.items = 0; /* ::jsprint never cuts */
	*ret_data = print;
	AP_TRY(ap_ctx_value(ctx, &item.value, &given, &path));
	if (ctx->dialect == AP_MDB) {
		if (ctx->args.n_words)
			return mdb_members(ctx, &item.value, print);
		item.has_base = ctx->args.given[OPT_BASE];
		item.base = item.value.ref;
		return add_item(ctx, print, &item);
	}
	if (!given)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "print what?"),
			"print ADDR [PATH], or the name of a variable of the selected frame; "
			"`scope` lists them");
	if (ctx->args.n_words > 2)
		return ap_err_hint(ap_err_new(AP_E_USAGE,
					      "one value at a time: \"%s\" is one too many",
					      ctx->args.words[2]),
				   "a path holds no blanks outside quotes: a.b[3]['x y']");
	/* A blank before the path is as good as none. */
	if (ctx->args.n_words == 2)
		path = ap_printf(
			ctx->arena, "%s%s%s", path,
			*path && ctx->args.words[1][0] != '[' && ctx->args.words[1][0] != '.' ? "."
											      : "",
			ctx->args.words[1]);
	if (!path)
		return &ap_err_nomem;
	if (*path)
		AP_TRY(ap_value_follow(ctx->model, item.value.ref, path, ctx->arena, &item.value));
	return add_item(ctx, print, &item);
}

void ap_print_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_print *print = p;

	/* Several members are mdb's own: then `data` has them in order under `values`. */
	if (print->items.n != 1) {
		ap_json_object(j, "data");
		ap_json_array(j, "values");
	}
	for (size_t i = 0; i < print->items.n; i++) {
		const struct ap_print_item *item = &print->items.at[i];
		const struct ap_value undefined = {.type = AP_T_UNDEFINED,
						   .text = AP_TEXT("undefined")};

		ap_json_full_value(ctx, j, print->items.n == 1 ? "data" : NULL,
				   item->missing ? &undefined : &item->value,
				   item->has_detail ? &item->detail : NULL, &print->limits,
				   print->depth ? print->depth : 1);
	}
	if (print->items.n != 1) {
		ap_json_end_array(j);
		ap_json_end_object(j);
	}
}

static void layout_facts(struct ap_ctx *ctx, const struct ap_detail *d)
{
	bool numeric = d->elements.n > 0 && d->self.type != AP_T_ARRAY;

	ap_out_f(ctx->out, "property kind: %s%s\n", numeric ? "numeric-named " : "",
		 d->dictionary_mode ? "dictionary" : "in-object \"properties\" array");
	ap_out_s(ctx->out, "fallbacks: \n");
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct ap_print *print = p;
	struct ap_mdb_print how = {
		.addresses = ctx->args.given[OPT_ADDRESSES],
		.depth = ctx->args.given[OPT_DEPTH] ? ctx->args.number[OPT_DEPTH] : 2,
		.max_string = ctx->args.given[OPT_STRING] ? ctx->args.number[OPT_STRING] : 0,
	};

	for (size_t i = 0; i < print->items.n; i++) {
		const struct ap_print_item *item = &print->items.at[i];

		if (i)
			ap_out_s(ctx->out, " ");
		how.has_base = item->has_base;
		how.base = item->base;
		if (item->missing)
			ap_out_f(ctx->out, how.has_base ? "%" PRIx64 ": undefined" : "undefined",
				 how.base);
		else
			ap_mdb_value(ctx, &item->value, &how, 0);
	}
	ap_out_s(ctx->out, "\n");
	if (ctx->args.given[OPT_LAYOUT] && print->items.n == 1 && print->items.at[0].has_detail)
		layout_facts(ctx, &print->items.at[0].detail);
}

const struct ap_cmd ap_cmd_print = {
	.names = {[AP_PLAIN] = "print|p|inspect", [AP_MDB] = "jsprint"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "a value, whole: properties, elements, inner state",
	.synopsis = {[AP_PLAIN] = "ADDR|NAME [PATH] [-d N] [-l N]",
		     [AP_MDB] = "[-abv] [-d depth] [-N length] [member ...]"},
	.help = "Of an address, with or without V8's tag bit, of a variable of the selected frame, or of "
		"\"error\", the value that was thrown. A path goes on into it as in JavaScript:\n"
		"  print 0x2a7c1f04b1d8 a.b[3]['x y'].#private[Symbol(s)]\n"
		"  print request.headers\n"
		"Only what the object itself holds is shown: getters are not run, prototypes not asked. "
		"[[value]] reaches what V8 keeps inside (a promise's result, a bound function's target).",
	.options = options,
	.example = "print error",
	.needs_model = true,
	.data = data,
	.json = ap_print_json,
	.text = {[AP_PLAIN] = ap_print_plain, [AP_MDB] = text_mdb},
};
