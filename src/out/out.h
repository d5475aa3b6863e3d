/*
 * Output: sections, fields and tables described once, rendered as text or JSON.
 *
 * Ownership: struct ap_out borrows its FILE; a command's rows live in the command's arena. Commands
 * never call printf on stdout: they emit through this, so that text, JSON and pipes show the same.
 *
 * Text of the target passes through ap_out_text(), ap_out_cell() or a table, which make it safe for
 * a terminal. Formats (ap_out_f) are for our own words, numbers and addresses.
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
	FILE *file;         /* NULL: all stays in `text`, for pipes and tests */
	struct ap_str text; /* drained into file */
	int width;          /* columns of the page: 80 unless a terminal or $w says else */
	int height;         /* rows of the terminal, 0 if it is none */
	bool terminal;
	bool colour;
	bool broken; /* the reader went away (EPIPE): stop working, quietly */
	int error;   /* errno of any other failed write */
	/* Takes the bytes instead of `file`: a pager, a transcript. NULL: they are written. */
	void (*sink)(struct ap_out *out, const char *s, size_t n);
	void *sink_arg;
};

void ap_out_init(struct ap_out *out, FILE *file);
void ap_out_close(struct ap_out *out); /* flushes */
void ap_out_flush(struct ap_out *out);
/* Writes to `file` now, whatever the sink: for sinks. */
void ap_out_write(struct ap_out *out, const char *s, size_t n);
/* The size of the terminal as it is now; nothing changes if it is none. */
void ap_out_measure(struct ap_out *out);

void ap_out_f(struct ap_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ap_out_s(struct ap_out *out, const char *s);
/* Our own text, or target text that was made safe already (a value's preview). */
void ap_out_raw(struct ap_out *out, struct ap_text text);
/* Target text made safe for a terminal: control characters become escapes, UTF-8 is kept. */
void ap_out_text(struct ap_out *out, struct ap_text text);
/* The same, cut or padded to exactly `columns`; "..." marks a cut. */
void ap_out_cell(struct ap_out *out, struct ap_text text, int columns, bool right);
/* Our own words in paragraphs, wrapped to the page behind `indent` blanks. */
void ap_out_wrap(struct ap_out *out, const char *text, int indent);

enum ap_style {
	AP_STYLE_PLAIN,
	AP_STYLE_HEAD,   /* titles */
	AP_STYLE_STRONG, /* what the eye should find */
	AP_STYLE_DIM,    /* addresses, machinery */
	AP_STYLE_BAD,
	AP_STYLE_NAME, /* property and variable names */
	AP_STYLE_STRING,
	AP_STYLE_NUMBER,
};
/* Colour never carries meaning alone: without a terminal, or with NO_COLOR, these do nothing. */
void ap_out_style(struct ap_out *out, enum ap_style style);
void ap_out_styled(struct ap_out *out, enum ap_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ap_out_styled_text(struct ap_out *out, enum ap_style style, struct ap_text text);

/* Kinds of a field of a C struct; the same table prints it as a text column and as a JSON key. */
enum ap_field_kind {
	AP_FIELD_TEXT,    /* struct ap_text */
	AP_FIELD_CSTR,    /* const char * */
	AP_FIELD_INT,     /* int */
	AP_FIELD_INT64,   /* int64_t */
	AP_FIELD_COUNT,   /* uint64_t */
	AP_FIELD_BYTES,   /* uint64_t: "2.04 GB" in text, exact in JSON */
	AP_FIELD_ADDRESS, /* uint64_t: bare hex in text, "0x..." in JSON */
	AP_FIELD_BOOL,    /* bool: "yes" or nothing in text */
	AP_FIELD_PERCENT, /* double */
};

struct ap_field {
	const char *key;   /* JSON key: a contract; NULL: text only */
	const char *title; /* column head; NULL: JSON only */
	enum ap_field_kind kind;
	size_t offset;
	const char *help; /* one line for the reference, what it means and its unit */
};

#define AP_FIELD(type, member, key_, title_, kind_, help_)                                         \
	{                                                                                          \
		.key = (key_), .title = (title_), .kind = AP_FIELD_##kind_,                        \
		.offset = offsetof(type, member), .help = (help_)                                  \
	}

/* An array of rows of one struct type. */
struct ap_table {
	const char *key; /* JSON key of the array inside data */
	const struct ap_field *fields;
	size_t n_fields;
	size_t row_bytes;
};

/* Appends the text of one cell, as it is; what is not known is "-". */
void ap_field_text(struct ap_str *str, const struct ap_field *field, const void *row);
/* Numbers stand to the right. */
bool ap_field_is_right(enum ap_field_kind kind);

/* Aligned columns; on a terminal the last one is cut to what the page leaves. */
void ap_out_table(struct ap_out *out, const struct ap_table *table, const void *rows, size_t n);
void ap_json_table(struct ap_json *j, const struct ap_table *table, const void *rows, size_t n);
/* "title   value" lines, resp. the keys of an object that the caller opened. */
void ap_out_record(struct ap_out *out, const struct ap_field *fields, size_t n, const void *row);
void ap_json_record(struct ap_json *j, const struct ap_field *fields, size_t n, const void *row);

#endif
