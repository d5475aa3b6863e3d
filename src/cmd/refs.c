/* refs ADDR = ::jsfindrefs = v8 findrefs: everything that holds a value, and by what name. */
#include "cmd/objects.h"

#include <inttypes.h>

#include "cmd/values.h"

enum { OPT_LIMIT, OPT_OFFSET, OPT_INTERNAL, OPT_VERBOSE, OPT_VALUE, OPT_NAME };

enum { DEFAULT_LIMIT = 100 };

static const struct ap_option options[] = {
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "at most so many (default 100, 0: all)"},
	[OPT_OFFSET] = {'o', "offset", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "leave out the first N"},
	[OPT_INTERNAL] = {'i', "internal", AP_OPTION_FLAG, AP_IN_PLAIN, NULL,
			  "also the engine's own structures"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "with the type of the holder"},
	[OPT_VALUE] = {'v', "value", AP_OPTION_FLAG, AP_IN_LLNODE, NULL, "references to the value (the default)"},
	[OPT_NAME] = {'n', "name", AP_OPTION_TEXT, AP_IN_LLNODE, "NAME", "objects with a property of that name"},
	{0},
};

struct row {
	struct ap_heap_ref ref;
	struct ap_value holder;
};

struct refs {
	uint64_t address, total, offset;
	uint64_t shown; /* words looked at: rows and internal ones */
	bool by_name;
	struct ap_text name;
	AP_VEC(struct row) rows;
};

static struct ap_err *add(struct ap_ctx *ctx, struct refs *d, const struct ap_heap_ref *ref)
{
	struct row row = {.ref = *ref};

	AP_TRY(ctx->model->ops->describe(ctx->model, ref->holder + 1, ctx->arena, &row.holder));
	return ap_vec_push(ctx->arena, &d->rows, row) ? NULL : &ap_err_nomem;
}

struct collect {
	struct ap_ctx *ctx;
	struct refs *refs;
	struct ap_err *err;
};

static bool on_named(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct collect *c = p;
	const struct ap_heap_ref ref = {.holder = address, .kind = AP_REF_PROPERTY, .name = c->refs->name};

	(void)bytes;
	(void)group;
	c->refs->total++;
	c->err = add(c->ctx, c->refs, &ref);
	return !c->err;
}

/* llnode's -n: every object with a property of that name. */
static struct ap_err *by_name(struct ap_ctx *ctx, struct refs *d)
{
	const struct ap_heap_group *groups;
	struct collect c = {.ctx = ctx, .refs = d};
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	size_t n;

	d->by_name = true;
	d->name = ap_text_of(ctx->args.text[OPT_NAME]);
	AP_TRY(ap_require_groups(ctx, &heap, &groups, &n));
	bool *wanted = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < groups[i].n_properties && !wanted[i]; k++)
			wanted[i] = ap_text_eq(groups[i].properties[k], d->name);
	}
	ap_heap_watch(ctx, &watch);
	AP_TRY(ap_heap_each(heap, &watch, wanted, on_named, &c));
	return c.err;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct refs *d = ap_alloc(ctx->arena, sizeof(*d));
	struct ap_heap_watch watch;
	struct ap_heap_refs refs;
	struct ap_value value;
	struct ap_heap *heap;
	struct ap_err *err;
	uint64_t limit;

	if (!d)
		return &ap_err_nomem;
	*ret_data = d;
	if (ctx->args.given[OPT_NAME])
		return by_name(ctx, d);
	AP_TRY(ap_ctx_required_value(ctx, &value));
	if (!value.has_address)
		return ap_err_hint(ap_err_new(AP_E_TYPE, "this value has no address: small integers stand in many places"),
				   "give an object, a string or a heap number");
	AP_TRY(ap_require_heap(ctx, &heap));
	limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : ctx->dialect == AP_PLAIN ? DEFAULT_LIMIT : 0;
	d->offset = ctx->args.number[OPT_OFFSET];
	d->address = value.address;
	ap_heap_watch(ctx, &watch);
	err = ap_heap_refs(heap, &watch, value.address, d->offset, limit, ctx->arena, &refs);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	d->total = refs.total;
	d->shown = refs.n;
	for (size_t i = 0; i < refs.n; i++) {
		if (refs.refs[i].kind != AP_REF_INTERNAL || ctx->args.given[OPT_INTERNAL])
			AP_TRY(add(ctx, d, &refs.refs[i]));
	}
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct refs *d = p;

	ap_json_object(j, "data");
	if (d->by_name)
		ap_json_null(j, "address");
	else
		ap_json_addr(j, "address", d->address);
	ap_json_uint(j, "total", d->total);
	ap_json_uint(j, "offset", d->offset);
	ap_json_uint(j, "internal", d->by_name ? 0 : d->shown - d->rows.n);
	ap_json_array(j, "refs");
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_ref_kind_name(r->ref.kind));
		ap_json_text(j, "name", r->ref.name);
		ap_json_bool(j, "weak", r->ref.weak);
		ap_json_value(ctx, j, "holder", &r->holder);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

