/* holdtrace PID FILE: attaches to a process without stopping it, makes FILE, and holds on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3 || ptrace(PTRACE_SEIZE, atoi(argv[1]), NULL, NULL) < 0)
		return 1;
	FILE *f = fopen(argv[2], "w");
	if (!f)
		return 1;
	fclose(f);
	pause();
	return 0;
}
