/*
 * What plain pipes carry: the rows of a command's answer, typed as in its JSON.
 *
 * Ownership: rows live in the arena they were built in; their texts point into the answer.
 */
#ifndef AP_CMD_ROWS_H
#define AP_CMD_ROWS_H

#include "cmd/cmd.h"

/* One object of an answer, as JSON; or an address alone. */
struct ap_row {
	struct ap_text json;
};

struct ap_rows {
	AP_VEC(struct ap_row) at;
};

/*
 * Appends the rows of an answer (the JSON that stands under `data`): the items of its first list
 * that has any; where those hold lists of their own (threads of frames), the items of these.
 */
struct ap_err *ap_rows_of(struct ap_text data, struct ap_arena *arena, struct ap_rows *rows);
/* The value of `key`, or of "a.b", as JSON; s == NULL: the row has none. */
struct ap_text ap_row_value(const struct ap_row *row, const char *key);
/* Readable form of a JSON value: strings without quotes, objects by their preview. */
struct ap_text ap_row_text(struct ap_text json, struct ap_arena *arena);
/* What the row is about, as a word that names it to a command: "0x2a7c", "@12"; NULL: nothing. */
const char *ap_row_subject(const struct ap_row *row, struct ap_arena *arena);
/* The envelope's `data`; s == NULL if the command failed. */
struct ap_text ap_rows_data(struct ap_text envelope);

void ap_rows_json(struct ap_json *j, const char *key, const struct ap_rows *rows);
/* A table: a column for each key of the first row. */
void ap_rows_text(struct ap_ctx *ctx, const struct ap_rows *rows);

#endif
