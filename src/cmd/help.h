/* What help, the man page and the reference show alike. */
#ifndef AP_CMD_HELP_H
#define AP_CMD_HELP_H

#include "cmd/cmd.h"

const char *ap_help_group_title(enum ap_group group);
/* "-c, --constructor NAME" */
const char *ap_help_option_name(const struct ap_option *option, struct ap_arena *arena);

#endif
