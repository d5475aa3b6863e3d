/* instances NAME = v8 findjsinstances NAME: the objects of one constructor, by page. */
#include "cmd/objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/print.h"
#include "cmd/values.h"

enum { OPT_LIMIT, OPT_OFFSET, OPT_VERBOSE, OPT_ALL };

enum { DEFAULT_LIMIT = 100 };

static const struct ap_option options[] = {
	[OPT_LIMIT] = {'n', "output-limit", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_LLNODE, "N",
		       "at most so many (plain: 100; 0: all)"},
	[OPT_OFFSET] = {'o', "offset", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_LLNODE, "N",
			"leave out the first N"},
	[OPT_VERBOSE] = {'v', "verbose", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
			 "each as `v8 inspect` shows it"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_LLNODE, NULL,
		     "also the dead ones that were not yet collected"},
	{0},
};

struct item {
	uint64_t address, bytes;
	enum ap_heap_live live;
	struct ap_value value;
};

struct instances {
	struct ap_text constructor;
	struct ap_heap_liveness liveness;
	uint64_t total, bytes, offset, limit;
	AP_VEC(struct item) items;
};

struct collect {
	struct ap_ctx *ctx;
	struct instances *instances;
	bool failed;
};

static bool on_object(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct collect *c = p;
	struct instances *in = c->instances;
	uint64_t i = in->total++;

	(void)group;
	in->bytes += bytes;
	if (i < in->offset || (in->limit && i - in->offset >= in->limit))
		return true;
	c->failed = !ap_vec_push(c->ctx->arena, &in->items,
				 (struct item){.address = address, .bytes = bytes});
	return !c->failed;
}

/*
 * llnode: the same command again shows the next page. What was shown last stands in a setting, as
 * "NEXT LIMIT WORD".
 */
static uint64_t next_page(const struct ap_ctx *ctx, uint64_t limit, const char *word)
{
	const char *last = ap_session_setting(ctx->session, "findjsinstances");
	char same[32];
	char *end;
	uint64_t next = last ? strtoull(last, &end, 10) : 0;

	if (!last)
		return 0;
	snprintf(same, sizeof(same), " %" PRIu64 " ", limit);
	return strncmp(end, same, strlen(same)) == 0 && strcmp(end + strlen(same), word) == 0 ? next
											      : 0;
}

static struct ap_err *remember_page(struct ap_ctx *ctx, const struct instances *in,
				    const char *word)
{
	uint64_t next = in->offset + in->items.n;

	return ap_session_set(ctx->session, "findjsinstances",
			      ap_printf(ctx->arena, "%" PRIu64 " %" PRIu64 " %s",
					next < in->total ? next : 0, in->limit, word));
}

