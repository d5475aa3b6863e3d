/*
 * What S3 answers in XML, as structures.
 *
 * Ownership: texts live in the caller's arena. The answers are hostile: everything is bounded, and
 * an answer that is not what was asked for is an error, never half of one.
 */
#ifndef AP_SHIP_ANSWER_H
#define AP_SHIP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { AP_ETAG_SIZE = 96 };

struct ap_s3_object {
	const char *key;
	uint64_t bytes;
	double time;             /* of the last change, seconds since the epoch; 0 unknown */
	char etag[AP_ETAG_SIZE]; /* without quotes; "" unknown */
};

struct ap_s3_page {
	AP_VEC(struct ap_s3_object) objects;
	const char *next; /* token of the next page; NULL: this was the last */
};

struct ap_s3_part {
	unsigned number;
	uint64_t bytes;
	char etag[AP_ETAG_SIZE];
};

struct ap_s3_parts {
	AP_VEC(struct ap_s3_part) parts;
	unsigned next; /* part behind which the next page begins; 0: this was the last */
};

struct ap_s3_pending {
	const char *key, *id;
	double time;
};

struct ap_s3_pendings {
	AP_VEC(struct ap_s3_pending) uploads;
	const char *next_key, *next_id; /* NULL: this was the last page */
};

struct ap_s3_refusal {
	const char *code, *message, *region; /* NULL: not said */
};

struct ap_err *ap_answer_list(const char *xml, size_t bytes, struct ap_arena *arena,
			      struct ap_s3_page *ret);
struct ap_err *ap_answer_parts(const char *xml, size_t bytes, struct ap_arena *arena,
			       struct ap_s3_parts *ret);
struct ap_err *ap_answer_uploads(const char *xml, size_t bytes, struct ap_arena *arena,
				 struct ap_s3_pendings *ret);
struct ap_err *ap_answer_initiated(const char *xml, size_t bytes, struct ap_arena *arena,
				   const char **ret_id);
/* An upload that was completed; a failure may stand in an answer of status 200. */
struct ap_err *ap_answer_completed(const char *xml, size_t bytes, struct ap_arena *arena,
				   char ret_etag[static AP_ETAG_SIZE]);
/* What an error's body says; all NULL if it is none. */
void ap_answer_refusal(const char *xml, size_t bytes, struct ap_arena *arena,
		       struct ap_s3_refusal *ret);
/* Without quotes and W/, in lower case; "" if it is too long for one. */
void ap_etag_clean(const char *s, size_t bytes, char ret_etag[static AP_ETAG_SIZE]);

#endif
