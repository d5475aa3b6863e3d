/*
 * A value as one line for people: what Node's own inspect() would say, shortened.
 *
 * Objects inside show their name only, so a preview asks the model for one object and never more,
 * however deep the target is.
 */
#include "base/escape.h"
#include "model/model.h"

enum { COLUMNS = 100, STRING_COLUMNS = 70, INNER_STRING_COLUMNS = 24, ITEMS = 6 };

static struct ap_text extra_text(const struct ap_detail *detail, const char *key)
{
	const struct ap_extra *extra = ap_detail_extra(detail, key);

	return extra && extra->kind == AP_EXTRA_TEXT ? extra->text : (struct ap_text){0};
}

static void add_text(struct ap_str *str, struct ap_text text)
{
	struct ap_text cut = ap_cut_columns(text, STRING_COLUMNS);

	ap_escape(str, cut);
	if (cut.n < text.n)
		ap_str_adds(str, "...");
}

/* What is whole without looking into it; false for objects. */
static bool add_primitive(struct ap_str *str, const struct ap_value *v, size_t string_columns)
{
	switch (v->type) {
	case AP_T_STRING: {
		size_t before = str->n;

		ap_escape_quoted(str, v->text, string_columns);
		/* The model's own cut, where ours did not show it. */
		if (v->truncated && str->n - before >= 4 && !str->failed &&
		    memcmp(str->s + str->n - 4, "...\"", 4) != 0)
			ap_str_adds(str, "...");
		return true;
	}
	case AP_T_NUMBER:
	case AP_T_BOOLEAN:
	case AP_T_UNDEFINED:
	case AP_T_NULL:
		ap_escape(str, v->text);
		return true;
	case AP_T_BIGINT:
		add_text(str, v->text);
		ap_str_addc(str, 'n');
		return true;
	case AP_T_SYMBOL:
		ap_str_adds(str, "Symbol(");
		add_text(str, v->text);
		ap_str_addc(str, ')');
		return true;
	case AP_T_HOLE:
		ap_str_adds(str, "<hole>");
		return true;
	case AP_T_INTERNAL:
		ap_str_adds(str, "<V8 ");
		ap_escape(str, v->text.n ? v->text : AP_TEXT("object"));
		ap_str_addc(str, '>');
		return true;
	case AP_T_OPTIMISED_OUT:
		ap_str_adds(str, "<optimised out>");
		return true;
	case AP_T_UNREADABLE:
		ap_str_adds(str, "<unreadable");
		if (v->text.n) {
			ap_str_adds(str, ": ");
			add_text(str, v->text);
		}
		ap_str_addc(str, '>');
		return true;
	default:
		return false;
	}
}

static void add_inner(struct ap_str *str, const struct ap_value *v)
{
	if (add_primitive(str, v, INNER_STRING_COLUMNS))
		return;
	switch (v->type) {
	case AP_T_ARRAY:
		ap_str_adds(str, "[...]");
		return;
	case AP_T_FUNCTION:
	case AP_T_CLASS:
	case AP_T_BOUND_FUNCTION:
		ap_str_adds(str, v->type == AP_T_CLASS ? "class" : "function");
		return;
	case AP_T_ERROR:
		ap_escape(str, v->constructor);
		return;
	default:
		if (v->constructor.n && !ap_text_is(v->constructor, "Object"))
			ap_escape(str, v->constructor);
		ap_str_adds(str, v->constructor.n && !ap_text_is(v->constructor, "Object")
					 ? " {...}"
					 : "{...}");
		return;
	}
}

struct list {
	struct ap_str *str;
	size_t start; /* of the whole preview in str */
	size_t n;
	bool full; /* no more room: "..." stands */
};

/* Begins an item; false if the line has no room for one more. */
static bool list_item(struct list *list)
{
	if (list->full)
		return false;
	if (list->n)
		ap_str_adds(list->str, ", ");
	if (list->n == ITEMS || list->str->n - list->start > COLUMNS) {
		ap_str_adds(list->str, "...");
		list->full = true;
		return false;
	}
	list->n++;
	return true;
}

