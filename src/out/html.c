#include "out/html.h"

#include "base/escape.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n<title>";

static const char style[] =
	"</title>\n<style>\n"
	":root{--ink:#1b1f24;--dim:#5b6470;--line:#d9dee4;--paper:#fff;--soft:#f4f6f8;--bad:#b3261e;--mark:#2f6fde}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#9aa4b0;--line:#353c45;--paper:#15181c;"
	"--soft:#1e2329;--bad:#ff8a80;--mark:#7aa7ff}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:68rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);"
	"font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
	"h1{font-size:1.35rem;margin:0}\n"
	"h2{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;color:var(--dim);margin:2rem 0 .5rem;"
	"border-bottom:1px solid var(--line);padding-bottom:.25rem}\n"
	"p{margin:.4rem 0}\n"
	".dim{color:var(--dim)}.bad{color:var(--bad);font-weight:600;font-size:1.1rem}\n"
	".own{font-weight:600}\n"
	"code,pre,td.n,td.c{font-family:ui-monospace,monospace;font-size:.87em}\n"
	"pre{background:var(--soft);border-radius:6px;padding:.7rem .9rem;margin:.5rem 0;white-space:pre-wrap}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"th{text-align:left;font-size:.78rem;color:var(--dim);font-weight:600}\n"
	"th,td{padding:.28rem .7rem .28rem 0;vertical-align:top;border-bottom:1px solid var(--line)}\n"
	"td{overflow-wrap:anywhere;min-width:4rem}\n"
	"th.n,td.n{text-align:right;white-space:nowrap;overflow-wrap:normal;min-width:2.2rem}\n"
	"ol.path{margin:.3rem 0 .3rem .2rem;padding-left:1.2rem;font-size:.93em}\n"
	"ol.suspects{padding-left:1.3rem}ol.suspects>li{margin:.9rem 0}\n"
	".bar{display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:center;margin:.25rem 0}\n"
	".bar>span{flex:0 0 6.5rem}.bar>b{flex:0 0 auto;font-weight:400;min-width:9rem}\n"
	".bar>i{flex:1 1 12rem;height:.7rem;background:var(--soft);border-radius:4px;overflow:hidden}\n"
	".bar>i>u{display:block;height:100%;background:var(--mark)}\n"
	"details{margin:.5rem 0}summary{cursor:pointer;color:var(--mark)}\n"
	"dl{display:grid;grid-template-columns:minmax(5rem,max-content) 1fr;gap:.15rem 1rem;margin:.4rem 0}\n"
	"dt{color:var(--dim)}dd{margin:0;min-width:0}\n"
	"@media(max-width:34rem){body{padding:1rem .7rem 2rem}.bar>i{order:3;flex-basis:100%}"
	"dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}}\n"
	"@media print{details{display:block}body{max-width:none}}\n"
	"</style>\n</head>\n<body>\n";

void ap_html_text(struct ap_str *page, struct ap_text text)
{
	AP_STR_AUTO safe = {0};

	ap_escape(&safe, text);
	for (size_t i = 0; i < safe.n; i++) {
		switch (safe.s[i]) {
		case '&':
			ap_str_adds(page, "&amp;");
			break;
		case '<':
			ap_str_adds(page, "&lt;");
			break;
		case '>':
			ap_str_adds(page, "&gt;");
			break;
		case '"':
			ap_str_adds(page, "&quot;");
			break;
		case '\'':
			ap_str_adds(page, "&#39;");
			break;
		default:
			ap_str_addc(page, safe.s[i]);
		}
	}
}

void ap_html_page_begin(struct ap_str *page, struct ap_text title)
{
	ap_str_adds(page, head);
	ap_html_text(page, title);
	ap_str_adds(page, style);
}

void ap_html_page_end(struct ap_str *page, const char *footer)
{
	ap_str_adds(page, "<p class=\"dim\">");
	ap_html_text(page, ap_text_of(footer));
	ap_str_adds(page, "</p>\n</body>\n</html>\n");
}

void ap_html_section_begin(struct ap_str *page, const char *title)
{
	ap_str_adds(page, "<section>\n");
	ap_html_element(page, "h2", "head", ap_text_of(title));
}

void ap_html_section_end(struct ap_str *page)
{
	ap_str_adds(page, "</section>\n");
}

void ap_html_element(struct ap_str *page, const char *tag, const char *class, struct ap_text text)
{
	ap_str_addf(page, "<%s class=\"%s\">", tag, class);
	ap_html_text(page, text);
	ap_str_addf(page, "</%s>\n", tag);
}

void ap_html_pre(struct ap_str *page, const char *class, struct ap_text text)
{
	ap_str_addf(page, "<pre class=\"%s\">", class);
	while (text.n) {
		const char *nl = memchr(text.s, '\n', text.n);
		size_t n = nl ? (size_t)(nl - text.s) : text.n;

		ap_html_text(page, (struct ap_text){text.s, n});
		ap_str_addc(page, '\n');
		text = (struct ap_text){text.s + n + (nl != NULL), text.n - n - (nl != NULL)};
	}
	ap_str_adds(page, "</pre>\n");
}

void ap_html_bar(struct ap_str *page, const char *label, double share, const char *value)
{
	double percent = share < 0 ? 0 : share > 1 ? 100 : 100 * share;

	ap_str_adds(page, "<div class=\"bar\"><span>");
	ap_html_text(page, ap_text_of(label));
	ap_str_addf(page, "</span><i><u style=\"width:%.1f%%\"></u></i><b>", percent);
	ap_html_text(page, ap_text_of(value));
	ap_str_adds(page, "</b></div>\n");
}

void ap_html_table(struct ap_str *page, const struct ap_table *table, const void *rows, size_t n,
		   ap_html_mask *mask, void *arg)
{
	ap_str_adds(page, "<div class=\"wide\"><table>\n<tr>");
	for (size_t f = 0; f < table->n_fields; f++) {
		const struct ap_field *field = &table->fields[f];

		if (!field->title)
			continue;
		ap_str_adds(page, ap_field_is_right(field->kind) ? "<th class=\"n\">" : "<th>");
		ap_html_text(page, ap_text_of(field->title));
		ap_str_adds(page, "</th>");
	}
	ap_str_adds(page, "</tr>\n");
	for (size_t i = 0; i < n; i++) {
		const char *row = (const char *)rows + i * table->row_bytes;

		ap_str_adds(page, "<tr>");
		for (size_t f = 0; f < table->n_fields; f++) {
			const struct ap_field *field = &table->fields[f];
			AP_STR_AUTO cell = {0}, masked = {0};

			if (!field->title)
				continue;
			bool right = ap_field_is_right(field->kind);
			ap_field_text(&cell, field, row);
			struct ap_text text = {cell.s ? cell.s : "", cell.n};
			if (mask && !right) {
				mask(arg, &masked, text);
				text = (struct ap_text){masked.s ? masked.s : "", masked.n};
			}
			ap_str_adds(page, right ? "<td class=\"n\">" : "<td class=\"c\">");
			ap_html_text(page, text);
			ap_str_adds(page, "</td>");
		}
		ap_str_adds(page, "</tr>\n");
	}
	ap_str_adds(page, "</table></div>\n");
}
