/*
 * Entries of programs and subcommands.
 *
 * Ownership: nothing is kept. argv[0] is the subcommand's name; the result is the exit status:
 * 0 fine, 1 incomplete, 2 failed, 64 usage.
 */
#ifndef AP_TOOLS_TOOLS_H
#define AP_TOOLS_TOOLS_H

struct ap_tool {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* snapshot, repair, watch, pmap, ps, top; ends with a NULL name. */
extern const struct ap_tool ap_snapshot_tools[];
/* handle and what is around it; ends with a NULL name. */
extern const struct ap_tool ap_fleet_tools[];
/* Runs the one of them that argv[0] names. */
int ap_tool_snapshot(int argc, char **argv);
/* A JSON dump of a running program; also as the program `ncore`. 0: it is there, 1: it is not. */
int ap_tool_ncore(int argc, char **argv);

#endif
