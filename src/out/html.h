/*
 * One HTML page that needs nothing else: no script, no picture, no font, no address; a policy in
 * its head forbids the browser to load any.
 *
 * Ownership: everything is appended to the caller's struct ap_str. Text of the target passes
 * through ap_html_text() or a table, which make it safe: for a person as on a terminal (control
 * characters and overrides become visible escapes), then for HTML.
 */
#ifndef AP_OUT_HTML_H
#define AP_OUT_HTML_H

#include "out/out.h"

void ap_html_page_begin(struct ap_str *page, struct ap_text title);
void ap_html_page_end(struct ap_str *page, const char *footer);
void ap_html_section_begin(struct ap_str *page, const char *title);
void ap_html_section_end(struct ap_str *page);
void ap_html_text(struct ap_str *page, struct ap_text text);
/* The text inside of an element with that class; our own words are the tag and the class. */
void ap_html_element(struct ap_str *page, const char *tag, const char *class, struct ap_text text);
/* A text of several lines: escaped line by line, in a <pre>. */
void ap_html_pre(struct ap_str *page, const char *class, struct ap_text text);
/* A bar from 0 to 1 beside its words. */
void ap_html_bar(struct ap_str *page, const char *label, double share, const char *value);
/* `mask` (may be NULL) is handed each text cell first. */
typedef void ap_html_mask(void *arg, struct ap_str *out, struct ap_text text);
void ap_html_table(struct ap_str *page, const struct ap_table *table, const void *rows, size_t n,
		   ap_html_mask *mask, void *arg);

#endif
