/*
 * Answers of commands that have no shape of their own: a text, or a list of values made to be
 * piped.
 *
 * Ownership: everything lives in the command's arena.
 */
#ifndef AP_CMD_ANSWER_H
#define AP_CMD_ANSWER_H

#include "cmd/cmd.h"

/* JSON: data {text}. Printed as it stands: our own words, or made safe before. */
struct ap_err *ap_answer_text(struct ap_ctx *ctx, void **ret_data, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ap_answer_text_json(struct ap_ctx *ctx, const void *data, struct ap_json *j);
void ap_answer_text_print(struct ap_ctx *ctx, const void *data);

/* JSON: data {values[]}; text: 0x2a a line. */
typedef AP_VEC(uint64_t) ap_value_list;
void ap_answer_values_json(struct ap_ctx *ctx, const void *data, struct ap_json *j);
void ap_answer_values_print(struct ap_ctx *ctx, const void *data);

/* A whole file of at most 64 MB, NUL-ended; what is no text ends at its first NUL. */
struct ap_err *ap_file_text(const char *path, struct ap_arena *arena, struct ap_text *ret_text);

#endif
