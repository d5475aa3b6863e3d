/*
 * Values as mdb_v8 prints them. Not JSON: trailing commas, "[...]" at the depth limit for objects
 * too, text not escaped. Values that mdb_v8 knew nothing of (Map, Promise, symbols ...) take the
 * same shape, with what V8 keeps inside as "[[name]]".
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/values.h"

void ap_mdb_ascii(struct ap_out *out, struct ap_text text)
{
	const char *p = text.s, *end = ap_text_end(text);

	while (p < end) {
		const char *start = p;

		while (p < end && (isprint((unsigned char)*p) || *p == '\n' || *p == '\t'))
			p++;
		ap_out_raw(out, (struct ap_text){start, (size_t)(p - start)});
		if (p < end) {
			ap_utf8_next(&p, end);
			ap_out_s(out, "?");
		}
	}
}

const char *ap_mdb_class(const struct ap_value *v)
{
	switch (v->type) {
	case AP_T_NUMBER:
		return "HeapNumber";
	case AP_T_STRING:
		return "String";
	case AP_T_BOOLEAN:
	case AP_T_UNDEFINED:
	case AP_T_NULL:
	case AP_T_HOLE:
		return "Oddball";
	case AP_T_BIGINT:
		return "BigInt";
	case AP_T_SYMBOL:
		return "Symbol";
	case AP_T_ARRAY:
		return "JSArray";
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		return "JSFunction";
	case AP_T_BOUND_FUNCTION:
		return "JSBoundFunction";
	case AP_T_ERROR:
		return "JSError";
	case AP_T_DATE:
		return "JSDate";
	case AP_T_REGEXP:
		return "JSRegExp";
	case AP_T_MAP:
		return "JSMap";
	case AP_T_WEAKMAP:
		return "JSWeakMap";
	case AP_T_SET:
		return "JSSet";
	case AP_T_WEAKSET:
		return "JSWeakSet";
	case AP_T_WEAKREF:
		return "JSWeakRef";
	case AP_T_FINALIZATION_REGISTRY:
		return "JSFinalizationRegistry";
	case AP_T_PROMISE:
		return "JSPromise";
	case AP_T_PROXY:
		return "JSProxy";
	case AP_T_GENERATOR:
		return "JSGeneratorObject";
	case AP_T_ASYNC_GENERATOR:
		return "JSAsyncGeneratorObject";
	case AP_T_ASYNC_FUNCTION:
		return "JSAsyncFunctionObject";
	case AP_T_ARGUMENTS:
		return "JSArgumentsObject";
	case AP_T_BOXED:
		return "JSPrimitiveWrapper";
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
		return "JSArrayBuffer";
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
		return "JSTypedArray";
	case AP_T_DATAVIEW:
		return "JSDataView";
	case AP_T_MODULE:
		return "JSModuleNamespace";
	case AP_T_GLOBAL:
		return "JSGlobalObject";
	case AP_T_OBJECT:
	case AP_T_ITERATOR:
	case AP_T_WASM:
	case AP_T_API:
		return "JSObject";
	case AP_T_INTERNAL:
	case AP_T_OPTIMISED_OUT:
	case AP_T_UNREADABLE:
		break;
	}
	return "<unknown>";
}

void ap_mdb_type(struct ap_ctx *ctx, const struct ap_value *v)
{
	struct ap_out *out = ctx->out;

	if (v->type == AP_T_NUMBER && v->is_smi) {
		ap_out_s(out, "SMI: value = ");
		ap_mdb_ascii(out, v->text);
	} else if (v->type == AP_T_INTERNAL && v->text.n) {
		ap_mdb_ascii(out, v->text);
	} else if (v->type == AP_T_OPTIMISED_OUT) {
		ap_out_s(out, "<optimised out>");
	} else {
		ap_out_s(out, ap_mdb_class(v));
		if (v->type == AP_T_BOOLEAN || v->type == AP_T_UNDEFINED || v->type == AP_T_NULL ||
		    v->type == AP_T_HOLE) {
			ap_out_s(out, ": \"");
			ap_mdb_ascii(out, v->type == AP_T_HOLE ? AP_TEXT("hole") : v->text);
			ap_out_s(out, "\"");
		} else if (ap_type_is_object(v->type) && v->constructor.n &&
			   strcmp(ap_mdb_class(v), "JSObject") == 0) {
			ap_out_s(out, ": ");
			ap_mdb_ascii(out, v->constructor);
		}
	}
}

void ap_mdb_function_name(struct ap_out *out, struct ap_text name, struct ap_text inferred)
{
	if (name.n) {
		ap_mdb_ascii(out, name);
		return;
	}
	ap_out_s(out, "<anonymous> (as ");
	ap_mdb_ascii(out, inferred.n ? inferred : AP_TEXT("<anon>"));
	ap_out_s(out, ")");
}

struct printer {
	struct ap_ctx *ctx;
	const struct ap_mdb_print *how;
	size_t objects;
};

enum { MAX_OBJECTS = 200000 };

static void value(struct printer *w, const struct ap_value *v, uint64_t depth, int indent);

static void number(struct ap_out *out, const struct ap_value *v)
{
	double d = v->text.s ? strtod(v->text.s, NULL) : 0;

	if (isnan(d))
		ap_out_s(out, "NaN");
	else if (v->is_smi || isinf(d))
		ap_mdb_ascii(out, v->text);
	else if (d == trunc(d) && fabs(d) < 9.2e18)
		ap_out_f(out, "%lld", (long long)d);
	else
		ap_out_f(out, "%e", d);
}

static void string(struct printer *w, const struct ap_value *v)
{
	struct ap_text text = v->text;
	struct ap_detail detail = {0};
	struct ap_arena scratch;
	bool cut = false;

	/* The short form holds 1,024 units; mdb prints all of it. */
	ap_arena_init(&scratch, 0);
	if (v->truncated && v->has_ref && (!w->how->max_string || w->how->max_string > 1024)) {
		const struct ap_detail_limits limits = {
			.items = 1, .text_units = UINT32_MAX, .bytes = 1};
		AP_ERR_AUTO err = w->ctx->model->ops->detail(w->ctx->model, v->ref, &limits,
							     &scratch, &detail);
		if (!err)
			text = detail.self.text;
	}
	if (w->how->max_string && text.n > w->how->max_string) {
		text.n = w->how->max_string;
		cut = true;
	}
	ap_out_s(w->ctx->out, "\"");
	ap_mdb_ascii(w->ctx->out, text);
	ap_out_s(w->ctx->out, cut ? "[...]\"" : "\"");
	ap_arena_close(&scratch);
}

