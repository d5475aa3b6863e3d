#include "ship/s3.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	ANSWER_BYTES = 4 << 20,
	TRIES = 6,
	MAX_PAGES = 10000,
	PAUSE_SLICE_MS = 100,
};

static const double max_pause_seconds = 30;

static bool empty(const char *s)
{
	return !s || !*s;
}

static bool is_bucket_name(const char *s)
{
	size_t n = strlen(s);

	return n >= 3 && n <= 63 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
		       n &&
	       s[0] != '.' && s[0] != '-';
}

static bool is_host(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") ==
		       strlen(s);
}

/* Scheme and host out of the endpoint; a path behind it would not be signed. */
static struct ap_err *split_endpoint(struct ap_s3 *s3, const char *endpoint, bool virtual)
{
	const char *host = strncmp(endpoint, "https://", 8) == 0  ? endpoint + 8
			   : strncmp(endpoint, "http://", 7) == 0 ? endpoint + 7
								  : NULL;
	char *copy = host ? ap_strdup(&s3->arena, host) : NULL;

	if (copy && *copy && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	if (!copy || !is_host(copy))
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "\"%.100s\" is no endpoint of a store", endpoint),
			"s3_endpoint = https://HOST[:PORT], without a path");
	s3->scheme = strncmp(endpoint, "https", 5) == 0 ? "https" : "http";
	s3->host = virtual ? ap_printf(&s3->arena, "%s.%s", s3->config.bucket, copy) : copy;
	s3->base = virtual ? "/" : ap_printf(&s3->arena, "/%s/", s3->config.bucket);
	return s3->host && s3->base ? NULL : &ap_err_nomem;
}

static struct ap_err *open_config(const struct ap_s3_config *c, struct ap_s3 *s3)
{
	const char *region = empty(c->region) ? "us-east-1" : c->region;
	bool amazon = empty(c->endpoint);

	if (empty(c->bucket) || !is_bucket_name(c->bucket))
		return ap_err_hint(ap_err_new(AP_E_USAGE, "\"%.80s\" is no name of a bucket",
					      c->bucket ? c->bucket : ""),
				   "s3_bucket = NAME in autopsy.conf, or s3://NAME/PREFIX");
	if (empty(c->keys.access_key) || empty(c->keys.secret_key))
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "there are no keys for bucket %s", c->bucket),
			"s3_keys_file = FILE in autopsy.conf, or AWS_ACCESS_KEY_ID and "
			"AWS_SECRET_ACCESS_KEY in the environment");
	if (!empty(c->style) && strcmp(c->style, "auto") != 0 && strcmp(c->style, "path") != 0 &&
	    strcmp(c->style, "virtual") != 0)
		return ap_err_new(AP_E_USAGE, "s3_style is auto, path or virtual, not \"%.40s\"",
				  c->style);
	s3->config = *c;
#define COPY(field)                                                                                \
	do {                                                                                       \
		if (c->field && !(s3->config.field = ap_strdup(&s3->arena, c->field)))             \
			return &ap_err_nomem;                                                      \
	} while (0)
	COPY(bucket);
	COPY(encryption);
	COPY(encryption_key);
	COPY(ca_file);
	COPY(proxy);
	COPY(keys.access_key);
	COPY(keys.secret_key);
	COPY(keys.token);
#undef COPY
	s3->config.keys.region = ap_strdup(&s3->arena, region);
	if (!s3->config.keys.region)
		return &ap_err_nomem;
	/* A dot in the bucket's name does not fit into the certificate. */
	bool virtual = !empty(c->style) && strcmp(c->style, "auto") != 0
			       ? strcmp(c->style, "virtual") == 0
			       : amazon && !strchr(c->bucket, '.');
	const char *endpoint =
		amazon ? ap_printf(&s3->arena, "https://s3.%s.amazonaws.com", region) : c->endpoint;
	if (!endpoint)
		return &ap_err_nomem;
	AP_TRY(split_endpoint(s3, endpoint, virtual));
	struct ap_http_options options = {
		.ca_file = empty(s3->config.ca_file) ? NULL : s3->config.ca_file,
		.proxy = empty(s3->config.proxy) ? NULL : s3->config.proxy,
		.stop = c->stop,
		.stall_seconds = c->stall_seconds,
	};
	return ap_http_open(&options, &s3->http);
}

