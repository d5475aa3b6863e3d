/*
 * podprogram: what runs in the pods of the tests; the only file of their image, so it is linked
 * statically.
 *
 *   podprogram pause                       until SIGTERM: the process that holds a pod's namespaces
 *   podprogram die N [-c] [-t TEXT]        writes N numbered lines, TEXT after them, and aborts;
 * -c: a child of it does podprogram write FILE TEXT             writes a file: whether it may
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_term(int sig)
{
	(void)sig;
	_exit(0);
}

static int die(int argc, char **argv)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	int n = argc > 0 ? atoi(argv[0]) : 0, child = 0;

	(void)setrlimit(RLIMIT_CORE, &limit);
	for (int i = 0; i < n; i++) {
		printf("line %d\n", i);
		fflush(stdout);
		if (i < 5)
			fprintf(stderr, "error %d\n", i);
	}
	/* Two pipes: which of their lines the runtime writes first is its own choice. */
	usleep(200000);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0)
			child = 1;
		else if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
			printf("%s", argv[++i]);
	}
	fflush(stdout);
	if (child && fork() > 0) {
		int status;

		/* The crash of a worker does not end the container. */
		wait(&status);
		printf("\nchild: %d\n", WTERMSIG(status));
		return 0;
	}
	/* The first process of a pid namespace is killed by no signal of its own, but by a fault.
	 */
	*(volatile int *)(uintptr_t)argc = 1;
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "pause") == 0) {
		signal(SIGTERM, on_term);
		signal(SIGINT, on_term);
		for (;;)
			pause();
	}
	if (argc > 2 && strcmp(argv[1], "die") == 0)
		return die(argc - 2, argv + 2);
	if (argc > 3 && strcmp(argv[1], "write") == 0) {
		int fd = open(argv[2], O_WRONLY);

		if (fd < 0 || write(fd, argv[3], strlen(argv[3])) < 0) {
			printf("%s: %s\n", argv[2], strerror(errno));
			return 1;
		}
		return 0;
	}
	return 64;
}
