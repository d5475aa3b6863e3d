/* print in plain words: one property a line, inner objects as previews with their addresses. */
#include <inttypes.h>

#include "base/escape.h"
#include "cmd/print.h"
#include "cmd/values.h"

struct plain {
	struct ap_ctx *ctx;
	const struct ap_detail_limits *limits;
	size_t objects;
};

enum { MAX_OBJECTS = 20000 };

static void body(struct plain *w, const struct ap_detail *d, unsigned depth, int indent);

/* A value behind "name: ": whole if there are levels left, else its preview. */
static void inner(struct plain *w, const struct ap_value *v, unsigned depth, int indent)
{
	struct ap_out *out = w->ctx->out;

	ap_out_preview(w->ctx, v);
	if (!ap_type_is_object(v->type) || !v->has_address)
		return;
	ap_out_styled(out, AP_STYLE_DIM, "  0x%" PRIx64, v->address);
	if (!depth || !v->has_ref || w->objects++ > MAX_OBJECTS || out->broken ||
	    ap_ctx_cancelled(w->ctx))
		return;
	struct ap_arena scratch;
	struct ap_detail detail;

	ap_arena_init(&scratch, 0);
	AP_ERR_AUTO err =
		w->ctx->model->ops->detail(w->ctx->model, v->ref, w->limits, &scratch, &detail);
	if (!err)
		body(w, &detail, depth - 1, indent + 2);
	ap_arena_close(&scratch);
}

/* A line begins with its newline: whoever ends a list need not know what stands last in it. */
static void begin(struct plain *w, int indent, struct ap_text name, enum ap_style style)
{
	ap_out_f(w->ctx->out, "\n%*s", indent, "");
	ap_out_styled_text(w->ctx->out, style, name);
	ap_out_s(w->ctx->out, ": ");
}

static void property(struct plain *w, const struct ap_property *p, unsigned depth, int indent)
{
	struct ap_out *out = w->ctx->out;

	/* What V8 computes on demand (an array's length) is said in the head line. */
	if (p->kind == AP_PROPERTY_NATIVE && !p->has_value)
		return;
	begin(w, indent, p->name, p->enumerable || p->private_name ? AP_STYLE_NAME : AP_STYLE_DIM);
	if (p->kind == AP_PROPERTY_ACCESSOR) {
		const char *kind = p->getter.type == AP_T_NULL   ? "setter"
				   : p->setter.type == AP_T_NULL ? "getter"
								 : "getter and setter";
		const struct ap_value *shown =
			p->getter.type == AP_T_NULL ? &p->setter : &p->getter;

		ap_out_f(out, "<%s> ", kind);
		inner(w, shown, 0, indent);
	} else {
		inner(w, &p->value, depth, indent);
	}
	if (!p->enumerable && !p->private_name && p->kind == AP_PROPERTY_DATA)
		ap_out_styled(out, AP_STYLE_DIM, "  (not enumerable)");
}

/* Inner state that no property shows: [[state]], [[handler]] ... */
static void extra(struct plain *w, const struct ap_extra *x, unsigned depth, int indent)
{
	struct ap_out *out = w->ctx->out;
	AP_STR_AUTO name = {0};

	if (x->kind == AP_EXTRA_NULL || (x->kind == AP_EXTRA_TEXT && !x->text.n) ||
	    ((x->kind == AP_EXTRA_VALUES || x->kind == AP_EXTRA_WAITERS) && !x->n) ||
	    strcmp(x->key, "text") == 0)
		return;
	ap_str_addf(&name, "[[%s]]", x->key);
	begin(w, indent, (struct ap_text){name.s, name.n}, AP_STYLE_DIM);
	switch (x->kind) {
	case AP_EXTRA_NULL:
		break;
	case AP_EXTRA_TEXT:
		/* A stack is read as lines. */
		for (struct ap_text rest = x->text; rest.n;) {
			const char *nl = memchr(rest.s, '\n', rest.n);
			size_t n = nl ? (size_t)(nl - rest.s) : rest.n;

			ap_out_text(out, (struct ap_text){rest.s, n});
			if (!nl)
				break;
			ap_out_f(out, "\n%*s", indent + 4, "");
			rest = (struct ap_text){nl + 1, rest.n - n - 1};
		}
		break;
	case AP_EXTRA_INT:
		ap_out_f(out, "%" PRId64, x->number);
		break;
	case AP_EXTRA_BOOL:
		ap_out_s(out, x->number ? "true" : "false");
		break;
	case AP_EXTRA_VALUE:
		if (x->values)
			inner(w, x->values, depth, indent);
		break;
	case AP_EXTRA_VALUES:
		for (size_t i = 0; i < x->n; i++) {
			ap_out_f(out, "\n%*s", indent + 2, "");
			inner(w, &x->values[i], depth, indent + 2);
		}
		break;
	case AP_EXTRA_WAITERS:
		for (size_t i = 0; i < x->n; i++) {
			const struct ap_waiter *waiter = &x->waiters[i];

			ap_out_f(out, "\n%*sasync ", indent + 2, "");
			ap_out_text(out, waiter->function);
			ap_out_s(out, "  ");
			ap_out_text(out, waiter->script);
			if (waiter->line)
				ap_out_f(out, ":%d:%d", waiter->line, waiter->column);
		}
		break;
	}
}