/* ".title", "[3]", "variable total", "key" */
static void print_name(struct ap_ctx *ctx, const struct ap_heap_ref *ref)
{
	const char *before = ref->kind == AP_REF_PROPERTY && ref->name.n && ref->name.s[0] != '[' ? "."
			     : ref->kind == AP_REF_ELEMENT				       ? "["
			     : ref->kind == AP_REF_VARIABLE				       ? "variable "
			     : ref->kind == AP_REF_BOUND				       ? "bound "
										       : "";

	ap_out_s(ctx->out, before);
	ap_out_styled_text(ctx->out, AP_STYLE_NAME, ref->name);
	if (ref->kind == AP_REF_ELEMENT)
		ap_out_s(ctx->out, "]");
	if (ref->weak)
		ap_out_s(ctx->out, " (weak)");
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct refs *d = p;

	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];

		ap_out_styled(ctx->out, AP_STYLE_DIM, "0x%" PRIx64 "  ", r->ref.holder);
		print_name(ctx, &r->ref);
		ap_out_s(ctx->out, "  of ");
		ap_out_preview(ctx, &r->holder);
		ap_out_s(ctx->out, "\n");
	}
	ap_out_f(ctx->out, "%" PRIu64 " reference%s", d->total, d->total == 1 ? "" : "s");
	if (d->shown > d->rows.n)
		ap_out_f(ctx->out, "; %" PRIu64 " of the engine's own are left out: -i shows them", d->shown - d->rows.n);
	if (d->offset + d->shown < d->total)
		ap_out_f(ctx->out, "; -o %" PRIu64 " shows the next", d->offset + d->shown);
	ap_out_s(ctx->out, "\n");
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct refs *d = p;

	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];

		ap_out_f(ctx->out, "%" PRIx64, r->ref.holder + 1);
		if (ctx->args.given[OPT_VERBOSE]) {
			ap_out_s(ctx->out, " (type: ");
			ap_mdb_type(ctx, &r->holder);
			ap_out_s(ctx->out, ")");
		}
		ap_out_s(ctx->out, "\n");
	}
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct refs *d = p;

	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];
		bool element = r->ref.kind == AP_REF_ELEMENT;

		ap_out_f(ctx->out, "0x%" PRIx64 ": ", r->ref.holder + 1);
		ap_out_text(ctx->out, r->holder.constructor.s ? r->holder.constructor
							      : ap_text_of(ap_type_name(r->holder.type)));
		ap_out_s(ctx->out, element ? "[" : ".");
		ap_out_text(ctx->out, r->ref.name);
		ap_out_s(ctx->out, element ? "]" : "");
		if (!d->by_name)
			ap_out_f(ctx->out, "=0x%" PRIx64, d->address + 1);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_refs = {
	.names = {[AP_PLAIN] = "refs", [AP_MDB] = "jsfindrefs", [AP_LLNODE] = "findrefs"},
	.group = AP_GROUP_ALIVE,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "who holds a value, and by what name",
	.synopsis = {[AP_PLAIN] = "[-i] [-n N] [-o N] VALUE", [AP_LLNODE] = "[-v] VALUE | -n NAME"},
	.help = "Every object, closure variable, collection entry, bound argument and string that holds the "
		"value. The words of the whole heap are read; holders may be dead objects that were not yet "
		"collected. Weak references, which keep nothing alive, are marked.",
	.options = options,
	.example = "refs error",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
