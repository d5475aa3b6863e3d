/* ::walk, ::walkers: things that enumerate, made to be piped into things that show. */
#include <inttypes.h>
#include <string.h>

#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/frames.h"
#include "cmd/objects.h"
#include "cmd/values.h"
#include "cmd/walk.h"

static struct ap_err *walk_elements(struct ap_ctx *ctx, const struct ap_detail *d,
				    ap_value_list *list)
{
	if (d->self.type != AP_T_ARRAY)
		return ap_err_new(AP_E_TYPE, "%" PRIx64 ": failed to load JSArray", ctx->address);
	uint64_t next = 0, length = d->length > 0 ? (uint64_t)d->length : 0;
	for (size_t i = 0; i <= d->elements.n; i++) {
		bool end = i == d->elements.n;
		const struct ap_value *v = end ? NULL : &d->elements.at[i].value;

		for (; d->hole && next < (end ? length : d->elements.at[i].index); next++) {
			if (!ap_vec_push(ctx->arena, list, d->hole))
				return &ap_err_nomem;
		}
		if (v && v->has_ref && !ap_vec_push(ctx->arena, list, v->ref))
			return &ap_err_nomem;
		next = end ? next : d->elements.at[i].index + 1;
	}
	return NULL;
}

static struct ap_err *walk_properties(struct ap_ctx *ctx, const struct ap_detail *d,
				      ap_value_list *list)
{
	if (!ap_type_is_object(d->self.type))
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is no JavaScript object", ctx->address);
	for (size_t i = 0; i < d->properties.n; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (p->has_value && p->value.has_ref &&
		    !ap_vec_push(ctx->arena, list, p->value.ref))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *walk_value(struct ap_ctx *ctx, ap_value_list *list, bool elements)
{
	static const struct ap_detail_limits limits = {.items = 0, .text_units = 64, .bytes = 1};
	struct ap_detail detail;
	struct ap_value value;

	if (!ctx->has_address)
		return ap_err_new(AP_E_USAGE, "walker %s does not support global walks",
				  elements ? "jselement" : "jsprop");
	AP_TRY(ap_ctx_required_value(ctx, &value));
	AP_TRY(ctx->model->ops->detail(ctx->model, value.ref, &limits, ctx->arena, &detail));
	return elements ? walk_elements(ctx, &detail, list) : walk_properties(ctx, &detail, list);
}

/*
 * The places of saved frame pointers, as ::jsframe takes them: the one at `fp` holds the pointer of
 * the next frame, which is why the innermost frame itself is none of them.
 */
static struct ap_err *walk_frames(struct ap_ctx *ctx, ap_value_list *list)
{
	ap_thread_vec threads = {0};
	struct ap_stack stack;
	bool started = !ctx->has_address;
	uint64_t before = 0;

	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	if (!threads.n)
		return ap_err_new(AP_E_NOTFOUND, "the core holds no thread");
	AP_TRY(ap_stack_of(ctx, ap_representative_thread(&threads), false, &stack));
	const struct ap_frame *frames = stack.frames.at;
	for (size_t i = 0; i < stack.frames.n; i++) {
		uint64_t fp = frames[i].fp;

		started = started || fp == ctx->address;
		/* An inlined function shares the frame of the one it was built into. */
		if (!started || !fp || fp == before || frames[i].kind == AP_FRAME_NATIVE)
			continue;
		before = fp;
		if (!ap_vec_push(ctx->arena, list, fp))
			return &ap_err_nomem;
	}
	if (!started && ctx->has_address && !ap_vec_push(ctx->arena, list, ctx->address))
		return &ap_err_nomem;
	return NULL;
}

static struct ap_err *frames_walk(struct ap_ctx *ctx, ap_value_list *list)
{
	return walk_frames(ctx, list);
}

static struct ap_err *elements_walk(struct ap_ctx *ctx, ap_value_list *list)
{
	return walk_value(ctx, list, true);
}

static struct ap_err *properties_walk(struct ap_ctx *ctx, ap_value_list *list)
{
	return walk_value(ctx, list, false);
}

struct heap_walk {
	struct ap_ctx *ctx;
	ap_value_list *list;
	bool failed;
};

static bool on_object(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct heap_walk *w = p;

	(void)bytes;
	(void)group;
	w->failed = !ap_vec_push(w->ctx->arena, w->list, address + 1);
	return !w->failed;
}

/* Every object of the heap whose group has that kind. */
static struct ap_err *walk_heap(struct ap_ctx *ctx, ap_value_list *list, const char *name,
				unsigned kinds)
{
	struct heap_walk w = {.ctx = ctx, .list = list};
	const struct ap_heap_group *groups;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct ap_err *err;
	size_t n;

	if (ctx->has_address)
		return ap_err_new(AP_E_USAGE, "walker %s only supports global walks", name);
	AP_TRY(ap_require_groups(ctx, false, &heap, &groups, &n));
	bool *wanted = ap_alloc_array(ctx->arena, n ? n : 1, sizeof(*wanted));
	if (!wanted)
		return &ap_err_nomem;
	for (size_t i = 0; i < n; i++)
		wanted[i] = groups[i].live != AP_LIVE_NO && (kinds >> groups[i].kind & 1);
	ap_heap_watch(ctx, &watch);
	err = ap_heap_each(heap, &watch, wanted, on_object, &w);
	ap_heap_watch_end(ctx);
	return w.failed ? &ap_err_nomem : err;
}

enum { STRINGS = 1 << AP_HEAP_STRING | 1 << AP_HEAP_CONS_STRING | 1 << AP_HEAP_SLICED_STRING };

static const struct {
	const char *name, *summary;
	struct ap_err *(*walk)(struct ap_ctx *ctx, ap_value_list *list);
	unsigned kinds; /* without a function: of the heap's objects */
} walkers[] = {
	{"jsbigint", "walk all BigInts of the heap", NULL, 1 << AP_HEAP_BIGINT},
	{"jscontext", "walk all contexts of closures", NULL, 1 << AP_HEAP_CONTEXT},
	{"jselement", "walk elements of a JavaScript array", elements_walk, 0},
	{"jsframe", "walk V8 JavaScript stack frames", frames_walk, 0},
	{"jsfunction", "walk all closures of the heap", NULL, 1 << AP_HEAP_CLOSURE},
	{"jsnumber", "walk all numbers that are heap objects", NULL, 1 << AP_HEAP_NUMBER},
	{"jsobject", "walk all JavaScript objects of the heap but functions", NULL,
	 1 << AP_HEAP_OBJECT},
	{"jsprop", "walk property values for an object", properties_walk, 0},
	{"jsstring", "walk all strings of the heap", NULL, STRINGS},
	{"jssymbol", "walk all symbols of the heap", NULL, 1 << AP_HEAP_SYMBOL},
	{"v8array", "walk all stores: elements, properties, tables", NULL, 1 << AP_HEAP_ARRAY},
	{"v8code", "walk code, bytecode, function definitions and scripts", NULL,
	 1 << AP_HEAP_CODE},
	{"v8internal", "walk all else that is the engine's own", NULL, 1 << AP_HEAP_INTERNAL},
	{"v8map", "walk all maps and descriptors", NULL, 1 << AP_HEAP_SHAPE},
	{"v8object", "walk every object of the heap", NULL, (1u << AP_N_HEAP_KINDS) - 1},
};

enum { N_WALKERS = sizeof(walkers) / sizeof(walkers[0]) };

const char *ap_walker_name(size_t i)
{
	return i < N_WALKERS ? walkers[i].name : NULL;
}

const char *ap_walker_summary(const char *name)
{
	for (size_t i = 0; i < N_WALKERS; i++) {
		if (strcmp(walkers[i].name, name) == 0)
			return walkers[i].summary;
	}
	return NULL;
}

static struct ap_err *walk_data(struct ap_ctx *ctx, void **ret_data)
{
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	const char *name = ctx->args.n_words ? ctx->args.words[0] : NULL;

	if (!list)
		return &ap_err_nomem;
	if (!name || ctx->args.n_words > 2)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which walk?"), "::walkers lists them");
	for (size_t i = 0; i < N_WALKERS; i++) {
		if (strcmp(walkers[i].name, name) != 0)
			continue;
		AP_TRY(walkers[i].walk ? walkers[i].walk(ctx, list)
				       : walk_heap(ctx, list, name, walkers[i].kinds));
		if (ctx->args.n_words == 2)
			ap_session_set_walk_variable(ctx->session, ctx->args.words[1]);
		*ret_data = list;
		return NULL;
	}
	return ap_err_hint(
		ap_err_new(AP_E_NOTFOUND, "failed to perform walk: unknown walk name: %s", name),
		"::walkers lists them");
}

const struct ap_cmd ap_cmd_walk = {
	.names = {[AP_MDB] = "walk"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "enumerate frames, elements, properties or all of a kind",
	.synopsis = {[AP_MDB] = "name [variable]"},
	.help = "Made to be piped: ADDR::walk jselement | ::jsprint. With a variable, later stages of the "
		"pipe find in it what was walked. ::walkers lists the walks.",
	.example = "::walk jsframe",
	.needs_model = true,
	.data = walk_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ap_answer_values_print},
};

static struct ap_err *walkers_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};

	for (size_t i = 0; i < N_WALKERS; i++)
		ap_str_addf(&out, "%-24s - %s\n", walkers[i].name, walkers[i].summary);
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_walkers = {
	.names = {[AP_MDB] = "walkers"},
	.group = AP_GROUP_SESSION,
	.summary = "list what ::walk enumerates",
	.synopsis = {[AP_MDB] = ""},
	.help = "Each with what its values are.",
	.example = "::walkers",
	.data = walkers_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