struct ap_err *ap_s3_open(const struct ap_s3_config *config, struct ap_s3 *ret_s3)
{
	struct ap_s3 s3 = {.scheme = NULL};

	ap_arena_init(&s3.arena, 1 << 20);
	struct ap_err *err = open_config(config, &s3);
	if (err) {
		ap_s3_close(&s3);
		return err;
	}
	if (getrandom(&s3.random, sizeof(s3.random), GRND_NONBLOCK) != (ssize_t)sizeof(s3.random))
		s3.random = (uint64_t)time(NULL);
	s3.random |= 1;
	*ret_s3 = s3;
	return NULL;
}

void ap_s3_close(struct ap_s3 *s3)
{
	ap_http_close(&s3->http);
	ap_arena_close(&s3->arena);
	*s3 = (struct ap_s3){.scheme = NULL};
}

static bool stopped(const struct ap_s3 *s3)
{
	return s3->config.stop && *s3->config.stop;
}

void ap_s3_pause(const struct ap_s3 *s3, double seconds)
{
	for (int64_t left = (int64_t)(seconds * 1000); left > 0 && !stopped(s3);
	     left -= PAUSE_SLICE_MS)
		(void)poll(NULL, 0, left < PAUSE_SLICE_MS ? (int)left : PAUSE_SLICE_MS);
}

/* Doubling, and between a half and the whole of it, so that a fleet does not knock at the same
 * moment. */
static double pause_of(struct ap_s3 *s3, unsigned tried, unsigned retry_after)
{
	double base = s3->config.pause_seconds > 0 ? s3->config.pause_seconds : 0.5;
	double pause = base * (double)(1u << (tried < 16 ? tried : 16));

	s3->random ^= s3->random << 13;
	s3->random ^= s3->random >> 7;
	s3->random ^= s3->random << 17;
	if (pause > max_pause_seconds)
		pause = max_pause_seconds;
	pause *= 0.5 + (double)(s3->random >> 12) / (double)(1ull << 53);
	return pause > retry_after ? pause : retry_after;
}

static bool may_work_later(long status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501);
}

static bool is_fine(const struct ap_s3_call *call, long status)
{
	return status / 100 == 2 || (call->no_key_is_fine && status == 404) ||
	       (call->unsupported_is_fine && (status == 405 || status == 501));
}

static struct ap_err *refusal(const struct ap_s3 *s3, const struct ap_s3_call *call,
			      const struct ap_http_answer *a, const struct ap_s3_refusal *r)
{
	bool auth = a->status == 401 || a->status == 403;
	struct ap_err *err = ap_err_new(
		a->status == 404 ? AP_E_NOTFOUND : AP_E_IO,
		"the store refuses %s %s%s%s: %ld%s%s%s%s", call->method, s3->config.bucket,
		call->key ? "/" : "", call->key ? call->key : "", a->status, r->code ? " " : "",
		r->code ? r->code : "", r->message ? ": " : "", r->message ? r->message : "");
	const char *region = r->region ? r->region : a->region[0] ? a->region : NULL;

	if (region && strcmp(region, s3->config.keys.region) != 0)
		return ap_err_hint(err, "the bucket is in region %s (s3_region)", region);
	if (auth)
		return ap_err_hint(
			err,
			"check keys and region; the keys may be of somebody who may not %s here",
			call->method);
	return a->status == 404 ? ap_err_hint(err, "check bucket, prefix and endpoint") : err;
}

/* One try, signed at this moment. */
static struct ap_err *once(struct ap_s3 *s3, const struct ap_s3_call *call,
			   struct ap_http_answer *ret, bool *ret_again)
{
	AP_STR_AUTO path = {0};
	AP_STR_AUTO url = {0};
	AP_STR_AUTO headers = {0};
	char hash[AP_SHA256_HEX_SIZE];

