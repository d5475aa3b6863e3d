/* What every unit test includes: cmocka wants these headers first and in this order. */
#ifndef AP_TESTS_UNIT_H
#define AP_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* Fails with the message of the error, which a mere NULL check would hide. */
#define assert_ok(expr)                                                                            \
	do {                                                                                       \
		struct ap_err *ok_err = (expr);                                                    \
		if (ok_err)                                                                        \
			fail_msg("%s: %s", #expr, ok_err->message);                                \
	} while (0)

/* Fails unless `expr` is an error of this code; frees it. */
#define assert_err(expr, errc)                                                                     \
	do {                                                                                       \
		struct ap_err *want_err = (expr);                                                  \
		if (!want_err)                                                                     \
			fail_msg("%s: no error, %s expected", #expr, ap_errc_name(errc));          \
		if (want_err->code != (errc))                                                      \
			fail_msg("%s: %s (%s), %s expected", #expr, ap_errc_name(want_err->code),  \
				 want_err->message, ap_errc_name(errc));                           \
		ap_err_free(want_err);                                                             \
	} while (0)

#endif
