#include "cmd/source.h"

#include <string.h>

#include "base/escape.h"

enum {
	LONG_LINE = 400, /* UTF-16 units, as columns are */
	PART = 160,
};

/* Line ends as JavaScript counts them for positions: \n, \r\n, \r. */
static const char *line_end(const char *p, const char *end, const char **ret_next)
{
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	*ret_next = p < end ? p + 1 + (p[0] == '\r' && p + 1 < end && p[1] == '\n') : NULL;
	return p;
}

struct ap_text ap_source_line(const struct ap_source *source, int line)
{
	const char *p = source->text.s, *end = p ? p + source->text.n : NULL;

	for (int at = source->text_first_line ? source->text_first_line : 1; p; at++) {
		const char *next, *stop = line_end(p, end, &next);

		if (at == line)
			return (struct ap_text){p, (size_t)(stop - p)};
		p = next;
	}
	return (struct ap_text){0};
}

int ap_source_last_line(const struct ap_source *source)
{
	const char *p = source->text.s, *end = p ? p + source->text.n : NULL;
	int at = source->text_first_line ? source->text_first_line : 1;

	if (!p)
		return 0;
	for (;; at++) {
		line_end(p, end, &p);
		if (!p)
			return at;
		if (p == end) /* the text ends with a line end: no line behind it */
			return at;
	}
}

/* Calls `print` for each line in [from, to]; one pass, however long the script is. */
static void each_line(struct ap_ctx *ctx, const struct ap_source *source, int from, int to,
		      void (*print)(struct ap_ctx *, const struct ap_source *, int, struct ap_text,
				    const void *),
		      const void *arg)
{
	const char *p = source->text.s, *end = p ? p + source->text.n : NULL;

	for (int at = source->text_first_line ? source->text_first_line : 1; p && at <= to; at++) {
		const char *next, *stop = line_end(p, end, &next);

		/* The empty piece behind the last line end is no line. */
		if (at >= from && !(p == end && at > 1))
			print(ctx, source, at, (struct ap_text){p, (size_t)(stop - p)}, arg);
		if (ctx->out->broken || ap_ctx_cancelled(ctx))
			return;
		p = next;
	}
}

struct ap_source_part ap_source_part(struct ap_text line, int column, int width)
{
	/* What led to the place says more than what follows. */
	int from = column > width / 2 ? column - width / 2 : 1, unit = 1;
	const char *p = line.s, *end = line.s + line.n, *begin = line.s, *stop = line.s;

	if (column <= width * 3 / 4)
		from = 1;
	while (p < end && unit < from + width) {
		unit += ap_utf8_next(&p, end) > 0xffff ? 2 : 1;
		if (unit <= from)
			begin = p;
		stop = p;
	}
	return (struct ap_source_part){.text = {begin, (size_t)(stop - begin)},
				       .column = column ? column - from + 1 : 0,
				       .cut_before = begin > line.s,
				       .cut_behind = stop < end};
}

void ap_out_source(struct ap_out *out, struct ap_text text)
{
	while (text.n) {
		size_t n = 0;

		while (n < text.n && text.s[n] != '\t' && text.s[n] != '\n')
			n++;
		ap_out_text(out, (struct ap_text){text.s, n});
		if (n == text.n)
			return;
		ap_out_s(out, text.s[n] == '\t' ? "\t" : "\n");
		text = (struct ap_text){text.s + n + 1, text.n - n - 1};
	}
}

static void mdb_line(struct ap_ctx *ctx, const struct ap_source *source, int number,
		     struct ap_text line, const void *arg)
{
	const int *indent = arg;
	bool inside = number >= source->first_line && number <= source->last_line;

	ap_out_f(ctx->out, "%*s", *indent, "");
	ap_out_styled(ctx->out, inside ? AP_STYLE_HEAD : AP_STYLE_PLAIN, "%5d ", number);
	ap_out_source(ctx->out, line);
	ap_out_s(ctx->out, "\n");
}

void ap_mdb_source_lines(struct ap_ctx *ctx, const struct ap_source *source, uint64_t context,
			 int indent)
{
	int around = context > 1000000 ? 1000000 : (int)context;

	each_line(ctx, source, source->first_line - around, source->last_line + around, mdb_line,
		  &indent);
}

static void plain_line(struct ap_ctx *ctx, const struct ap_source *source, int number,
		       struct ap_text line, const void *arg)
{
	const bool *whole = arg;
	bool here = number == source->line;
	struct ap_source_part part = {line, here ? source->column : 0, false, false};

	if (!*whole && line.n > LONG_LINE)
		part = ap_source_part(line, part.column, PART);
	if (here)
		ap_out_style(ctx->out, AP_STYLE_STRONG);
	ap_out_f(ctx->out, "%s %5d  %s", here ? "=>" : "  ", number, part.cut_before ? "..." : "");
	ap_out_source(ctx->out, part.text);
	ap_out_s(ctx->out, part.cut_behind ? "..." : "");
	if (here)
		ap_out_style(ctx->out, AP_STYLE_PLAIN);
	ap_out_s(ctx->out, "\n");
	if (!here || part.column <= 0)
		return;
	/* The caret stands under the column; tabs before it are kept so that it fits. */
	ap_out_s(ctx->out, part.cut_before ? "             " : "          ");
	for (size_t i = 0; i + 1 < (size_t)part.column && i < part.text.n; i++)
		ap_out_s(ctx->out, part.text.s[i] == '\t' ? "\t" : " ");
	ap_out_styled(ctx->out, AP_STYLE_BAD, "^");
	ap_out_s(ctx->out, "\n");
}

void ap_plain_source_lines(struct ap_ctx *ctx, const struct ap_source *source, int from, int to,
			   bool whole)
{
	each_line(ctx, source, from, to, plain_line, &whole);
}
