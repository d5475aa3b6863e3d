#include "ship/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_SECONDS = 15, STALL_SECONDS = 30, MAX_RETRY_AFTER = 3600 };

struct transfer {
	struct ap_http_answer *answer;
	const struct ap_http_request *request;
	const struct ap_http *http;
	size_t sent;
	bool too_long;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (t->answer->body.n + n > t->request->most) {
		t->too_long = true;
		return 0;
	}
	ap_str_add(&t->answer->body, data, n);
	return t->answer->body.failed ? 0 : n;
}

static size_t on_upload(char *buffer, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t left = t->request->body_bytes - t->sent;

	n *= size;
	if (n > left)
		n = left;
	if (n)
		memcpy(buffer, (const char *)t->request->body + t->sent, n);
	t->sent += n;
	return n;
}

/* A connection that was kept and is closed by now: the body once more. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->request->body_bytes)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void copy_value(const char *value, size_t n, char *buf, size_t bytes)
{
	if (n < bytes) {
		memcpy(buf, value, n);
		buf[n] = '\0';
	}
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct ap_http_answer *a = ((struct transfer *)arg)->answer;
	size_t bytes = n * size;
	const char *colon = memchr(data, ':', bytes);
	char number[32] = "", date[64] = "";

	if (!colon) {
		/* "HTTP/1.1 100 Continue", then the real one. */
		if (bytes > 5 && memcmp(data, "HTTP/", 5) == 0) {
			a->etag[0] = a->encryption[0] = a->region[0] = '\0';
			a->length = -1;
			a->retry_after = 0;
		}
		return bytes;
	}
	size_t name = (size_t)(colon - data);
	const char *value = colon + 1, *end = data + bytes;
	while (value < end && strchr(" \t\r\n", *value))
		value++;
	while (end > value && strchr(" \t\r\n", end[-1]))
		end--;
	size_t left = (size_t)(end - value);
#define IS(literal) (name == sizeof(literal) - 1 && strncasecmp(data, literal, name) == 0)
	if (IS("etag")) {
		ap_etag_clean(value, left, a->etag);
	} else if (IS("content-length")) {
		copy_value(value, left, number, sizeof(number));
		a->length = number[0] ? strtoll(number, NULL, 10) : -1;
	} else if (IS("retry-after")) {
		copy_value(value, left, number, sizeof(number));
		unsigned long seconds = strtoul(number, NULL, 10);
		a->retry_after = seconds > MAX_RETRY_AFTER ? MAX_RETRY_AFTER : (unsigned)seconds;
	} else if (IS("date")) {
		copy_value(value, left, date, sizeof(date));
		time_t when = date[0] ? curl_getdate(date, NULL) : -1;
		a->date = when > 0 ? when : 0;
	} else if (IS("x-amz-server-side-encryption")) {
		copy_value(value, left, a->encryption, sizeof(a->encryption));
	} else if (IS("x-amz-bucket-region")) {
		copy_value(value, left, a->region, sizeof(a->region));
	}
#undef IS
	return bytes;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = arg;

	(void)a, (void)b, (void)c, (void)d;
	return t->http->options.stop && *t->http->options.stop;
}

struct ap_err *ap_http_open(const struct ap_http_options *options, struct ap_http *ret_http)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		return &ap_err_nomem;
	*ret_http = (struct ap_http){curl, *options};
	return NULL;
}

void ap_http_close(struct ap_http *http)
{
	if (http->curl)
		curl_easy_cleanup(http->curl);
	http->curl = NULL;
}

void ap_http_answer_close(struct ap_http_answer *answer)
{
	ap_str_close(&answer->body);
	answer->body = (struct ap_str){0};
}

static bool add_headers(const char *lines, struct curl_slist **list)
{
	while (lines && *lines) {
		size_t n = strcspn(lines, "\n");
		char *line = strndup(lines, n);
		struct curl_slist *more = line ? curl_slist_append(*list, line) : NULL;

		free(line);
		if (!more)
			return false;
		*list = more;
		lines += n + (lines[n] == '\n');
	}
	return true;
}

static struct ap_err *explain(CURLcode code, const struct transfer *t, const char *detail,
			      bool *ret_again)
{
	const char *what = detail[0] ? detail : curl_easy_strerror(code);

	*ret_again = false;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return &ap_err_cancelled;
	if (code == CURLE_OUT_OF_MEMORY || t->answer->body.failed)
		return &ap_err_nomem;
	if (t->too_long)
		return ap_err_new(AP_E_FORMAT, "the answer of %s is longer than it may be",
				  t->request->url);
	struct ap_err *err =
		ap_err_new(AP_E_IO, "%s %s: %s", t->request->method, t->request->url, what);
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return ap_err_hint(
			err,
			"name the authority that signed the server's certificate: s3_ca_file = FILE");
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
		return ap_err_hint(err, "http://HOST[:PORT] or https://HOST[:PORT]");
	*ret_again = true;
	return err;
}

struct ap_err *ap_http_do(struct ap_http *http, const struct ap_http_request *request,
			  struct ap_http_answer *ret_answer, bool *ret_again)
{
	struct ap_http_answer answer = {.length = -1};
	struct transfer t = {.answer = &answer, .request = request, .http = http};
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *curl = http->curl;

	*ret_again = false;
	curl_easy_reset(curl);
	/* Removed because it is not signed and costs a round trip. */
	if (!add_headers(request->headers, &headers) || !add_headers("Expect:", &headers)) {
		curl_slist_free_all(headers);
		return &ap_err_nomem;
	}
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(
		curl, CURLOPT_LOW_SPEED_TIME,
		(long)(http->options.stall_seconds ? http->options.stall_seconds : STALL_SECONDS));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &t);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &t);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "autopsy/" AP_VERSION);
	if (http->options.ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, http->options.ca_file);
	if (http->options.proxy)
		curl_easy_setopt(curl, CURLOPT_PROXY, http->options.proxy);
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	} else if (request->body || strcmp(request->method, "PUT") == 0) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(curl, CURLOPT_READDATA, &t);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, &t);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_bytes);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	} else {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		struct ap_err *err = explain(code, &t, detail, ret_again);

		ap_http_answer_close(&answer);
		return err;
	}
	*ret_answer = answer;
	return NULL;
}
