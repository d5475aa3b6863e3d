/* Values as JSON: docs/json/print.md is the contract. */
#include "cmd/values.h"

#include <inttypes.h>

/* Objects that are already on the way down are short again, so cycles end. */
struct path {
	const struct path *up;
	uint64_t ref;
};

enum { MAX_FULL_FORMS = 50000, MAX_DEPTH = 64 };

struct writer {
	struct ap_ctx *ctx;
	struct ap_json *j;
	const struct ap_detail_limits *limits;
	size_t full_forms;
	bool warned;
};

static void value(struct writer *w, const char *key, const struct ap_value *v, unsigned depth,
		  const struct path *up);

/* An object without its tag, or a small integer's own word. */
uint64_t ap_ref_of(uint64_t address)
{
	/* A tagged Smi holds its 32 bits above 32 zero bits, where no object begins: a page header
	 * does. Any other even address is that of an object, as JSON and plain text show it. */
	if (address & 1 || (address & 0xffffffff) == 0)
		return address;
	return address | 1;
}

static void common_keys(struct writer *w, const struct ap_value *v)
{
	struct ap_json *j = w->j;
	struct ap_arena scratch;
	bool no_text = v->type == AP_T_HOLE || v->type == AP_T_INTERNAL ||
		       v->type == AP_T_OPTIMISED_OUT || v->type == AP_T_UNREADABLE;

	ap_json_cstr(j, "type", ap_type_name(v->type));
	if (v->has_address)
		ap_json_addr(j, "address", v->address);
	else
		ap_json_null(j, "address");
	ap_json_text(j, "constructor",
		     ap_type_is_object(v->type) ? v->constructor : (struct ap_text){0});
	ap_arena_init(&scratch, 1 << 20);
	ap_json_text(j, "preview", ap_value_preview(w->ctx->model, v, &scratch));
	ap_arena_close(&scratch);
	ap_json_text(j, "text", no_text ? (struct ap_text){0} : v->text);
}

/* The keys that primitives have beyond the common ones; the same in both forms. */
static void primitive_keys(struct ap_json *j, const struct ap_value *v)
{
	switch (v->type) {
	case AP_T_NUMBER:
		ap_json_cstr(j, "representation", v->is_smi ? "smi" : "double");
		break;
	case AP_T_STRING:
		ap_json_uint(j, "length", v->length);
		break;
	case AP_T_INTERNAL:
		ap_json_text(j, "internal_type", v->text);
		break;
	case AP_T_UNREADABLE:
		ap_json_text(j, "reason", v->text);
		break;
	default:
		break;
	}
	ap_json_bool(j, "truncated", v->truncated);
}

static void values(struct writer *w, const char *key, const struct ap_value *v, size_t n,
		   unsigned depth, const struct path *up)
{
	ap_json_array(w->j, key);
	for (size_t i = 0; i < n; i++)
		value(w, NULL, &v[i], depth, up);
	ap_json_end_array(w->j);
}

static void maybe_value(struct writer *w, const char *key, bool has, const struct ap_value *v,
			unsigned depth, const struct path *up)
{
	if (has)
		value(w, key, v, depth, up);
	else
		ap_json_null(w->j, key);
}

