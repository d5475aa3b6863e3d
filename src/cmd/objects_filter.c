/* Which groups `objects` shows. */
#include "cmd/objects_parts.h"

static bool has_property(const struct ap_heap_group *g, const char *name)
{
	for (size_t i = 0; i < g->n_properties; i++) {
		if (ap_text_is(g->properties[i], name))
			return true;
	}
	return false;
}

static const struct {
	const char *word;
	enum ap_heap_kind kind;
} kind_words[] = {
	{"object", AP_HEAP_OBJECT},      {"closure", AP_HEAP_CLOSURE},
	{"function", AP_HEAP_CLOSURE},   {"string", AP_HEAP_STRING},
	{"string", AP_HEAP_CONS_STRING}, {"string", AP_HEAP_SLICED_STRING},
	{"number", AP_HEAP_NUMBER},      {"bigint", AP_HEAP_BIGINT},
	{"symbol", AP_HEAP_SYMBOL},      {"array", AP_HEAP_ARRAY},
	{"context", AP_HEAP_CONTEXT},    {"code", AP_HEAP_CODE},
	{"shape", AP_HEAP_SHAPE},        {"map", AP_HEAP_SHAPE},
	{"internal", AP_HEAP_INTERNAL},
};

enum { N_KIND_WORDS = sizeof(kind_words) / sizeof(kind_words[0]) };

/* How objects keep their properties, in mdb_v8's words. */
static const char *const layout_words[] = {"dict", "inobject", "props", "numeric", "prototype"};

enum { N_LAYOUT_WORDS = sizeof(layout_words) / sizeof(layout_words[0]) };

static bool is_kind(const struct ap_heap_group *g, const char *word)
{
	if (strcmp(word, "dict") == 0)
		return g->dictionary;
	if (strcmp(word, "inobject") == 0)
		return g->in_object;
	if (strcmp(word, "props") == 0)
		return g->out_of_object;
	if (strcmp(word, "numeric") == 0)
		return g->kind == AP_HEAP_OBJECT && g->elements_bytes;
	if (strcmp(word, "prototype") == 0)
		return g->prototype_of.s;
	for (size_t i = 0; i < N_KIND_WORDS; i++) {
		if (strcmp(word, kind_words[i].word) == 0 && g->kind == kind_words[i].kind)
			return true;
	}
	return false;
}

struct ap_err *ap_objects_check_kind(const char *word)
{
	bool known = false;

	for (size_t i = 0; i < N_LAYOUT_WORDS && !known; i++)
		known = strcmp(word, layout_words[i]) == 0;
	for (size_t i = 0; i < N_KIND_WORDS && !known; i++)
		known = strcmp(word, kind_words[i].word) == 0;
	return known ? NULL
		     : ap_err_hint(
			       ap_err_new(AP_E_USAGE, "there is no kind \"%s\"", word),
			       "object, closure, string, number, bigint, symbol, array, context, code, shape, "
			       "internal, prototype, dict, inobject, props, numeric");
}

bool ap_objects_filtered(const struct ap_ctx *ctx)
{
	return ctx->args.given[OPT_CONSTRUCTOR] || ctx->args.given[OPT_PROPERTY] ||
	       ctx->args.given[OPT_KIND] || (ctx->dialect != AP_MDB && ctx->args.n_words);
}

bool ap_objects_passes(const struct ap_ctx *ctx, const struct ap_heap_group *g)
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

bool ap_objects_hidden(const struct ap_ctx *ctx, const struct ap_heap_group *g)
{
	if (ctx->json || ap_objects_filtered(ctx))
		return false;
	if (ctx->dialect == AP_MDB)
		return !ctx->args.given[OPT_INTERNAL] && g->kind != AP_HEAP_OBJECT &&
		       g->kind != AP_HEAP_CLOSURE;
	return ctx->dialect == AP_PLAIN && g->internal && !ctx->args.given[OPT_INTERNAL];
}
