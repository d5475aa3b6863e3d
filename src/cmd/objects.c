/* objects = ::findjsobjects = v8 findjsobjects: everything in the heap, by constructor and shape.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/objects_parts.h"

static const struct ap_option options[] = {
	[OPT_CONSTRUCTOR] = {'c', "constructor", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB,
			     "constructor", "only objects of this constructor"},
	[OPT_PROPERTY] = {'p', "property", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "property",
			  "only objects with this property"},
	[OPT_KIND] =
		{'k', "kind", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "kind",
		 "only this kind: object, closure, string, array, context, code, dict, props ..."},
	[OPT_LIST] = {'l', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		      "every object of the address's group; without one every representative"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "also the dead objects that were not yet collected, in rows of their own"},
	[OPT_INTERNAL] = {'i', "internal", AP_OPTION_FLAG, AP_IN_PLAIN | AP_IN_MDB, NULL,
			  "also the engine's own objects (in mdb strings and arrays, too)"},
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N",
		       "rows (default 40, 0: all)"},
	[OPT_DETAILED] = {'d', "detailed", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
			  "a row per shape, with a sample object"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "statistics of the walk"},
	[OPT_MARK] = {'m', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		      "mark the object for a later -r; with -l all of its group"},
	[OPT_REFERRERS] =
		{'r', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		 "who refers to the object, and to what was marked; with -l to all of its group"},
	[OPT_BRK] = {'b', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		     "for old scripts: all pages of V8's heap are looked at, wherever they lie"},
	{0},
};

static uint64_t total_of(const struct ap_heap_group *g)
{
	return g->self_bytes + g->elements_bytes + g->properties_bytes + g->backing_bytes;
}

/* Biggest first; the address makes it one order for all runs. */
static int by_bytes(const void *a, const void *b)
{
	const struct ap_heap_group *const *x = a, *const *y = b;
	uint64_t p = total_of(*x), q = total_of(*y);

	if (p != q)
		return p > q ? -1 : 1;
	return (*x)->representative < (*y)->representative ? -1 : 1;
}

/* mdb_v8's order, biggest last. */
static int by_weight(const void *a, const void *b)
{
	const struct ap_heap_group *x = *(const struct ap_heap_group *const *)a;
	const struct ap_heap_group *y = *(const struct ap_heap_group *const *)b;
	uint64_t p = x->count * x->all_properties, q = y->count * y->all_properties;

	if (p != q)
		return p < q ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	if (x->all_properties != y->all_properties)
		return x->all_properties < y->all_properties ? -1 : 1;
	return x->representative < y->representative ? -1 : 1;
}

struct collect {
	struct ap_ctx *ctx;
	struct ap_objects_answer *objects;
	bool failed;
};

static bool on_instance(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct collect *c = p;

	(void)bytes;
	(void)group;
	c->failed = !ap_vec_push(c->ctx->arena, &c->objects->addresses, address);
	return !c->failed;
}

static struct ap_err *list_group(struct ap_ctx *ctx, struct ap_heap *heap, size_t group, size_t n,
				 struct ap_objects_answer *o)
{
	bool *wanted = ap_alloc_array(ctx->arena, n, sizeof(*wanted));
	struct collect c = {.ctx = ctx, .objects = o};
	struct ap_heap_watch watch;