static void properties(struct writer *w, const struct ap_detail *d, unsigned depth,
		       const struct path *up)
{
	struct ap_json *j = w->j;
	static const char *const kinds[] = {
		[AP_PROPERTY_DATA] = "data",
		[AP_PROPERTY_ACCESSOR] = "accessor",
		[AP_PROPERTY_NATIVE] = "native",
	};

	ap_json_array(j, "properties");
	for (size_t i = 0; i < d->properties.n; i++) {
		const struct ap_property *p = &d->properties.at[i];
		bool accessor = p->kind == AP_PROPERTY_ACCESSOR;

		ap_json_object(j, NULL);
		ap_json_text(j, "name", p->name);
		maybe_value(w, "value", p->has_value, &p->value, depth, up);
		ap_json_cstr(j, "kind", kinds[p->kind]);
		maybe_value(w, "getter", accessor && p->getter.type != AP_T_NULL, &p->getter, 0,
			    up);
		maybe_value(w, "setter", accessor && p->setter.type != AP_T_NULL, &p->setter, 0,
			    up);
		ap_json_bool(j, "symbol", p->symbol);
		ap_json_bool(j, "private", p->private_name);
		ap_json_bool(j, "enumerable", p->enumerable);
		ap_json_bool(j, "writable", p->writable);
		ap_json_bool(j, "configurable", p->configurable);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

static void elements(struct writer *w, const struct ap_detail *d, unsigned depth,
		     const struct path *up)
{
	struct ap_json *j = w->j;

	ap_json_array(j, "elements");
	for (size_t i = 0; i < d->elements.n; i++) {
		const struct ap_element *e = &d->elements.at[i];

		ap_json_object(j, NULL);
		ap_json_uint(j, "index", e->index);
		maybe_value(w, "value", !e->accessor, &e->value, depth, up);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

static void entries(struct writer *w, const struct ap_detail *d, unsigned depth,
		    const struct path *up)
{
	struct ap_json *j = w->j;

	ap_json_array(j, "entries");
	for (size_t i = 0; i < d->entries.n; i++) {
		const struct ap_entry *e = &d->entries.at[i];

		ap_json_object(j, NULL);
		maybe_value(w, "key", e->has_key, &e->key, depth, up);
		value(w, "value", &e->value, depth, up);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

void ap_json_position(struct ap_json *j, const char *key, int position)
{
	if (position > 0)
		ap_json_int(j, key, position);
	else
		ap_json_null(j, key);
}

static void extra(struct writer *w, const struct ap_extra *x, unsigned depth, const struct path *up)
{
	struct ap_json *j = w->j;

	switch (x->kind) {
	case AP_EXTRA_NULL:
		ap_json_null(j, x->key);
		return;
	case AP_EXTRA_TEXT:
		ap_json_text(j, x->key, x->text);
		return;
	case AP_EXTRA_INT:
		ap_json_int(j, x->key, x->number);
		return;
	case AP_EXTRA_BOOL:
		ap_json_bool(j, x->key, x->number != 0);
		return;
	case AP_EXTRA_VALUE:
		maybe_value(w, x->key, x->values != NULL, x->values, depth, up);
		return;
	case AP_EXTRA_VALUES:
		values(w, x->key, x->values, x->n, depth, up);
		return;
	case AP_EXTRA_WAITERS:
		ap_json_array(j, x->key);
		for (size_t i = 0; i < x->n; i++) {
			const struct ap_waiter *waiter = &x->waiters[i];

			ap_json_object(j, NULL);
			ap_json_text(j, "function", waiter->function);
			ap_json_text(j, "script", waiter->script);
			ap_json_position(j, "line", waiter->line);
			ap_json_position(j, "column", waiter->column);
			value(w, "generator", &waiter->generator, 0, up);
			ap_json_end_object(j);
		}
		ap_json_end_array(j);
		return;
	}
}

static void full_keys(struct writer *w, const struct ap_detail *d, unsigned depth,
		      const struct path *up)
{
	static const char *const integrity[] = {
		[AP_EXTENSIBLE] = "extensible", [AP_NON_EXTENSIBLE] = "non-extensible",
		[AP_SEALED] = "sealed",         [AP_FROZEN] = "frozen",
		[AP_INTEGRITY_UNKNOWN] = NULL,
	};
	struct ap_json *j = w->j;

	ap_json_bool(j, "truncated", d->truncated);
	if (d->length >= 0)
		ap_json_int(j, "length", d->length);
	else
		ap_json_null(j, "length");
	for (size_t i = 0; i < d->extras.n; i++) {
		/* `text` is a common key: said once. */
		if (strcmp(d->extras.at[i].key, "text") != 0)
			extra(w, &d->extras.at[i], depth, up);
	}
	if (d->has_entries)
		entries(w, d, depth, up);
	properties(w, d, depth, up);
	elements(w, d, depth, up);
	value(w, "prototype", &d->prototype, 0, up);
	ap_json_text(j, "prototype_of", d->prototype_of);
	ap_json_cstr(j, "integrity", integrity[d->integrity]);
	ap_json_cstr(j, "mode",
		     d->integrity == AP_INTEGRITY_UNKNOWN ? NULL
		     : d->dictionary_mode                 ? "dictionary"
							  : "fast");
}

/* `self` is what the detail says of the value: its text may be longer than the short form's. */
static void full_value(struct writer *w, const char *key, const struct ap_value *v,
		       const struct ap_detail *d, unsigned depth, const struct path *up)
{
	struct path here = {.up = up, .ref = v->ref};

	ap_json_object(w->j, key);
	common_keys(w, d ? &d->self : v);
	if (d && ap_type_is_object(d->self.type))
		full_keys(w, d, depth ? depth - 1 : 0, &here);
	else
		primitive_keys(w->j, d ? &d->self : v);
	ap_json_end_object(w->j);
}

static bool on_path(const struct path *path, uint64_t ref)
{
	for (; path; path = path->up) {
		if (path->ref == ref)
			return true;
	}
	return false;
}

/* One value inside another: full as long as `depth` says and it does not go round. */
static void value(struct writer *w, const char *key, const struct ap_value *v, unsigned depth,
		  const struct path *up)
{
	if (depth && v->has_ref && ap_type_is_object(v->type) && !on_path(up, v->ref) &&
	    !ap_ctx_cancelled(w->ctx)) {
		struct ap_arena scratch;
		struct ap_detail detail;

		if (w->full_forms++ < MAX_FULL_FORMS) {
			ap_arena_init(&scratch, 0);
			AP_ERR_AUTO err = w->ctx->model->ops->detail(w->ctx->model, v->ref,
								     w->limits, &scratch, &detail);
			if (!err)
				full_value(w, key, v, &detail, depth, up);
			ap_arena_close(&scratch);
			if (!err)
				return;
		} else if (!w->warned) {
			w->warned = true;
			ap_warn(w->ctx,
				"more than %d objects at this depth: the rest is shown short",
				MAX_FULL_FORMS);
		}
	}
	ap_json_object(w->j, key);
	common_keys(w, v);
	if (!ap_type_is_object(v->type))
		primitive_keys(w->j, v);
	ap_json_end_object(w->j);
}

void ap_json_value(struct ap_ctx *ctx, struct ap_json *j, const char *key, const struct ap_value *v)
{
	struct writer w = {.ctx = ctx, .j = j, .limits = &ap_detail_default_limits};

	value(&w, key, v, 0, NULL);
}

void ap_json_full_value(struct ap_ctx *ctx, struct ap_json *j, const char *key,
			const struct ap_value *v, const struct ap_detail *detail,
			const struct ap_detail_limits *limits, unsigned depth)
{
	struct writer w = {.ctx = ctx, .j = j, .limits = limits};

	full_value(&w, key, v, detail, depth > MAX_DEPTH ? MAX_DEPTH : depth, NULL);
}

void ap_json_variables(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		       const struct ap_variable *variables, size_t n)
{
	ap_json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		ap_json_object(j, NULL);
		ap_json_text(j, "name", variables[i].name);
		ap_json_value(ctx, j, "value", &variables[i].value);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

void ap_out_ref(struct ap_out *out, enum ap_dialect dialect, const struct ap_value *v)
{
	if (dialect == AP_MDB)
		ap_out_f(out, "%" PRIx64, v->has_ref ? v->ref : 0);
	else if (dialect == AP_LLNODE)
		ap_out_f(out, "0x%" PRIx64, v->has_ref ? v->ref : 0);
	else
		ap_out_f(out, "0x%" PRIx64, v->has_address ? v->address : 0);
}

void ap_out_preview(struct ap_ctx *ctx, const struct ap_value *v)
{
	struct ap_arena scratch;
	enum ap_style style = AP_STYLE_PLAIN;

	switch (v->type) {
	case AP_T_STRING:
		style = AP_STYLE_STRING;
		break;
	case AP_T_NUMBER:
	case AP_T_BIGINT:
	case AP_T_BOOLEAN:
		style = AP_STYLE_NUMBER;
		break;
	case AP_T_UNDEFINED:
	case AP_T_NULL:
	case AP_T_HOLE:
	case AP_T_INTERNAL:
	case AP_T_OPTIMISED_OUT:
		style = AP_STYLE_DIM;
		break;
	case AP_T_UNREADABLE:
	case AP_T_ERROR:
		style = AP_STYLE_BAD;
		break;
	default:
		break;
	}
	ap_arena_init(&scratch, 1 << 20);
	if (style != AP_STYLE_PLAIN)
		ap_out_style(ctx->out, style);
	ap_out_raw(ctx->out, ap_value_preview(ctx->model, v, &scratch));
	if (style != AP_STYLE_PLAIN)
		ap_out_style(ctx->out, AP_STYLE_PLAIN);
	ap_arena_close(&scratch);
}

void ap_plain_variable(struct ap_ctx *ctx, const struct ap_variable *variable, int indent)
{
	ap_out_f(ctx->out, "%*s", indent, "");
	ap_out_styled_text(ctx->out, AP_STYLE_NAME, variable->name);
	ap_out_s(ctx->out, " = ");
	ap_out_preview(ctx, &variable->value);
	if (ap_type_is_object(variable->value.type) && variable->value.has_address)
		ap_out_styled(ctx->out, AP_STYLE_DIM, "  0x%" PRIx64, variable->value.address);
	ap_out_s(ctx->out, "\n");
}
