/* What the subcommands around snapshots share. Ownership: nothing is kept. */
#ifndef AP_TOOLS_SNAPSHOT_PRIVATE_H
#define AP_TOOLS_SNAPSHOT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

int ap_tool_snapshot_take(int argc, char **argv);
int ap_tool_repair(int argc, char **argv);
int ap_tool_watch(int argc, char **argv);
int ap_tool_pmap(int argc, char **argv);
int ap_tool_ps(int argc, char **argv);
int ap_tool_top(int argc, char **argv);

/* Prints the error with its causes and hint, frees it, and returns the exit status. */
int ap_tool_fail(const char *name, struct ap_err *err);
int ap_tool_usage(const char *name, const char *usage, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "2G", "500M", "10%" is not one; false when it is no size. */
bool ap_tool_size(const char *text, uint64_t *ret_bytes);
/* "60s", "5m", "1h", "250ms"; a bare number is seconds. */
bool ap_tool_duration(const char *text, double *ret_seconds);

#endif
