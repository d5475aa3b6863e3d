/*
 * A bundle read as a stream, file after file: ours, and those of core-dump-handler.
 *
 * Ownership: struct ap_unzip owns libarchive's reader until ap_unzip_close(). Whoever wrote the zip
 * is not trusted: names are only compared, sizes bounded by the caller.
 */
#ifndef AP_SHIP_UNZIP_H
#define AP_SHIP_UNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The next piece, valid until the next call; `*ret_n` 0 at the end. */
typedef struct ap_err *(*ap_piece_fn)(void *arg, const void **ret_p, size_t *ret_n);

struct ap_unzip {
	void *archive;
	ap_piece_fn next;
	void *arg;
	struct ap_err *err;
};

/* The structure must stay where it is. */
struct ap_err *ap_unzip_open(struct ap_unzip *unzip, ap_piece_fn next, void *arg);
void ap_unzip_close(struct ap_unzip *unzip);
/* The next file's name, valid until the next call; NULL behind the last. What was not read is
 * skipped. */
struct ap_err *ap_unzip_next(struct ap_unzip *unzip, const char **ret_name);
/* Appends the file; more than `limit` bytes are an error. */
struct ap_err *ap_unzip_text(struct ap_unzip *unzip, size_t limit, struct ap_str *out);
/* Writes the file; rows of zeros become holes. */
struct ap_err *ap_unzip_file(struct ap_unzip *unzip, int fd, uint64_t limit, uint64_t *ret_bytes);

/* What a file of a bundle is, by the end of its name. */
enum ap_bundle_file {
	AP_BUNDLE_OTHER,
	AP_BUNDLE_DUMP_INFO,
	AP_BUNDLE_META,
	AP_BUNDLE_STATE,
	AP_BUNDLE_STACK,
	AP_BUNDLE_POD,
	AP_BUNDLE_MINI,
	AP_BUNDLE_CORE,
};

enum ap_bundle_file ap_bundle_file_of(const char *name);

#endif
