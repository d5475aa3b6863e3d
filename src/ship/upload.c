#include "ship/upload.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = 10000, PARTS_A_SIZE = 1000 };

static size_t part_bytes(const struct ap_upload *u)
{
	size_t first = u->options.part_bytes ? u->options.part_bytes : AP_PART_USUAL;

	return first << (u->parts.n / PARTS_A_SIZE);
}

/* The parts that an earlier try left, all pages of them. */
static struct ap_err *parts_there(struct ap_upload *u)
{
	char marker[16] = "";
	unsigned next = 0;

	do {
		struct ap_s3_call call = {.method = "GET",
					  .key = u->options.key,
					  .no_key_is_fine = true,
					  .unsupported_is_fine = true};
		struct ap_s3_parts page = {.next = 0};
		struct ap_http_answer a;

		call.query[call.n_query++] = (struct ap_s3_pair){"uploadId", u->options.resume_id};
		if (next) {
			snprintf(marker, sizeof(marker), "%u", next);
			call.query[call.n_query++] =
				(struct ap_s3_pair){"part-number-marker", marker};
		}
		AP_TRY(ap_s3_do(u->s3, &call, &a));
		struct ap_err *err = NULL;
		bool gone = a.status / 100 != 2;
		if (!gone)
			err = ap_answer_parts(a.body.s ? a.body.s : "", a.body.n, &u->arena, &page);
		ap_http_answer_close(&a);
		if (err)
			return err;
		if (gone) {
			/* Aborted meanwhile, completed, or the store cannot tell: from the
			 * beginning. */
			u->there = (struct ap_s3_parts){.next = 0};
			return NULL;
		}
		for (size_t i = 0; i < page.parts.n; i++) {
			if (!ap_vec_push(&u->arena, &u->there.parts, page.parts.at[i]))
				return &ap_err_nomem;
		}
		if (page.next && page.next <= next)
			return ap_err_new(AP_E_FORMAT, "the store's list of parts does not end");
		next = page.next;
	} while (next);
	u->id = ap_strdup(&u->arena, u->options.resume_id);
	return u->id ? NULL : &ap_err_nomem;
}

struct ap_err *ap_upload_open(struct ap_s3 *s3, const struct ap_upload_options *options,
			      struct ap_upload *ret)
{
	struct ap_upload u = {.s3 = s3, .options = *options};

	ap_arena_init(&u.arena, 16 << 20);
	u.options.key = ap_strdup(&u.arena, options->key);
	u.whole = EVP_MD_CTX_new();
	struct ap_err *err = u.options.key && u.whole && EVP_DigestInit_ex(u.whole, EVP_md5(), NULL)
				     ? NULL
				     : &ap_err_nomem;
	if (!err && options->resume_id)
		err = parts_there(&u);
	if (err) {
		ap_upload_close(&u, false);
		return err;
	}
	*ret = u;
	return NULL;
}

static struct ap_err *begin(struct ap_upload *u)
{
	struct ap_s3_call call = {
		.method = "POST", .key = u->options.key, .body = "", .body_bytes = 0};
	struct ap_http_answer a;

	call.query[call.n_query++] = (struct ap_s3_pair){"uploads", ""};
	call.headers[call.n_headers++] =
		(struct ap_s3_pair){"content-type", "application/octet-stream"};
	ap_s3_add_encryption(u->s3, &call);
	AP_TRY(ap_s3_do(u->s3, &call, &a));
	struct ap_err *err =
		ap_answer_initiated(a.body.s ? a.body.s : "", a.body.n, &u->arena, &u->id);
	ap_http_answer_close(&a);
	if (!err && u->options.begun)
		err = u->options.begun(u->options.arg, u->id);
	return err;
}

static const struct ap_s3_part *find_there(const struct ap_upload *u, unsigned number)
{
	for (size_t i = 0; i < u->there.parts.n; i++) {
		if (u->there.parts.at[i].number == number)
			return &u->there.parts.at[i];
	}
	return NULL;
}

static struct ap_err *send_part(struct ap_upload *u)
{
	char base64[25], hex[33], number[16];
	struct ap_s3_part part = {.number = (unsigned)u->parts.n + 1, .bytes = u->filled};
	struct ap_s3_call call = {
		.method = "PUT", .key = u->options.key, .body = u->buffer, .body_bytes = u->filled};
	struct ap_http_answer a;

