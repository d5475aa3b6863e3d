/*
 * A bucket: small objects put whole, any object read in ranges, listed, deleted. Large ones:
 * ship/upload.h.
 *
 * Ownership: struct ap_s3 owns its connection and copies of the configuration until ap_s3_close().
 * A struct of its own for each thread.
 *
 * What may work later (a lost connection, 429, 5xx, a clock that is off) is tried again, with
 * pauses that grow and are never the same on two hosts; Retry-After is kept. Every byte sent is
 * signed.
 */
#ifndef AP_SHIP_S3_H
#define AP_SHIP_S3_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "ship/answer.h"
#include "ship/http.h"
#include "ship/sigv4.h"

struct ap_s3_config {
	const char *bucket;
	const char *endpoint; /* "https://host:port"; NULL or "": Amazon's of the region */
	const char *region;   /* NULL or "": us-east-1 */
	const char *style;    /* "path", "virtual"; NULL or "auto": virtual at Amazon, else path */
	const char *ca_file, *proxy; /* NULL or "": the system's */
	const char *encryption;      /* "AES256", "aws:kms"; NULL or "": as the bucket does */
	const char *encryption_key;  /* of aws:kms */
	struct ap_s3_keys keys;      /* its region is not used */
	const volatile sig_atomic_t *stop;
	unsigned tries;         /* 0: 6 */
	double pause_seconds;   /* before the second try; 0: 0.5 */
	unsigned stall_seconds; /* without a byte; 0: 30 */
};

struct ap_s3 {
	struct ap_arena arena;
	struct ap_s3_config config;
	struct ap_http http;
	const char *scheme, *host; /* of requests: with the bucket, if that is the style */
	const char *base;          /* "/bucket/" or "/" */
	int64_t clock_off;         /* seconds to add to ours */
	uint64_t random;
};

enum { AP_S3_KEY_MAX = 1024 };

struct ap_err *ap_s3_open(const struct ap_s3_config *config, struct ap_s3 *ret_s3);
void ap_s3_close(struct ap_s3 *s3);
#define AP_S3_AUTO AP_CLEANUP(ap_s3_close) struct ap_s3

struct ap_s3_call {
	const char *method, *key; /* NULL: of the bucket itself */
	struct ap_s3_pair query[8], headers[8];
	size_t n_query, n_headers;
	const void *body;
	size_t body_bytes;
	size_t most;              /* of the answer; 0: 4 MB */
	bool no_key_is_fine;      /* 404 is an answer, not an error */
	bool unsupported_is_fine; /* and so are 405 and 501 */
};

/* Any request; fails unless the answer is of status 2xx. */
struct ap_err *ap_s3_do(struct ap_s3 *s3, const struct ap_s3_call *call,
			struct ap_http_answer *ret_answer);
/* The headers that make the store encrypt, for what creates an object. */
void ap_s3_add_encryption(const struct ap_s3 *s3, struct ap_s3_call *call);

struct ap_s3_head {
	bool found;
	uint64_t bytes;
	char etag[AP_ETAG_SIZE];
	bool opaque; /* the etag says nothing about the bytes: the store encrypts with keys */
};

struct ap_err *ap_s3_head(struct ap_s3 *s3, const char *key, struct ap_s3_head *ret_head);
/* At most 5 GB at once. The etag is of what was sent. */
struct ap_err *ap_s3_put(struct ap_s3 *s3, const char *key, const void *data, size_t bytes,
			 char ret_etag[static AP_ETAG_SIZE]);
/* Appends bytes [from, from + bytes) or as many as there are; refused if the object is another one
 * than `etag`. */
struct ap_err *ap_s3_get(struct ap_s3 *s3, const char *key, const char *etag, uint64_t from,
			 size_t bytes, struct ap_str *out);
struct ap_err *ap_s3_delete(struct ap_s3 *s3, const char *key);
/* Every object whose key begins with `prefix`, page after page, until `each` says false. */
struct ap_err *ap_s3_list(struct ap_s3 *s3, const char *prefix,
			  bool (*each)(void *arg, const struct ap_s3_object *object), void *arg);
/* Base64 of the MD5, for Content-MD5; and in hex, as the etag has it. */
void ap_s3_md5(const void *data, size_t bytes, char ret_base64[static 25], char ret_hex[static 33]);
/* Waits, but not beyond `stop`. */
void ap_s3_pause(const struct ap_s3 *s3, double seconds);

#endif
