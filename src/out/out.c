#include "out/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"

enum { DRAIN_BYTES = 64 * 1024, DEFAULT_WIDTH = 80, MAX_WIDTH = 1000 };

void ap_out_init(struct ap_out *out, FILE *file)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	int fd = file ? fileno(file) : -1;

	*out = (struct ap_out){.file = file, .width = DEFAULT_WIDTH};
	out->terminal = fd >= 0 && isatty(fd);
	out->colour =
		out->terminal && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
	ap_out_measure(out);
}

void ap_out_measure(struct ap_out *out)
{
	struct winsize size;

	if (out->terminal && ioctl(fileno(out->file), TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= 20) {
		out->width = size.ws_col < MAX_WIDTH ? size.ws_col : MAX_WIDTH;
		out->height = size.ws_row;
	}
}

void ap_out_close(struct ap_out *out)
{
	ap_out_flush(out);
	ap_str_close(&out->text);
}

void ap_out_write(struct ap_out *out, const char *s, size_t n)
{
	if (out->broken || out->error || !n || fwrite(s, 1, n, out->file) == n)
		return;
	if (errno == EPIPE)
		out->broken = true;
	else
		out->error = errno ? errno : EIO;
}

static void drain(struct ap_out *out)
{
	if (!out->file || !out->text.n)
		return;
	if (out->sink)
		out->sink(out, out->text.s, out->text.n);
	else
		ap_out_write(out, out->text.s, out->text.n);
	ap_str_clear(&out->text);
}

void ap_out_flush(struct ap_out *out)
{
	if (!out->file)
		return;
	drain(out);
	if (fflush(out->file) != 0 || ferror(out->file)) {
		if (errno == EPIPE)
			out->broken = true;
		else if (!out->error)
			out->error = errno ? errno : EIO;
	}
}

static void maybe_drain(struct ap_out *out)
{
	if (out->text.n >= DRAIN_BYTES)
		drain(out);
}

static void out_vf(struct ap_out *out, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void out_vf(struct ap_out *out, const char *fmt, va_list ap)
{
	char buf[512];
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(buf)) {
		ap_str_add(&out->text, buf, (size_t)n);
	} else {
		char *big = NULL;

		if (vasprintf(&big, fmt, again) >= 0)
			ap_str_adds(&out->text, big);
		free(big);
	}
	va_end(again);
	maybe_drain(out);
}

void ap_out_f(struct ap_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_vf(out, fmt, ap);
	va_end(ap);
}

void ap_out_s(struct ap_out *out, const char *s)
{
	ap_str_adds(&out->text, s);
	maybe_drain(out);
}

void ap_out_raw(struct ap_out *out, struct ap_text text)
{
	ap_str_add(&out->text, text.s ? text.s : "", text.n);
	maybe_drain(out);
}

void ap_out_text(struct ap_out *out, struct ap_text text)
{
	ap_escape(&out->text, text);
	maybe_drain(out);
}

void ap_out_cell(struct ap_out *out, struct ap_text text, int columns, bool right)
{
	AP_STR_AUTO safe = {0};

	ap_escape(&safe, text);
	struct ap_text shown = {safe.s ? safe.s : "", safe.n};
	size_t width = columns > 0 ? (size_t)columns : 0;
	size_t taken = ap_columns(shown);
	bool cut = taken > width;

	if (cut) {
		shown = ap_cut_columns(shown, width > 3 ? width - 3 : width);
		taken = ap_columns(shown) + (width > 3 ? 3 : 0);
	}
	if (right)
		ap_str_pad(&out->text, width - taken, ' ');
	ap_str_add(&out->text, shown.s, shown.n);
	if (cut && width > 3)
		ap_str_adds(&out->text, "...");
	if (!right)
		ap_str_pad(&out->text, width - taken, ' ');
	maybe_drain(out);
}

void ap_out_wrap(struct ap_out *out, const char *text, int indent)
{
	int page = out->width > 100 ? 100 : out->width;
	int column = 0;

	for (const char *p = text; *p;) {
		/* A line that begins with a blank keeps its shape: lists, examples. */
		if (column == 0 && *p == ' ') {
			size_t n = strcspn(p, "\n");

			ap_out_f(out, "%*s%.*s\n", indent, "", (int)n, p);
			p += n + (p[n] == '\n');
			continue;
		}
		size_t n = strcspn(p, " \n");
		if (column && column + 1 + (int)n > page) {
			ap_out_s(out, "\n");
			column = 0;
		}
		if (n) {
			ap_out_f(out, "%*s%.*s", column ? 1 : indent, "", (int)n, p);
			column += (column ? 1 : indent) + (int)n;
		}
		p += n;
		if (*p == '\n') {
			/* One newline inside a paragraph is a blank, two end it. */
			if (p[1] == '\n' || p[1] == ' ' || !p[1]) {
				ap_out_s(out, p[1] == '\n' ? "\n\n" : "\n");
				column = 0;
				p += p[1] == '\n';
			}
			p++;
		} else if (*p == ' ') {
			p++;
		}
	}
	if (column)
		ap_out_s(out, "\n");
}

void ap_out_style(struct ap_out *out, enum ap_style style)
{
	static const char *const codes[] = {
		[AP_STYLE_PLAIN] = "0",   [AP_STYLE_HEAD] = "1",    [AP_STYLE_STRONG] = "1;36",
		[AP_STYLE_DIM] = "2",     [AP_STYLE_BAD] = "1;31",  [AP_STYLE_NAME] = "36",
		[AP_STYLE_STRING] = "32", [AP_STYLE_NUMBER] = "33",
	};

	if (out->colour)
		ap_str_addf(&out->text, "\033[%sm", codes[style]);
}

void ap_out_styled(struct ap_out *out, enum ap_style style, const char *fmt, ...)
{
	va_list ap;

	ap_out_style(out, style);
	va_start(ap, fmt);
	out_vf(out, fmt, ap);
	va_end(ap);
	ap_out_style(out, AP_STYLE_PLAIN);
}

void ap_out_styled_text(struct ap_out *out, enum ap_style style, struct ap_text text)
{
	ap_out_style(out, style);
	ap_out_text(out, text);
	ap_out_style(out, AP_STYLE_PLAIN);
}
