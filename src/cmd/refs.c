/* refs ADDR = ::jsfindrefs = v8 findrefs: everything that holds a value, and by what name. */
#include "cmd/objects.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cmd/refs_tree.h"
#include "cmd/values.h"

enum {
	OPT_LIMIT,
	OPT_OFFSET,
	OPT_INTERNAL,
	OPT_VERBOSE,
	OPT_VALUE,
	OPT_NAME,
	OPT_STRING,
	OPT_RECURSIVE,
	OPT_DEPTH,
	OPT_PLACES,
	OPT_ALL
};

enum {
	DEFAULT_LIMIT = 100,
	MAX_OBJECT_BYTES = 255 * 8, /* an object that is no store has its size in its map, in words
				       of a byte */
	DEFAULT_PADDING = 2,
};

static const struct ap_option options[] = {
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N",
		       "at most so many (default 100, 0: all)"},
	[OPT_OFFSET] = {'o', "offset", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "leave out the first N"},
	[OPT_INTERNAL] = {'i', "internal", AP_OPTION_FLAG, AP_IN_PLAIN, NULL,
			  "also the engine's own structures"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "with the type of the holder"},
	[OPT_VALUE] = {'v', "value", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
		       "references to the value (the default)"},
	[OPT_NAME] = {'n', "name", AP_OPTION_TEXT, AP_IN_LLNODE, "NAME",
		      "objects with a property of that name"},
	[OPT_STRING] = {'s', "string", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_LLNODE, "TEXT",
			"references to every string with that text"},
	[OPT_RECURSIVE] = {'r', "recursive", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_LLNODE, NULL,
			   "also who holds the holders, and so on"},
	[OPT_DEPTH] = {'l', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "maxdepth",
		       "with 1 only what holds it itself, not through a store of its own"},
	[OPT_PLACES] = {'d', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			"where each reference was found, and how many steps away"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "also by dead objects that were not yet collected"},
	{0},
};

struct row {
	struct ap_heap_ref ref;
	int depth;
	struct ap_value holder;
};

struct refs {
	uint64_t address, total, offset;
	uint64_t shown; /* words looked at: rows and internal ones */
	uint64_t dead;  /* words of dead objects, left out */
	struct ap_heap_liveness liveness;
	bool by_name; /* -n: `name` */
	bool by_text; /* -s */
	bool recursive, cut;
	struct ap_text name;
	AP_VEC(struct row) rows;
	/* mdb: the functions that see the value by a variable of theirs; mdb_v8 printed these. */
	AP_VEC(struct row) closures;
};

static struct ap_err *add(struct ap_ctx *ctx, struct refs *d, const struct ap_heap_ref *ref,
			  int depth)
{
	struct row row = {.ref = *ref, .depth = depth};

	AP_TRY(ctx->model->ops->describe(ctx->model, ref->holder + 1, ctx->arena, &row.holder));
	return ap_vec_push(ctx->arena, &d->rows, row) ? NULL : &ap_err_nomem;
}

enum { MAX_CONTEXTS = 16 };

/* Each context is a search of its own. */
static struct ap_err *find_closures(struct ap_ctx *ctx, struct ap_heap *heap, struct refs *d)
{
	struct ap_heap_watch watch;
	size_t searched = 0;

	ap_heap_watch(ctx, &watch);
	for (size_t i = 0; i < d->rows.n && searched < MAX_CONTEXTS; i++) {
		struct ap_heap_refs refs;

		if (d->rows.at[i].ref.kind != AP_REF_VARIABLE)
			continue;
		searched++;
		AP_TRY(ap_heap_refs(heap, &watch, d->rows.at[i].ref.holder, 0, 0,
				    ctx->args.given[OPT_ALL], ctx->arena, &refs));
		for (size_t k = 0; k < refs.n; k++) {
			struct row row = {.ref = refs.refs[k]};

			AP_TRY(ctx->model->ops->describe(ctx->model, row.ref.holder + 1, ctx->arena,
							 &row.holder));
			if ((row.holder.type == AP_T_FUNCTION || row.holder.type == AP_T_CLASS) &&
			    !ap_vec_push(ctx->arena, &d->closures, row))
				return &ap_err_nomem;
		}
	}
	ap_heap_watch_end(ctx);
	return NULL;
}

