/*
 * What the source declares where a statement of the bytecode stands. Inside of locals.c's work;
 * knows no V8.
 *
 * Ownership: everything points into the text, WTF-8. `at` is a byte of it, at most its length.
 */
#ifndef AP_V8_DECLARATION_H
#define AP_V8_DECLARATION_H

#include "base/str.h"

enum ap_declaration {
	AP_DECLARES_NONE,
	AP_DECLARES_INITIALIZER,   /* const NAME = |value */
	AP_DECLARES_BARE,          /* let |NAME; */
	AP_DECLARES_LOOP,          /* for (const |NAME of */
	AP_DECLARES_PATTERN,       /* const { |a, b: c } = */
	AP_DECLARES_PATTERN_VALUE, /* const { a, b: c } = |value */
};

/*
 * *ret_name: of the variable; *ret_value: the byte behind the "=" of an initializer, the brace of a
 * pattern that stands before its value, else `at`.
 */
enum ap_declaration ap_declaration_at(struct ap_text text, size_t at, struct ap_text *ret_name,
				      size_t *ret_value);
/* Is there an "=", "+=", "++" and the like between two bytes, in code or in anything else? */
bool ap_assigns(struct ap_text text, size_t from, size_t to);

/* The byte behind blanks; the one behind what stands before blanks; the identifier at a byte, empty
 * if none. */
size_t ap_blanks(struct ap_text text, size_t at);
size_t ap_blanks_back(const char *s, size_t at);
struct ap_text ap_name_at(struct ap_text text, size_t at);

#endif
