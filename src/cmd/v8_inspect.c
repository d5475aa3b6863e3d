/*
 * v8 print and v8 inspect: values in llnode's shapes. What llnode called <unknown> (Map, Promise,
 * symbols, getters ...) takes the nearest shape it had.
 */
#include <inttypes.h>

#include "cmd/print.h"
#include "cmd/source.h"
#include "cmd/v8_common.h"
#include "cmd/v8_llnode.h"

enum { OPT_FULL, OPT_MAP, OPT_SOURCE, OPT_LENGTH, OPT_STRING_LENGTH, OPT_ARRAY_LENGTH };

static const struct ap_option options[] = {
	[OPT_FULL] = {'F', "full-string", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
		      "the whole string, without an ellipsis"},
	[OPT_MAP] = {'m', "print-map", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
		     "the address of the object's map"},
	[OPT_SOURCE] = {'s', "print-source", AP_OPTION_FLAG, AP_IN_LLNODE, NULL,
			"the source of a function"},
	[OPT_LENGTH] = {'l', "length", AP_OPTION_NUMBER, AP_IN_LLNODE, "num",
			"at most num elements of a string or array (default 16)"},
	[OPT_STRING_LENGTH] = {0, "string-length", AP_OPTION_NUMBER, AP_IN_LLNODE, "num",
			       "the same"},
	[OPT_ARRAY_LENGTH] = {0, "array-length", AP_OPTION_NUMBER, AP_IN_LLNODE, "num", "the same"},
	{0},
};

/* -m: both words at full width. */
static void map_address(struct ap_ctx *ctx, const struct ap_value *v)
{
	struct ap_v8 *v8 = ap_core_model_v8(ctx->model);
	struct ap_map_info map;

	if (v8 && v->has_ref && ap_v8_map(v8, v->ref, &map))
		ap_out_f(ctx->out, "0x%016" PRIx64 "(map=0x%016" PRIx64 "):", v->ref, map.address);
	else
		ap_llnode_address(ctx->out, v);
}

/* Inside of another value strings are cut as by default, whatever the flags. */
static void item_value(struct ap_ctx *ctx, const struct ap_value *v)
{
	ap_llnode_value(ctx, v, AP_LLNODE_LENGTH);
}

static void elements(struct ap_ctx *ctx, const struct ap_detail *d,
		     const struct ap_llnode_print *print)
{
	struct ap_out *out = ctx->out;
	size_t shown = 0;

	for (size_t i = 0; i < d->elements.n && !out->broken; i++) {
		const struct ap_element *e = &d->elements.at[i];

		if (e->accessor || e->value.type == AP_T_HOLE)
			continue;
		if (d->self.type == AP_T_ARRAY && e->index >= print->length)
			break;
		ap_out_f(out, "%s    ", shown++ ? ",\n" : "");
		ap_out_styled(out, AP_STYLE_NAME, "[%" PRIu64 "]", e->index);
		ap_out_s(out, "=");
		item_value(ctx, &e->value);
	}
}

static void symbol_name(struct ap_out *out, struct ap_text name)
{
	/* "Symbol(x)" is Symbol('x') to llnode. */
	if (name.n > 8 && memcmp(name.s, "Symbol(", 7) == 0) {
		ap_out_s(out, "Symbol('");
		ap_out_text(out, (struct ap_text){name.s + 7, name.n - 8});
		ap_out_s(out, "')");
	} else {
		ap_out_text(out, name);
	}
}

static void properties(struct ap_ctx *ctx, const struct ap_detail *d)
{
	struct ap_out *out = ctx->out;
	size_t shown = 0;

	for (size_t i = 0; i < d->properties.n && !out->broken; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (p->kind == AP_PROPERTY_NATIVE && !p->has_value)
			continue;
		ap_out_f(out, "%s    ", shown++ ? ",\n" : "");
		ap_out_style(out, AP_STYLE_NAME);
		ap_out_s(out, ".");
		if (p->symbol)
			symbol_name(out, p->name);
		else
			ap_out_text(out, p->name);
		ap_out_style(out, AP_STYLE_PLAIN);
		ap_out_s(out, "=");
		if (p->kind == AP_PROPERTY_ACCESSOR) {
			ap_out_s(out, "<accessor");
			if (p->getter.type != AP_T_NULL) {
				ap_out_s(out, " get=");
				item_value(ctx, &p->getter);
			}
			if (p->setter.type != AP_T_NULL) {
				ap_out_s(out, " set=");
				item_value(ctx, &p->setter);
			}
			ap_out_s(out, ">");
		} else {
			item_value(ctx, &p->value);
		}
	}
}