/* Scalars, and what needs no look inside; false for the rest. */
static bool scalar(struct printer *w, const struct ap_value *v)
{
	struct ap_out *out = w->ctx->out;

	switch (v->type) {
	case AP_T_NUMBER:
		number(out, v);
		return true;
	case AP_T_STRING:
		string(w, v);
		return true;
	case AP_T_BOOLEAN:
	case AP_T_UNDEFINED:
	case AP_T_NULL:
		ap_mdb_ascii(out, v->text);
		return true;
	case AP_T_HOLE:
		ap_out_s(out, "hole");
		return true;
	case AP_T_BIGINT:
		ap_mdb_ascii(out, v->text);
		ap_out_s(out, "n");
		return true;
	case AP_T_SYMBOL:
		ap_out_s(out, "Symbol(");
		ap_mdb_ascii(out, v->text);
		ap_out_s(out, ")");
		return true;
	case AP_T_INTERNAL:
		ap_out_s(out, "<unknown JavaScript object type \"");
		ap_mdb_ascii(out, v->text.n ? v->text : AP_TEXT("<unknown>"));
		ap_out_s(out, "\">");
		return true;
	case AP_T_OPTIMISED_OUT:
		ap_out_s(out, "<optimised out>");
		return true;
	case AP_T_UNREADABLE:
		ap_out_s(out, "<unreadable");
		if (v->text.n) {
			ap_out_s(out, ": ");
			ap_mdb_ascii(out, v->text);
		}
		ap_out_s(out, ">");
		return true;
	case AP_T_BOUND_FUNCTION:
		ap_out_s(out, "<bound function>");
		return true;
	default:
		return false;
	}
}

static struct ap_text text_of(const struct ap_detail *d, const char *key)
{
	const struct ap_extra *x = ap_detail_extra(d, key);