	if (u->parts.n == MAX_PARTS)
		return ap_err_new(AP_E_LIMIT, "an object has %d parts at most", MAX_PARTS);
	if (!u->id)
		AP_TRY(begin(u));
	ap_s3_md5(u->buffer, u->filled, base64, hex);
	snprintf(part.etag, sizeof(part.etag), "%s", hex);
	const struct ap_s3_part *there = find_there(u, part.number);
	if (there && there->bytes == part.bytes && strcmp(there->etag, part.etag) == 0) {
		u->taken_over++;
	} else {
		snprintf(number, sizeof(number), "%u", part.number);
		call.query[call.n_query++] = (struct ap_s3_pair){"partNumber", number};
		call.query[call.n_query++] = (struct ap_s3_pair){"uploadId", u->id};
		call.headers[call.n_headers++] = (struct ap_s3_pair){"content-md5", base64};
		AP_TRY(ap_s3_do(u->s3, &call, &a));
		/* A store that encrypts with keys has its own etags; Content-MD5 has proven the
		 * bytes. */
		if (a.etag[0])
			memcpy(part.etag, a.etag, sizeof(part.etag));
		ap_http_answer_close(&a);
	}
	if (!ap_vec_push(&u->arena, &u->parts, part))
		return &ap_err_nomem;
	u->filled = 0;
	return NULL;
}

struct ap_err *ap_upload_write(void *upload, const void *data, size_t bytes)
{
	struct ap_upload *u = upload;
	const uint8_t *from = data;

	if (bytes && !EVP_DigestUpdate(u->whole, data, bytes))
		return &ap_err_nomem;
	while (bytes) {
		/* A part goes out when more follows: what fits into one is put whole. */
		if (u->filled && u->filled == u->cap)
			AP_TRY(send_part(u));
		if (u->cap != part_bytes(u)) {
			uint8_t *larger = realloc(u->buffer, part_bytes(u));

			if (!larger)
				return &ap_err_nomem;
			u->buffer = larger;
			u->cap = part_bytes(u);
		}
		size_t n = bytes < u->cap - u->filled ? bytes : u->cap - u->filled;
		memcpy(u->buffer + u->filled, from, n);
		u->filled += n;
		u->bytes += n;
		from += n;
		bytes -= n;
	}
	return NULL;
}

/* The etag that S3 gives what was joined: of the parts' hashes, and how many. */
static void joined_etag(const struct ap_upload *u, char ret[static AP_ETAG_SIZE])
{
	AP_STR_AUTO hashes = {0};
	char base64[25], hex[33];

	for (size_t i = 0; i < u->parts.n; i++) {
		const char *etag = u->parts.at[i].etag;

		if (strlen(etag) != 32) {
			ret[0] = '\0';
			return;
		}
		for (unsigned k = 0; k < 32; k += 2) {
			char pair[3] = {etag[k], etag[k + 1], '\0'};

			ap_str_addc(&hashes, (char)strtoul(pair, NULL, 16));
		}
	}
	ap_s3_md5(hashes.s, hashes.n, base64, hex);
	snprintf(ret, AP_ETAG_SIZE, "%s-%zu", hex, u->parts.n);
}

static bool is_it(const struct ap_s3_head *head, const struct ap_upload_sum *sum, const char *said)
{
	return head->found && head->bytes == sum->bytes &&
	       (strcmp(head->etag, sum->etag) == 0 || strcmp(head->etag, sum->md5) == 0 ||
		/* Etags of a store that encrypts with keys are its own; Content-MD5 has proven the
		   bytes. */
		(head->opaque && (!said || strcmp(head->etag, said) == 0)));
}

struct ap_err *ap_upload_verify(struct ap_s3 *s3, const char *key, const struct ap_upload_sum *sum,
				bool *ret_same)
{
	struct ap_s3_head head;

	AP_TRY(ap_s3_head(s3, key, &head));
	*ret_same = is_it(&head, sum, NULL);
	return NULL;
}

static struct ap_err *join(struct ap_upload *u, const struct ap_upload_sum *sum,
			   char ret_etag[static AP_ETAG_SIZE])
{
	AP_STR_AUTO body = {0};
	struct ap_http_answer a;
	bool same = false;

	ap_str_adds(&body, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < u->parts.n; i++)
		ap_str_addf(&body, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
			    u->parts.at[i].number, u->parts.at[i].etag);
	ap_str_adds(&body, "</CompleteMultipartUpload>");
	if (body.failed)
		return &ap_err_nomem;
	struct ap_s3_call call = {
		.method = "POST", .key = u->options.key, .body = body.s, .body_bytes = body.n};
	call.query[call.n_query++] = (struct ap_s3_pair){"uploadId", u->id};
	struct ap_err *err = ap_s3_do(u->s3, &call, &a);
	if (!err) {
		err = ap_answer_completed(a.body.s ? a.body.s : "", a.body.n, &u->arena, ret_etag);
		ap_http_answer_close(&a);
	}
	if (!err || err == &ap_err_cancelled)
		return err;
	/* The answer may have been lost on its way: then the object is there, and the upload gone.
	 */
	AP_ERR_AUTO no_head = ap_upload_verify(u->s3, u->options.key, sum, &same);
	if (no_head || !same)
		return err;
	ap_err_free(err);
	memcpy(ret_etag, sum->etag, AP_ETAG_SIZE);
	return NULL;
}

