/*
 * The formats of mdb's / \ ? = verbs.
 *
 * Ownership: the text and items are the caller's.
 */
#ifndef AP_CMD_FORMAT_H
#define AP_CMD_FORMAT_H

#include "base/str.h"
#include "cmd/cmd.h"
#include "image/image.h"

enum ap_format_source {
	AP_FORMAT_MEMORY, /* / and \ */
	AP_FORMAT_OBJECT, /* ? */
	AP_FORMAT_VALUE,  /* = */
};

struct ap_format_item {
	uint64_t address;
	char letter;
	const char *text; /* as shown, without the blanks behind it */
};

struct ap_disassembler;

struct ap_format {
	/* in */
	struct ap_ctx *ctx;
	const struct ap_image *image; /* may be NULL for AP_FORMAT_VALUE */
	enum ap_format_source source;
	int width; /* columns of the page */
	/* in and out */
	uint64_t dot;
	struct ap_str text; /* what is printed */
	AP_VEC(struct ap_format_item) items;
	int column;
	uint64_t value;     /* of the last item: variable 0 */
	uint64_t address;   /* where `dot` began */
	uint64_t increment; /* of the last letter, for ^ */
	struct ap_disassembler *disassembler;
};

/* Runs the letters once at format->dot. An error also says what was printed before it. */
struct ap_err *ap_format_run(struct ap_format *format, const char *letters);
void ap_format_close(struct ap_format *format);

/* The letters with what they show, for ::formats. */
struct ap_format_letter {
	char letter;
	uint8_t bytes; /* 0: variable or none */
	const char *help;
};
extern const struct ap_format_letter ap_format_letters[]; /* ended by letter 0 */

#endif