	return x && x->kind == AP_EXTRA_TEXT ? x->text : (struct ap_text){0};
}

static void date(struct ap_out *out, const struct ap_detail *d)
{
	struct ap_text ms = text_of(d, "ms");
	double t = ms.s ? strtod(ms.s, NULL) : NAN;
	time_t seconds = isnan(t) ? 0 : (time_t)(t / 1000);
	struct tm tm;
	char buf[64];

	if (isnan(t) || !gmtime_r(&seconds, &tm) ||
	    !strftime(buf, sizeof(buf), "%Y %b %e %H:%M:%S", &tm))
		ap_out_s(out, "NaN (Invalid Date)");
	else
		ap_out_f(out, "%lld (%s)", (long long)t, buf);
}

/* Begins a line of an object's body: `{` before the first one. */
static void key(struct printer *w, size_t *n, int indent, struct ap_text before,
		struct ap_text name, const char *after)
{
	ap_out_f(w->ctx->out, "%s\n%*s\"", (*n)++ ? "" : "{", indent + 4, "");
	ap_mdb_ascii(w->ctx->out, before);
	ap_mdb_ascii(w->ctx->out, name);
	ap_out_f(w->ctx->out, "%s\": ", after);
}

static void index_key(struct printer *w, size_t *n, int indent, uint64_t index)
{
	ap_out_f(w->ctx->out, "%s\n%*s\"%" PRIu64 "\": ", (*n)++ ? "" : "{", indent + 4, "", index);
}

static void slots(struct printer *w, const struct ap_detail *d, uint64_t depth, int indent,
		  size_t *n)
{
	struct ap_out *out = w->ctx->out;

	for (size_t i = 0; i < d->extras.n; i++) {
		const struct ap_extra *x = &d->extras.at[i];

		if (x->kind == AP_EXTRA_NULL || x->kind == AP_EXTRA_WAITERS ||
		    x->kind == AP_EXTRA_VALUES)
			continue;
		/* An error's name and message are properties, or its prototype's. */
		if (d->self.type == AP_T_ERROR && strcmp(x->key, "stack") != 0 &&
		    strcmp(x->key, "cause") != 0)
			continue;
		key(w, n, indent, AP_TEXT("[["), ap_text_of(x->key), "]]");
		if (x->kind == AP_EXTRA_INT) {
			ap_out_f(out, "%" PRId64, x->number);
		} else if (x->kind == AP_EXTRA_BOOL) {
			ap_out_s(out, x->number ? "true" : "false");
		} else if (x->kind == AP_EXTRA_TEXT) {
			ap_out_s(out, "\"");
			ap_mdb_ascii(out, x->text);
			ap_out_s(out, "\"");
		} else if (x->values) {
			value(w, x->values, depth - 1, indent + 4);
		}
		ap_out_s(out, ",");
	}
	for (size_t i = 0; i < d->entries.n && !out->broken; i++) {
		const struct ap_entry *e = &d->entries.at[i];

		ap_out_f(out, "%s\n%*s", (*n)++ ? "" : "{", indent + 4, "");
		if (e->has_key) {
			value(w, &e->key, depth - 1, indent + 4);
			ap_out_s(out, " => ");
		}
		value(w, &e->value, depth - 1, indent + 4);
		ap_out_s(out, ",");
	}
}

static void object(struct printer *w, const struct ap_detail *d, uint64_t depth, int indent)
{
	struct ap_out *out = w->ctx->out;
	size_t n = 0;

	for (size_t i = 0; i < d->elements.n && !out->broken; i++) {
		if (d->elements.at[i].accessor)
			continue;
		index_key(w, &n, indent, d->elements.at[i].index);
		value(w, &d->elements.at[i].value, depth - 1, indent + 4);
		ap_out_s(out, ",");
	}
	for (size_t i = 0; i < d->properties.n && !out->broken; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (p->kind == AP_PROPERTY_NATIVE && !p->has_value)
			continue;
		key(w, &n, indent, (struct ap_text){0}, p->name, "");
		if (p->kind == AP_PROPERTY_ACCESSOR)
			ap_out_s(out, "<accessor>");
		else
			value(w, &p->value, depth - 1, indent + 4);
		ap_out_s(out, ",");
	}
	slots(w, d, depth, indent, &n);
	if (n)
		ap_out_f(out, "\n%*s}", indent, "");
	else
		ap_out_s(out, "{}");
}

