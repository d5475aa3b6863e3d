/*
 * crasher [-m MEGABYTES] [-r] [-n NAME] [-s SIGNAL] [-u UID]: a process that dies as it is told.
 * -m  memory that it writes to first; -r with noise that no compressor shrinks
 * -n  the name that it gives itself
 * -s  the signal that it sends itself (6)
 * -u  the user that it becomes before
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t bytes = 1 << 20;
	int sig = SIGABRT, noise = 0;
	uint64_t x = 88172645463325252u;

	for (int c; (c = getopt(argc, argv, "m:rn:s:u:")) != -1;) {
		switch (c) {
		case 'm':
			bytes = (size_t)atoi(optarg) << 20;
			break;
		case 'r':
			noise = 1;
			break;
		case 'n':
			prctl(PR_SET_NAME, optarg);
			break;
		case 's':
			sig = atoi(optarg);
			break;
		case 'u':
			if (setgid((gid_t)atoi(optarg)) != 0 || setuid((uid_t)atoi(optarg)) != 0)
				return 1;
			prctl(PR_SET_DUMPABLE, 1);
			break;
		default:
			return 64;
		}
	}
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	(void)setrlimit(RLIMIT_CORE, &lim);
	uint64_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < bytes / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = noise ? x : i % 7 ? i : x;
	}
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
	pause();
	return 0;
}