static void add_elements(struct list *list, const struct ap_detail *d)
{
	uint64_t next = 0;

	for (size_t i = 0; i < d->elements.n; i++) {
		const struct ap_element *e = &d->elements.at[i];

		if (e->index > next &&
		    (d->self.type == AP_T_ARRAY || d->self.type == AP_T_ARGUMENTS)) {
			if (!list_item(list))
				return;
			ap_str_addf(list->str, "<%llu empty>",
				    (unsigned long long)(e->index - next));
		}
		if (!list_item(list))
			return;
		if (d->self.type != AP_T_ARRAY && d->self.type != AP_T_ARGUMENTS &&
		    d->self.type != AP_T_TYPEDARRAY)
			ap_str_addf(list->str, "%llu: ", (unsigned long long)e->index);
		if (e->accessor)
			ap_str_adds(list->str, "[accessor]");
		else
			add_inner(list->str, &e->value);
		next = e->index + 1;
	}
	if (d->self.type == AP_T_ARRAY && d->length > 0 && next < (uint64_t)d->length &&
	    !list->full && list_item(list))
		ap_str_addf(list->str, d->truncated ? "... %llu more" : "<%llu empty>",
			    (unsigned long long)((uint64_t)d->length - next));
}

static void add_properties(struct list *list, const struct ap_detail *d)
{
	for (size_t i = 0; i < d->properties.n; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (p->kind == AP_PROPERTY_NATIVE || (p->symbol && !p->enumerable))
			continue;
		if (!list_item(list))
			return;
		if (p->symbol)
			ap_str_addc(list->str, '[');
		add_text(list->str, p->name);
		ap_str_adds(list->str, p->symbol ? "]: " : ": ");
		if (p->kind == AP_PROPERTY_ACCESSOR)
			ap_str_adds(list->str,
				    p->getter.type == AP_T_NULL ? "[setter]" : "[getter]");
		else
			add_inner(list->str, &p->value);
	}
}

static void add_members(struct ap_str *str, size_t start, const struct ap_detail *d, char open,
			char close)
{
	struct list list = {.str = str, .start = start};

	ap_str_addc(str, open);
	add_elements(&list, d);
	add_properties(&list, d);
	ap_str_addc(str, close);
}

static void add_entries(struct ap_str *str, size_t start, const struct ap_detail *d)
{
	const struct ap_extra *size = ap_detail_extra(d, "size");
	struct list list = {.str = str, .start = start};

	if (size && size->kind == AP_EXTRA_INT)
		ap_str_addf(str, "(%lld)", (long long)size->number);
	ap_str_adds(str, " {");
	for (size_t i = 0; i < d->entries.n && list_item(&list); i++) {
		const struct ap_entry *e = &d->entries.at[i];

		if (e->has_key) {
			add_inner(str, &e->key);
			ap_str_adds(str, " => ");
		}
		add_inner(str, &e->value);
	}
	ap_str_addc(str, '}');
}

/* " -> x", for the one value that says most about the object. */
static void add_value_of(struct ap_str *str, const struct ap_detail *d, const char *key,
			 const char *before, const char *after)
{
	const struct ap_extra *extra = ap_detail_extra(d, key);

	if (!extra || extra->kind != AP_EXTRA_VALUE || !extra->values)
		return;
	ap_str_adds(str, before);
	add_inner(str, extra->values);
	ap_str_adds(str, after);
}

static void add_function(struct ap_str *str, const struct ap_detail *d)
{
	struct ap_text name = extra_text(d, "name");
	struct ap_text kind = extra_text(d, "function_kind");
	bool async = kind.n >= 5 && memcmp(kind.s, "async", 5) == 0;
	bool generator = kind.n >= 9 && memmem(kind.s, kind.n, "generator", 9);

	if (d->self.type == AP_T_CLASS)
		ap_str_adds(str, "class ");
	else if (d->self.type == AP_T_BOUND_FUNCTION)
		ap_str_adds(str, "bound function ");
	else
		ap_str_addf(str, "%sfunction%s ", async ? "async " : "", generator ? "*" : "");
	if (name.n)
		add_text(str, name);
	else
		ap_str_adds(str, "(anonymous)");
}

