/* What the subcommands around snapshots share. Ownership: nothing is kept. */
#ifndef AP_TOOLS_SNAPSHOT_PRIVATE_H
#define AP_TOOLS_SNAPSHOT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

int ap_tool_snapshot_take(int argc, char **argv);
int ap_tool_repair(int argc, char **argv);
int ap_tool_watch(int argc, char **argv);
int ap_tool_pmap(int argc, char **argv);
int ap_tool_ps(int argc, char **argv);
int ap_tool_top(int argc, char **argv);

/* From here on errors are JSON on standard output too. */
void ap_tool_json_errors(void);
/* The envelope of docs/json, up to the key "data" inside its object; then its end, printed to `to`.
 */
void ap_tool_json_begin(struct ap_json *j, const char *command, const char *target);
void ap_tool_json_end(struct ap_json *j, FILE *to);
/* Prints the error with its causes and hint, frees it, and returns the exit status. */
int ap_tool_fail(const char *name, struct ap_err *err);
int ap_tool_usage(const char *name, const char *usage, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