struct collect {
	struct ap_ctx *ctx;
	const struct ap_heap *heap;
	struct refs *refs;
	struct ap_err *err;
};

static bool on_named(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct collect *c = p;
	const struct ap_heap_ref ref = {.holder = address,
					.kind = AP_REF_PROPERTY,
					.name = c->refs->name,
					.live = ap_heap_is_live(c->heap, address)};

	(void)bytes;
	(void)group;
	c->refs->total++;
	c->err = add(c->ctx, c->refs, &ref, 0);
	return !c->err;
}

/* llnode's -n: every object with a property of that name. */
static struct ap_err *by_name(struct ap_ctx *ctx, struct refs *d)
{
	const struct ap_heap_group *groups;
	struct collect c = {.ctx = ctx, .refs = d};
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	bool all = ctx->args.given[OPT_ALL];
	size_t n;

	d->by_name = true;
	d->name = ap_text_of(ctx->args.text[OPT_NAME]);
	AP_TRY(ap_require_groups(ctx, all, &heap, &groups, &n));
	ap_heap_liveness(heap, &d->liveness);
	c.heap = heap;
	bool *wanted = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; (all || groups[i].live != AP_LIVE_NO) &&
				   k < groups[i].n_properties && !wanted[i];
		     k++)
			wanted[i] = ap_text_eq(groups[i].properties[k], d->name);
	}
	ap_heap_watch(ctx, &watch);
	AP_TRY(ap_heap_each(heap, &watch, wanted, on_named, &c));
	return c.err;
}

/* The references to the value, or to all strings with the text of -s. */
static struct ap_err *find(struct ap_ctx *ctx, struct ap_heap *heap, uint64_t limit, struct refs *d,
			   struct ap_heap_refs *ret)
{
	const uint64_t *strings;
	struct ap_heap_watch watch;
	struct ap_err *err;
	bool all = ctx->args.given[OPT_ALL];
	size_t n;

	ap_heap_watch(ctx, &watch);
	if (!d->by_text) {
		err = ap_heap_refs(heap, &watch, d->address, d->offset, limit, all, ctx->arena,
				   ret);
		ap_heap_watch_end(ctx);
		return err;
	}
	err = ap_heap_strings_equal(heap, &watch, ap_text_of(ctx->args.text[OPT_STRING]), all,
				    ctx->arena, &strings, &n);
	if (!err && !n)
		err = ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no string \"%s\"",
					     ctx->args.text[OPT_STRING]),
				  "the whole text is meant: `strings -g REGEX` finds parts");
	if (!err)
		err = ap_heap_refs_to(heap, &watch, strings, n, all, ctx->arena, ret);
	ap_heap_watch_end(ctx);
	return err;
}

/* 1: in the holder itself; 2: in elements, a dictionary or another store of its own. */
static int steps(const struct ap_heap_ref *ref)
{
	return ref->slot < ref->holder || ref->slot - ref->holder > MAX_OBJECT_BYTES ? 2 : 1;
}