/* The groups that a word names: an address, or a constructor; prototypes are no instances. */
static struct ap_err *want(struct ap_ctx *ctx, struct ap_heap *heap,
			   const struct ap_heap_group *groups, size_t n, struct instances *in,
			   bool *wanted)
{
	const char *word = ctx->args.words[0];
	uint64_t address;
	size_t group, found = 0;

	for (size_t i = 0; i < n; i++) {
		wanted[i] = ap_text_is(groups[i].constructor, word) && !groups[i].prototype_of.s &&
			    (groups[i].live != AP_LIVE_NO || ctx->args.given[OPT_ALL]);
		found += wanted[i];
	}
	in->constructor = ap_text_of(word);
	if (found)
		return NULL;
	if (ap_parse_address(word, &address) && ap_heap_group_of(heap, address & ~3ull, &group)) {
		wanted[group] = true;
		in->constructor = groups[group].constructor;
		return NULL;
	}
	return ap_err_hint(
		ap_err_new(AP_E_NOTFOUND, "there are no %sobjects of \"%s\"",
			   in->liveness.known && !ctx->args.given[OPT_ALL] ? "live " : "", word),
		"`objects` lists what there is, `objects -a` with the dead ones");
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct instances *in = ap_alloc(ctx->arena, sizeof(*in));
	const struct ap_heap_group *groups;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct collect c = {.ctx = ctx, .instances = in};
	struct ap_err *err;
	uint64_t address;
	size_t n;

	if (!in)
		return &ap_err_nomem;
	if (ctx->args.n_words != 1)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "give one constructor, or the address of an object"),
			"`objects` lists what there is");
	in->offset = ctx->args.number[OPT_OFFSET];
	in->limit = ctx->args.given[OPT_LIMIT]               ? ctx->args.number[OPT_LIMIT]
		    : ctx->dialect == AP_PLAIN && !ctx->json ? DEFAULT_LIMIT
							     : 0;
	bool paged = ctx->dialect == AP_LLNODE && in->limit && !ctx->args.given[OPT_OFFSET];
	if (paged)
		in->offset = next_page(ctx, in->limit, ctx->args.words[0]);
	AP_TRY(ap_require_groups(ctx, ctx->args.given[OPT_ALL], &heap, &groups, &n));
	if (ap_parse_address(ctx->args.words[0], &address) &&
	    ap_heap_is_live(heap, address & ~3ull) == AP_LIVE_NO)
		AP_TRY(ap_require_groups(ctx, true, &heap, &groups, &n));
	ap_heap_liveness(heap, &in->liveness);
	bool *wanted = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	AP_TRY(want(ctx, heap, groups, n, in, wanted));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_each(heap, &watch, wanted, on_object, &c);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	if (c.failed)
		return &ap_err_nomem;
	for (size_t i = 0; i < in->items.n; i++)
		in->items.at[i].live = ap_heap_is_live(heap, in->items.at[i].address);
	for (size_t i = 0; i < in->items.n; i++)
		AP_TRY(ctx->model->ops->describe(ctx->model, in->items.at[i].address + 1,
						 ctx->arena, &in->items.at[i].value));
	*ret_data = in;
	return paged ? remember_page(ctx, in, ctx->args.words[0]) : NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct instances *in = p;

	ap_json_object(j, "data");
	ap_json_text(j, "constructor", in->constructor);
	ap_json_uint(j, "count", in->total);
	ap_json_uint(j, "bytes", in->bytes);
	ap_json_uint(j, "offset", in->offset);
	ap_json_array(j, "instances");
	for (size_t i = 0; i < in->items.n; i++) {
		ap_json_object(j, NULL);
		ap_json_addr(j, "address", in->items.at[i].address);
		ap_json_uint(j, "bytes", in->items.at[i].bytes);
		ap_json_live(j, in->items.at[i].live);
		ap_json_value(ctx, j, "value", &in->items.at[i].value);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct instances *in = p;
	uint64_t shown = in->offset + in->items.n;

	for (size_t i = 0; i < in->items.n; i++) {
		ap_out_styled(ctx->out, AP_STYLE_DIM, "0x%" PRIx64 "  ", in->items.at[i].address);
		ap_out_preview(ctx, &in->items.at[i].value);
		if (in->items.at[i].live == AP_LIVE_NO)
			ap_out_s(ctx->out, "  (dead)");
		ap_out_s(ctx->out, "\n");
	}
	bool live = in->liveness.known && !ctx->args.given[OPT_ALL];
	ap_out_f(ctx->out, "%" PRIu64 " %sobject%s%s, %" PRIu64 " bytes", in->total,
		 live ? "live " : "", in->total == 1 ? "" : "s",
		 in->liveness.known ? "" : " (dead or alive)", in->bytes);
	if (shown < in->total)
		ap_out_f(ctx->out, "; -o %" PRIu64 " shows the next", shown);
	ap_out_s(ctx->out, "\n");
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct instances *in = p;

	for (size_t i = 0; i < in->items.n; i++) {
		struct ap_print_item item = {.value = in->items.at[i].value};
		static const struct ap_detail_limits limits = {
			.items = 16, .text_units = 64, .bytes = 16};
		static const struct ap_llnode_print print = {.detailed = true};
		AP_ERR_AUTO err =
			ctx->args.given[OPT_VERBOSE] ? ap_print_load(ctx, &limits, &item) : NULL;

		if (ctx->args.given[OPT_VERBOSE] && !err)
			ap_llnode_item(ctx, &item, &print);
		else
			ap_llnode_value(ctx, &in->items.at[i].value, 16);
		ap_out_s(ctx->out, "\n");
	}
	if (in->offset + in->items.n < in->total)
		ap_out_f(ctx->out,
			 "..........\n(Showing %" PRIu64 " to %" PRIu64 " of %" PRIu64
			 " instances)\n",
			 in->offset + 1, in->offset + in->items.n, in->total);
}

const struct ap_cmd ap_cmd_instances = {
	.names = {[AP_PLAIN] = "instances", [AP_LLNODE] = "findjsinstances"},
	.group = AP_GROUP_MEMORY,
	.summary = "the objects of a constructor",
	.synopsis = {[AP_PLAIN] = "[-a] [-n N] [-o N] NAME|ADDR",
		     [AP_LLNODE] = "[-av] [-n N] [-o N] NAME"},
	.help = "NAME is what `objects` shows: a constructor, or a category such as \"(string)\". With an "
		"address: all objects of the same constructor and shape. Prototypes are not "
		"among them, nor are dead objects: -a adds those that were not yet collected. In llnode's spelling the same command once more "
		"shows the next N.",
	.options = options,
	.example = "instances Object",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_LLNODE] = text_llnode},
};
