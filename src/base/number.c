#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whether the next larger decimal of the same length reads back as `v`, which then replaces `e`.
 * Below a power of two doubles lie closer than above it, so there the nearest decimal may be
 * another double's although one a little farther above is this one's.
 */
static bool number_next_up(char e[static 32], int precision, double v)
{
	unsigned long long digits = 0;
	char next[32], *at = e;

	for (; *at != 'e'; at++) {
		if (*at >= '0' && *at <= '9')
			digits = digits * 10 + (unsigned long long)(*at - '0');
	}
	int n = snprintf(next, sizeof(next), "%llu", ++digits);
	snprintf(next + n, sizeof(next) - (size_t)n, "e%ld", strtol(at + 1, NULL, 10) - precision);
	if (n != precision + 1 || strtod(next, NULL) != v)
		return false;
	for (char *to = e, *from = next; to < at; to++) {
		if (*to >= '0' && *to <= '9')
			*to = *from++;
	}
	return true;
}

char *ap_number_js(double v, char buf[static AP_NUMBER_MAX])
{
	char e[32];
	char digits[20];
	int n_digits = 0, exponent;

	if (isnan(v))
		return strcpy(buf, "NaN");
	if (isinf(v))
		return strcpy(buf, v < 0 ? "-Infinity" : "Infinity");
	if (v == 0)
		return strcpy(buf, signbit(v) ? "-0" : "0");
	/* The fewest digits that read back as the same double, as ECMAScript's Number::toString. */
	for (int precision = 0; precision <= 16; precision++) {
		snprintf(e, sizeof(e), "%.*e", precision, fabs(v));
		if (strtod(e, NULL) == fabs(v) || number_next_up(e, precision, fabs(v)))
			break;
	}
	char *exp = strchr(e, 'e');
	exponent = (int)strtol(exp + 1, NULL, 10) + 1; /* decimal point after this many digits */
	for (char *p = e; p < exp; p++) {
		if (*p >= '0' && *p <= '9') /* the decimal point depends on the locale */
			digits[n_digits++] = *p;
	}
	while (n_digits > 1 && digits[n_digits - 1] == '0')
		n_digits--;
	digits[n_digits] = '\0';

	char *out = buf;
	if (v < 0)
		*out++ = '-';
	if (exponent > 0 && exponent <= 21) {
		if (n_digits <= exponent) {
			memcpy(out, digits, (size_t)n_digits);
			memset(out + n_digits, '0', (size_t)(exponent - n_digits));
			out[exponent] = '\0';
		} else {
			sprintf(out, "%.*s.%s", exponent, digits, digits + exponent);
		}
	} else if (exponent > -6 && exponent <= 0) {
		sprintf(out, "0.%.*s%s", -exponent, "000000", digits);
	} else {
		int e10 = exponent - 1;

		sprintf(out, "%c%s%se%c%d", digits[0], n_digits > 1 ? "." : "", digits + 1,
			e10 < 0 ? '-' : '+', abs(e10));
	}
	return buf;
}

char *ap_bytes_human(uint64_t bytes, char buf[static AP_NUMBER_MAX])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.5 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		u++;
	}
	snprintf(buf, AP_NUMBER_MAX, "%.*f %s",
		 u == 0 || v >= 99.95 ? 0
		 : v >= 9.995         ? 1
				      : 2,
		 v, units[u]);
	return buf;
}

char *ap_duration_human(double seconds, char buf[static AP_NUMBER_MAX])
{
	if (!(seconds >= 0) || seconds > 1e11) {
		snprintf(buf, AP_NUMBER_MAX, "%.3g s", seconds);
		return buf;
	}
	long long s = (long long)seconds;

	if (s >= 86400)
		snprintf(buf, AP_NUMBER_MAX, "%lld d %lld h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(buf, AP_NUMBER_MAX, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(buf, AP_NUMBER_MAX, "%lld min %lld s", s / 60, s % 60);
	else
		snprintf(buf, AP_NUMBER_MAX, "%.1f s", seconds);
	return buf;
}

bool ap_size_parse(const char *text, uint64_t *ret_bytes)
{
	char *end;
	double v = strtod(text, &end);
	static const char units[] = "kMGT";
	const char *unit;

	if (end == text || !(v >= 0))
		return false;
	if (*end == 'K')
		v *= 1000, end++;
	else if (*end && (unit = strchr(units, *end))) {
		for (const char *u = units; u <= unit; u++)
			v *= 1000;
		end++;
	}
	if (*end == 'B')
		end++;
	if (*end || v > 1e18)
		return false;
	*ret_bytes = (uint64_t)v;
	return true;
}

bool ap_duration_parse(const char *text, double *ret_seconds)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1},     {"s", 1},    {"ms", 0.001}, {"m", 60},
		     {"min", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0) || v > 1e9)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ret_seconds = v * units[i].seconds;
			return true;
		}
	}
	return false;
}

char *ap_bigint_decimal(const uint64_t *words, size_t n, bool negative)
{
	/* 64 bits are at most 19.27 decimal digits. */
	size_t cap = n * 20 + 3;

	if (n > SIZE_MAX / 32)
		return NULL;
	uint64_t *left = malloc(n ? n * sizeof(*left) : 1);
	char *text = malloc(cap);

	if (!left || !text) {
		free(left);
		free(text);
		return NULL;
	}
	if (n)
		memcpy(left, words, n * sizeof(*left));
	while (n && !left[n - 1])
		n--;
	char *p = text + cap;
	*--p = '\0';
	while (n) {
		const uint64_t chunk = 10000000000000000000u; /* 10^19 */
		unsigned __int128 rest = 0;

		for (size_t i = n; i-- > 0;) {
			rest = rest << 64 | left[i];
			left[i] = (uint64_t)(rest / chunk);
			rest %= chunk;
		}
		while (n && !left[n - 1])
			n--;
		uint64_t r = (uint64_t)rest;
		for (int d = 0; d < 19 && (n || r); d++) {
			*--p = (char)('0' + r % 10);
			r /= 10;
		}
	}
	if (!*p)
		*--p = '0';
	else if (negative)
		*--p = '-';
	memmove(text, p, (size_t)(text + cap - p));
	free(left);
	return text;
}
