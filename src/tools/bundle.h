/*
 * A kept crash as the members of a bundle.
 *
 * Ownership: struct ap_crash_bundle owns descriptors and texts until its _close().
 */
#ifndef AP_TOOLS_BUNDLE_H
#define AP_TOOLS_BUNDLE_H

#include "capture/spool/config.h"
#include "capture/spool/record.h"
#include "ship/bundle.h"

enum { AP_MAX_MEMBERS = 16, AP_MAX_FIELDS = 16 };

struct ap_crash_bundle {
	struct ap_arena arena;
	char name[AP_BUNDLE_NAME_SIZE];
	struct ap_bundle_field fields[AP_MAX_FIELDS];
	size_t n_fields;
	struct ap_bundle_member members[AP_MAX_MEMBERS];
	size_t n_members;
	int64_t time;
};

/* With `cores` false without cores, and `why` says in the bundle why. */
struct ap_err *ap_crash_bundle_open(const struct ap_ship_config *config,
				    const struct ap_crash *crash, const struct ap_record *record,
				    bool cores, const char *why, struct ap_crash_bundle *ret);
void ap_crash_bundle_close(struct ap_crash_bundle *bundle);

#endif
