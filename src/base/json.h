/*
 * A small streaming JSON writer: no document is ever built, so output of gigabytes costs nothing,
 * and WTF-8 text keeps its lone surrogates (as \ud83d escapes), which the libraries lose.
 *
 * Ownership: the writer appends to the struct ap_str it was given and owns nothing. With a FILE
 * set, the string is drained into it whenever it grows large. Commas are the writer's business.
 */
#ifndef AP_BASE_JSON_H
#define AP_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct ap_json {
	struct ap_str *out;
	FILE *file; /* may be NULL */
	bool need_comma;
};

void ap_json_init(struct ap_json *j, struct ap_str *out, FILE *file);

void ap_json_object(struct ap_json *j, const char *key);
void ap_json_end_object(struct ap_json *j);
void ap_json_array(struct ap_json *j, const char *key);
void ap_json_end_array(struct ap_json *j);

/* In all of these `key` is NULL inside an array. A text with s == NULL becomes null. */
void ap_json_text(struct ap_json *j, const char *key, struct ap_text text);
void ap_json_cstr(struct ap_json *j, const char *key, const char *s);
void ap_json_int(struct ap_json *j, const char *key, int64_t v);
void ap_json_uint(struct ap_json *j, const char *key, uint64_t v);
void ap_json_addr(struct ap_json *j, const char *key, uint64_t addr);
void ap_json_double(struct ap_json *j, const char *key, double v); /* NaN, Infinity: null */
void ap_json_bool(struct ap_json *j, const char *key, bool v);
/* A value that is JSON already. */
void ap_json_raw(struct ap_json *j, const char *key, struct ap_text json);
void ap_json_null(struct ap_json *j, const char *key);
void ap_json_newline(struct ap_json *j);

#endif
