/*
 * autopsy-host: what the kernel starts and what sets it up, as a small static program, for hosts
 * where nothing else of ours is installed, and no library of ours either: nodes of a cluster.
 */
#include <stdio.h>
#include <string.h>

#include "tools/fleet_private.h"
#include "tools/tools.h"

static const struct ap_tool tools[] = {
	{"keep", ap_tool_keep, "setup for as long as it runs: in a pod, for its node"},
	{"setup", ap_tool_setup, "make this host hand its crashes to autopsy"},
	{"start", ap_tool_start, "again, after stop"},
	{"stop", ap_tool_stop, "put the kernel's settings back"},
	{"status", ap_tool_status, "where the next core goes, and a proof of it"},
	{"remove", ap_tool_remove, "undo setup"},
	{"handle", ap_tool_handle, "what the kernel starts for every crash"},
	{0},
};

int main(int argc, char **argv)
{
	for (const struct ap_tool *t = tools; t->name && argc > 1; t++) {
		if (strcmp(argv[1], t->name) == 0)
			return t->run(argc - 1, argv + 1);
	}
	fputs("usage: autopsy-host SUBCOMMAND ...\n", stderr);
	for (const struct ap_tool *t = tools; t->name; t++)
		fprintf(stderr, "  %-8s %s\n", t->name, t->summary);
	return 64;
}
