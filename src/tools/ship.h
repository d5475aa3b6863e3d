/*
 * Crashes on their way into the bucket, one after the other, the oldest first.
 *
 * Ownership: struct ap_shipper owns its connection until _close(); it borrows the spool and its
 * configuration.
 */
#ifndef AP_TOOLS_SHIP_H
#define AP_TOOLS_SHIP_H

#include <signal.h>

#include "tools/crashes.h"
#include "tools/store.h"

struct ap_shipper {
	struct ap_crashes *crashes;
	const volatile sig_atomic_t *stop;
	struct ap_store store;
	bool open;
	char program[130]; /* build-id of the one that was last seen in the bucket */
	unsigned failures; /* in a row */
	double not_before; /* CLOCK_MONOTONIC: after failures */
};

/* Whether anything is configured: a bucket, or who is to hear of crashes. */
bool ap_ship_wanted(const struct ap_config *config);
/*
 * What there is to ship, once; `force`: also what failed a moment ago. Failures are printed and
 * remembered, and come back as *ret_failed; an error is only what stops the agent.
 */
struct ap_err *ap_ship_round(struct ap_shipper *shipper, bool force, unsigned *ret_shipped,
			     unsigned *ret_failed);
void ap_ship_close(struct ap_shipper *shipper);
/* Aborts multipart uploads under our prefix that no crash here knows, a day old or more. */
struct ap_err *ap_ship_abort_stale(struct ap_shipper *shipper, unsigned *ret_n);

/* One crash, its executable, the files of folders: parts of a round. */
struct ap_err *ap_ship_crash(struct ap_shipper *shipper, const struct ap_record *record, bool force,
			     bool *ret_shipped);
struct ap_err *ap_ship_program(struct ap_shipper *shipper, const struct ap_record *record);
struct ap_err *ap_ship_folders(struct ap_shipper *shipper, unsigned *ret_shipped,
			       unsigned *ret_failed);
/* Opens the connection if need be. */
struct ap_err *ap_ship_connect(struct ap_shipper *shipper);
/* The part of the prefix before its first {field}. */
void ap_ship_fixed_prefix(const struct ap_ship_config *config, struct ap_str *out);
/* Whoever wants to hear of it: the file, the web hook. What could not be told stays in event.json.
 */
struct ap_err *ap_ship_tell(struct ap_shipper *shipper, int dir);
/* Writes event.json, which is told after shipped.json stands there. */
struct ap_err *ap_ship_event(const struct ap_config *config, const struct ap_record *record,
			     int dir, const char *key, uint64_t bytes);

#endif
