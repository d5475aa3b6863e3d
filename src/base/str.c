#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

void ap_str_close(struct ap_str *str)
{
	free(str->s);
	*str = (struct ap_str){0};
}

void ap_str_clear(struct ap_str *str)
{
	str->n = 0;
	if (str->s)
		str->s[0] = '\0';
}

static bool str_reserve(struct ap_str *str, size_t more)
{
	size_t need;

	if (str->failed)
		return false;
	if (__builtin_add_overflow(str->n, more, &need) || need > SIZE_MAX / 4) {
		str->failed = true;
		return false;
	}
	if (need + 1 <= str->cap)
		return true;
	size_t cap = str->cap ? str->cap : 64;
	while (cap < need + 1)
		cap *= 2;
	char *fresh = realloc(str->s, cap);
	if (!fresh) {
		str->failed = true;
		return false;
	}
	str->s = fresh;
	str->cap = cap;
	return true;
}

void ap_str_add(struct ap_str *str, const char *s, size_t n)
{
	if (!str_reserve(str, n))
		return;
	if (n)
		memcpy(str->s + str->n, s, n);
	str->n += n;
	str->s[str->n] = '\0';
}

void ap_str_adds(struct ap_str *str, const char *s)
{
	ap_str_add(str, s, strlen(s));
}

void ap_str_addc(struct ap_str *str, char c)
{
	ap_str_add(str, &c, 1);
}

void ap_str_addf(struct ap_str *str, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !str_reserve(str, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(str->s + str->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	str->n += (size_t)n;
}

void ap_str_pad(struct ap_str *str, size_t n, char c)
{
	if (!str_reserve(str, n))
		return;
	memset(str->s + str->n, c, n);
	str->n += n;
	str->s[str->n] = '\0';
}

/* At most four bytes; returns how many. */
static size_t encode(uint32_t cp, char *buf)
{
	size_t n;

	if (cp < 0x80) {
		buf[0] = (char)cp;
		n = 1;
	} else if (cp < 0x800) {
		buf[0] = (char)(0xc0 | cp >> 6);
		buf[1] = (char)(0x80 | (cp & 0x3f));
		n = 2;
	} else if (cp < 0x10000) {
		buf[0] = (char)(0xe0 | cp >> 12);
		buf[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		buf[2] = (char)(0x80 | (cp & 0x3f));
		n = 3;
	} else {
		buf[0] = (char)(0xf0 | cp >> 18);
		buf[1] = (char)(0x80 | (cp >> 12 & 0x3f));
		buf[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		buf[3] = (char)(0x80 | (cp & 0x3f));
		n = 4;
	}
	return n;
}

static void str_code_point(struct ap_str *str, uint32_t cp)
{
	char buf[4];

	ap_str_add(str, buf, encode(cp, buf));
}

void ap_str_latin1(struct ap_str *str, const uint8_t *s, size_t n)
{
	size_t start = 0;

	if (!n) {
		ap_str_add(str, "", 0);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] < 0x80)
			continue;
		ap_str_add(str, (const char *)s + start, i - start);
		str_code_point(str, s[i]);
		start = i + 1;
	}
	ap_str_add(str, (const char *)s + start, n - start);
}

/* The high surrogate (0xd800..0xdbff) that ends `str` in WTF-8 form, or 0. */
static uint32_t str_trailing_high(const struct ap_str *str)
{
	if (str->n < 3)
		return 0;
	const uint8_t *p = (const uint8_t *)str->s + str->n - 3;
	if (p[0] != 0xed || p[1] < 0xa0 || p[1] > 0xaf)
		return 0;
	return 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

void ap_str_utf16(struct ap_str *str, const uint8_t *s, size_t n_units)
{
	char run[1024]; /* what needs no look back, added in one go */
	size_t n = 0;

	for (size_t i = 0; i < n_units && !str->failed; i++) {
		uint32_t unit = (uint32_t)(s[2 * i] | s[2 * i + 1] << 8);

		if (unit < 0xd800 || unit > 0xdfff) {
			if (n > sizeof(run) - 4) {
				ap_str_add(str, run, n);
				n = 0;
			}
			n += encode(unit, run + n);
			continue;
		}
		ap_str_add(str, run, n);
		n = 0;
		if (unit >= 0xdc00) {
			uint32_t high = str_trailing_high(str);

			if (high) {
				str->n -= 3;
				unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
			}
		}
		str_code_point(str, unit);
	}
	ap_str_add(str, run, n);
}

struct ap_text ap_str_text(const struct ap_str *str, struct ap_arena *arena)
{
	char *copy = str->failed ? NULL : ap_strndup(arena, str->s ? str->s : "", str->n);

	return (struct ap_text){copy, copy ? str->n : 0};
}

uint32_t ap_utf8_next(const char **p, const char *end)
{
	const uint8_t *s = (const uint8_t *)*p;
	size_t left = (size_t)(end - *p);
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t cp = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

	if ((n > 1 && s[0] < 0xc2) || s[0] >= 0xf8 || n > left) {
		*p += 1;
		return 0xfffd;
	}
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*p += 1;
			return 0xfffd;
		}
		cp = cp << 6 | (s[i] & 0x3f);
	}
	/* Overlong forms and what is beyond Unicode; lone surrogates are WTF-8's own and pass. */
	if ((n == 3 && cp < 0x800) || (n == 4 && (cp < 0x10000 || cp > 0x10ffff))) {
		*p += 1;
		return 0xfffd;
	}
	*p += n;
	return cp;
}

int ap_wcwidth(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x300 && cp <= 0x36f) ||
	    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0xfe00 && cp <= 0xfe0f))
		return 0;
	if ((cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) ||
	    (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
	    (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
	    (cp >= 0x1f300 && cp <= 0x1faff) || (cp >= 0x20000 && cp <= 0x3fffd))
		return 2;
	return 1;
}