static void add_object(struct ap_str *str, const struct ap_detail *d)
{
	const struct ap_value *v = &d->self;
	struct ap_text constructor = v->constructor;
	bool plain = !constructor.n || ap_text_is(constructor, "Object");
	size_t start = str->n;

	if (d->prototype_of.n) {
		add_text(str, d->prototype_of);
		ap_str_adds(str, ".prototype");
		return;
	}
	switch (v->type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
	case AP_T_BOUND_FUNCTION:
		add_function(str, d);
		return;
	case AP_T_ARRAY:
		if (!ap_text_is(constructor, "Array")) {
			ap_escape(str, constructor);
			ap_str_addf(str, "(%lld) ", (long long)d->length);
		}
		add_members(str, start, d, '[', ']');
		return;
	case AP_T_ARGUMENTS:
		ap_str_adds(str, "Arguments ");
		add_members(str, start, d, '[', ']');
		return;
	case AP_T_ERROR: {
		struct ap_text name = extra_text(d, "name"), message = extra_text(d, "message");

		add_text(str, name.n ? name : constructor);
		if (message.n) {
			ap_str_adds(str, ": ");
			add_text(str, message);
		}
		return;
	}
	case AP_T_DATE:
		add_text(str, v->text.n ? v->text : extra_text(d, "text"));
		return;
	case AP_T_REGEXP:
		ap_str_addc(str, '/');
		add_text(str, extra_text(d, "source"));
		ap_str_addc(str, '/');
		ap_escape(str, extra_text(d, "flags"));
		return;
	case AP_T_MAP:
	case AP_T_SET:
	case AP_T_WEAKMAP:
	case AP_T_WEAKSET:
		ap_escape(str, constructor);
		add_entries(str, start, d);
		return;
	case AP_T_PROMISE:
		ap_escape(str, constructor);
		ap_str_adds(str, " {<");
		ap_escape(str, extra_text(d, "state"));
		ap_str_addc(str, '>');
		add_value_of(str, d, "value", " ", "");
		ap_str_addc(str, '}');
		return;
	case AP_T_PROXY:
		ap_str_adds(str, "Proxy");
		add_value_of(str, d, "target", " {", "}");
		return;
	case AP_T_WEAKREF:
		ap_str_adds(str, "WeakRef");
		add_value_of(str, d, "target", " {", "}");
		return;
	case AP_T_BOXED:
		ap_str_addc(str, '[');
		ap_escape(str, constructor);
		add_value_of(str, d, "primitive", ": ", "");
		ap_str_addc(str, ']');
		return;
	case AP_T_GENERATOR:
	case AP_T_ASYNC_GENERATOR:
	case AP_T_ASYNC_FUNCTION:
		ap_str_adds(str, v->type == AP_T_GENERATOR         ? "generator "
				 : v->type == AP_T_ASYNC_GENERATOR ? "async generator "
								   : "async function ");
		add_text(str, extra_text(d, "function_name"));
		ap_str_adds(str, " <");
		ap_escape(str, extra_text(d, "state"));
		ap_str_addc(str, '>');
		return;
	case AP_T_BUFFER: {
		struct ap_text hex = extra_text(d, "bytes_hex");
		size_t shown = hex.n > 40 ? 40 : hex.n;

		ap_str_addf(str, "<Buffer(%lld)", (long long)d->length);
		for (size_t i = 0; i + 1 < shown; i += 2)
			ap_str_addf(str, " %.2s", hex.s + i);
		ap_str_adds(str, hex.n > shown ? " ...>" : ">");
		return;
	}
	case AP_T_TYPEDARRAY:
		ap_escape(str, constructor);
		ap_str_addf(str, "(%lld) ", (long long)d->length);
		add_members(str, start, d, '[', ']');
		return;
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
	case AP_T_DATAVIEW: {
		const struct ap_extra *bytes = ap_detail_extra(d, "byte_length");

		ap_escape(str, constructor);
		if (bytes && bytes->kind == AP_EXTRA_INT)
			ap_str_addf(str, "(%lld bytes)", (long long)bytes->number);
		return;
	}
	case AP_T_MODULE:
		ap_str_adds(str, "module ");
		add_text(str, extra_text(d, "script"));
		return;
	case AP_T_WASM:
		ap_str_adds(str, "WebAssembly ");
		ap_escape(str, extra_text(d, "wasm_type"));
		return;
	case AP_T_GLOBAL:
		ap_str_adds(str, "globalThis");
		return;
	case AP_T_ITERATOR:
		ap_escape(str, constructor);
		add_value_of(str, d, "target", " {", "}");
		return;
	default:
		if (!plain) {
			ap_escape(str, constructor);
			ap_str_addc(str, ' ');
		}
		add_members(str, start, d, '{', '}');
		return;
	}
}

struct ap_text ap_value_preview(struct ap_model *model, const struct ap_value *value,
				struct ap_arena *arena)
{
	static const struct ap_detail_limits limits = {
		.items = ITEMS + 1, .text_units = 80, .bytes = 32};
	AP_STR_AUTO str = {0};

	if (!add_primitive(&str, value, STRING_COLUMNS)) {
		struct ap_arena scratch;
		struct ap_detail detail = {0};
		AP_ERR_AUTO err = NULL;

		ap_arena_init(&scratch, 4 << 20);
		err = value->has_ref
			      ? model->ops->detail(model, value->ref, &limits, &scratch, &detail)
			      : ap_err_new(AP_E_TYPE, "no object");
		if (err)
			add_inner(&str, value);
		else
			add_object(&str, &detail);
		ap_arena_close(&scratch);
	}
	return ap_str_text(&str, arena);
}
