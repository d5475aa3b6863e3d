/*
 * Output: sections, fields and tables described once, rendered as text or JSON.
 *
 * Ownership: struct ap_out borrows its FILE; a command's rows live in the command's arena. Commands
 * never call printf on stdout: they emit through this, so that text, JSON and pipes show the same.
 */
#ifndef AP_OUT_OUT_H
#define AP_OUT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"

struct ap_out {
	FILE *file;
	struct ap_str text; /* drained into file */
	int width;          /* columns of the page: 80 unless a terminal or $w says else */
	bool colour;
	bool broken; /* the reader went away (EPIPE): stop working */
};

void ap_out_init(struct ap_out *out, FILE *file);
void ap_out_close(struct ap_out *out); /* flushes */
void ap_out_flush(struct ap_out *out);

void ap_out_f(struct ap_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ap_out_s(struct ap_out *out, const char *s);
/* Target text made safe for a terminal: control characters become escapes, UTF-8 is kept. */
void ap_out_text(struct ap_out *out, struct ap_text text);
/* The same, cut or padded to exactly `columns`; "..." marks a cut. */
void ap_out_cell(struct ap_out *out, struct ap_text text, int columns, bool right);

enum ap_style { AP_STYLE_PLAIN, AP_STYLE_HEAD, AP_STYLE_STRONG, AP_STYLE_DIM, AP_STYLE_BAD };
void ap_out_styled(struct ap_out *out, enum ap_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Kinds of a field of a C struct; the same table prints it as a text column and as a JSON key. */
enum ap_field_kind {
	AP_FIELD_TEXT,    /* struct ap_text */
	AP_FIELD_CSTR,    /* const char * */
	AP_FIELD_INT,     /* int */
	AP_FIELD_INT64,   /* int64_t */
	AP_FIELD_COUNT,   /* uint64_t */
	AP_FIELD_BYTES,   /* uint64_t: "2.04 GB" in text, exact in JSON */
	AP_FIELD_ADDRESS, /* uint64_t: bare hex in text, "0x..." in JSON */
	AP_FIELD_BOOL,    /* bool */
	AP_FIELD_PERCENT, /* double */
};

struct ap_field {
	const char *key;   /* JSON key: a contract */
	const char *title; /* column head; NULL: JSON only */
	enum ap_field_kind kind;
	size_t offset;
	const char *help; /* one line for the reference, what it means and its unit */
};

#define AP_FIELD(type, member, key_, title_, kind_, help_)                                         \
	{.key = (key_), .title = (title_), .kind = AP_FIELD_##kind_,                               \
	 .offset = offsetof(type, member), .help = (help_)}

/* An array of rows of one struct type. */
struct ap_table {
	const char *key; /* JSON key of the array inside data */
	const struct ap_field *fields;
	size_t n_fields;
	size_t row_bytes;
};

/* Aligned columns, the last one as wide as the page leaves. */
void ap_out_table(struct ap_out *out, const struct ap_table *table, const void *rows, size_t n);
void ap_json_table(struct ap_json *j, const struct ap_table *table, const void *rows, size_t n);
/* "title   value" lines, resp. the keys of an object that the caller opened. */
void ap_out_record(struct ap_out *out, const struct ap_field *fields, size_t n, const void *row);
void ap_json_record(struct ap_json *j, const struct ap_field *fields, size_t n, const void *row);

#endif
