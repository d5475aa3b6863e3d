/* objects = ::findjsobjects = v8 findjsobjects: everything in the heap, by constructor and shape. */
#include "cmd/objects.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/number.h"
#include "cmd/values.h"

enum { OPT_CONSTRUCTOR, OPT_PROPERTY, OPT_KIND, OPT_LIST, OPT_ALL, OPT_INTERNAL, OPT_LIMIT, OPT_DETAILED, OPT_VERBOSE };

enum { DEFAULT_ROWS = 40 };

static const struct ap_option options[] = {
	[OPT_CONSTRUCTOR] = {'c', "constructor", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "constructor",
			     "only objects of this constructor"},
	[OPT_PROPERTY] = {'p', "property", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "property",
			  "only objects with this property"},
	[OPT_KIND] = {'k', "kind", AP_OPTION_TEXT, AP_IN_PLAIN | AP_IN_MDB, "kind",
		      "only this kind: object, closure, string, array, context, code, dict ..."},
	[OPT_LIST] = {'l', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		      "every object of the address's group; without one every representative"},
	[OPT_ALL] = {'a', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "also strings, arrays and V8's own"},
	[OPT_INTERNAL] = {'i', "internal", AP_OPTION_FLAG, AP_IN_PLAIN, NULL,
			  "also rows for the engine's own objects"},
	[OPT_LIMIT] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_PLAIN, "N",
		       "rows (default 40, 0: all)"},
	[OPT_DETAILED] = {'d', "detailed", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
			  "a row per shape, with a sample object"},
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "statistics of the walk"},
	{0},
};

struct row {
	const struct ap_heap_group *group;
	uint64_t count, self, elements, properties, backing;
	char *object;
	struct ap_text constructor;
};

struct objects {
	struct ap_heap_summary summary;
	AP_VEC(const struct ap_heap_group *) groups; /* what the filters leave */
	AP_VEC(uint64_t) addresses;                  /* instances, when they are asked for */
	bool list; /* addresses, not groups */
	bool representatives;
	uint64_t hidden_groups, hidden_count, hidden_bytes;
};

static bool has_property(const struct ap_heap_group *g, const char *name)
{
	for (size_t i = 0; i < g->n_properties; i++) {
		if (ap_text_is(g->properties[i], name))
			return true;
	}
	return false;
}

static bool is_kind(const struct ap_heap_group *g, const char *word)
{
	static const struct {
		const char *word;
		enum ap_heap_kind kind;
	} words[] = {
		{"object", AP_HEAP_OBJECT},	{"closure", AP_HEAP_CLOSURE},
		{"function", AP_HEAP_CLOSURE},	{"string", AP_HEAP_STRING},
		{"string", AP_HEAP_CONS_STRING}, {"string", AP_HEAP_SLICED_STRING},
		{"number", AP_HEAP_NUMBER},	{"bigint", AP_HEAP_BIGINT},
		{"symbol", AP_HEAP_SYMBOL},	{"array", AP_HEAP_ARRAY},
		{"context", AP_HEAP_CONTEXT},	{"code", AP_HEAP_CODE},
		{"shape", AP_HEAP_SHAPE},	{"map", AP_HEAP_SHAPE},
		{"internal", AP_HEAP_INTERNAL},
	};

	if (strcmp(word, "dict") == 0)
		return g->dictionary;
	if (strcmp(word, "prototype") == 0)
		return g->prototype_of.s;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word) == 0 && g->kind == words[i].kind)
			return true;
	}
	return false;
}

static bool is_filtered(const struct ap_ctx *ctx)
{
	return ctx->args.given[OPT_CONSTRUCTOR] || ctx->args.given[OPT_PROPERTY] ||
	       ctx->args.given[OPT_KIND] || (ctx->dialect != AP_MDB && ctx->args.n_words);
}

static bool passes(const struct ap_ctx *ctx, const struct ap_heap_group *g)
{
	const struct ap_args *a = &ctx->args;

	if (a->given[OPT_CONSTRUCTOR] && !ap_text_is(g->constructor, a->text[OPT_CONSTRUCTOR]))
		return false;
	if (a->given[OPT_PROPERTY] && !has_property(g, a->text[OPT_PROPERTY]))
		return false;
	if (a->given[OPT_KIND] && !is_kind(g, a->text[OPT_KIND]))
		return false;
	return ctx->dialect == AP_MDB || !a->n_words || ap_text_is(g->constructor, a->words[0]);
}

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
	struct objects *objects;
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
				 struct objects *o)
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

