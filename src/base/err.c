#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ap_err ap_err_nomem = {
	.code = AP_E_NOMEM,
	.message = (char *)"out of memory",
	.hint = (char *)"free some memory, or run on a larger machine; the core itself is only mapped",
};

struct ap_err ap_err_cancelled = {
	.code = AP_E_CANCELLED,
	.message = (char *)"interrupted",
};

__attribute__((format(printf, 3, 0))) static struct ap_err *err_vnew(enum ap_errc code, int errnum,
								     const char *fmt, va_list ap)
{
	struct ap_err *err = calloc(1, sizeof(*err));
	char *text = NULL;

	if (!err)
		return &ap_err_nomem;
	if (vasprintf(&text, fmt, ap) < 0) {
		free(err);
		return &ap_err_nomem;
	}
	if (errnum) {
		char *with_errno = NULL;

		if (asprintf(&with_errno, "%s: %s", text, strerror(errnum)) >= 0) {
			free(text);
			text = with_errno;
		}
	}
	err->code = code;
	err->message = text;
	return err;
}

struct ap_err *ap_err_new(enum ap_errc code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct ap_err *err = err_vnew(code, 0, fmt, ap);
	va_end(ap);
	return err;
}

struct ap_err *ap_err_errno(int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct ap_err *err = err_vnew(AP_E_IO, errnum, fmt, ap);
	va_end(ap);
	return err;
}

static int err_is_static(const struct ap_err *err)
{
	return err == &ap_err_nomem || err == &ap_err_cancelled;
}

struct ap_err *ap_err_hint(struct ap_err *err, const char *fmt, ...)
{
	va_list ap;
	char *hint = NULL;

	if (!err || err_is_static(err))
		return err;
	va_start(ap, fmt);
	if (vasprintf(&hint, fmt, ap) >= 0) {
		free(err->hint);
		err->hint = hint;
	}
	va_end(ap);
	return err;
}

struct ap_err *ap_err_wrap(struct ap_err *cause, const char *fmt, ...)
{
	va_list ap;

	if (!cause || err_is_static(cause))
		return cause;
	va_start(ap, fmt);
	struct ap_err *err = err_vnew(cause->code, 0, fmt, ap);
	va_end(ap);
	if (err_is_static(err)) {
		ap_err_free(cause);
		return err;
	}
	err->cause = cause;
	return err;
}

void ap_err_free(struct ap_err *err)
{
	while (err && !err_is_static(err)) {
		struct ap_err *cause = err->cause;

		free(err->message);
		free(err->hint);
		free(err);
		err = cause;
	}
}

const char *ap_err_find_hint(const struct ap_err *err)
{
	for (; err; err = err->cause) {
		if (err->hint)
			return err->hint;
	}
	return NULL;
}

const char *ap_errc_name(enum ap_errc code)
{
	switch (code) {
	case AP_E_NOMEM:
		return "out-of-memory";
	case AP_E_CANCELLED:
		return "interrupted";
	case AP_E_USAGE:
		return "usage";
	case AP_E_IO:
		return "io";
	case AP_E_FORMAT:
		return "bad-format";
	case AP_E_UNSUPPORTED:
		return "unsupported";
	case AP_E_MISMATCH:
		return "mismatch";
	case AP_E_NOTFOUND:
		return "not-found";
	case AP_E_FAULT:
		return "unreadable";
	case AP_E_LAYOUT:
		return "unknown-layout";
	case AP_E_TYPE:
		return "wrong-type";
	case AP_E_LIMIT:
		return "limit";
	}
	return "error";
}
