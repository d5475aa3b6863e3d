/*
 * Foreign text made safe for a terminal.
 *
 * Ownership: everything is appended to the caller's struct ap_str.
 *
 * Text from a dead program may hold anything: escape sequences that retitle a terminal, overrides
 * that reverse a line, half a character. What could act on a terminal becomes a visible escape
 * ("\x1b", "\u202e", "\ud83d"), bytes that are no text become U+FFFD, the rest stays.
 */
#ifndef AP_BASE_ESCAPE_H
#define AP_BASE_ESCAPE_H

#include "base/str.h"

void ap_escape(struct ap_str *str, struct ap_text text);
/*
 * As a JavaScript string literal in double quotes, whose inside takes at most `max_columns` (0: no
 * limit); a cut text ends in "..." inside the quotes.
 */
void ap_escape_quoted(struct ap_str *str, struct ap_text text, size_t max_columns);
/* Terminal columns that a text takes which ap_escape() made. */
size_t ap_columns(struct ap_text text);
/* The first bytes of `text` that fit `columns`, whole characters only. */
struct ap_text ap_cut_columns(struct ap_text text, size_t columns);

#endif
