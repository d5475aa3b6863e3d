#include "ship/sigv4.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 32, WEEK_SECONDS = 7 * 86400 };

static void hex_of(const uint8_t *bytes, char hex[static AP_SHA256_HEX_SIZE])
{
	for (unsigned i = 0; i < HASH_BYTES; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
}

void ap_sha256_hex(const void *data, size_t bytes, char ret_hex[static AP_SHA256_HEX_SIZE])
{
	uint8_t hash[HASH_BYTES] = {0};

	(void)EVP_Digest(data, bytes, hash, NULL, EVP_sha256(), NULL);
	hex_of(hash, ret_hex);
}

static void hmac(const void *key, size_t n_key, const char *text, uint8_t ret[static HASH_BYTES])
{
	unsigned n = HASH_BYTES;

	(void)HMAC(EVP_sha256(), key, (int)n_key, (const uint8_t *)text, strlen(text), ret, &n);
}

/* Everything but letters, digits and -._~; the slashes of a path stay. */
static void encode(struct ap_str *out, const char *s, bool path)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (isalnum(c) || strchr("-._~", c) || (path && c == '/'))
			ap_str_addc(out, (char)c);
		else
			ap_str_addf(out, "%%%02X", c);
	}
}

/* By encoded name, then by encoded value, as the signature wants it. */
struct encoded {
	struct ap_str name, value;
};

static int encoded_cmp(const void *a, const void *b)
{
	const struct encoded *x = a, *y = b;
	int c = strcmp(x->name.s, y->name.s);

	return c ? c : strcmp(x->value.s ? x->value.s : "", y->value.s ? y->value.s : "");
}

static struct ap_err *canonical_query(const struct ap_s3_pair *query, size_t n, struct ap_str *out)
{
	struct encoded list[AP_S3_MAX_PAIRS] = {0};
	bool failed = false;

	if (n > AP_S3_MAX_PAIRS)
		return ap_err_new(AP_E_LIMIT, "%zu query parameters, %d at most", n,
				  AP_S3_MAX_PAIRS);
	for (size_t i = 0; i < n; i++) {
		encode(&list[i].name, query[i].name, false);
		encode(&list[i].value, query[i].value, false);
		failed = failed || !list[i].name.s || list[i].name.failed || list[i].value.failed;
	}
	if (!failed)
		qsort(list, n, sizeof(*list), encoded_cmp);
	for (size_t i = 0; i < n; i++) {
		if (!failed)
			ap_str_addf(out, "%s%s=%s", i ? "&" : "", list[i].name.s,
				    list[i].value.s ? list[i].value.s : "");
		ap_str_close(&list[i].name);
		ap_str_close(&list[i].value);
	}
	return failed || out->failed ? &ap_err_nomem : NULL;
}

static int pair_cmp(const void *a, const void *b)
{
	const struct ap_s3_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Blanks at the ends go, rows of them become one. */
static void add_value(struct ap_str *out, const char *value)
{
	bool blank = false;

	value += strspn(value, " \t");
	for (; *value; value++) {
		if (*value == ' ' || *value == '\t') {
			blank = true;
			continue;
		}
		if (blank)
			ap_str_addc(out, ' ');
		blank = false;
		ap_str_addc(out, *value);
	}
}

struct signing {
	char date[16], moment[32]; /* 20130524, 20130524T000000Z */
	struct ap_s3_pair headers[AP_S3_MAX_PAIRS];
	size_t n_headers;
	struct ap_str names; /* "host;range" */
};

static bool is_clean(const char *s)
{
	return s && !strpbrk(s, "\r\n");
}

/* The headers to be signed, sorted; a line's end in a value would make another header. */
static struct ap_err *begin(const struct ap_s3_request *r, const struct ap_s3_keys *keys,
			    bool in_header, struct signing *s)
{
	struct tm tm;

	*s = (struct signing){.n_headers = 0};
	if (!gmtime_r(&r->when, &tm) || !strftime(s->date, sizeof(s->date), "%Y%m%d", &tm) ||
	    !strftime(s->moment, sizeof(s->moment), "%Y%m%dT%H%M%SZ", &tm))
		return ap_err_new(AP_E_USAGE, "this time cannot be signed");
	if (r->n_headers > AP_S3_MAX_PAIRS - 4)
		return ap_err_new(AP_E_LIMIT, "%zu headers are too many", r->n_headers);
	s->headers[s->n_headers++] = (struct ap_s3_pair){"host", r->host};
	if (in_header) {
		s->headers[s->n_headers++] =
			(struct ap_s3_pair){"x-amz-content-sha256", r->payload};
		s->headers[s->n_headers++] = (struct ap_s3_pair){"x-amz-date", s->moment};
		if (keys->token)
			s->headers[s->n_headers++] =
				(struct ap_s3_pair){"x-amz-security-token", keys->token};
	}
	for (size_t i = 0; i < r->n_headers; i++)
		s->headers[s->n_headers++] = r->headers[i];
	qsort(s->headers, s->n_headers, sizeof(*s->headers), pair_cmp);
	for (size_t i = 0; i < s->n_headers; i++) {
		if (!is_clean(s->headers[i].name) || !is_clean(s->headers[i].value)) {
			ap_str_close(&s->names);
			return ap_err_new(AP_E_USAGE, "a header is missing or holds a line's end");
		}
		ap_str_addf(&s->names, "%s%s", i ? ";" : "", s->headers[i].name);
	}
	return s->names.failed ? &ap_err_nomem : NULL;
}

/* The request as both sides spell it, hashed, signed with a key made of date, region and service.
 */
static struct ap_err *sign(const struct ap_s3_request *r, const struct ap_s3_keys *keys,
			   const struct signing *s, const struct ap_s3_pair *query, size_t n_query,
			   const char *payload, char ret_signature[static AP_SHA256_HEX_SIZE])
{
	AP_STR_AUTO canonical = {0};
	AP_STR_AUTO text = {0};
	AP_STR_AUTO secret = {0};
	char hash[AP_SHA256_HEX_SIZE];
	uint8_t key[HASH_BYTES];

	ap_str_addf(&canonical, "%s\n", r->method);
	encode(&canonical, r->path, true);
	ap_str_addc(&canonical, '\n');
	AP_TRY(canonical_query(query, n_query, &canonical));
	ap_str_addc(&canonical, '\n');
	for (size_t i = 0; i < s->n_headers; i++) {
		ap_str_addf(&canonical, "%s:", s->headers[i].name);
		add_value(&canonical, s->headers[i].value);
		ap_str_addc(&canonical, '\n');
	}
	ap_str_addf(&canonical, "\n%s\n%s", s->names.s, payload);
	if (canonical.failed)
		return &ap_err_nomem;
	ap_sha256_hex(canonical.s, canonical.n, hash);
	ap_str_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", s->moment, s->date,
		    keys->region, hash);
	ap_str_addf(&secret, "AWS4%s", keys->secret_key);
	if (text.failed || secret.failed)
		return &ap_err_nomem;
	hmac(secret.s, secret.n, s->date, key);
	OPENSSL_cleanse(secret.s, secret.n);
	hmac(key, sizeof(key), keys->region, key);
	hmac(key, sizeof(key), "s3", key);
	hmac(key, sizeof(key), "aws4_request", key);
	hmac(key, sizeof(key), text.s, key);
	hex_of(key, ret_signature);
	OPENSSL_cleanse(key, sizeof(key));
	return NULL;
}

