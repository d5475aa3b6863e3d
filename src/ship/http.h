/*
 * One HTTP request after the other over libcurl, which is only the transport: nothing is signed,
 * redirected or retried here.
 *
 * Ownership: struct ap_http owns its connection, struct ap_http_answer its body, until their
 * _close().
 */
#ifndef AP_SHIP_HTTP_H
#define AP_SHIP_HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "ship/answer.h"

struct ap_http_options {
	const char *ca_file; /* NULL: the system's */
	const char *proxy;   /* NULL: as the environment says */
	/* Not zero: give up at once. May be NULL. */
	const volatile sig_atomic_t *stop;
	unsigned stall_seconds; /* without a byte; 0: 30 */
};

struct ap_http {
	void *curl;
	struct ap_http_options options;
};

struct ap_http_request {
	const char *method, *url;
	const char *headers; /* lines "Name: value", separated by \n */
	const void *body;    /* NULL: none */
	size_t body_bytes;
	size_t most; /* bytes of an answer's body; more is an error */
};

struct ap_http_answer {
	long status;
	struct ap_str body;
	char etag[AP_ETAG_SIZE];
	int64_t length;       /* Content-Length; -1: not said */
	unsigned retry_after; /* seconds; 0: not said */
	time_t date;          /* of the server; 0: not said */
	char encryption[32];  /* x-amz-server-side-encryption */
	char region[64];      /* x-amz-bucket-region */
};

struct ap_err *ap_http_open(const struct ap_http_options *options, struct ap_http *ret_http);
void ap_http_close(struct ap_http *http);
/*
 * An answer of any status is success. `*ret_again`, on an error: the same request may work later.
 * Cancelled when the options' `stop` is set.
 */
struct ap_err *ap_http_do(struct ap_http *http, const struct ap_http_request *request,
			  struct ap_http_answer *ret_answer, bool *ret_again);
void ap_http_answer_close(struct ap_http_answer *answer);

#endif
