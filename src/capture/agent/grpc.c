#include "capture/agent/grpc.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/cursor.h"
#include "base/escape.h"

/* gRPC's own default for a message. */
enum {
	ANSWER_BYTES = 4 << 20,
	FRAME_BYTES = 5,
	TEXT_BYTES = 300,
	NOT_FOUND = 5,
	UNIMPLEMENTED = 12
};

struct answer {
	struct ap_str body;
	long status; /* grpc-status, -1: none came */
	char text[TEXT_BYTES];
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct ap_err *ap_grpc_open(const char *socket, double seconds, struct ap_grpc *ret)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		return &ap_err_nomem;
	*ret = (struct ap_grpc){curl, now_ms() + (uint64_t)(seconds * 1000), socket};
	return NULL;
}

void ap_grpc_close(struct ap_grpc *grpc)
{
	if (grpc->curl)
		curl_easy_cleanup(grpc->curl);
	grpc->curl = NULL;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (a->body.n + size * n > ANSWER_BYTES + FRAME_BYTES)
		return 0;
	ap_str_add(&a->body, data, size * n);
	return a->body.failed ? 0 : size * n;
}

/* Headers and trailers alike: where there is no message, the status is among the headers. */
static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
	static const char status[] = "grpc-status:", message[] = "grpc-message:";
	struct answer *a = arg;
	size_t bytes = size * n;

	if (bytes > sizeof(status) && strncasecmp(data, status, sizeof(status) - 1) == 0) {
		char digits[8];

		snprintf(digits, sizeof(digits), "%.*s", (int)(bytes - sizeof(status) + 1),
			 data + sizeof(status) - 1);
		a->status = strtol(digits, NULL, 10);
	} else if (bytes > sizeof(message) &&
		   strncasecmp(data, message, sizeof(message) - 1) == 0) {
		AP_STR_AUTO safe = {0};
		struct ap_text text = {data + sizeof(message) - 1, bytes - sizeof(message) + 1};

		while (text.n && strchr(" \r\n", text.s[text.n - 1]))
			text.n--;
		while (text.n && *text.s == ' ') {
			text.s++;
			text.n--;
		}
		ap_escape(&safe, text);
		snprintf(a->text, sizeof(a->text), "%s", safe.s ? safe.s : "");
	}
	return bytes;
}

struct ap_err *ap_grpc_unframe(struct ap_text body, struct ap_text *ret_message)
{
	struct ap_cursor c = ap_cursor_of(body.s ? body.s : "", body.n);
	uint8_t compressed = ap_cursor_u8(&c);
	uint64_t n = __builtin_bswap32(ap_cursor_u32(&c));

	if (c.bad || compressed || n != ap_cursor_left(&c))
		return ap_err_new(AP_E_FORMAT,
				  "the container runtime's answer is no message of gRPC");
	*ret_message = (struct ap_text){(const char *)c.p, (size_t)n};
	return NULL;
}

static struct ap_err *perform(struct ap_grpc *grpc, const char *method, const struct ap_str *frame,
			      struct answer *a)
{
	struct curl_slist *headers = NULL, *more;
	char url[256], why[CURL_ERROR_SIZE] = "";
	uint64_t now = now_ms();
	CURL *curl = grpc->curl;

	if (now >= grpc->deadline_ms)
		return ap_err_new(AP_E_IO, "%s: the time for it is over", grpc->socket);
	if (snprintf(url, sizeof(url), "http://localhost/%s", method) >= (int)sizeof(url))
		return ap_err_new(AP_E_LIMIT, "the method's name is too long");
	more = headers = curl_slist_append(NULL, "content-type: application/grpc");
	/* Without it servers refuse: it says that trailers, with the status, will be read. */
	if (more)
		more = curl_slist_append(headers, "te: trailers");
	if (more)
		more = curl_slist_append(headers, "expect:");
	if (!more) {
		curl_slist_free_all(headers);
		return &ap_err_nomem;
	}
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, grpc->socket);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	/* libcurl 7.88 fails ("Error in the HTTP2 framing layer") on the second request over such a
	 * connection. */
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)frame->n);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, frame->s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(grpc->deadline_ms - now));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	CURLcode code = curl_easy_perform(curl);
	long http = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
	curl_slist_free_all(headers);
	if (code == CURLE_OUT_OF_MEMORY)
		return &ap_err_nomem;
	if (code != CURLE_OK)
		return ap_err_new(AP_E_IO, "%s: %s", grpc->socket,
				  why[0] ? why : curl_easy_strerror(code));
	if (http != 200)
		return ap_err_new(AP_E_IO, "%s: HTTP %ld, that is no container runtime",
				  grpc->socket, http);
	return NULL;
}

static struct ap_err *check(const struct ap_grpc *grpc, const char *method, const struct answer *a)
{
	enum ap_errc code = a->status == NOT_FOUND       ? AP_E_NOTFOUND
			    : a->status == UNIMPLEMENTED ? AP_E_UNSUPPORTED
							 : AP_E_IO;

	if (a->status == 0)
		return NULL;
	if (a->status < 0)
		return ap_err_new(AP_E_IO, "%s: %s ended without a status", grpc->socket, method);
	return ap_err_new(code, "%s: %s: %s (gRPC status %ld)", grpc->socket, method, a->text,
			  a->status);
}

struct ap_err *ap_grpc_call(struct ap_grpc *grpc, const char *method, const struct ap_str *request,
			    struct ap_str *ret_answer)
{
	struct answer a = {.status = -1};
	AP_STR_AUTO frame = {0};
	uint32_t n = __builtin_bswap32((uint32_t)request->n);
	struct ap_text message = {"", 0};

	ap_str_addc(&frame, 0); /* not compressed */
	ap_str_add(&frame, (const char *)&n, sizeof(n));
	ap_str_add(&frame, request->s, request->n);
	if (frame.failed || request->failed)
		return &ap_err_nomem;
	struct ap_err *err = perform(grpc, method, &frame, &a);
	if (!err)
		err = check(grpc, method, &a);
	if (!err)
		err = ap_grpc_unframe((struct ap_text){a.body.s, a.body.n}, &message);
	if (!err) {
		ap_str_clear(ret_answer);
		ap_str_add(ret_answer, message.s, message.n);
		err = ret_answer->failed ? &ap_err_nomem : NULL;
	}
	ap_str_close(&a.body);
	return err;
}