/* What V8 keeps inside, one `[[name]]=` a line. */
static size_t inner_state(struct ap_ctx *ctx, const struct ap_detail *d,
			  const struct ap_llnode_print *print)
{
	struct ap_out *out = ctx->out;
	size_t shown = 0;

	for (size_t i = 0; i < d->extras.n; i++) {
		const struct ap_extra *x = &d->extras.at[i];

		if ((x->kind != AP_EXTRA_TEXT || !x->text.s) && x->kind != AP_EXTRA_VALUE &&
		    x->kind != AP_EXTRA_INT && x->kind != AP_EXTRA_BOOL)
			continue;
		ap_out_f(out, "%s    [[%s]]=", shown++ ? ",\n" : " state {\n", x->key);
		if (x->kind == AP_EXTRA_TEXT)
			ap_out_text(out, x->text);
		else if (x->kind == AP_EXTRA_VALUE && x->values)
			item_value(ctx, x->values);
		else if (x->kind == AP_EXTRA_BOOL)
			ap_out_s(out, x->number ? "true" : "false");
		else
			ap_out_f(out, "%" PRId64, x->number);
	}
	for (size_t i = 0; i < d->entries.n && i < print->length; i++) {
		ap_out_f(out, "%s    ", shown++ ? ",\n" : " state {\n");
		if (d->entries.at[i].has_key) {
			item_value(ctx, &d->entries.at[i].key);
			ap_out_s(out, "=");
		}
		item_value(ctx, &d->entries.at[i].value);
	}
	ap_out_s(out, shown ? "}" : "");
	return shown;
}

static void error_stack(struct ap_out *out, const struct ap_detail *d)
{
	struct ap_text stack = ap_llnode_text(d, "stack");

	if (!stack.n)
		return;
	ap_out_s(out, "\n");
	ap_out_styled(out, AP_STYLE_BAD, "  error stack");
	ap_out_s(out, " {\n");
	while (stack.n) {
		const char *nl = memchr(stack.s, '\n', stack.n);
		size_t n = nl ? (size_t)(nl - stack.s) : stack.n;
		struct ap_text line = {stack.s, n};

		while (line.n && *line.s == ' ') {
			line.s++;
			line.n--;
		}
		ap_out_s(out, "    ");
		ap_out_text(out, line);
		ap_out_s(out, "\n");
		stack = (struct ap_text){stack.s + n + (nl != NULL), stack.n - n - (nl != NULL)};
	}
	ap_out_s(out, "  }");
}

static void bytes(struct ap_out *out, const struct ap_detail *d, size_t length)
{
	struct ap_text hex = ap_llnode_text(d, "bytes_hex");
	size_t n = hex.n / 2, shown = n < length ? n : length;

	ap_out_s(out, ": [\n  ");
	for (size_t i = 0; i < shown; i++)
		ap_out_f(out, "%s%.2s", i ? ", " : "", hex.s + 2 * i);
	ap_out_s(out, (int64_t)shown < ap_llnode_int(d, "byte_length") ? " ...\n]>" : "\n]>");
}

static void function_scopes(struct ap_ctx *ctx, const struct ap_value *v)
{
	struct ap_out *out = ctx->out;
	ap_scope_vec scopes = {0};
	AP_ERR_AUTO err = ctx->model->ops->scopes(ctx->model, v->ref, NULL, ctx->arena, &scopes);

	if (err || !scopes.n)
		return;
	const struct ap_scope *inner = &scopes.at[0];
	ap_out_s(out, "\n  ");
	ap_out_styled(out, AP_STYLE_NAME, "context");
	ap_out_f(out, "=0x%" PRIx64 ":<Context: {\n", inner->context | 1);
	if (scopes.n > 1)
		ap_out_f(out, "    (previous)=0x%" PRIx64 ":<Context>,\n",
			 scopes.at[1].context | 1);
	ap_out_s(out, "    (scope_info)=<ScopeInfo");
	if (inner->owner.n) {
		ap_out_s(out, ": for function ");
		ap_out_text(out, inner->owner);
	}
	ap_out_s(out, ">");
	for (size_t i = 0; i < inner->variables.n; i++) {
		ap_out_s(out, ",\n    ");
		ap_out_styled_text(out, AP_STYLE_NAME, inner->variables.at[i].name);
		ap_out_s(out, "=");
		item_value(ctx, &inner->variables.at[i].value);
	}
	ap_out_s(out, "}>");
}

