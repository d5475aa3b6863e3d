/* The process as JSON: shared by info and report. */
#ifndef AP_CMD_PROCESS_H
#define AP_CMD_PROCESS_H

#include "cmd/cmd.h"

/* Secrets masked, unless the session shows them. */
struct ap_err *ap_masked_command_line(struct ap_ctx *ctx, const struct ap_info *info,
				      struct ap_text *ret_line);
/* {value, source}: both null when nothing reliable says it. */
void ap_json_sourced(struct ap_json *j, const char *key, const struct ap_sourced *fact);
void ap_json_process(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		     const struct ap_info *info, struct ap_text command_line);

#endif
