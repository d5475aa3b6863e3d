/* ::objects, ::nm, ::whatis: modules, their symbols, and what an address is. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "cmd/answer.h"
#include "cmd/commands.h"
#include "model/core.h"
#include "model/symbols.h"

static struct ap_err *image_of(struct ap_ctx *ctx, struct ap_image **ret_image)
{
	*ret_image = ap_core_model_image(ctx->model);
	return *ret_image ? NULL : ap_err_new(AP_E_UNSUPPORTED, "this target has no memory");
}

static struct ap_err *objects_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	AP_STR_AUTO out = {0};
	size_t n;

	AP_TRY(image_of(ctx, &image));
	const struct ap_module *modules = ap_image_modules(image, &n);
	ap_str_addf(&out, "%16s %16s %16s %s\n", "BASE", "LIMIT", "SIZE", "NAME");
	for (size_t i = 0; i < n; i++) {
		ap_str_addf(&out, "%16" PRIx64 " %16" PRIx64 " %16" PRIx64 " ", modules[i].start,
			    modules[i].end, modules[i].end - modules[i].start);
		ap_escape(&out, ap_text_of(modules[i].path ? modules[i].path : "?"));
		ap_str_addc(&out, '\n');
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_load_objects = {
	.names = {[AP_MDB] = "objects"},
	.group = AP_GROUP_NATIVE,
	.summary = "the program and its libraries",
	.synopsis = {[AP_MDB] = ""},
	.help = "Where each was loaded. ::nm lists their symbols.",
	.example = "::objects",
	.needs_model = true,
	.data = objects_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

struct symbol_row {
	const char *name;
	uint64_t value, size;
	uint8_t type;
};

struct listing {
	struct ap_ctx *ctx;
	const struct ap_module *module;
	bool functions, data, failed;
	AP_VEC(struct symbol_row) rows;
};

static bool add_symbol(const struct ap_symbol *symbol, void *arg)
{
	struct listing *l = arg;
	bool function = symbol->type == STT_FUNC, object = symbol->type == STT_OBJECT;
	const struct symbol_row row = {symbol->name, symbol->value + l->module->bias, symbol->size,
				       symbol->type};

	if (ap_ctx_cancelled(l->ctx))
		return false;
	if (!symbol->name[0] || symbol->type == STT_SECTION || symbol->type == STT_FILE ||
	    (l->functions && !function) || (l->data && !object))
		return true;
	l->failed = !ap_vec_push(l->ctx->arena, &l->rows, row);
	return !l->failed;
}

static int by_name(const void *a, const void *b)
{
	const struct symbol_row *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_value(const void *a, const void *b)
{
	const struct symbol_row *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

enum { OPT_FUNCTIONS, OPT_NUMERIC };

static const struct ap_option nm_options[] = {
	[OPT_FUNCTIONS] = {'t', NULL, AP_OPTION_TEXT, AP_IN_MDB, "type", "only func or obje"},
	[OPT_NUMERIC] = {'n', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "in the order of addresses"},
	{0},
};

static struct ap_err *nm_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	struct listing *l = ap_alloc(ctx->arena, sizeof(*l));
	const char *type = ctx->args.given[OPT_FUNCTIONS] ? ctx->args.text[OPT_FUNCTIONS] : "";
	const char *wanted = ctx->args.n_words ? ctx->args.words[0] : NULL;
	size_t n;

	if (!l)
		return &ap_err_nomem;
	AP_TRY(image_of(ctx, &image));
	l->ctx = ctx;
	l->functions = strncmp(type, "func", 4) == 0;
	l->data = strncmp(type, "obj", 3) == 0;
	const struct ap_module *modules = ap_image_modules(image, &n);
	bool found = false;
	for (size_t i = 0; i < n && !l->failed; i++) {
		l->module = &modules[i];
		if (wanted ? strcmp(ap_module_name(&modules[i]), wanted) != 0 : !modules[i].is_main)
			continue;
		found = true;
		if (modules[i].elf)
			ap_elf_each_symbol(modules[i].elf, add_symbol, l);
	}
	if (ap_ctx_cancelled(ctx))
		return &ap_err_cancelled;
	if (l->failed)
		return &ap_err_nomem;
	if (!found)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "no object is named %s",
					      wanted ? wanted : "node"),
				   "::objects lists them");
	qsort(l->rows.at, l->rows.n, sizeof(*l->rows.at),
	      ctx->args.given[OPT_NUMERIC] ? by_value : by_name);
	*ret_data = l;
	return NULL;
}

static const char *symbol_type(uint8_t type)
{
	return type == STT_FUNC     ? "FUNC"
	       : type == STT_OBJECT ? "OBJT"
	       : type == STT_TLS    ? "TLS"
				    : "NOTY";
}

static void nm_json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct listing *l = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "symbols");
	for (size_t i = 0; i < l->rows.n; i++) {
		ap_json_object(j, NULL);
		ap_json_cstr(j, "name", l->rows.at[i].name);
		ap_json_addr(j, "address", l->rows.at[i].value);
		ap_json_uint(j, "size", l->rows.at[i].size);
		ap_json_cstr(j, "type", symbol_type(l->rows.at[i].type));
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void nm_text(struct ap_ctx *ctx, const void *p)
{
	const struct listing *l = p;

	ap_out_f(ctx->out, "%-18s|%-18s|%-5s|%s\n", "Value", "Size", "Type", "Name");
	for (size_t i = 0; i < l->rows.n && !ctx->out->broken && !ap_ctx_cancelled(ctx); i++) {
		const struct symbol_row *r = &l->rows.at[i];

		ap_out_f(ctx->out, "0x%016" PRIx64 "|0x%016" PRIx64 "|%-5s|", r->value, r->size,
			 symbol_type(r->type));
		ap_out_text(ctx->out, ap_text_of(r->name));
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_nm = {
	.names = {[AP_MDB] = "nm"},
	.group = AP_GROUP_NATIVE,
	.summary = "symbols of the program or of a library",
	.synopsis = {[AP_MDB] = "[-n] [-t func|obje] [object]"},
	.help = "The addresses are those in the process. Names are as in the file; formats a and p show them "
		"demangled.",
	.options = nm_options,
	.example = "::nm -t func libc.so.6",
	.needs_model = true,
	.data = nm_data,
	.json = nm_json,
	.text = {[AP_PLAIN] = nm_text},
};

static struct ap_err *whatis_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	const struct ap_module *module;
	const char *name;
	uint64_t offset, at = ctx->address;

	AP_TRY(image_of(ctx, &image));
	if (ap_symbol_text(image, at, ctx->arena, &name, &module, &offset))
		return ap_answer_text(ctx, ret_data, "%" PRIx64 " is %s`%s+0x%" PRIx64 "\n", at,
				      ap_module_name(module), name, offset);
	size_t n;
	const struct ap_thread *threads = ap_image_threads(image, &n);
	const struct ap_segment *segment = ap_image_segment_at(image, at);
	if (!segment)
		return ap_err_new(AP_E_NOTFOUND, "%" PRIx64 " is unknown", at);
	for (size_t i = 0; i < n; i++) {
		uint64_t sp = threads[i].regs ? threads[i].regs[AP_REG_RSP] : 0;

		if (sp >= segment->start && sp < segment->end)
			return ap_answer_text(ctx, ret_data,
					      "%" PRIx64 " is in the stack of thread %d [%" PRIx64
					      ",%" PRIx64 ")\n",
					      at, (int)threads[i].tid, segment->start,
					      segment->end);
	}
	AP_STR_AUTO path = {0};
	ap_escape(&path, ap_text_of(segment->path ? segment->path : "[ anon ]"));
	return ap_answer_text(ctx, ret_data,
			      "%" PRIx64 " is in %s [%" PRIx64 ",%" PRIx64 ") %c%c%c\n", at,
			      path.s ? path.s : "?", segment->start, segment->end,
			      segment->flags & PF_R ? 'r' : '-', segment->flags & PF_W ? 'w' : '-',
			      segment->flags & PF_X ? 'x' : '-');
}

const struct ap_cmd ap_cmd_whatis = {
	.names = {[AP_MDB] = "whatis"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "what an address is: symbol, stack or mapping",
	.synopsis = {[AP_MDB] = ""},
	.help = "::v8whatis tells which JavaScript object it lies in.",
	.example = "<rip::whatis",
	.needs_model = true,
	.data = whatis_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
