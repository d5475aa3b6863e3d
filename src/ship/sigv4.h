/*
 * Signatures of Amazon's version 4, for S3 and what speaks its protocol: in the Authorization
 * header, or in a presigned URL that needs no keys where it is used.
 *
 * Ours, not libcurl's: curl's differs by version, signs a header that was only to be removed, and
 * cannot presign.
 *
 * Ownership: everything is appended to the caller's strings. Keys are not kept.
 */
#ifndef AP_SHIP_SIGV4_H
#define AP_SHIP_SIGV4_H

#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"

struct ap_s3_keys {
	const char *access_key, *secret_key;
	const char *token; /* of temporary keys, or NULL */
	const char *region;
};

struct ap_s3_pair {
	const char *name, *value; /* as they are, nothing encoded; a header's name in lower case */
};

struct ap_s3_request {
	const char *method; /* "GET" */
	const char *host;   /* with the port, if it is not the scheme's own */
	const char *path;   /* "/bucket/a key", not encoded */
	const struct ap_s3_pair *query;
	size_t n_query;
	const struct ap_s3_pair *headers; /* further ones to be signed; not host, x-amz-date, ... */
	size_t n_headers;
	const char *payload; /* SHA-256 in hex, or UNSIGNED-PAYLOAD */
	time_t when;
};

enum { AP_S3_MAX_PAIRS = 32, AP_SHA256_HEX_SIZE = 65 };

#define AP_S3_EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AP_S3_UNSIGNED "UNSIGNED-PAYLOAD"

/*
 * Header lines to send ("Name: value", a line each, without the last line's end): Authorization,
 * x-amz-date, x-amz-content-sha256, x-amz-security-token, and those of the request.
 */
struct ap_err *ap_s3_sign(const struct ap_s3_request *request, const struct ap_s3_keys *keys,
			  struct ap_str *out);
/* "https://HOST/PATH?..." that may be used for so many seconds (at most seven days) after `when`.
 */
struct ap_err *ap_s3_presign(const struct ap_s3_request *request, const struct ap_s3_keys *keys,
			     const char *scheme, unsigned seconds, struct ap_str *out);
/* Path and query as they must stand in the request, sorted and encoded as they were signed. */
struct ap_err *ap_s3_target(const struct ap_s3_request *request, struct ap_str *out);
void ap_sha256_hex(const void *data, size_t bytes, char ret_hex[static AP_SHA256_HEX_SIZE]);

#endif
