/* instances NAME = v8 findjsinstances NAME: the objects of one constructor, by page. */
#include "cmd/objects.h"

#include <inttypes.h>

#include "cmd/values.h"

enum { OPT_LIMIT, OPT_OFFSET };

enum { DEFAULT_LIMIT = 100 };

static const struct ap_option options[] = {
	[OPT_LIMIT] = {'n', "output-limit", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_LLNODE, "N",
		       "at most so many (plain: 100; 0: all)"},
	[OPT_OFFSET] = {'o', "offset", AP_OPTION_NUMBER, AP_IN_PLAIN | AP_IN_LLNODE, "N",
			"leave out the first N"},
	{0},
};

struct item {
	uint64_t address, bytes;
	struct ap_value value;
};

struct instances {
	struct ap_text constructor;
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
	c->failed = !ap_vec_push(c->ctx->arena, &in->items, (struct item){.address = address, .bytes = bytes});
	return !c->failed;
}

/* The groups that a word names: an address, or a constructor; prototypes are no instances. */
static struct ap_err *want(struct ap_ctx *ctx, struct ap_heap *heap, const struct ap_heap_group *groups,
			   size_t n, struct instances *in, bool *wanted)
{
	const char *word = ctx->args.words[0];
	uint64_t address;
	size_t group, found = 0;

	for (size_t i = 0; i < n; i++) {
		wanted[i] = ap_text_is(groups[i].constructor, word) && !groups[i].prototype_of.s;
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
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there are no objects of \"%s\"", word),
			   "`objects` lists what there is");
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct instances *in = ap_alloc(ctx->arena, sizeof(*in));
	const struct ap_heap_group *groups;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct collect c = {.ctx = ctx, .instances = in};
	struct ap_err *err;
	size_t n;

	if (!in)
		return &ap_err_nomem;
	if (ctx->args.n_words != 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "give one constructor, or the address of an object"),
				   "`objects` lists what there is");
	in->offset = ctx->args.number[OPT_OFFSET];
	in->limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT]
		    : ctx->dialect == AP_PLAIN && !ctx->json ? DEFAULT_LIMIT : 0;
	AP_TRY(ap_require_groups(ctx, &heap, &groups, &n));
	bool *wanted = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	AP_TRY(want(ctx, heap, groups, n, in, wanted));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_each(heap, &watch, wanted, on_object, &c);
	if (err)
		return err;
	if (c.failed)
		return &ap_err_nomem;
	for (size_t i = 0; i < in->items.n; i++)
		AP_TRY(ctx->model->ops->describe(ctx->model, in->items.at[i].address + 1, ctx->arena,
						 &in->items.at[i].value));
	*ret_data = in;
	return NULL;
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
		ap_out_s(ctx->out, "\n");
	}
	ap_out_f(ctx->out, "%" PRIu64 " objects, %" PRIu64 " bytes", in->total, in->bytes);
	if (shown < in->total)
		ap_out_f(ctx->out, "; -o %" PRIu64 " shows the next", shown);
	ap_out_s(ctx->out, "\n");
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct instances *in = p;

	for (size_t i = 0; i < in->items.n; i++) {
		ap_llnode_value(ctx, &in->items.at[i].value, 16);
		ap_out_s(ctx->out, "\n");
	}
	if (in->offset + in->items.n < in->total)
		ap_out_f(ctx->out, "..........\n(Showing %" PRIu64 " to %" PRIu64 " of %" PRIu64 " instances)\n",
			 in->offset + 1, in->offset + in->items.n, in->total);
}

const struct ap_cmd ap_cmd_instances = {
	.names = {[AP_PLAIN] = "instances", [AP_LLNODE] = "findjsinstances"},
	.group = AP_GROUP_MEMORY,
	.summary = "the objects of a constructor",
	.synopsis = {[AP_PLAIN] = "[-n N] [-o N] NAME|ADDR", [AP_LLNODE] = "[-n N] [-o N] NAME"},
	.help = "NAME is what `objects` shows: a constructor, or a category such as \"(string)\". With an "
		"address: all objects of the same constructor and shape. Dead objects that were not yet "
		"collected are included; prototypes are not.",
	.options = options,
	.example = "instances Object",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_LLNODE] = text_llnode},
};
