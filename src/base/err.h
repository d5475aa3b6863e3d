/*
 * Errors: a function that can fail returns `struct ap_err *`; NULL is success.
 *
 * Ownership: an error belongs to whoever received it, who hands it on or frees it with
 * ap_err_free(); wrapping takes the cause over. Out-of-memory and cancellation are static objects,
 * so reporting them never allocates; ap_err_free() leaves them alone.
 */
#ifndef AP_BASE_ERR_H
#define AP_BASE_ERR_H

#include <stdarg.h>

enum ap_errc {
	AP_E_NOMEM,
	AP_E_CANCELLED,
	AP_E_USAGE,       /* the user's words are off */
	AP_E_IO,          /* the operating system refused */
	AP_E_FORMAT,      /* the bytes are not what they claim to be */
	AP_E_UNSUPPORTED, /* well-formed, but not something we read */
	AP_E_MISMATCH,    /* two files that do not belong together */
	AP_E_NOTFOUND,
	AP_E_FAULT,  /* target memory that the core does not hold */
	AP_E_LAYOUT, /* a V8 layout fact is unknown or failed validation */
	AP_E_TYPE,   /* the value is of another kind than the command takes */
	AP_E_LIMIT,  /* a bound of ours was reached */
};

struct ap_err {
	enum ap_errc code;
	char *message;
	char *hint; /* what to do next; may be NULL */
	struct ap_err *cause;
};

extern struct ap_err ap_err_nomem;
extern struct ap_err ap_err_cancelled;

struct ap_err *ap_err_new(enum ap_errc code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Like ap_err_new() with ": strerror(errnum)" appended. */
struct ap_err *ap_err_errno(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Replaces the hint of `err`, which may be NULL; returns `err`. */
struct ap_err *ap_err_hint(struct ap_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A new error of the same code whose cause is `cause`. */
struct ap_err *ap_err_wrap(struct ap_err *cause, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void ap_err_free(struct ap_err *err);
/* The first hint found along the chain of causes, or NULL. */
const char *ap_err_find_hint(const struct ap_err *err);
/* A lower-case word for `code`, part of the JSON contract. */
const char *ap_errc_name(enum ap_errc code);

static inline void ap_err_freep(struct ap_err **err)
{
	ap_err_free(*err);
}

#define AP_CLEANUP(fn) __attribute__((cleanup(fn)))
#define AP_ERR_AUTO AP_CLEANUP(ap_err_freep) struct ap_err *
/* Returns the error of `expr` to our caller, if there is one. */
#define AP_TRY(expr)                                                                               \
	do {                                                                                       \
		struct ap_err *ap_try_err = (expr);                                                \
		if (ap_try_err)                                                                    \
			return ap_try_err;                                                         \
	} while (0)

#endif
