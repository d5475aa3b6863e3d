/* The kept crashes, opened for a subcommand. Ownership: ap_crashes_close() gives everything back.
 */
#ifndef AP_TOOLS_CRASHES_H
#define AP_TOOLS_CRASHES_H

#include "capture/spool/config.h"
#include "capture/spool/record.h"
#include "capture/spool/spool.h"

struct ap_crashes {
	struct ap_config config;
	struct ap_spool spool;
	struct ap_arena arena;
};

/* `config` NULL: the usual file. */
struct ap_err *ap_crashes_open(const char *config, struct ap_crashes *ret);
void ap_crashes_close(struct ap_crashes *crashes);

#endif
