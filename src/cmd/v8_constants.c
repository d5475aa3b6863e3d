/* ::v8types, ::v8frametypes, ::v8classes, ::v8field: what the binary's metadata symbols say. */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/v8_common.h"
#include "elf/file.h"

struct constants {
	AP_VEC(struct ap_v8_constant) items;
};

struct walk {
	struct ap_ctx *ctx;
	struct ap_elf *elf;
	struct constants *out;
	enum { WALK_TYPES, WALK_FRAMES, WALK_FIELDS } what;
	bool nomem;
};

/* v8dbg_type_JSObject__JS_OBJECT_TYPE, v8dbg_frametype_ExitFrame,
 * v8dbg_class_Map__prototype__Object */
static bool each(const struct ap_symbol *symbol, void *arg)
{
	static const char *const prefixes[] = {
		[WALK_TYPES] = "v8dbg_type_",
		[WALK_FRAMES] = "v8dbg_frametype_",
		[WALK_FIELDS] = "v8dbg_class_",
	};
	struct walk *w = arg;
	size_t n = strlen(prefixes[w->what]);
	struct ap_v8_constant c = {0};

	if (strncmp(symbol->name, prefixes[w->what], n) != 0)
		return true;
	const char *rest = symbol->name + n;
	const char *end = strstr(rest, "__");
	const int32_t *at = ap_elf_at(w->elf, symbol->value, sizeof(*at));
	/* A constant of zero lies in .bss: the file has no bytes for it. */
	if (at)
		memcpy(&c.value, at, sizeof(c.value));
	if (w->what == WALK_FIELDS) {
		const char *field = end ? end + 2 : NULL;
		const char *field_end = field ? strstr(field, "__") : NULL;

		if (!field || !field_end)
			return true;
		c.class = ap_strndup(w->ctx->arena, rest, (size_t)(end - rest));
		c.name = ap_strndup(w->ctx->arena, field, (size_t)(field_end - field));
		c.type = field_end + 2;
	} else {
		c.name = ap_strndup(w->ctx->arena, rest, end ? (size_t)(end - rest) : strlen(rest));
	}
	w->nomem = !c.name || !ap_vec_push(w->ctx->arena, &w->out->items, c);
	return !w->nomem;
}

/* Fields as they lie, everything else by name. */
static int by_name(const void *a, const void *b)
{
	const struct ap_v8_constant *x = a, *y = b;
	int d = x->class && y->class ? strcmp(x->class, y->class) : 0;

	if (!d && x->class)
		d = (x->value > y->value) - (x->value < y->value);
	return d ? d : strcmp(x->name, y->name);
}

/*
 * What `::v8field class field offset` defined: lines "class field offset" in a setting of the
 * session, so that it lasts as long as the prompt and no longer.
 */
static const char defined[] = "v8field";

static struct ap_err *apply_defined(struct ap_ctx *ctx, struct constants *all)
{
	const char *setting = ap_session_setting(ctx->session, defined);
	char *copy = setting ? ap_strdup(ctx->arena, setting) : NULL;
	char *save_line = NULL;

	if (setting && !copy)
		return &ap_err_nomem;
	for (char *line = copy ? strtok_r(copy, "\n", &save_line) : NULL; line;
	     line = strtok_r(NULL, "\n", &save_line)) {
		char *save = NULL;
		struct ap_v8_constant c = {.class = strtok_r(line, " ", &save), .type = "Object"};
		size_t i = 0;

		c.name = strtok_r(NULL, " ", &save);
		c.value = atoi(strtok_r(NULL, " ", &save));
		while (i < all->items.n && (strcmp(all->items.at[i].class, c.class) != 0 ||
					    strcmp(all->items.at[i].name, c.name) != 0))
			i++;
		if (i < all->items.n)
			all->items.at[i].value = c.value;
		else if (!ap_vec_push(ctx->arena, &all->items, c))
			return &ap_err_nomem;
	}
	qsort(all->items.at, all->items.n, sizeof(*all->items.at), by_name);
	return NULL;
}

