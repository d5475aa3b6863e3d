/*
 * The bucket of the configuration, or of an address "s3://BUCKET/PREFIX", opened for a subcommand.
 *
 * Ownership: struct ap_store owns everything until ap_store_close().
 */
#ifndef AP_TOOLS_STORE_H
#define AP_TOOLS_STORE_H

#include "capture/spool/config.h"
#include "ship/s3.h"

struct ap_store {
	struct ap_arena arena;
	struct ap_s3 s3;
	const char *bucket, *prefix; /* of the address; the configuration's has {fields} */
};

bool ap_store_is_address(const char *word);
/* `address` NULL: the configuration's bucket. `stop` may be NULL. Keys are looked up anew each
 * time. */
struct ap_err *ap_store_open(const struct ap_ship_config *config, const char *address,
			     const volatile sig_atomic_t *stop, struct ap_store *ret);
void ap_store_close(struct ap_store *store);

#endif
