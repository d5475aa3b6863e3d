/*
 * killat N CALL COUNT_FILE PROGRAM ARG...: runs the program and kills it with SIGKILL when it
 * enters its N-th system call of the kind CALL ("ptrace", "any"); N 0 kills nothing. Writes the
 * number of such calls seen into COUNT_FILE. Exit status: 0 killed, 1 it ended before, 2 this did
 * not work.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	long n = atol(argv[1]), seen = 0;
	bool only_ptrace = strcmp(argv[2], "ptrace") == 0, entry = false;
	int status, result = 1, sig = 0;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[4], argv + 4);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
		return 2;
	for (;;) {
		struct user_regs_struct r;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig) < 0 ||
		    waitpid(pid, &status, 0) != pid)
			return 2;
		sig = 0;
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
			continue;
		}
		entry = !entry;
		if (!entry || ptrace(PTRACE_GETREGS, pid, NULL, &r) < 0 ||
		    (only_ptrace && r.orig_rax != SYS_ptrace))
			continue;
		if (++seen == n) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			result = 0;
			break;
		}
	}
	FILE *f = fopen(argv[3], "w");
	if (!f)
		return 2;
	fprintf(f, "%ld\n", seen);
	fclose(f);
	return result;
}