static void detailed(struct ap_ctx *ctx, const struct ap_detail *d,
		     const struct ap_llnode_print *print)
{
	struct ap_out *out = ctx->out;
	const struct ap_value *v = &d->self;

	switch (v->type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		function_scopes(ctx, v);
		if (print->source && v->text.n) {
			ap_out_s(out, "\n  source:\n");
			ap_out_source(out, v->text);
			ap_out_s(out, "\n");
		}
		ap_out_s(out, ">");
		return;
	case AP_T_ARRAY:
		if (d->elements.n) {
			ap_out_s(out, " {\n");
			elements(ctx, d, print);
			ap_out_s(out, "}");
		}
		ap_out_s(out, ">");
		return;
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
	case AP_T_BUFFER:
		bytes(out, d, print->length);
		return;
	default:
		break;
	}
	bool any = v->type != AP_T_OBJECT && v->type != AP_T_ERROR && v->type != AP_T_REGEXP &&
		   v->type != AP_T_DATE && inner_state(ctx, d, print) > 0;
	bool has_elements = d->elements.n > 0, has_properties = false;
	for (size_t i = 0; i < d->properties.n; i++)
		has_properties |= d->properties.at[i].kind != AP_PROPERTY_NATIVE ||
				  d->properties.at[i].has_value;
	if (has_elements) {
		ap_out_s(out, any ? "\n  elements {\n" : " elements {\n");
		elements(ctx, d, print);
		ap_out_s(out, "}");
		any = true;
	}
	if (has_properties) {
		ap_out_s(out, any ? "\n  properties {\n" : " properties {\n");
		properties(ctx, d);
		ap_out_s(out, "}");
	}
	if (v->type == AP_T_ERROR)
		error_stack(out, d);
	ap_out_s(out, ">");
}

void ap_llnode_item(struct ap_ctx *ctx, const struct ap_print_item *item,
		    const struct ap_llnode_print *print)
{
	struct ap_out *out = ctx->out;
	const struct ap_value *v = &item->value;

	if (!item->has_detail || !ap_type_is_object(v->type)) {
		ap_llnode_primitive(out, v, print->full_string ? 0 : print->length);
	} else if (!print->detailed) {
		ap_llnode_value(ctx, v, print->length);
	} else {
		if (print->map)
			map_address(ctx, v);
		else
			ap_llnode_address(out, v);
		ap_out_s(out, "<");
		ap_llnode_head(ctx, &item->detail);
		detailed(ctx, &item->detail, print);
	}
	ap_out_s(out, "\n");
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_print *print = ap_alloc(ctx->arena, sizeof(*print));
	struct ap_print_item item = {0};
	bool given;

	if (!print)
		return &ap_err_nomem;
	print->limits = ap_detail_default_limits;
	print->depth = 1;
	AP_TRY(ap_ctx_value(ctx, &item.value, &given, NULL));
	if (!given)
		return ap_err_new(AP_E_USAGE, "USAGE: v8 inspect [flags] expr");
	AP_TRY(ap_print_load(ctx, &print->limits, &item));
	if (!ap_vec_push(ctx->arena, &print->items, item))
		return &ap_err_nomem;
	*ret_data = print;
	return NULL;
}

static void text_inspect(struct ap_ctx *ctx, const void *p)
{
	const struct ap_print *print = p;
	const struct ap_args *args = &ctx->args;
	struct ap_llnode_print how = {
		.detailed = true,
		.full_string = args->given[OPT_FULL],
		.map = args->given[OPT_MAP],
		.source = args->given[OPT_SOURCE],
		.length = args->given[OPT_LENGTH]          ? args->number[OPT_LENGTH]
			  : args->given[OPT_STRING_LENGTH] ? args->number[OPT_STRING_LENGTH]
			  : args->given[OPT_ARRAY_LENGTH]  ? args->number[OPT_ARRAY_LENGTH]
							   : AP_LLNODE_LENGTH,
	};

	ap_llnode_item(ctx, &print->items.at[0], &how);
}

static void text_print(struct ap_ctx *ctx, const void *p)
{
	const struct ap_print *print = p;
	const struct ap_llnode_print how = {.length = AP_LLNODE_LENGTH};

	ap_llnode_item(ctx, &print->items.at[0], &how);
}

const struct ap_cmd ap_cmd_llnode_inspect = {
	.names = {[AP_LLNODE] = "inspect|jsprint"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "a value with its contents",
	.synopsis = {[AP_LLNODE] = "[flags] expr"},
	.help = "expr is an address, or the name of a variable of the selected frame, with a path behind "
		"it: 0x2a7c1f04b1d9.a[0].",
	.options = options,
	.example = "v8 inspect error",
	.needs_model = true,
	.data = data,
	.json = ap_print_json,
	.text = {[AP_LLNODE] = text_inspect},
};

const struct ap_cmd ap_cmd_llnode_print = {
	.names = {[AP_LLNODE] = "print"},
	.group = AP_GROUP_DIED,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "a short description of a value",
	.synopsis = {[AP_LLNODE] = "expr"},
	.help = "`v8 inspect` shows the contents too.",
	.example = "v8 print error",
	.needs_model = true,
	.data = data,
	.json = ap_print_json,
	.text = {[AP_LLNODE] = text_print},
};
