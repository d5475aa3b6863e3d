/*
 * ADDR/FORMAT, ADDR?FORMAT, ADDR\FORMAT, VALUE=FORMAT, ::formats: memory in any form.
 *
 * Only the first line of a repeated format has a label, as in mdb: addr,4/K is one row of four.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/format.h"
#include "model/core.h"
#include "model/symbols.h"

struct examined {
	struct ap_text text;
	const struct ap_format_item *items;
	size_t n;
	uint64_t next;
	struct ap_err *error; /* what stopped it, after something had been printed */
};

static void label(struct ap_format *f, const char *letters)
{
	const struct ap_module *module;
	const char *name;
	uint64_t offset;
	bool exact =
		ap_symbol_text(f->image, f->dot, f->ctx->arena, &name, &module, &offset) && !offset;
	bool listing = strncmp(letters, "ai", 2) == 0 || strncmp(letters, "ia", 2) == 0;
	const char *text =
		ap_printf(f->ctx->arena, "%s:", ap_symbol_label(f->image, f->dot, f->ctx->arena));

	if (!text)
		return;
	if (exact && !listing)
		ap_str_addf(&f->text, "%s\n", text);
	ap_str_adds(&f->text, text);
	f->column = (int)strlen(text);
	if (f->column % 16 || !f->column) {
		ap_str_pad(&f->text, (size_t)(16 - f->column % 16), ' ');
		f->column += 16 - f->column % 16;
	}
}

/* /l /L /M VALUE [MASK]: the next place whose 2, 4 or 8 bytes are the value; dot goes there. */
static struct ap_err *match(struct ap_ctx *ctx, const struct ap_image *image, const char *words,
			    struct ap_format *f)
{
	size_t n, bytes = words[0] == 'l' ? 2 : words[0] == 'L' ? 4 : 8;
	const char **split = ap_alloc_array(ctx->arena, 3, sizeof(*split));
	char *copy = ap_strdup(ctx->arena, words + 1);
	uint64_t wanted, mask = UINT64_MAX, v;

	if (!split || !copy)
		return &ap_err_nomem;
	n = 0;
	for (char *word; (word = strsep(&copy, " \t"));) {
		if (*word && n < 2)
			split[n++] = word;
	}
	if (!n)
		return ap_err_new(AP_E_USAGE, "expected a value following %c", words[0]);
	AP_TRY(ap_session_evaluate(ctx->session, split[0], &wanted));
	if (n > 1)
		AP_TRY(ap_session_evaluate(ctx->session, split[1], &mask));
	if (bytes < 8)
		mask &= (1ull << bytes * 8) - 1;
	for (uint64_t at = f->dot;; at += bytes) {
		v = 0;
		if ((at & 0xffff) < bytes && ap_ctx_cancelled(ctx))
			return &ap_err_cancelled;
		if (!ap_image_read(image, at, &v, bytes))
			return ap_err_new(
				AP_E_NOTFOUND,
				"no match up to 0x%" PRIx64 ", where what can be read ends", at);
		if ((v & mask) == (wanted & mask)) {
			f->dot = at;
			ap_session_set_dot(ctx->session, at);
			ap_str_addf(&f->text, "0x%" PRIx64 "\n", at);
			return NULL;
		}
	}
}

static struct ap_err *run(struct ap_ctx *ctx, struct ap_format *f, const char *letters)
{
	f->address = f->dot;
	if (f->source != AP_FORMAT_VALUE && *letters && strchr("lLM", *letters))
		return match(ctx, f->image, letters, f);
	if (f->source != AP_FORMAT_VALUE && *letters && strchr("vwWZ", *letters))
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED, "a core is not written to"),
				   "V u U J K show such sizes; v w W Z write in mdb");
	if (f->source == AP_FORMAT_VALUE && !*letters)
		return ap_err_new(AP_E_USAGE,
				  "expected one or more format characters following '='");
	for (uint64_t c = 0; c < ctx->count; c++) {
		if (ap_ctx_cancelled(ctx))
			return &ap_err_cancelled;
		if (c == 0 && f->source != AP_FORMAT_VALUE)
			label(f, letters);
		AP_TRY(ap_format_run(f, *letters ? letters : "X^\"= \"i"));
	}
	return NULL;
}

