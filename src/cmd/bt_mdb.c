/*
 * Frames as mdb_v8 prints them. The one difference is the truth: "posn" is the line being executed,
 * not the one where the function begins.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/frames.h"
#include "cmd/source.h"
#include "cmd/values.h"

enum { INDENT = 10, NATIVE_COLUMNS = 64 };

static void print_skipped(struct ap_out *out, struct ap_mdb_frames *s)
{
	if (s->skipped == 1)
		ap_out_s(out, "        (1 internal frame elided)\n");
	else if (s->skipped)
		ap_out_f(out, "        (%zu internal frames elided)\n", s->skipped);
	s->skipped = 0;
}

static void native_frame(struct ap_out *out, const struct ap_frame *f, struct ap_mdb_frames *s)
{
	AP_STR_AUTO name = {0};

	if (f->symbol.n) {
		ap_str_add(&name, f->symbol.s, f->symbol.n);
		if (f->offset)
			ap_str_addf(&name, "+0x%" PRIx64, f->offset);
	} else {
		ap_str_addf(&name, "0x%" PRIx64, f->pc);
	}
	print_skipped(out, s);
	if (s->all) {
		ap_out_f(out, "%" PRIx64 " ", f->fp);
		ap_out_text(out, (struct ap_text){name.s, name.n});
		ap_out_s(out, "\n");
		return;
	}
	ap_out_s(out, "native: ");
	ap_out_text(out,
		    (struct ap_text){name.s, name.n < NATIVE_COLUMNS ? name.n : NATIVE_COLUMNS});
	ap_out_s(out, name.n > NATIVE_COLUMNS ? "...\n" : "\n");
}

static void hidden_frame(struct ap_out *out, const struct ap_frame *f, struct ap_mdb_frames *s)
{
	if (!s->all) {
		s->skipped++;
		return;
	}
	ap_out_f(out, "%" PRIx64 " %" PRIx64 " ", f->fp, f->pc);
	if (f->internal_name.n) {
		ap_out_s(out, "<");
		ap_out_text(out, f->internal_name);
		ap_out_s(out, ">\n");
	} else {
		ap_out_s(out, "internal (Code: ");
		ap_out_text(out, f->symbol.n ? f->symbol : AP_TEXT("?"));
		ap_out_s(out, ")\n");
	}
}

/* The item that -p names; false if the frame has no such item. */
static bool print_property(struct ap_ctx *ctx, const struct ap_frame *f, const char *property)
{
	struct ap_out *out = ctx->out;

	if (strcmp(property, "file") == 0) {
		ap_mdb_ascii(out, f->script);
	} else if (strcmp(property, "posn") == 0) {
		if (f->line)
			ap_out_f(out, "line %d", f->line);
		else
			ap_out_s(out, "unknown position");
	} else if (strcmp(property, "this") == 0) {
		if (!f->has_receiver)
			return false;
		ap_out_ref(out, AP_MDB, &f->receiver);
	} else if (strncmp(property, "arg", 3) == 0) {
		char *end;
		unsigned long n = strtoul(property + 3, &end, 10);

		if (*end || !n || n > f->arguments.n)
			return false;
		ap_out_ref(out, AP_MDB, &f->arguments.at[n - 1].value);
	} else {
		return false;
	}
	ap_out_s(out, "\n");
	return true;
}

static void print_argument(struct ap_ctx *ctx, const char *name, const struct ap_value *v)
{
	ap_out_f(ctx->out, "%*s%s: ", INDENT, "", name);
	ap_out_ref(ctx->out, AP_MDB, v);
	ap_out_s(ctx->out, " (");
	ap_mdb_type(ctx, v);
	ap_out_s(ctx->out, ")\n");
}

static void print_verbose(struct ap_ctx *ctx, const struct ap_frame *f, uint64_t lines)
{
	struct ap_out *out = ctx->out;

	/* Builtins have neither. */
	if (f->script.n) {
		ap_out_f(out, "%*sfile: ", INDENT, "");
		ap_mdb_ascii(out, f->script);
		ap_out_s(out, "\n");
	}
	if (f->line)
		ap_out_f(out, "%*sposn: line %d\n", INDENT, "", f->line);
	else if (f->script.n)
		ap_out_f(out, "%*sposn: unknown position\n", INDENT, "");
	if (f->has_receiver)
		print_argument(ctx, "this", &f->receiver);
	for (size_t i = 0; i < f->arguments.n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "arg%zu", i + 1);
		print_argument(ctx, name, &f->arguments.at[i].value);
	}
	if (!lines || !f->callee.has_ref)
		return;
	struct ap_source source;
	AP_ERR_AUTO err =
		ctx->model->ops->source(ctx->model, f->callee.ref, f, ctx->arena, &source);
	if (!err) {
		ap_mdb_source_lines(ctx, &source, lines, INDENT);
		ap_out_s(out, "\n");
	}
}

static struct ap_text printed_name(struct ap_ctx *ctx, const struct ap_frame *f)
{
	const char *text = NULL;

	if (f->name.n)
		return f->name;
	if (f->function.n && !ap_text_is(f->function, "<anonymous>"))
		text = ap_printf(ctx->arena, "<anonymous> (as %.*s)", AP_TEXT_ARG(f->function));
	return ap_text_of(text ? text : "<anonymous> (as <anon>)");
}

void ap_mdb_frame(struct ap_ctx *ctx, const struct ap_frame *f, struct ap_mdb_frames *s)
{
	struct ap_out *out = ctx->out;

	if (!ap_frame_is_js(f)) {
		if (s->property || s->function)
			return;
		/* Builtins have symbols since Node 12, but to mdb's users they are V8's machinery.
		 */
		if (f->kind == AP_FRAME_NATIVE)
			native_frame(out, f, s);
		else
			hidden_frame(out, f, s);
		return;
	}
	struct ap_text name = printed_name(ctx, f);
	if (s->function && !ap_text_is(name, s->function))
		return;
	if (s->property) {
		if (!print_property(ctx, f, s->property)) {
			ap_warn(ctx, "unknown frame property '%s'", s->property);
			s->unknown_property = true;
		}
		return;
	}
	print_skipped(out, s);
	if (s->all)
		ap_out_f(out, "%" PRIx64 " %" PRIx64 " ", f->fp, f->pc);
	else
		ap_out_s(out, "js:     ");
	if (f->kind == AP_FRAME_ASYNC && !s->all)
		ap_out_s(out, "async ");
	ap_out_style(out, AP_STYLE_STRONG);
	ap_mdb_ascii(out, name);
	ap_out_style(out, AP_STYLE_PLAIN);
	if (s->all) {
		ap_out_s(out, " (JSFunction: ");
		ap_out_ref(out, AP_MDB, &f->callee);
		ap_out_s(out, ")");
	}
	ap_out_s(out, "\n");
	if (s->verbose)
		print_verbose(ctx, f, s->lines);
}

void ap_mdb_frames_end(struct ap_ctx *ctx, struct ap_mdb_frames *s)
{
	print_skipped(ctx->out, s);
}