static struct ap_err *define(struct ap_ctx *ctx)
{
	const char *setting = ap_session_setting(ctx->session, defined);
	const char *name = ctx->args.words[1];
	uint64_t offset;

	/* The setting's lines are cut at blanks. */
	if (!name[0] || strpbrk(name, " \n"))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "'%s' is no name of a field", name),
				   "a C++ name, without blanks");
	if (!ap_parse_number(ctx->args.words[2], ap_session_radix(ctx->session), &offset) ||
	    offset > INT16_MAX)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "'%s' is no offset", ctx->args.words[2]),
				   "a number of bytes from the object, below 0x8000");
	const char *value = ap_printf(ctx->arena, "%s%s %s %d\n", setting ? setting : "",
				      ctx->args.words[0], name, (int)offset);
	return value ? ap_session_set(ctx->session, defined, value) : &ap_err_nomem;
}

static struct ap_err *collect(struct ap_ctx *ctx, int what, void **ret_data)
{
	struct constants *c = ap_alloc(ctx->arena, sizeof(*c));
	struct ap_v8 *v8;

	if (!c)
		return &ap_err_nomem;
	AP_TRY(ap_require_v8(ctx, &v8));
	struct walk w = {.ctx = ctx, .elf = v8->module->elf, .out = c, .what = what};
	if (w.elf)
		ap_elf_each_symbol(w.elf, each, &w);
	if (w.nomem)
		return &ap_err_nomem;
	if (!c->items.n)
		return ap_err_hint(
			ap_err_new(AP_E_LAYOUT, "the binary carries no such metadata symbols"),
			"`profile` shows what is known without them");
	qsort(c->items.at, c->items.n, sizeof(*c->items.at), by_name);
	/* A symbol may stand in two tables of the binary. */
	size_t n = 1;
	for (size_t i = 1; i < c->items.n; i++) {
		if (by_name(&c->items.at[n - 1], &c->items.at[i]) != 0)
			c->items.at[n++] = c->items.at[i];
	}
	c->items.n = n;
	if (what == WALK_FIELDS)
		AP_TRY(apply_defined(ctx, c));
	*ret_data = c;
	return NULL;
}

struct ap_err *ap_v8_fields(struct ap_ctx *ctx, const struct ap_v8_constant **ret_fields,
			    size_t *ret_n)
{
	void *p;

	AP_TRY(collect(ctx, WALK_FIELDS, &p));
	const struct constants *c = p;
	*ret_fields = c->items.at;
	*ret_n = c->items.n;
	return NULL;
}

static struct ap_err *types_data(struct ap_ctx *ctx, void **ret_data)
{
	return collect(ctx, WALK_TYPES, ret_data);
}

static struct ap_err *frames_data(struct ap_ctx *ctx, void **ret_data)
{
	return collect(ctx, WALK_FRAMES, ret_data);
}

static struct ap_err *classes_data(struct ap_ctx *ctx, void **ret_data)
{
	return collect(ctx, WALK_FIELDS, ret_data);
}

static bool has_class(const struct constants *all, const char *class)
{
	for (size_t i = 0; i < all->items.n; i++) {
		if (strcmp(all->items.at[i].class, class) == 0)
			return true;
	}
	return false;
}

static struct ap_err *field_data(struct ap_ctx *ctx, void **ret_data)
{
	struct constants *all, *one = ap_alloc(ctx->arena, sizeof(*one));
	void *p;