static struct ap_err *examine(struct ap_ctx *ctx, enum ap_format_source source, const char *letters,
			      void **ret_data)
{
	struct examined *e = ap_alloc(ctx->arena, sizeof(*e));
	struct ap_format f = {
		.ctx = ctx,
		.image = ctx->model ? ap_core_model_image(ctx->model) : NULL,
		.source = source,
		.width = ctx->out->width > 32 ? ctx->out->width : 80,
		.dot = ctx->address,
	};

	if (!e)
		return &ap_err_nomem;
	if (!f.image && source != AP_FORMAT_VALUE)
		return ap_err_new(AP_E_UNSUPPORTED, "this target has no memory");
	struct ap_err *err = run(ctx, &f, letters);
	if (f.column)
		ap_str_addc(&f.text, '\n');
	if (!err || f.items.n) {
		ap_session_set_increment(ctx->session, f.dot - f.address);
		if (!err)
			err = ap_session_set_variable(ctx->session, "0", f.value);
		if (!err)
			err = ap_session_set_variable(ctx->session, "9", ctx->count);
	}
	e->text = ap_str_text(&f.text, ctx->arena);
	e->items = f.items.at;
	e->n = f.items.n;
	e->next = f.dot;
	ap_format_close(&f);
	if (err && e->n && err->code == AP_E_FAULT) {
		/* What could be read stands, with a word on what could not. */
		ap_warn(ctx, "%s", err->message);
		ap_err_free(err);
		err = NULL;
		if (ctx->model)
			ctx->model->gaps.absent++;
	}
	*ret_data = e;
	return err;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	static const enum ap_format_source sources[] = {['/'] = AP_FORMAT_MEMORY,
							['\\'] = AP_FORMAT_MEMORY,
							['?'] = AP_FORMAT_OBJECT,
							['='] = AP_FORMAT_VALUE};
	char verb = ctx->args.n_words ? ctx->args.words[0][0] : '/';

	return examine(ctx, sources[verb & 0x7f], ctx->args.n_words > 1 ? ctx->args.words[1] : "",
		       ret_data);
}

enum { OPT_COUNT, OPT_SIZE, OPT_FORMAT };

static const struct ap_option memory_options[] = {
	[OPT_COUNT] = {'c', "count", AP_OPTION_NUMBER, AP_IN_PLAIN, "N", "so many, as in lldb"},
	[OPT_SIZE] = {'s', "size", AP_OPTION_NUMBER, AP_IN_PLAIN, "BYTES",
		      "of each: 1, 2, 4 or 8 (default)"},
	[OPT_FORMAT] = {'f', "format", AP_OPTION_TEXT, AP_IN_PLAIN, "F",
			"x, d, u, c, s (string) or i (instruction)"},
	{0},
};

/* lldb's options as a format of mdb. */
static struct ap_err *lldb_format(struct ap_ctx *ctx, const char **ret)
{
	static const struct {
		char format;
		char by_size[4]; /* of 1, 2, 4, 8 bytes */
	} letters[] = {{'x', "BxXK"}, {'d', "vdDe"}, {'u', "VuUE"},
		       {'c', "cccc"}, {'s', "ssss"}, {'i', "iiii"}};
	const struct ap_args *a = &ctx->args;
	uint64_t size = a->given[OPT_SIZE] ? a->number[OPT_SIZE] : 8;
	uint64_t count = a->given[OPT_COUNT] ? a->number[OPT_COUNT] : a->given[OPT_FORMAT] ? 1 : 4;
	const char *format = a->given[OPT_FORMAT] ? a->text[OPT_FORMAT] : "x";

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ap_err_new(AP_E_USAGE, "the size is 1, 2, 4 or 8 bytes");
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (format[0] != letters[i].format || format[1])
			continue;
		*ret = ap_printf(ctx->arena, "%" PRIu64 "%c", count,
				 letters[i].by_size[__builtin_ctzll(size)]);
		return *ret ? NULL : &ap_err_nomem;
	}
	return ap_err_new(AP_E_USAGE, "\"%s\" is none of the formats x d u c s i", format);
}

