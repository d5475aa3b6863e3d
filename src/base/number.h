/*
 * Numbers as text: JavaScript's own form of a double, sizes and durations for people.
 *
 * Ownership: results are written into the caller's buffer, which is returned.
 */
#ifndef AP_BASE_NUMBER_H
#define AP_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AP_NUMBER_MAX = 40 };

/* What String(v) gives in JavaScript, but "-0" for negative zero. */
char *ap_number_js(double v, char buf[static AP_NUMBER_MAX]);
/* "2.04 GB": decimal units, three digits. */
char *ap_bytes_human(uint64_t bytes, char buf[static AP_NUMBER_MAX]);
/* "3 d 4 h", "2 min 5 s", "1.2 s". */
char *ap_duration_human(double seconds, char buf[static AP_NUMBER_MAX]);
/* "2G", "500M", "1.5 kB" is none: decimal units without a blank; false when it is no size. */
bool ap_size_parse(const char *text, uint64_t *ret_bytes);
/* "60s", "5m", "1h", "250ms"; a bare number is seconds. */
bool ap_duration_parse(const char *text, double *ret_seconds);
/*
 * Decimal digits of a magnitude of `n` 64-bit little-endian words; malloc'ed, or NULL. Takes time
 * in proportion to n * n: callers bound it (10,000 words take about a second).
 */
char *ap_bigint_decimal(const uint64_t *words, size_t n, bool negative);

#endif
