/*
 * An object read from its beginning, as far as somebody wants to know: in ranges that grow, so that
 * the first file of a bundle costs one small request, and the last one few large ones.
 *
 * Ownership: borrows `s3` and the key; owns the piece of the moment until ap_source_close().
 */
#ifndef AP_SHIP_SOURCE_H
#define AP_SHIP_SOURCE_H

#include "ship/s3.h"

struct ap_source {
	struct ap_s3 *s3;
	const char *key, *etag;
	uint64_t bytes, at; /* of the object; of what was read */
	size_t next_bytes;
	struct ap_str piece;
};

void ap_source_init(struct ap_source *source, struct ap_s3 *s3, const char *key, const char *etag,
		    uint64_t bytes, size_t first_bytes);
void ap_source_close(struct ap_source *source);
/* As of struct ap_unzip's source; `source` is a struct ap_source. `*ret_n` 0: the end. */
struct ap_err *ap_source_next(void *source, const void **ret_p, size_t *ret_n);

#endif
