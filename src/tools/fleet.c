#include <stddef.h>

#include "tools/fleet_private.h"
#include "tools/tools.h"

const struct ap_tool ap_fleet_tools[] = {
	{"setup", ap_tool_setup, "make this host hand its crashes to autopsy"},
	{"start", ap_tool_start, "again, after stop"},
	{"stop", ap_tool_stop, "put the kernel's settings back"},
	{"status", ap_tool_status, "where the next core goes, and a proof of it"},
	{"remove", ap_tool_remove, "undo setup"},
	{"list", ap_tool_list, "the crashes that were kept here, newest first"},
	{"info", ap_tool_info, "all that is known of one crash"},
	{"debug", ap_tool_debug, "open a crash with the program that it was"},
	{"dump", ap_tool_dump, "the core of a crash, unpacked"},
	{"fetch", ap_tool_fetch, "a crash with its program, to take elsewhere"},
	{"agent", ap_tool_agent, "of what each crash died, and which are the same"},
	{"keep", ap_tool_keep, "setup for as long as it runs: in a pod, for its node"},
	{"handle", ap_tool_handle, "what the kernel starts for every crash"},
	{0},
};