struct ap_err *ap_upload_finish(struct ap_upload *u, struct ap_s3_head *ret_head)
{
	struct ap_upload_sum sum = {.bytes = u->bytes};
	char said[AP_ETAG_SIZE] = "";
	uint8_t hash[16] = {0};
	struct ap_s3_head head;
	bool whole = !u->parts.n;

	(void)EVP_DigestFinal_ex(u->whole, hash, NULL);
	for (unsigned i = 0; i < sizeof(hash); i++)
		sprintf(sum.md5 + 2 * i, "%02x", hash[i]);
	if (whole) {
		memcpy(sum.etag, sum.md5, sizeof(sum.md5));
		/* Begun for more than there is now: nobody will complete it. */
		if (u->id)
			ap_err_free(ap_upload_abort(u->s3, u->options.key, u->id));
	} else {
		if (u->filled)
			AP_TRY(send_part(u));
		joined_etag(u, sum.etag);
	}
	if (u->options.finishing)
		AP_TRY(u->options.finishing(u->options.arg, &sum));
	if (whole)
		AP_TRY(ap_s3_put(u->s3, u->options.key, u->buffer, u->filled, said));
	else
		AP_TRY(join(u, &sum, said));
	u->id = NULL;
	AP_TRY(ap_s3_head(u->s3, u->options.key, &head));
	if (!is_it(&head, &sum, said))
		return ap_err_new(
			AP_E_MISMATCH,
			"of %s the store has %llu bytes with etag \"%s\"; sent were %llu with \"%s\"",
			u->options.key, (unsigned long long)head.bytes,
			head.found ? head.etag : "none", (unsigned long long)sum.bytes, sum.etag);
	*ret_head = head;
	return NULL;
}

struct ap_err *ap_upload_abort(struct ap_s3 *s3, const char *key, const char *id)
{
	struct ap_s3_call call = {.method = "DELETE", .key = key, .no_key_is_fine = true};
	struct ap_http_answer a;

	call.query[call.n_query++] = (struct ap_s3_pair){"uploadId", id};
	AP_TRY(ap_s3_do(s3, &call, &a));
	ap_http_answer_close(&a);
	return NULL;
}

void ap_upload_close(struct ap_upload *u, bool abort)
{
	if (abort && u->id)
		ap_err_free(ap_upload_abort(u->s3, u->options.key, u->id));
	free(u->buffer);
	EVP_MD_CTX_free(u->whole);
	u->whole = NULL;
	ap_arena_close(&u->arena);
	u->buffer = NULL;
	u->id = NULL;
}

struct ap_err *ap_upload_sweep(struct ap_s3 *s3, const char *prefix, double before,
			       bool (*is_dead)(void *arg, const char *key, const char *id),
			       void *arg, unsigned *ret_n)
{
	AP_STR_AUTO key_marker = {0};
	AP_STR_AUTO id_marker = {0};
	struct ap_err *err = NULL;
	unsigned aborted = 0;
	bool more = true;

	for (unsigned page = 0; !err && more && page < MAX_PARTS; page++) {
		struct ap_s3_call call = {.method = "GET", .unsupported_is_fine = true};
		struct ap_s3_pendings answer = {.next_key = NULL};
		struct ap_http_answer a;
		struct ap_arena arena;

		call.query[call.n_query++] = (struct ap_s3_pair){"uploads", ""};
		call.query[call.n_query++] = (struct ap_s3_pair){"prefix", prefix};
		if (key_marker.n)
			call.query[call.n_query++] =
				(struct ap_s3_pair){"key-marker", key_marker.s};
		if (id_marker.n)
			call.query[call.n_query++] =
				(struct ap_s3_pair){"upload-id-marker", id_marker.s};
		AP_TRY(ap_s3_do(s3, &call, &a));
		if (a.status / 100 != 2) {
			/* A store that keeps no list of them. */
			ap_http_answer_close(&a);
			break;
		}
		ap_arena_init(&arena, 16 << 20);
		err = ap_answer_uploads(a.body.s ? a.body.s : "", a.body.n, &arena, &answer);
		for (size_t i = 0; !err && i < answer.uploads.n; i++) {
			const struct ap_s3_pending *p = &answer.uploads.at[i];

			if (p->time < before && strncmp(p->key, prefix, strlen(prefix)) == 0 &&
			    is_dead(arg, p->key, p->id)) {
				err = ap_upload_abort(s3, p->key, p->id);
				aborted += !err;
			}
		}
		more = !err && answer.next_key;
		ap_str_clear(&key_marker);
		ap_str_clear(&id_marker);
		if (more) {
			ap_str_adds(&key_marker, answer.next_key);
			ap_str_adds(&id_marker, answer.next_id ? answer.next_id : "");
		}
		ap_arena_close(&arena);
		ap_http_answer_close(&a);
	}
	*ret_n = aborted;
	return err;
}