struct ap_err *ap_s3_sign(const struct ap_s3_request *r, const struct ap_s3_keys *keys,
			  struct ap_str *out)
{
	char signature[AP_SHA256_HEX_SIZE];
	struct signing s;

	AP_TRY(begin(r, keys, true, &s));
	struct ap_err *err = sign(r, keys, &s, r->query, r->n_query, r->payload, signature);
	if (!err) {
		ap_str_addf(out,
			    "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request,"
			    "SignedHeaders=%s,Signature=%s",
			    keys->access_key, s.date, keys->region, s.names.s, signature);
		for (size_t i = 0; i < s.n_headers; i++) {
			if (strcmp(s.headers[i].name, "host") != 0)
				ap_str_addf(out, "\n%s: %s", s.headers[i].name, s.headers[i].value);
		}
	}
	ap_str_close(&s.names);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_s3_presign(const struct ap_s3_request *r, const struct ap_s3_keys *keys,
			     const char *scheme, unsigned seconds, struct ap_str *out)
{
	char signature[AP_SHA256_HEX_SIZE], credential[256], expires[16];
	struct ap_s3_pair query[AP_S3_MAX_PAIRS];
	struct signing s;
	size_t n = 0;

	if (!seconds || seconds > WEEK_SECONDS)
		return ap_err_new(AP_E_USAGE, "a presigned URL is for a week at most");
	if (r->n_query > AP_S3_MAX_PAIRS - 6)
		return ap_err_new(AP_E_LIMIT, "%zu query parameters are too many", r->n_query);
	AP_TRY(begin(r, keys, false, &s));
	snprintf(credential, sizeof(credential), "%s/%s/%s/s3/aws4_request", keys->access_key,
		 s.date, keys->region);
	snprintf(expires, sizeof(expires), "%u", seconds);
	query[n++] = (struct ap_s3_pair){"X-Amz-Algorithm", "AWS4-HMAC-SHA256"};
	query[n++] = (struct ap_s3_pair){"X-Amz-Credential", credential};
	query[n++] = (struct ap_s3_pair){"X-Amz-Date", s.moment};
	query[n++] = (struct ap_s3_pair){"X-Amz-Expires", expires};
	query[n++] = (struct ap_s3_pair){"X-Amz-SignedHeaders", s.names.s};
	if (keys->token)
		query[n++] = (struct ap_s3_pair){"X-Amz-Security-Token", keys->token};
	for (size_t i = 0; i < r->n_query; i++)
		query[n++] = r->query[i];
	struct ap_err *err = sign(r, keys, &s, query, n, AP_S3_UNSIGNED, signature);
	if (!err) {
		ap_str_addf(out, "%s://%s", scheme, r->host);
		encode(out, r->path, true);
		ap_str_addc(out, '?');
		err = canonical_query(query, n, out);
		ap_str_addf(out, "&X-Amz-Signature=%s", signature);
	}
	ap_str_close(&s.names);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_s3_target(const struct ap_s3_request *r, struct ap_str *out)
{
	encode(out, r->path, true);
	if (!r->n_query)
		return out->failed ? &ap_err_nomem : NULL;
	ap_str_addc(out, '?');
	return canonical_query(r->query, r->n_query, out);
}