static bool is_shown(const struct ap_ctx *ctx, const struct ap_heap_ref *ref)
{
	if (ctx->dialect == AP_MDB && ctx->args.given[OPT_DEPTH] &&
	    ctx->args.number[OPT_DEPTH] < (uint64_t)steps(ref))
		return false;
	return ref->kind != AP_REF_INTERNAL || ctx->args.given[OPT_INTERNAL];
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct refs *d = ap_alloc(ctx->arena, sizeof(*d));
	struct ap_refs_tree tree = {0};
	struct ap_heap_refs refs;
	struct ap_value value;
	struct ap_heap *heap;
	uint64_t limit;

	if (!d)
		return &ap_err_nomem;
	*ret_data = d;
	if (ctx->args.given[OPT_NAME])
		return by_name(ctx, d);
	d->by_text = ctx->args.given[OPT_STRING];
	d->recursive = ctx->args.given[OPT_RECURSIVE];
	if (!d->by_text) {
		AP_TRY(ap_ctx_required_value(ctx, &value));
		if (!value.has_address)
			return ap_err_hint(
				ap_err_new(
					AP_E_TYPE,
					"this value has no address: small integers stand in many places"),
				"give an object, a string or a heap number");
		d->address = value.address;
	}
	AP_TRY(ap_require_heap(ctx, &heap));
	limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT]
		: ctx->dialect == AP_PLAIN && !d->by_text && !d->recursive ? DEFAULT_LIMIT
									   : 0;
	d->offset = ctx->args.number[OPT_OFFSET];
	AP_TRY(find(ctx, heap, limit, d, &refs));
	ap_heap_liveness(heap, &d->liveness);
	d->total = refs.total;
	d->dead = refs.dead;
	d->shown = refs.n;
	if (d->recursive) {
		AP_TRY(ap_refs_tree(ctx, heap, refs.refs, refs.n, ctx->args.given[OPT_ALL], &tree));
		d->cut = tree.cut;
		for (size_t i = 0; i < tree.nodes.n; i++)
			AP_TRY(add(ctx, d, &tree.nodes.at[i].ref, tree.nodes.at[i].depth));
		return NULL;
	}
	for (size_t i = 0; i < refs.n; i++) {
		if (is_shown(ctx, &refs.refs[i]))
			AP_TRY(add(ctx, d, &refs.refs[i], 0));
	}
	/* A step further, unless -l 1 forbids it. */
	if (ctx->dialect == AP_MDB && !ctx->json &&
	    !(ctx->args.given[OPT_DEPTH] && ctx->args.number[OPT_DEPTH] <= 1))
		AP_TRY(find_closures(ctx, heap, d));
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct refs *d = p;

	ap_json_object(j, "data");
	if (d->by_name || d->by_text)
		ap_json_null(j, "address");
	else
		ap_json_addr(j, "address", d->address);
	ap_json_uint(j, "total", d->total);
	ap_json_uint(j, "offset", d->offset);
	ap_json_uint(j, "internal", d->by_name || d->recursive ? 0 : d->shown - d->rows.n);
	ap_json_uint(j, "dead", d->dead);
	ap_json_array(j, "refs");
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "kind", ap_ref_kind_name(r->ref.kind));
		ap_json_text(j, "name", r->ref.name);
		ap_json_bool(j, "weak", r->ref.weak);
		ap_json_live(j, r->ref.live);
		if (d->by_name)
			ap_json_null(j, "target");
		else
			ap_json_addr(j, "target", r->ref.target);
		ap_json_uint(j, "depth", (uint64_t)r->depth);
		ap_json_value(ctx, j, "holder", &r->holder);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

/* ".title", "[3]", "variable total", "key" */
static void print_name(struct ap_ctx *ctx, const struct ap_heap_ref *ref)
{
	const char *before = ref->kind == AP_REF_PROPERTY && ref->name.n && ref->name.s[0] != '['
				     ? "."
			     : ref->kind == AP_REF_ELEMENT  ? "["
			     : ref->kind == AP_REF_VARIABLE ? "variable "
			     : ref->kind == AP_REF_BOUND    ? "bound "
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

		ap_out_f(ctx->out, "%*s", 2 * r->depth, "");
		ap_out_styled(ctx->out, AP_STYLE_DIM, "0x%" PRIx64 "  ", r->ref.holder);
		print_name(ctx, &r->ref);
		ap_out_s(ctx->out, "  of ");
		ap_out_preview(ctx, &r->holder);
		ap_out_s(ctx->out, r->ref.live == AP_LIVE_NO ? "  (dead)\n" : "\n");
	}
	ap_out_f(ctx->out, "%" PRIu64 " reference%s%s", d->total, d->total == 1 ? "" : "s",
		 d->liveness.known ? "" : " (by dead or live objects)");
	if (d->recursive && d->rows.n)
		ap_out_f(ctx->out, ", %zu with those of the holders%s", d->rows.n,
			 d->cut ? "; there are more" : "");
	if (d->dead)
		ap_out_f(ctx->out, "; %" PRIu64 " by dead objects %s left out: -a shows %s",
			 d->dead, d->dead == 1 ? "is" : "are", d->dead == 1 ? "it" : "them");
	if (d->recursive) {
		ap_out_s(ctx->out, "\n");
		return;
	}
	if (d->shown > d->rows.n)
		ap_out_f(ctx->out, "; %" PRIu64 " of the engine's own are left out: -i shows them",
			 d->shown - d->rows.n);
	if (d->offset + d->shown < d->total)
		ap_out_f(ctx->out, "; -o %" PRIu64 " shows the next", d->offset + d->shown);
	ap_out_s(ctx->out, "\n");
}

