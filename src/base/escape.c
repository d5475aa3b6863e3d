#include "base/escape.h"

static void add_code_point(struct ap_str *str, uint32_t cp)
{
	char buf[4];
	size_t n = 0;

	if (cp < 0x80) {
		buf[n++] = (char)cp;
	} else if (cp < 0x800) {
		buf[n++] = (char)(0xc0 | cp >> 6);
		buf[n++] = (char)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		buf[n++] = (char)(0xe0 | cp >> 12);
		buf[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		buf[n++] = (char)(0x80 | (cp & 0x3f));
	} else {
		buf[n++] = (char)(0xf0 | cp >> 18);
		buf[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		buf[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		buf[n++] = (char)(0x80 | (cp & 0x3f));
	}
	ap_str_add(str, buf, n);
}

/* Marks that change the direction of what follows, and separators that end a line. */
static bool acts_on_terminal(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
	       (cp >= 0x200e && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

static void escape_code_point(struct ap_str *str, uint32_t cp)
{
	static const char letters[][3] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r",
	};

	if (cp < sizeof(letters) / sizeof(letters[0]) && letters[cp][0])
		ap_str_adds(str, letters[cp]);
	else if (cp > 0x10ffff)
		add_code_point(str, 0xfffd);
	else if (cp >= 0xd800 && cp <= 0xdfff)
		ap_str_addf(str, "\\u%04x", cp);
	else if (acts_on_terminal(cp))
		ap_str_addf(str, cp < 0x100 ? "\\x%02x" : "\\u%04x", cp);
	else
		add_code_point(str, cp);
}

void ap_escape(struct ap_str *str, struct ap_text text)
{
	const char *p = text.s, *end = ap_text_end(text);

	while (p < end) {
		/* Runs of plain ASCII are nearly everything. */
		const char *start = p;

		while (p < end && *p >= 0x20 && *p < 0x7f)
			p++;
		ap_str_add(str, start, (size_t)(p - start));
		if (p < end)
			escape_code_point(str, ap_utf8_next(&p, end));
	}
}

void ap_escape_quoted(struct ap_str *str, struct ap_text text, size_t max_columns)
{
	const char *p = text.s, *end = ap_text_end(text);
	size_t columns = 0;
	size_t cut_at = 0; /* where "..." still fits */

	ap_str_addc(str, '"');
	while (p < end) {
		size_t before = str->n;
		uint32_t cp = ap_utf8_next(&p, end);

		if (cp == '"' || cp == '\\')
			ap_str_addc(str, '\\');
		escape_code_point(str, cp);
		if (str->failed)
			return;
		if (!max_columns)
			continue;
		columns += ap_columns((struct ap_text){str->s + before, str->n - before});
		if (columns + 3 <= max_columns)
			cut_at = str->n;
		if (columns > max_columns) {
			if (cut_at) {
				str->n = cut_at;
				str->s[str->n] = '\0';
			}
			ap_str_adds(str, "...");
			break;
		}
	}
	ap_str_addc(str, '"');
}

size_t ap_columns(struct ap_text text)
{
	const char *p = text.s, *end = ap_text_end(text);
	size_t columns = 0;

	while (p < end)
		columns += (size_t)ap_wcwidth(ap_utf8_next(&p, end));
	return columns;
}

struct ap_text ap_cut_columns(struct ap_text text, size_t columns)
{
	const char *p = text.s, *end = ap_text_end(text);

	while (p < end) {
		const char *next = p;
		size_t width = (size_t)ap_wcwidth(ap_utf8_next(&next, end));

		if (width > columns)
			break;
		columns -= width;
		p = next;
	}
	return (struct ap_text){text.s, text.s ? (size_t)(p - text.s) : 0};
}