struct ap_err *ap_require_groups(struct ap_ctx *ctx, struct ap_heap **ret_heap,
				 const struct ap_heap_group **ret_groups, size_t *ret_n)
{
	struct ap_heap_watch watch;
	struct ap_err *err;

	AP_TRY(ap_require_heap(ctx, ret_heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_groups(*ret_heap, &watch, ret_groups, ret_n);
	ap_heap_watch_end(ctx);
	return err;
}

static bool is_hidden(const struct ap_ctx *ctx, const struct ap_heap_group *g)
{
	if (ctx->json || is_filtered(ctx))
		return false;
	if (ctx->dialect == AP_MDB)
		return !ctx->args.given[OPT_ALL] && g->kind != AP_HEAP_OBJECT && g->kind != AP_HEAP_CLOSURE;
	return ctx->dialect == AP_PLAIN && g->internal && !ctx->args.given[OPT_INTERNAL];
}

/* An address of mdb's: the group's objects, or with a filter its representative. */
static struct ap_err *with_address(struct ap_ctx *ctx, struct ap_heap *heap,
				   const struct ap_heap_group *groups, size_t n, struct objects *o)
{
	size_t group;

	o->list = true;
	if (!ap_heap_group_of(heap, ctx->address & ~3ull, &group))
		return ap_err_new(AP_E_NOTFOUND, "%" PRIx64 " is not a valid object", ctx->address);
	if (is_filtered(ctx)) {
		if (passes(ctx, &groups[group]) &&
		    !ap_vec_push(ctx->arena, &o->addresses, groups[group].representative))
			return &ap_err_nomem;
		return NULL;
	}
	return list_group(ctx, heap, group, n, o);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct objects *o = ap_alloc(ctx->arena, sizeof(*o));
	const struct ap_heap_group *groups;
	struct ap_heap *heap;
	size_t n;

	if (!o)
		return &ap_err_nomem;
	if (ctx->args.given[OPT_CONSTRUCTOR] && ctx->args.given[OPT_PROPERTY] && ctx->dialect == AP_MDB)
		return ap_err_new(AP_E_USAGE, "only one of -c and -p may be given");
	if (ctx->args.given[OPT_LIST] && is_filtered(ctx) && !ctx->has_address)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "-l takes no filter without an address"),
				   "pipe instead: ::findjsobjects -c NAME | ::findjsobjects");
	AP_TRY(ap_require_groups(ctx, &heap, &groups, &n));
	ap_heap_summary(heap, &o->summary);
	*ret_data = o;
	if (ctx->dialect == AP_MDB && ctx->has_address)
		return with_address(ctx, heap, groups, n, o);
	o->representatives = ctx->dialect == AP_MDB && (is_filtered(ctx) || ctx->args.given[OPT_LIST]);
	for (size_t i = 0; i < n; i++) {
		if (!groups[i].count || !passes(ctx, &groups[i]))
			continue;
		if (is_hidden(ctx, &groups[i])) {
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

static void json_group(struct ap_json *j, const struct ap_heap_group *g)
{
	ap_json_object(j, NULL);
	ap_json_text(j, "constructor", g->constructor);
	ap_json_array(j, "properties");
	for (size_t i = 0; i < g->n_properties; i++)
		ap_json_text(j, NULL, g->properties[i]);
	ap_json_end_array(j);
	ap_json_uint(j, "count", g->count);
	ap_json_uint(j, "self_bytes", g->self_bytes);
	ap_json_uint(j, "elements_bytes", g->elements_bytes);
	ap_json_uint(j, "properties_bytes", g->properties_bytes);
	ap_json_uint(j, "backing_bytes", g->backing_bytes);
	ap_json_null(j, "live");
	ap_json_addr(j, "representative", g->representative);
	ap_json_text(j, "shape", g->shape.n ? g->shape : (struct ap_text){NULL, 0});
	ap_json_text(j, "prototype_of", g->prototype_of);
	ap_json_bool(j, "internal", g->internal);
	ap_json_bool(j, "dictionary", g->dictionary);
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct objects *o = p;
	uint64_t count = 0, bytes = 0;

	(void)ctx;
	ap_json_object(j, "data");
	if (o->list) {
		ap_json_array(j, "addresses");
		for (size_t i = 0; i < o->addresses.n; i++)
			ap_json_addr(j, NULL, o->addresses.at[i]);
		ap_json_end_array(j);
	}
	ap_json_array(j, "groups");
	for (size_t i = 0; i < o->groups.n; i++) {
		json_group(j, o->groups.at[i]);
		count += o->groups.at[i]->count;
		bytes += o->groups.at[i]->self_bytes;
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", count);
	ap_json_uint(j, "bytes", bytes);
	ap_json_end_object(j);
	ap_json_double(j, "accounted_percent", o->summary.accounted_percent);
	ap_json_end_object(j);
}

/* "Dog: name, age", "(string) SeqString", "Object (prototype of Dog): bark". */
static void title(const struct ap_heap_group *g, struct ap_str *out)
{
	ap_str_add(out, g->constructor.s, g->constructor.n);
	if (g->shape.n)
		ap_str_addf(out, " %.*s", AP_TEXT_ARG(g->shape));
	if (g->prototype_of.s)
		ap_str_addf(out, " (prototype of %.*s)", AP_TEXT_ARG(g->prototype_of));
	for (size_t i = 0; i < g->n_properties && out->n < 400; i++)
		ap_str_addf(out, "%s%.*s", i ? ", " : ": ", AP_TEXT_ARG(g->properties[i]));
	if (g->n_properties < g->all_properties)
		ap_str_adds(out, ", ...");
}

static const struct ap_field fields[] = {
	AP_FIELD(struct row, count, NULL, "COUNT", COUNT, "objects"),
	AP_FIELD(struct row, self, NULL, "SELF", BYTES, "bytes of the objects themselves"),
	AP_FIELD(struct row, elements, NULL, "ELEMENTS", BYTES, "their elements"),
	AP_FIELD(struct row, properties, NULL, "PROPERTIES", BYTES, "properties outside of them"),
	AP_FIELD(struct row, backing, NULL, "BACKING", BYTES, "tables of collections, memory of buffers"),
	AP_FIELD(struct row, object, NULL, "OBJECT", CSTR, "one of them"),
	AP_FIELD(struct row, constructor, NULL, "CONSTRUCTOR: PROPERTIES", TEXT, "name and shape"),
};

static const struct ap_table table = {
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct objects *o = p;
	uint64_t limit = ctx->args.given[OPT_LIMIT] ? ctx->args.number[OPT_LIMIT] : DEFAULT_ROWS;
	AP_VEC(struct row) rows = {0};
	char bytes[AP_NUMBER_MAX];

	ap_out_f(ctx->out, "%" PRIu64 " objects, %s, %.3f %% of the heap accounted. Dead objects that were not yet collected are included.\n\n",
		 o->summary.objects, ap_bytes_human(o->summary.object_bytes, bytes),
		 o->summary.accounted_percent);
	for (size_t i = 0; i < o->groups.n && (!limit || i < limit); i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		AP_STR_AUTO name = {0};

		title(g, &name);
		const struct row row = {g,
					g->count,
					g->self_bytes,
					g->elements_bytes,
					g->properties_bytes,
					g->backing_bytes,
					ap_printf(ctx->arena, "0x%" PRIx64, g->representative),
					ap_str_text(&name, ctx->arena)};
		if (!ap_vec_push(ctx->arena, &rows, row))
			return;
	}
	ap_out_table(ctx->out, &table, rows.at, rows.n);
	if (rows.n < o->groups.n)
		ap_out_f(ctx->out, "... and %zu more groups: -n 0 shows all\n", o->groups.n - rows.n);
	if (o->hidden_groups)
		ap_out_f(ctx->out, "%" PRIu64 " objects of the engine itself (%s) are left out: -i shows them\n",
			 o->hidden_count, ap_bytes_human(o->hidden_bytes, bytes));
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct objects *o = p;

	if (ctx->args.given[OPT_VERBOSE]) {
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "objects", o->summary.objects);
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "pages", o->summary.pages);
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "bytes in objects",
			 o->summary.object_bytes);
		ap_out_f(ctx->out, "findjsobjects: %30s => %" PRIu64 "\n", "gaps", o->summary.all_gaps);
		ap_out_f(ctx->out, "findjsobjects: %30s => %zu\n", "unique groups", o->groups.n);
		ap_out_f(ctx->out, "findjsobjects: %30s => %.3f\n", "seconds", o->summary.seconds);
	}
	if (o->list) {
		for (size_t i = 0; i < o->addresses.n; i++)
			ap_out_f(ctx->out, "%" PRIx64 "\n", o->addresses.at[i] + 1);
		return;
	}
	if (o->representatives) {
		for (size_t i = 0; i < o->groups.n; i++)
			ap_out_f(ctx->out, "%" PRIx64 "\n", o->groups.at[i]->representative + 1);
		return;
	}
	ap_out_f(ctx->out, "%16s %8s %8s %s\n", "OBJECT", "#OBJECTS", "#PROPS", "CONSTRUCTOR: PROPS");
	for (size_t i = 0; i < o->groups.n; i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		AP_STR_AUTO name = {0}, safe = {0};

		title(g, &name);
		ap_mdb_row_tail(&name, &safe, 80 - 36);
		ap_out_f(ctx->out, "%16" PRIx64 " %8" PRIu64 " %8" PRIu64 " %s\n", g->representative + 1,
			 g->count, g->all_properties, safe.s ? safe.s : "");
	}
}

/* llnode's summary sums up the shapes of a constructor. */
static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct objects *o = p;
	bool detailed = ctx->args.given[OPT_DETAILED];
	uint64_t count = 0, bytes = 0;
	struct ap_heap_group *sums = ap_alloc_array(ctx->arena, o->groups.n ? o->groups.n : 1, sizeof(*sums));
	const struct ap_heap_group **order = ap_alloc_array(ctx->arena, o->groups.n ? o->groups.n : 1, sizeof(*order));
	size_t n = 0;

	if (!sums || !order)
		return;
	for (size_t i = 0; i < o->groups.n; i++) {
		const struct ap_heap_group *g = o->groups.at[i];
		size_t k = 0;

		while (!detailed && k < n && !ap_text_eq(sums[k].constructor, g->constructor))
			k++;
		if (detailed || k == n) {
			sums[k = n++] = *g;
		} else {
			sums[k].count += g->count;
			sums[k].self_bytes += g->self_bytes;
		}
		order[k] = &sums[k];
		count += g->count;
		bytes += g->self_bytes;
	}
	qsort(order, n, sizeof(*order), ap_group_by_count);
	if (detailed) {
		ap_out_s(ctx->out, "   Sample Obj.  Instances  Total Size  Properties  Elements  Name\n"
				   " ------------- ---------- ----------- ----------- --------- -----\n");
	} else {
		ap_out_s(ctx->out, " Instances  Total Size Name\n ---------- ---------- ----\n");
	}
	for (size_t i = 0; i < n; i++) {
		const struct ap_heap_group *g = order[i];

		if (detailed)
			ap_out_f(ctx->out, "0x%012" PRIx64 " %10" PRIu64 " %11" PRIu64 " %11" PRIu64 " %9" PRIu64 " ",
				 g->representative + 1, g->count, g->self_bytes, g->all_properties,
				 g->elements_bytes / 8);
		else
			ap_out_f(ctx->out, " %10" PRIu64 " %10" PRIu64 " ", g->count, g->self_bytes);
		AP_STR_AUTO name = {0};
		if (detailed)
			title(g, &name);
		else
			ap_str_add(&name, g->constructor.s, g->constructor.n);
		ap_out_text(ctx->out, (struct ap_text){name.s ? name.s : "", name.n});
		ap_out_s(ctx->out, "\n");
	}
	ap_out_f(ctx->out, " %10s %10s\n %10" PRIu64 " %10" PRIu64 "\n", "----------", "----------", count, bytes);
}

const struct ap_cmd ap_cmd_objects = {
	.names = {[AP_PLAIN] = "objects", [AP_MDB] = "findjsobjects",
		  [AP_LLNODE] = "findjsobjects"},
	.group = AP_GROUP_MEMORY,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "what is in the heap, by constructor and shape",
	.synopsis = {[AP_PLAIN] = "[-i] [-n N] [-c NAME | -p PROP | -k KIND] [NAME]"},
	.help = "Every object of the heap belongs to one row: objects of one constructor with the same "
		"properties, strings, closures, arrays and the rest by kind. Sizes are the real ones: the "
		"objects themselves, and what they own, in columns of its own. Dead objects that were not "
		"yet collected are included. `instances NAME` lists the objects of a constructor.\n\n"
		"In mdb, ADDR::findjsobjects lists all objects like the one at ADDR; with -c, -p or -k it "
		"prints a representative if the object passes, so that filters can be piped.",
	.options = options,
	.example = "objects",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
