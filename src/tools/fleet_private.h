/* Subcommands around crashes that the kernel hands over. Ownership: nothing is kept. */
#ifndef AP_TOOLS_FLEET_PRIVATE_H
#define AP_TOOLS_FLEET_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* setup, or with `undo` remove, for a configuration and a program of the host; what was done is
 * appended to `said`. */
struct ap_err *ap_setup_once(const char *file, const char *program, bool replace, bool undo,
			     struct ap_str *said);
struct ap_err *ap_tool_self(char *buf, size_t bytes);

/* debug with --kubectl among its arguments */
int ap_tool_debug_kubectl(int argc, char **argv);
int ap_tool_keep(int argc, char **argv);
int ap_tool_handle(int argc, char **argv);
int ap_tool_setup(int argc, char **argv);
int ap_tool_start(int argc, char **argv);
int ap_tool_stop(int argc, char **argv);
int ap_tool_remove(int argc, char **argv);
int ap_tool_status(int argc, char **argv);
int ap_tool_list(int argc, char **argv);
int ap_tool_info(int argc, char **argv);
int ap_tool_dump(int argc, char **argv);
int ap_tool_fetch(int argc, char **argv);
int ap_tool_debug(int argc, char **argv);
int ap_tool_agent(int argc, char **argv);

#endif