	ap_str_adds(&path, s3->base);
	if (call->key)
		ap_str_adds(&path, call->key);
	else if (path.n > 1)
		path.s[--path.n] = '\0'; /* "/bucket" */
	if (path.failed)
		return &ap_err_nomem;
	ap_sha256_hex(call->body ? call->body : "", call->body_bytes, hash);
	struct ap_s3_request r = {
		.method = call->method,
		.host = s3->host,
		.path = path.s,
		.query = call->query,
		.n_query = call->n_query,
		.headers = call->headers,
		.n_headers = call->n_headers,
		.payload = hash,
		.when = time(NULL) + s3->clock_off,
	};
	ap_str_addf(&url, "%s://%s", s3->scheme, s3->host);
	AP_TRY(ap_s3_target(&r, &url));
	AP_TRY(ap_s3_sign(&r, &s3->config.keys, &headers));
	struct ap_http_request request = {
		.method = call->method,
		.url = url.s,
		.headers = headers.s,
		.body = call->body,
		.body_bytes = call->body_bytes,
		.most = call->most ? call->most : ANSWER_BYTES,
	};
	return url.failed || headers.failed ? &ap_err_nomem
					    : ap_http_do(&s3->http, &request, ret, ret_again);
}

struct ap_err *ap_s3_do(struct ap_s3 *s3, const struct ap_s3_call *call,
			struct ap_http_answer *ret_answer)
{
	unsigned tries = s3->config.tries ? s3->config.tries : TRIES;
	bool clock_set = false;

	if (call->key && (!*call->key || strlen(call->key) > AP_S3_KEY_MAX))
		return ap_err_new(AP_E_USAGE, "the name of an object has 1 to %d bytes",
				  AP_S3_KEY_MAX);
	for (unsigned tried = 0;; tried++) {
		struct ap_http_answer a = {.status = 0};
		struct ap_s3_refusal r = {NULL, NULL, NULL};
		struct ap_arena arena;
		bool again = false;

		struct ap_err *err = once(s3, call, &a, &again);
		if (!err && is_fine(call, a.status)) {
			*ret_answer = a;
			return NULL;
		}
		if (!err) {
			ap_arena_init(&arena, 1 << 20);
			ap_answer_refusal(a.body.s ? a.body.s : "", a.body.n, &arena, &r);
			again = may_work_later(a.status);
			/* Our clock jumped: the server's is the one that counts, also where HEAD
			 * has no body to say so. */
			int64_t off = a.date ? a.date - time(NULL) : 0;
			if (a.status == 403 && !clock_set && llabs(off - s3->clock_off) > 60 &&
			    (!r.code || strcmp(r.code, "RequestTimeTooSkewed") == 0 ||
			     strcmp(r.code, "AccessDenied") == 0 ||
			     strcmp(r.code, "SignatureDoesNotMatch") == 0)) {
				s3->clock_off = off;
				again = clock_set = true;
			}
			err = refusal(s3, call, &a, &r);
			ap_arena_close(&arena);
		}
		unsigned retry_after = a.retry_after;
		ap_http_answer_close(&a);
		if (!again || tried + 1 >= tries || stopped(s3))
			return err;
		ap_err_free(err);
		ap_s3_pause(s3, pause_of(s3, tried, retry_after));
		if (stopped(s3))
			return &ap_err_cancelled;
	}
}

void ap_s3_add_encryption(const struct ap_s3 *s3, struct ap_s3_call *call)
{
	if (empty(s3->config.encryption))
		return;
	call->headers[call->n_headers++] =
		(struct ap_s3_pair){"x-amz-server-side-encryption", s3->config.encryption};
	if (!empty(s3->config.encryption_key))
		call->headers[call->n_headers++] = (struct ap_s3_pair){
			"x-amz-server-side-encryption-aws-kms-key-id", s3->config.encryption_key};
}

void ap_s3_md5(const void *data, size_t bytes, char ret_base64[static 25], char ret_hex[static 33])
{
	uint8_t hash[16] = {0};

	(void)EVP_Digest(data, bytes, hash, NULL, EVP_md5(), NULL);
	(void)EVP_EncodeBlock((unsigned char *)ret_base64, hash, sizeof(hash));
	for (unsigned i = 0; i < sizeof(hash); i++)
		sprintf(ret_hex + 2 * i, "%02x", hash[i]);
}

struct ap_err *ap_s3_head(struct ap_s3 *s3, const char *key, struct ap_s3_head *ret_head)
{
	struct ap_s3_call call = {.method = "HEAD", .key = key, .no_key_is_fine = true};
	struct ap_s3_head head = {.found = false};
	struct ap_http_answer a;