static struct ap_err *memory_data(struct ap_ctx *ctx, void **ret_data)
{
	const char *format = ctx->args.n_words > 1 ? ctx->args.words[1] : NULL;

	if (!ctx->args.n_words)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which address?"),
				   "x ADDR [FORMAT]: x main 4K");
	if (!format)
		AP_TRY(lldb_format(ctx, &format));
	/* $rsp is what lldb and gdb call mdb's <rsp. */
	const char *where = ctx->args.words[0];
	if (where[0] == '$' && where[1] != '[')
		where = ap_printf(ctx->arena, "<%s", where + 1);
	AP_TRY(ap_session_evaluate(ctx->session, where ? where : "", &ctx->address));
	ctx->count = 1;
	return examine(ctx, AP_FORMAT_MEMORY, format, ret_data);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct examined *e = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "items");
	for (size_t i = 0; i < e->n; i++) {
		const char format[] = {e->items[i].letter, '\0'};

		ap_json_object(j, NULL);
		ap_json_addr(j, "address", e->items[i].address);
		ap_json_cstr(j, "format", format);
		ap_json_cstr(j, "text", e->items[i].text);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_addr(j, "next", e->next);
	ap_json_text(j, "text", e->text);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct examined *e = p;

	ap_out_raw(ctx->out, e->text);
}

const struct ap_cmd ap_cmd_examine = {
	.names = {[AP_MDB] = "/|?|\\|="},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "memory, the object file or a value in a format",
	.synopsis = {[AP_MDB] = "format"},
	.help = "ADDR/FORMAT shows memory, ADDR?FORMAT the bytes of the mapped file, VALUE=FORMAT the value "
		"itself. A format is letters with decimal repeat counts: /10X is ten words. ADDR,COUNT/FORMAT "
		"repeats the whole format and moves on. Without a letter: X^\"= \"i. `/l /L /M VALUE [MASK]` "
		"look for 2, 4 or 8 bytes. ::formats lists the letters.",
	.example = "<rsp/4K",
	.counts = true,
	.bare = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

const struct ap_cmd ap_cmd_memory = {
	.names = {[AP_PLAIN] = "x|memory read"},
	.group = AP_GROUP_NATIVE,
	.summary = "memory in a format: words, text, instructions",
	.synopsis = {[AP_PLAIN] = "[-c N] [-s BYTES] [-f F] ADDR [FORMAT]"},
	.help = "ADDR may be an expression of mdb: main+8, <rsp; $rsp is the same. FORMAT is letters with repeat counts, as "
		"::formats lists them: 4K (four words of eight bytes, the default), s, 10i.",
	.options = memory_options,
	.example = "x <rsp 2K",
	.needs_model = true,
	.data = memory_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

static struct ap_err *formats_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};

	for (const struct ap_format_letter *l = ap_format_letters; l->letter; l++) {
		bool writes = strchr("vwWZ", l->letter) != NULL;

		ap_str_addf(&out, "%c - %s%s", l->letter, writes ? "write " : "", l->help);
		if (l->bytes)
			ap_str_addf(&out, " (%u byte%s)", l->bytes, l->bytes == 1 ? "" : "s");
		else if (strchr("iIsS+-^", l->letter))
			ap_str_adds(&out, " (variable size)");
		ap_str_addc(&out, '\n');
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_formats = {
	.names = {[AP_MDB] = "formats"},
	.group = AP_GROUP_NATIVE,
	.summary = "list the letters of / \\ ? =",
	.synopsis = {[AP_MDB] = ""},
	.help = "Each with the bytes it takes. Those that write say so; a core is never written to.",
	.example = "::formats",
	.data = formats_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
