/*
 * A bounded pull reader over JSON that may be gigabytes long: the caller asks for what it expects
 * next, and no document is ever built.
 *
 * Ownership: the reader borrows its source and owns one buffer for the string of the moment, until
 * ap_json_read_close(). Memory is that buffer, whatever the input.
 *
 * Errors: the first thing that is not as asked stops the reader; every later call returns false, so
 * that a parser checks once per loop and takes the error, with its place in the input, at the end.
 * Text comes out as WTF-8: lone surrogates, which V8 writes as escapes, survive.
 */
#ifndef AP_BASE_JSON_READ_H
#define AP_BASE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The next piece of the input, which stays valid until the next call; *ret_n == 0 at the end. */
struct ap_json_source {
	struct ap_err *(*next)(void *arg, const uint8_t **ret_p, size_t *ret_n);
	void *arg;
};

enum { AP_JSON_MAX_DEPTH = 64 };

struct ap_json_reader {
	struct ap_json_source source;
	const uint8_t *p, *end;
	uint64_t before; /* bytes of the input before `end` */
	struct ap_str text;
	size_t max_text; /* bytes that a string may take, escapes resolved */
	struct ap_err *error;
	bool failed, ended;
};

void ap_json_read_init(struct ap_json_reader *r, struct ap_json_source source, size_t max_text);
void ap_json_read_close(struct ap_json_reader *r);
/* The error of a reader that failed; the caller's from now on. NULL if it did not. */
struct ap_err *ap_json_read_error(struct ap_json_reader *r);
/* Stops the reader with an error of the caller's making, at this place. False, always. */
bool ap_json_read_fail(struct ap_json_reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Bytes of the input that were read. */
uint64_t ap_json_read_offset(const struct ap_json_reader *r);

/* The first byte of what comes next, behind white space; 0 at the end or after a failure. */
int ap_json_peek(struct ap_json_reader *r);
/* Takes the punctuation `c`. */
bool ap_json_read_token(struct ap_json_reader *r, char c);
/*
 * Begins an object or array with its bracket, then: while (ap_json_read_more(r, &first, ']')) ...
 * takes the comma between items and the bracket behind the last one.
 */
bool ap_json_read_more(struct ap_json_reader *r, bool *first, char close);
/* A string; `ret` stays valid until the next string. */
bool ap_json_read_text(struct ap_json_reader *r, struct ap_text *ret);
/* A key and its colon. */
bool ap_json_read_key(struct ap_json_reader *r, struct ap_text *ret);
/* A number without sign, fraction and exponent, of at most 2^64 - 1. */
bool ap_json_read_uint(struct ap_json_reader *r, uint64_t *ret);
/* Any value, of at most AP_JSON_MAX_DEPTH levels. */
bool ap_json_read_skip(struct ap_json_reader *r);
/* True, and the reader is fine, if nothing but white space is left. */
bool ap_json_read_end(struct ap_json_reader *r);

/* A source of one piece. */
struct ap_json_memory {
	const void *data;
	size_t bytes;
};
struct ap_json_source ap_json_source_memory(struct ap_json_memory *memory);

#endif