	AP_TRY(ap_s3_do(s3, &call, &a));
	if (a.status != 404) {
		head.found = true;
		head.bytes = a.length < 0 ? 0 : (uint64_t)a.length;
		memcpy(head.etag, a.etag, sizeof(head.etag));
		head.opaque = strncmp(a.encryption, "aws:kms", 7) == 0;
	}
	ap_http_answer_close(&a);
	*ret_head = head;
	return NULL;
}

struct ap_err *ap_s3_put(struct ap_s3 *s3, const char *key, const void *data, size_t bytes,
			 char ret_etag[static AP_ETAG_SIZE])
{
	char base64[25], hex[33];
	struct ap_s3_call call = {
		.method = "PUT", .key = key, .body = data ? data : "", .body_bytes = bytes};
	struct ap_http_answer a;

	ap_s3_md5(call.body, bytes, base64, hex);
	call.headers[call.n_headers++] = (struct ap_s3_pair){"content-md5", base64};
	call.headers[call.n_headers++] =
		(struct ap_s3_pair){"content-type", "application/octet-stream"};
	ap_s3_add_encryption(s3, &call);
	AP_TRY(ap_s3_do(s3, &call, &a));
	memcpy(ret_etag, a.etag, AP_ETAG_SIZE);
	ap_http_answer_close(&a);
	return NULL;
}

struct ap_err *ap_s3_get(struct ap_s3 *s3, const char *key, const char *etag, uint64_t from,
			 size_t bytes, struct ap_str *out)
{
	struct ap_s3_call call = {.method = "GET", .key = key, .most = bytes};
	char range[64], match[AP_ETAG_SIZE + 2];
	struct ap_http_answer a;

	if (!bytes)
		return NULL;
	snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)from,
		 (unsigned long long)(from + bytes - 1));
	call.headers[call.n_headers++] = (struct ap_s3_pair){"range", range};
	if (!empty(etag)) {
		snprintf(match, sizeof(match), "\"%s\"", etag);
		call.headers[call.n_headers++] = (struct ap_s3_pair){"if-match", match};
	}
	AP_TRY(ap_s3_do(s3, &call, &a));
	struct ap_err *err = NULL;
	if (from && a.status != 206)
		err = ap_err_new(AP_E_FORMAT, "the store answers a range with the whole object %s",
				 key);
	else if (!empty(etag) && a.etag[0] && strcmp(a.etag, etag) != 0)
		err = ap_err_new(AP_E_MISMATCH, "object %s changed while it was read", key);
	else
		ap_str_add(out, a.body.s, a.body.n);
	ap_http_answer_close(&a);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_s3_delete(struct ap_s3 *s3, const char *key)
{
	struct ap_s3_call call = {.method = "DELETE", .key = key, .no_key_is_fine = true};
	struct ap_http_answer a;

	AP_TRY(ap_s3_do(s3, &call, &a));
	ap_http_answer_close(&a);
	return NULL;
}

struct ap_err *ap_s3_list(struct ap_s3 *s3, const char *prefix,
			  bool (*each)(void *arg, const struct ap_s3_object *object), void *arg)
{
	AP_STR_AUTO token = {0};
	struct ap_err *err = NULL;
	bool more = true;

	for (unsigned page = 0; !err && more && page < MAX_PAGES; page++) {
		struct ap_s3_call call = {.method = "GET"};
		struct ap_http_answer a = {.status = 0};
		struct ap_arena arena;
		struct ap_s3_page answer = {.next = NULL};

		call.query[call.n_query++] = (struct ap_s3_pair){"list-type", "2"};
		call.query[call.n_query++] = (struct ap_s3_pair){"prefix", prefix};
		if (token.n)
			call.query[call.n_query++] =
				(struct ap_s3_pair){"continuation-token", token.s};
		AP_TRY(ap_s3_do(s3, &call, &a));
		ap_arena_init(&arena, 16 << 20);
		err = ap_answer_list(a.body.s ? a.body.s : "", a.body.n, &arena, &answer);
		for (size_t i = 0; !err && more && i < answer.objects.n; i++)
			more = each(arg, &answer.objects.at[i]);
		ap_str_clear(&token);
		if (!err && answer.next)
			ap_str_adds(&token, answer.next);
		more = more && !err && answer.next;
		ap_arena_close(&arena);
		ap_http_answer_close(&a);
	}
	return err;
}