static void array(struct printer *w, const struct ap_detail *d, uint64_t depth, int indent)
{
	struct ap_out *out = w->ctx->out;
	const struct ap_value hole = {.type = AP_T_HOLE};
	uint64_t length = d->length > 0 ? (uint64_t)d->length : 0;
	size_t at = 0;

	if (!length) {
		ap_out_s(out, "[]");
		return;
	}
	/* A sparse array's holes beyond its last element are not worth four billion lines. */
	if (d->dictionary_mode || length > d->elements.n + 1000000)
		length = d->elements.n ? d->elements.at[d->elements.n - 1].index + 1 : 0;
	if (length == 1) {
		ap_out_s(out, "[ ");
		value(w, d->elements.n ? &d->elements.at[0].value : &hole, depth - 1, indent + 4);
		ap_out_s(out, " ]");
		return;
	}
	ap_out_s(out, "[\n");
	for (uint64_t i = 0; i < length && !out->broken && !ap_ctx_cancelled(w->ctx); i++) {
		const struct ap_value *v = &hole;

		if (at < d->elements.n && d->elements.at[at].index == i)
			v = &d->elements.at[at++].value;
		ap_out_f(out, "%*s", indent + 4, "");
		value(w, v, depth - 1, indent + 4);
		ap_out_s(out, ",\n");
	}
	ap_out_f(out, "%*s]", indent, "");
}

static void with_detail(struct printer *w, const struct ap_value *v, const struct ap_detail *d,
			uint64_t depth, int indent)
{
	struct ap_out *out = w->ctx->out;

	switch (v->type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		ap_out_s(out, "function ");
		ap_mdb_function_name(out, text_of(d, "name"), (struct ap_text){0});
		return;
	case AP_T_DATE:
		date(out, d);
		return;
	case AP_T_REGEXP:
		ap_out_s(out, "JSRegExp: \"");
		ap_mdb_ascii(out, text_of(d, "source"));
		ap_out_s(out, "\"");
		return;
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
		ap_out_f(out, "<Typed array of length %" PRId64 ">", d->length);
		return;
	case AP_T_ARRAY:
		array(w, d, depth, indent);
		return;
	default:
		object(w, d, depth, indent);
		return;
	}
}

static void value(struct printer *w, const struct ap_value *v, uint64_t depth, int indent)
{
	struct ap_out *out = w->ctx->out;
	bool deep = v->type != AP_T_FUNCTION && v->type != AP_T_CLASS && v->type != AP_T_DATE &&
		    v->type != AP_T_REGEXP && v->type != AP_T_TYPEDARRAY && v->type != AP_T_BUFFER;

	if (w->how->has_base)
		ap_out_f(out, "%" PRIx64 ": ", w->how->base);
	if (w->how->addresses) {
		ap_out_ref(out, AP_MDB, v);
		ap_out_s(out, ": ");
	}
	if (scalar(w, v))
		return;
	if ((deep && !depth) || !v->has_ref || w->objects++ > MAX_OBJECTS) {
		ap_out_s(out, "[...]");
		return;
	}
	const struct ap_detail_limits limits = {
		.items = deep ? 0 : 1, .text_units = deep ? 1 << 20 : 256, .bytes = 1};
	struct ap_arena scratch;
	struct ap_detail detail;

	ap_arena_init(&scratch, 0);
	AP_ERR_AUTO err =
		w->ctx->model->ops->detail(w->ctx->model, v->ref, &limits, &scratch, &detail);
	if (err) {
		ap_out_s(out, "<unreadable: ");
		ap_mdb_ascii(out, ap_text_of(err->message));
		ap_out_s(out, ">");
	} else {
		with_detail(w, v, &detail, depth, indent);
	}
	ap_arena_close(&scratch);
}

void ap_mdb_value(struct ap_ctx *ctx, const struct ap_value *v, const struct ap_mdb_print *print,
		  int indent)
{
	struct printer w = {.ctx = ctx, .how = print};

	value(&w, v, print->depth, indent);
}
