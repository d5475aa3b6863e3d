/*
 * What handles, requests, timers and promises share: the target's answer, and how places, endpoints
 * and values are shown. Ownership: nothing is kept.
 */
#ifndef AP_CMD_ACTIVITY_COMMON_H
#define AP_CMD_ACTIVITY_COMMON_H

#include "cmd/values.h"
#include "model/activity.h"

/* What the target can tell, or an error that says who could. */
struct ap_err *ap_require_activity(struct ap_ctx *ctx, const struct ap_activity_ops **ret_ops);

/* The rows of one command, to be filled: `bytes` of them zeroed, and who fills them. */
struct ap_err *ap_activity_begin(struct ap_ctx *ctx, size_t bytes, void *ret_rows,
				 const struct ap_activity_ops **ret_ops);

/* `data {KEY [...], total {count}}`: around the rows. */
void ap_json_begin_rows(struct ap_json *j, const char *key);
void ap_json_end_rows(struct ap_json *j, uint64_t count);
/* A table of rows behind the line that counts them; nothing without rows. */
void ap_print_rows(struct ap_ctx *ctx, const struct ap_table *table, const void *rows, size_t n);
#define AP_ROWS_OF(all_fields, type)                                                               \
	{                                                                                          \
		.fields = (all_fields), .n_fields = sizeof(all_fields) / sizeof((all_fields)[0]),  \
		.row_bytes = sizeof(type),                                                         \
	}

/* null if unknown. */
void ap_json_tid(struct ap_json *j, pid_t tid);
void ap_json_number_or_null(struct ap_json *j, const char *key, int64_t number);
void ap_json_endpoint(struct ap_json *j, const char *key, const struct ap_endpoint *endpoint);
void ap_json_code_place(struct ap_json *j, const char *key, const struct ap_code_place *place);
/* Path and command may hold secrets; they are masked unless the session shows them. */
void ap_json_masked(struct ap_ctx *ctx, struct ap_json *j, const char *key, struct ap_text text);

/* "127.0.0.1:80", "[::1]:80". */
void ap_str_endpoint(struct ap_str *out, const struct ap_endpoint *endpoint);
/* "name at src/a.js:3:7", "(anonymous)". */
void ap_str_code_place(struct ap_str *out, const struct ap_code_place *place);
/* Appends " word text" with the text masked. */
void ap_str_masked(struct ap_ctx *ctx, struct ap_str *out, struct ap_text text);

/* llnode's and mdb's lists: one value a line. */
void ap_llnode_list_head(struct ap_ctx *ctx, const char *what, size_t n);

#endif