	if (!one)
		return &ap_err_nomem;
	if (ctx->args.n_words != 2 && ctx->args.n_words != 3)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "a class and a field are needed"), "%s",
				   ap_cmd_usage(&ap_cmd_v8field, AP_MDB, ctx->arena));
	AP_TRY(collect(ctx, WALK_FIELDS, &p));
	/* A field may be new, its class not. */
	if (ctx->args.n_words == 3 && has_class(p, ctx->args.words[0])) {
		AP_TRY(define(ctx));
		AP_TRY(collect(ctx, WALK_FIELDS, &p));
	}
	all = p;
	for (size_t i = 0; i < all->items.n; i++) {
		const struct ap_v8_constant *c = &all->items.at[i];

		if (strcmp(c->class, ctx->args.words[0]) == 0 &&
		    strcmp(c->name, ctx->args.words[1]) == 0 &&
		    !ap_vec_push(ctx->arena, &one->items, *c))
			return &ap_err_nomem;
	}
	if (!has_class(all, ctx->args.words[0]))
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "unknown class '%s'", ctx->args.words[0]),
			"::v8classes lists them");
	if (!one->items.n)
		return ap_err_new(AP_E_NOTFOUND, "no field '%s' in class '%s'", ctx->args.words[1],
				  ctx->args.words[0]);
	*ret_data = one;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct constants *c = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "constants");
	for (size_t i = 0; i < c->items.n; i++) {
		ap_json_object(j, NULL);
		ap_json_cstr(j, "class", c->items.at[i].class);
		ap_json_cstr(j, "name", c->items.at[i].name);
		ap_json_int(j, "value", c->items.at[i].value);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text_values(struct ap_ctx *ctx, const void *p)
{
	const struct constants *c = p;

	for (size_t i = 0; i < c->items.n; i++)
		ap_out_f(ctx->out, "%-30s = 0x%02x\n", c->items.at[i].name,
			 (unsigned)c->items.at[i].value);
}

static void text_classes(struct ap_ctx *ctx, const void *p)
{
	const struct constants *c = p;

	for (size_t i = 0; i < c->items.n; i++) {
		if (!i || strcmp(c->items.at[i].class, c->items.at[i - 1].class) != 0)
			ap_out_f(ctx->out, "%s\n", c->items.at[i].class);
	}
}

static void text_field(struct ap_ctx *ctx, const void *p)
{
	const struct constants *c = p;

	for (size_t i = 0; i < c->items.n; i++)
		ap_out_f(ctx->out, "%s::%s at offset 0x%x\n", c->items.at[i].class,
			 c->items.at[i].name, (unsigned)c->items.at[i].value);
}

const struct ap_cmd ap_cmd_v8types = {
	.names = {[AP_MDB] = "v8types"},
	.group = AP_GROUP_LAYOUT,
	.summary = "instance types by number",
	.synopsis = {[AP_MDB] = ""},
	.help = "As the binary's metadata symbols name them.",
	.example = "::v8types",
	.needs_model = true,
	.data = types_data,
	.json = json,
	.text = {[AP_PLAIN] = text_values},
};

const struct ap_cmd ap_cmd_v8frametypes = {
	.names = {[AP_MDB] = "v8frametypes"},
	.group = AP_GROUP_LAYOUT,
	.summary = "frame types by number",
	.synopsis = {[AP_MDB] = ""},
	.help = "As the binary's metadata symbols name them.",
	.example = "::v8frametypes",
	.needs_model = true,
	.data = frames_data,
	.json = json,
	.text = {[AP_PLAIN] = text_values},
};

const struct ap_cmd ap_cmd_v8classes = {
	.names = {[AP_MDB] = "v8classes"},
	.group = AP_GROUP_LAYOUT,
	.summary = "V8's classes that have known fields",
	.synopsis = {[AP_MDB] = ""},
	.help = "`::v8field CLASS FIELD` tells where a field lies.",
	.example = "::v8classes",
	.needs_model = true,
	.data = classes_data,
	.json = json,
	.text = {[AP_PLAIN] = text_classes},
};

const struct ap_cmd ap_cmd_v8field = {
	.names = {[AP_MDB] = "v8field"},
	.group = AP_GROUP_LAYOUT,
	.summary = "where a field of one of V8's classes lies",
	.synopsis = {[AP_MDB] = "classname fieldname [offset]"},
	.help = "As the metadata symbols say it, even where they are wrong: `profile` shows what is used.\n\n"
		"With an offset, the field is defined there for ::v8print, until the session ends. No other command "
		"asks for it.",
	.example = "::help v8field",
	.needs_model = true,
	.data = field_data,
	.json = json,
	.text = {[AP_PLAIN] = text_field},
};