static void line_mdb(struct ap_ctx *ctx, const struct row *r)
{
	if (ctx->args.given[OPT_PLACES])
		ap_out_f(ctx->out, "depth %d: %" PRIx64 ": found reference at %" PRIx64 ": ",
			 steps(&r->ref), r->ref.target + 1, r->ref.slot);
	ap_out_f(ctx->out, "%" PRIx64, r->ref.holder + 1);
	if (ctx->args.given[OPT_VERBOSE]) {
		ap_out_s(ctx->out, " (type: ");
		ap_mdb_type(ctx, &r->holder);
		ap_out_s(ctx->out, ")");
	}
	ap_out_s(ctx->out, "\n");
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct refs *d = p;

	for (size_t i = 0; i < d->rows.n; i++)
		line_mdb(ctx, &d->rows.at[i]);
	for (size_t i = 0; i < d->closures.n; i++)
		line_mdb(ctx, &d->closures.at[i]);
}

/* -s shows the text as well; -r indents each step by the setting tree-padding. */
static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct refs *d = p;
	const char *setting = ap_session_setting(ctx->session, "tree-padding");
	int padding = setting ? atoi(setting) : DEFAULT_PADDING;

	for (size_t i = 0; i < d->rows.n; i++) {
		const struct row *r = &d->rows.at[i];
		bool element = r->ref.kind == AP_REF_ELEMENT;

		ap_out_f(ctx->out, "%*s%s0x%" PRIx64 ": ", padding * (r->depth ? r->depth - 1 : 0),
			 "", r->depth ? "+ " : "", r->ref.holder + 1);
		ap_out_text(ctx->out, r->holder.constructor.s
					      ? r->holder.constructor
					      : ap_text_of(ap_type_name(r->holder.type)));
		ap_out_s(ctx->out, element ? "[" : ".");
		ap_out_text(ctx->out, r->ref.name);
		ap_out_s(ctx->out, element ? "]" : "");
		if (!d->by_name)
			ap_out_f(ctx->out, "=0x%" PRIx64, r->ref.target + 1);
		if (d->by_text && !r->depth) {
			ap_out_s(ctx->out, " '");
			ap_out_text(ctx->out, ap_text_of(ctx->args.text[OPT_STRING]));
			ap_out_s(ctx->out, "'");
		}
		ap_out_s(ctx->out, "\n");
	}
	if (d->cut)
		ap_out_f(ctx->out, "... and more: the tree is cut at %d references\n",
			 AP_MAX_TREE_NODES);
}

const struct ap_cmd ap_cmd_refs = {
	.names = {[AP_PLAIN] = "refs", [AP_MDB] = "jsfindrefs", [AP_LLNODE] = "findrefs"},
	.group = AP_GROUP_ALIVE,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "who holds a value, and by what name",
	.synopsis = {[AP_PLAIN] = "[-air] [-n N] [-o N] VALUE | [-ar] -s TEXT",
		     [AP_LLNODE] = "[-ar] [-v] VALUE | [-a] -n NAME | [-ar] -s TEXT"},
	.help = "Every object, closure variable, collection entry, bound argument and string that holds the "
		"value. The words of the whole heap are read; dead objects that were not yet collected hold "
		"nothing, -a adds them. Weak references, which keep nothing alive, are marked. -s asks for every string "
		"with that text, -r for the holders of the holders as well, each object once; `why` shows "
		"the one way to a root.",
	.options = options,
	.example = "refs error",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
