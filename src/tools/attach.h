/* A running process as the target of a session: joins capture's attachment to a model of it. */
#ifndef AP_TOOLS_ATTACH_H
#define AP_TOOLS_ATTACH_H

#include "shell/shell.h"

extern const struct ap_live_ops ap_live_ops;

#endif
