/*
 * ::v8print: an object as the C++ class that it is, field by field.
 *
 * Scripts cut its lines by columns: "FIELDADDR name = VALUE (TYPE)".
 */
#include <inttypes.h>

#include "cmd/v8_common.h"

struct field {
	uint64_t address, value;
	const char *name;
	unsigned bytes; /* 1, 2, 4: a plain number; 8: a word */
	bool tagged, readable;
};

struct level {
	const char *class;
	AP_VEC(struct field) fields;
};

struct print {
	ap_tagged object;
	AP_VEC(struct level) levels; /* the class itself first, its parents behind it */
};

static bool is_type(const char *type, const char *word)
{
	return strcmp(type, word) == 0;
}

static struct ap_err *add_level(struct ap_ctx *ctx, struct print *print, const char *class,
				const struct ap_v8_constant *fields, size_t n)
{
	struct ap_v8 *v8 = ap_core_model_v8(ctx->model);
	struct level level = {.class = class};

	for (size_t i = 0; i < n; i++) {
		const struct ap_v8_constant *c = &fields[i];
		struct field f = {.name = c->name, .bytes = 8, .tagged = true};
		bool same = false;

		if (strcmp(c->class, class) != 0)
			continue;
		/* V8 exports some fields twice, under the old name of their type and the new one.
		 */
		for (size_t k = 0; k < level.fields.n; k++)
			same |= strcmp(level.fields.at[k].name, c->name) == 0;
		if (same)
			continue;
		if (is_type(c->type, "char") || is_type(c->type, "uint8_t"))
			f.bytes = 1;
		else if (is_type(c->type, "uint16_t") || is_type(c->type, "int16_t"))
			f.bytes = 2;
		else if (is_type(c->type, "int") || is_type(c->type, "int32_t") ||
			 is_type(c->type, "uint32_t"))
			f.bytes = 4;
		f.tagged = f.bytes == 8 && !is_type(c->type, "uintptr_t") &&
			   !is_type(c->type, "double");
		f.address = (print->object & ~3ull) + (uint64_t)(int64_t)c->value;
		f.readable = ap_image_read(v8->image, f.address, &f.value, f.bytes);
		if (!ap_vec_push(ctx->arena, &level.fields, f))
			return &ap_err_nomem;
	}
	return ap_vec_push(ctx->arena, &print->levels, level) ? NULL : &ap_err_nomem;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct print *print = ap_alloc(ctx->arena, sizeof(*print));
	const struct ap_v8_constant *fields;
	struct ap_v8 *v8;
	size_t n;

	if (!print)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_MAPS));
	AP_TRY(ap_v8_address(ctx, &print->object));
	int type = ap_v8_type(v8, print->object);
	if (type < 0)
		return ap_err_new(AP_E_TYPE, "%" PRIx64 " is not a heap object", print->object);
	AP_TRY(ap_v8_fields(ctx, &fields, &n));
	const char *class = ctx->args.n_words ? ctx->args.words[0] : NULL;
	if (class) {
		bool known = false;

		for (size_t i = 0; i < n; i++)
			known |= strcmp(fields[i].class, class) == 0;
		if (!known)
			return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "unknown class '%s'", class),
					   "::v8classes lists them");
	} else {
		struct ap_text name = ap_v8_type_name(v8, type, ctx->arena);

		class = ap_strndup(ctx->arena, name.s ? name.s : "?", name.s ? name.n : 1);
		if (!class)
			return &ap_err_nomem;
	}
	AP_TRY(add_level(ctx, print, class, fields, n));
	/* The metadata no longer tells parents; these are the same in every V8. */
	static const char *const receiver[] = {"JSObject", "JSReceiver", "HeapObject"};
	static const char *const string[] = {"String", "Name", "HeapObject"};
	static const char *const other[] = {"HeapObject"};
	const char *const *parents = ap_type_is_receiver(v8, type) ? receiver
				     : ap_type_is_string(v8, type) ? string
								   : other;
	size_t n_parents = parents == other ? 1 : 3;
	for (size_t i = 0; i < n_parents; i++) {
		if (strcmp(parents[i], class) != 0)
			AP_TRY(add_level(ctx, print, parents[i], fields, n));
	}
	*ret_data = print;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct print *print = p;

	ap_json_object(j, "data");
	ap_json_addr(j, "address", print->object & ~3ull);
	ap_json_array(j, "classes");
	for (size_t i = 0; i < print->levels.n; i++) {
		const struct level *level = &print->levels.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "class", level->class);
		ap_json_array(j, "fields");
		for (size_t k = 0; k < level->fields.n; k++) {
			const struct field *f = &level->fields.at[k];

			ap_json_object(j, NULL);
			ap_json_addr(j, "address", f->address);
			ap_json_cstr(j, "name", f->name);
			if (f->readable)
				ap_json_addr(j, "word", f->value);
			else
				ap_json_null(j, "word");
			if (f->readable && f->tagged) {
				struct ap_value value = ap_v8_describe(ctx, f->value);

				ap_json_value(ctx, j, "value", &value);
			} else {
				ap_json_null(j, "value");
			}
			ap_json_end_object(j);
		}
		ap_json_end_array(j);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void out_field(struct ap_ctx *ctx, const struct field *f, int indent)
{
	struct ap_out *out = ctx->out;

	ap_out_f(out, "%*s%" PRIx64 " %s = ", indent, "", f->address, f->name);
	if (!f->readable) {
		ap_out_s(out, "(unreadable)\n");
		return;
	}
	if (!f->tagged) {
		ap_out_f(out, "0x%" PRIx64 "\n", f->value);
		return;
	}
	struct ap_value value = ap_v8_describe(ctx, f->value);
	ap_out_f(out, "%" PRIx64 " (", f->value);
	ap_mdb_type(ctx, &value);
	if (value.type == AP_T_STRING) {
		ap_out_s(out, ": \"");
		ap_mdb_ascii(out,
			     ap_text_of(ap_strndup(ctx->arena, value.text.s ? value.text.s : "",
						   value.text.n < 60 ? value.text.n : 60)));
		ap_out_s(out, "\"");
	}
	ap_out_s(out, ")\n");
}

/* A class holds its parent's block, then its own fields. */
static void out_level(struct ap_ctx *ctx, const struct print *print, size_t i, int indent)
{
	const struct level *level = &print->levels.at[i];

	ap_out_f(ctx->out, "%*s%" PRIx64 " %s {\n", indent, "", print->object, level->class);
	if (i + 1 < print->levels.n)
		out_level(ctx, print, i + 1, indent + 4);
	for (size_t k = 0; k < level->fields.n; k++)
		out_field(ctx, &level->fields.at[k], indent + 4);
	ap_out_f(ctx->out, "%*s}\n", indent, "");
}

static void text(struct ap_ctx *ctx, const void *p)
{
	out_level(ctx, p, 0, 0);
}

const struct ap_cmd ap_cmd_v8print = {
	.names = {[AP_MDB] = "v8print"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "an object as its C++ class, field by field",
	.synopsis = {[AP_MDB] = "[class]"},
	.help = "Fields are where the binary's metadata symbols put them; `profile` shows which of those are "
		"known to be wrong. With a class, the object is read as one of that class.",
	.example = "::help v8print",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
