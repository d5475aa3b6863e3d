/*
 * A growing byte string and the text form of JavaScript strings.
 *
 * Ownership: a struct ap_str owns its heap buffer until ap_str_close(); struct ap_text only points.
 * A failed allocation is remembered in `failed` and makes later appends no-ops, so that callers
 * check once, at the end.
 *
 * JavaScript text is kept as WTF-8: UTF-8 in which a lone surrogate stands as its three bytes, so
 * no string is ever lost or changed; it may hold NUL bytes and therefore carries its length.
 */
#ifndef AP_BASE_STR_H
#define AP_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

struct ap_text {
	const char *s;
	size_t n; /* bytes */
};

#define AP_TEXT(literal) ((struct ap_text){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define AP_TEXT_ARG(t) (int)((t).n > INT32_MAX ? INT32_MAX : (t).n), (t).s ? (t).s : ""

static inline struct ap_text ap_text_of(const char *s)
{
	return (struct ap_text){s, s ? strlen(s) : 0};
}

/* The end of the text; NULL for a missing one, of which not even 0 bytes may be skipped in C. */
static inline const char *ap_text_end(struct ap_text text)
{
	return text.s ? text.s + text.n : NULL;
}

static inline bool ap_text_eq(struct ap_text a, struct ap_text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}

static inline bool ap_text_is(struct ap_text a, const char *s)
{
	return ap_text_eq(a, ap_text_of(s));
}

struct ap_str {
	char *s; /* always NUL-terminated once anything was appended */
	size_t n, cap;
	bool failed;
};

void ap_str_close(struct ap_str *str);
#define AP_STR_AUTO AP_CLEANUP(ap_str_close) struct ap_str

void ap_str_clear(struct ap_str *str);
void ap_str_add(struct ap_str *str, const char *s, size_t n);
void ap_str_adds(struct ap_str *str, const char *s);
void ap_str_addc(struct ap_str *str, char c);
void ap_str_addf(struct ap_str *str, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ap_str_pad(struct ap_str *str, size_t n, char c);
void ap_str_latin1(struct ap_str *str, const uint8_t *s, size_t n);
/* UTF-16LE code units to WTF-8; a high surrogate at the end joins a low one appended next. */
void ap_str_utf16(struct ap_str *str, const uint8_t *s, size_t n_units);
/* Copies the text into the arena; an empty text with s == NULL when memory ran out. */
struct ap_text ap_str_text(const struct ap_str *str, struct ap_arena *arena);

/* The code point at `*p` (before `end`) and moves on; invalid bytes come back as U+FFFD. */
uint32_t ap_utf8_next(const char **p, const char *end);
/* Terminal columns of one code point, 0 for combining and control characters. */
int ap_wcwidth(uint32_t cp);

#endif
