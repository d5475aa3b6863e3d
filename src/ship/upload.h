/*
 * An object of unknown length on its way into a bucket: put whole if it fits into one part, else as
 * a multipart upload that can be taken up again by whoever can make the same bytes again.
 *
 * Nothing is visible in the bucket before ap_upload_finish(), and that is only success when the
 * store says the size and the etag of what was sent.
 *
 * Ownership: struct ap_upload owns its buffer of one part until ap_upload_close(); it borrows `s3`.
 * Memory: one part: 8 MB, twice as much for every thousand parts (10 000 of them reach 5 TB).
 */
#ifndef AP_SHIP_UPLOAD_H
#define AP_SHIP_UPLOAD_H

#include "ship/s3.h"

enum { AP_PART_LEAST = 5 << 20, AP_PART_USUAL = 8 << 20 };

/* What the store must say of the object. */
struct ap_upload_sum {
	uint64_t bytes;
	char etag[AP_ETAG_SIZE]; /* as Amazon makes it: of the parts' hashes */
	char md5[33];            /* of all bytes, which other stores take for the etag */
};

struct ap_upload_options {
	const char *key;
	const char *resume_id; /* of an upload that was begun before; NULL: none */
	size_t part_bytes;     /* of the first thousand; 0: AP_PART_USUAL */
	/* Before the first part goes out: to be written down where a kill does not reach. */
	struct ap_err *(*begun)(void *arg, const char *id);
	/* Before the object becomes visible. */
	struct ap_err *(*finishing)(void *arg, const struct ap_upload_sum *sum);
	void *arg;
};

struct ap_upload {
	struct ap_s3 *s3;
	struct ap_arena arena;
	struct ap_upload_options options;
	const char *id; /* NULL: no part went out yet */
	uint8_t *buffer;
	size_t filled, cap;
	uint64_t bytes;
	AP_VEC(struct ap_s3_part) parts;
	struct ap_s3_parts there; /* of the upload that is taken up again */
	void *whole;              /* the hash of everything so far */
	unsigned taken_over;      /* parts that did not have to be sent again */
};

struct ap_err *ap_upload_open(struct ap_s3 *s3, const struct ap_upload_options *options,
			      struct ap_upload *ret);
/* A sink as of ap_bundle_write(); `upload` is a struct ap_upload. */
struct ap_err *ap_upload_write(void *upload, const void *data, size_t bytes);
/* Completes, verifies, and says what stands in the bucket now. */
struct ap_err *ap_upload_finish(struct ap_upload *upload, struct ap_s3_head *ret_head);
/* An upload that is not finished stays, to be taken up again, unless `abort`. */
void ap_upload_close(struct ap_upload *upload, bool abort);
/* Whether the store holds this; for uploads whose end nobody saw. */
struct ap_err *ap_upload_verify(struct ap_s3 *s3, const char *key, const struct ap_upload_sum *sum,
				bool *ret_same);
/* Aborts uploads under the prefix that began before `before` and that `is_dead` says are nobody's.
 */
struct ap_err *ap_upload_sweep(struct ap_s3 *s3, const char *prefix, double before,
			       bool (*is_dead)(void *arg, const char *key, const char *id),
			       void *arg, unsigned *ret_n);
struct ap_err *ap_upload_abort(struct ap_s3 *s3, const char *key, const char *id);

#endif
