/*
 * autopsy-snapshot: the snapshot subcommands as a small program of their own, for containers and
 * machines where the rest is not wanted. Its arguments are those of autopsy.
 */
#include "tools/tools.h"

int main(int argc, char **argv)
{
	return ap_tool_snapshot(argc - 1, argv + 1);
}