static void body(struct plain *w, const struct ap_detail *d, unsigned depth, int indent)
{
	struct ap_out *out = w->ctx->out;
	bool bytes = d->self.type == AP_T_BUFFER || d->self.type == AP_T_ARRAYBUFFER ||
		     d->self.type == AP_T_SHAREDARRAYBUFFER;

	if (d->self.type == AP_T_BUFFER && d->self.text.n) {
		AP_STR_AUTO literal = {0};

		ap_escape_quoted(&literal, d->self.text, 200);
		begin(w, indent, AP_TEXT("as text"), AP_STYLE_DIM);
		ap_out_raw(out, (struct ap_text){literal.s, literal.n});
	}
	for (size_t i = 0; i < d->extras.n; i++)
		extra(w, &d->extras.at[i], depth, indent);
	if (d->self.text.n && !bytes && d->self.type != AP_T_DATE) {
		/* The source of a function: `source ADDR` shows it with line numbers. */
		ap_out_f(out, "\n%*s", indent, "");
		ap_out_styled(out, AP_STYLE_DIM, "source of %zu characters: `source 0x%" PRIx64 "`",
			      d->self.text.n, d->self.address);
	}
	for (size_t i = 0; i < d->elements.n && !out->broken; i++) {
		const struct ap_element *e = &d->elements.at[i];

		if (e->accessor)
			continue;
		ap_out_f(out, "\n%*s", indent, "");
		ap_out_styled(out, AP_STYLE_DIM, "[%" PRIu64 "]", e->index);
		ap_out_s(out, " ");
		inner(w, &e->value, depth, indent);
	}
	for (size_t i = 0; i < d->entries.n && !out->broken; i++) {
		ap_out_f(out, "\n%*s", indent, "");
		if (d->entries.at[i].has_key) {
			inner(w, &d->entries.at[i].key, 0, indent);
			ap_out_s(out, " => ");
		}
		inner(w, &d->entries.at[i].value, depth, indent);
	}
	for (size_t i = 0; i < d->properties.n && !out->broken; i++)
		property(w, &d->properties.at[i], depth, indent);
	if (d->truncated)
		ap_out_styled(out, AP_STYLE_DIM, "\n%*s... cut: -l 0 shows all", indent, "");
}

static void head(struct ap_ctx *ctx, const struct ap_detail *d)
{
	static const char *const integrity[] = {
		[AP_EXTENSIBLE] = "",        [AP_NON_EXTENSIBLE] = ", not extensible",
		[AP_SEALED] = ", sealed",    [AP_FROZEN] = ", frozen",
		[AP_INTEGRITY_UNKNOWN] = "",
	};
	struct ap_out *out = ctx->out;

	ap_out_style(out, AP_STYLE_HEAD);
	ap_out_preview(ctx, &d->self);
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_style(out, AP_STYLE_DIM);
	ap_out_f(out, "  0x%" PRIx64 "\n  %s", d->self.address, ap_type_name(d->self.type));
	if (d->length >= 0)
		ap_out_f(out, ", length %" PRId64, d->length);
	if (d->prototype.type == AP_T_NULL)
		ap_out_s(out, ", no prototype");
	ap_out_s(out, integrity[d->integrity]);
	ap_out_style(out, AP_STYLE_PLAIN);
}

void ap_print_plain(struct ap_ctx *ctx, const void *p)
{
	const struct ap_print *print = p;
	struct plain w = {.ctx = ctx, .limits = &print->limits};

	for (size_t i = 0; i < print->items.n; i++) {
		const struct ap_print_item *item = &print->items.at[i];

		if (item->has_detail && ap_type_is_object(item->value.type)) {
			head(ctx, &item->detail);
			body(&w, &item->detail, print->depth ? print->depth - 1 : 0, 2);
			ap_out_s(ctx->out, "\n");
		} else if (item->value.type == AP_T_STRING) {
			/* Whole, on one line, as a literal that could be pasted. */
			AP_STR_AUTO literal = {0};

			ap_escape_quoted(&literal, item->value.text, 0);
			ap_out_style(ctx->out, AP_STYLE_STRING);
			ap_out_raw(ctx->out, (struct ap_text){literal.s, literal.n});
			ap_out_style(ctx->out, AP_STYLE_PLAIN);
			ap_out_s(ctx->out, item->value.truncated ? "...\n" : "\n");
		} else if (item->value.type == AP_T_BIGINT) {
			ap_out_text(ctx->out, item->value.text);
			ap_out_s(ctx->out, "n\n");
		} else {
			ap_out_preview(ctx, &item->value);
			ap_out_s(ctx->out, "\n");
		}
	}
}
