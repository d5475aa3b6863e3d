/*
 * One line a crash in SPOOL/handler.log, which is kept under a megabyte (one older part beside it).
 *
 * Ownership: nothing is kept. Errors are swallowed: a log that cannot be written stops no capture.
 */
#ifndef AP_CAPTURE_HANDLER_LOG_H
#define AP_CAPTURE_HANDLER_LOG_H

#include "capture/spool/spool.h"

void ap_handle_log(const struct ap_spool *spool, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
