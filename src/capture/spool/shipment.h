/*
 * How far the shipping of a crash came: ship.json while it is on its way, shipped.json when the
 * store has proven that it holds it. Both are replaced whole and on the disk before anything relies
 * on them.
 *
 * Ownership: nothing is kept. `dir` is the crash's directory.
 */
#ifndef AP_CAPTURE_SPOOL_SHIPMENT_H
#define AP_CAPTURE_SPOOL_SHIPMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ap_shipment {
	char bucket[256], key[1025];
	char upload_id[1200]; /* of an upload that was begun; "": none */
	char etag[96]; /* of the whole, once it is known: what comes next makes the object visible
			*/
	char md5[33];  /* the same as other stores say it */
	uint64_t bytes;
	uint64_t attempts;
	double not_before; /* seconds since the epoch: of the next attempt */
	char error[400];   /* of the last one */
};

/* All zeros if there is none, or it is damaged: shipping then begins anew, under the same key. */
void ap_shipment_read(int dir, struct ap_shipment *ret);
struct ap_err *ap_shipment_write(int dir, const struct ap_shipment *shipment);
/* From now on the crash may go. */
struct ap_err *ap_shipment_done(int dir, const struct ap_shipment *shipment);
bool ap_shipment_is_done(int dir);
struct ap_err *ap_shipment_parse(const char *text, size_t bytes, struct ap_shipment *ret);

#endif