	if (!wanted)
		return &ap_err_nomem;
	wanted[group] = true;
	ap_heap_watch(ctx, &watch);
	AP_TRY(ap_heap_each(heap, &watch, wanted, on_instance, &c));
	return c.failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_require_groups(struct ap_ctx *ctx, bool dead, struct ap_heap **ret_heap,
				 const struct ap_heap_group **ret_groups, size_t *ret_n)
{
	struct ap_heap_watch watch;
	struct ap_err *err;

	AP_TRY(ap_require_heap(ctx, ret_heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_groups(*ret_heap, &watch, dead, ret_groups, ret_n);
	ap_heap_watch_end(ctx);
	return err;
}

/* An address of mdb's: the group's objects, or with a filter its representative. */
static struct ap_err *with_address(struct ap_ctx *ctx, struct ap_heap *heap,
				   const struct ap_heap_group *groups, size_t n,
				   struct ap_objects_answer *o)
{
	size_t group;

	o->list = true;
	if (!ap_heap_group_of(heap, ctx->address & ~3ull, &group))
		return ap_err_new(AP_E_NOTFOUND, "%" PRIx64 " is not a valid object", ctx->address);
	if (ap_objects_filtered(ctx)) {
		if (ap_objects_passes(ctx, &groups[group]) &&
		    !ap_vec_push(ctx->arena, &o->addresses, groups[group].representative))
			return &ap_err_nomem;
		return NULL;
	}
	return list_group(ctx, heap, group, n, o);
}

/* -m and -r: of the object at the address, with -l of all of its group. */
static struct ap_err *mark(struct ap_ctx *ctx, struct ap_heap *heap, size_t n,
			   struct ap_objects_answer *o)
{
	bool is_mark = ctx->args.given[OPT_MARK];
	size_t group;

	if (is_mark && ctx->args.given[OPT_REFERRERS])
		return ap_err_new(AP_E_USAGE, "only one of -m and -r may be given");
	if (ap_objects_filtered(ctx))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "-m and -r take no filter"),
				   "pipe instead: ::findjsobjects -c NAME | ::findjsobjects -lr");
	if (!ctx->has_address && (is_mark || ctx->args.given[OPT_LIST]))
		return ap_err_new(AP_E_USAGE,
				  "-m needs the address of an object, and so does -l with -r");
	if (ctx->has_address) {
		uint64_t address = ctx->address & ~3ull;

		if (!ap_heap_group_of(heap, address, &group))
			return ap_err_new(AP_E_NOTFOUND, "%" PRIx64 " is not a valid object",
					  ctx->address);
		if (ctx->args.given[OPT_LIST])
			AP_TRY(list_group(ctx, heap, group, n, o));
		else if (!ap_vec_push(ctx->arena, &o->addresses, address))
			return &ap_err_nomem;
	}
	o->marking = true;
	return ap_marks_data(ctx, heap, is_mark, o->addresses.at, o->addresses.n, &o->marks);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_objects_answer *o = ap_alloc(ctx->arena, sizeof(*o));
	const struct ap_heap_group *groups;
	struct ap_heap *heap;
	size_t n;

	if (!o)
		return &ap_err_nomem;
	if (ctx->args.given[OPT_CONSTRUCTOR] && ctx->args.given[OPT_PROPERTY] &&
	    ctx->dialect == AP_MDB)
		return ap_err_new(AP_E_USAGE, "only one of -c and -p may be given");
	bool all = ctx->args.given[OPT_ALL];
	if (ctx->args.given[OPT_KIND])
		AP_TRY(ap_objects_check_kind(ctx->args.text[OPT_KIND]));
	bool marking = ctx->args.given[OPT_MARK] || ctx->args.given[OPT_REFERRERS];
	if (ctx->args.given[OPT_LIST] && ap_objects_filtered(ctx) && !ctx->has_address && !marking)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "-l takes no filter without an address"),
				   "pipe instead: ::findjsobjects -c NAME | ::findjsobjects");
	AP_TRY(ap_require_groups(ctx, all, &heap, &groups, &n));
	/* The address may be of a dead one. */
	if (ctx->has_address && !all && ap_heap_is_live(heap, ctx->address & ~3ull) == AP_LIVE_NO)
		AP_TRY(ap_require_groups(ctx, true, &heap, &groups, &n));
	ap_heap_summary(heap, &o->summary);
	ap_heap_liveness(heap, &o->liveness);
	*ret_data = o;
	if (marking)
		return mark(ctx, heap, n, o);
	if (ctx->dialect == AP_MDB && ctx->has_address)
		return with_address(ctx, heap, groups, n, o);
	o->representatives =
		ctx->dialect == AP_MDB && (ap_objects_filtered(ctx) || ctx->args.given[OPT_LIST]);
	for (size_t i = 0; i < n; i++) {
		if (!groups[i].count || (groups[i].live == AP_LIVE_NO && !all) ||
		    !ap_objects_passes(ctx, &groups[i]))
			continue;
		if (ap_objects_hidden(ctx, &groups[i])) {
			o->hidden_groups++;
			o->hidden_count += groups[i].count;
			o->hidden_bytes += groups[i].self_bytes;
			continue;
		}
		if (!ap_vec_push(ctx->arena, &o->groups, &groups[i]))
			return &ap_err_nomem;
	}
	if (o->groups.n)
		qsort(o->groups.at, o->groups.n, sizeof(o->groups.at[0]),
		      ctx->dialect == AP_MDB ? by_weight : by_bytes);
	return NULL;
}

const struct ap_cmd ap_cmd_objects = {
	.names =
		{[AP_PLAIN] = "objects", [AP_MDB] = "findjsobjects", [AP_LLNODE] = "findjsobjects"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "what is in the heap, by constructor and shape",
	.synopsis = {[AP_PLAIN] = "[-ai] [-n N] [-c NAME | -p PROP | -k KIND] [NAME]"},
	.help = "Every object of the heap belongs to one row: objects of one constructor with the same "
		"properties, strings, closures, arrays and the rest by kind. Sizes are the real ones: the "
		"objects themselves, and what they own, in columns of its own. Shown are live objects: what "
		"V8's roots lead to. -a adds rows for the dead ones that were not yet collected. Where it cannot "
		"be known what lives (parts of the heap are missing, V8's roots were not found), all are "
		"shown and the first line says so. `instances NAME` lists the objects of a constructor.\n\n"
		"-k: object, closure, string, number, bigint, symbol, array, context, code, shape, internal, "
		"prototype; or objects by how they keep properties: dict (a hash table), inobject, props "
		"(outside of the object), numeric (elements).\n\n"
		"In mdb, ADDR::findjsobjects lists all objects like the one at ADDR; with -c, -p or -k it "
		"prints a representative if the object passes, so that filters can be piped: "
		"::findjsobjects -c Dog | ::findjsobjects -p name | ::findjsobjects | ::jsprint. "
		"ADDR::findjsobjects -m marks objects; -r then names everything that refers to one of "
		"them, closure variables and entries of collections among it.",
	.options = options,
	.example = "objects",
	.needs_model = true,
	.data = data,
	.json = ap_objects_json,
	.text = {[AP_PLAIN] = ap_objects_text,
		 [AP_MDB] = ap_objects_text_mdb,
		 [AP_LLNODE] = ap_objects_text_llnode},
};
