/*
 * corepattern: a core_pattern of ours, for the moment that a command takes.
 *
 *   corepattern [-f] [-l PIPE_LIMIT] PATTERN COMMAND [ARG ...]
 *   corepattern --restore
 *
 * The machine has one core_pattern and other people's programs crash too. So: the moment is held
 * under the same lock as mkcore's; what was there before is written down first; a watchdog process
 * puts it back when we end, however we end; should it be killed as well, the next run or --restore
 * plays the journal back.
 *
 * -f: put back whatever the command made of it.
 *
 * Exit status: the command's; 77 if the pattern cannot be set here, 64 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIP = 77, USAGE = 64, LINE = 512, PATIENCE_S = 120 };

#define PATTERN "/proc/sys/kernel/core_pattern"
#define LIMIT "/proc/sys/kernel/core_pipe_limit"
#define GATE "/run/autopsy-mkcore.gate"
#define USERS "/run/autopsy-mkcore.users"
#define JOURNAL "/run/autopsy-corepattern.journal"

static bool read_line(const char *path, char *buf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, LINE - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static bool write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	size_t n = strlen(text);
	bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	return fd >= 0 && close(fd) == 0 && ok;
}

/* Two lines: the pattern and the limit of before; then ours. */
static bool forced;

static void restore(void)
{
	FILE *file = fopen(JOURNAL, "re");
	char pattern[LINE], limit[LINE], ours[LINE], now[LINE];

	if (!file)
		return;
	bool whole = fgets(pattern, LINE, file) && fgets(limit, LINE, file) &&
		     fgets(ours, LINE, file) && strchr(ours, '\n');
	fclose(file);
	if (whole) {
		ours[strcspn(ours, "\n")] = '\0';
		/* What somebody else set meanwhile is his. */
		if (read_line(PATTERN, now) && (forced || strcmp(now, ours) == 0)) {
			if (!write_text(PATTERN, 0, pattern) || !write_text(LIMIT, 0, limit))
				fprintf(stderr, "corepattern: cannot put back %s", pattern);
		}
	}
	unlink(JOURNAL);
}

static int lock(const char *path, int how)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	while (fd >= 0 && flock(fd, how) != 0) {
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* The gate, at a time when nobody has a pattern of his own. */
static int take_gate(void)
{
	for (int i = 0; i < PATIENCE_S * 5; i++) {
		int gate = lock(GATE, LOCK_EX);
		int users = gate < 0 ? -1 : lock(USERS, LOCK_EX | LOCK_NB);

		if (gate < 0)
			return -1;
		if (users >= 0) {
			close(users);
			return gate;
		}
		close(gate);
		nanosleep(&(struct timespec){0, 200000000}, NULL);
	}
	return -1;
}

static void watch(int fd)
{
	char byte;
	int null = open("/dev/null", O_RDWR);

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	restore();
	_exit(0); /* and with us goes the lock */
}

int main(int argc, char **argv)
{
	const char *limit = "16";
	char old_pattern[LINE], old_limit[LINE], journal[3 * LINE];
	int fds[2], status, at = 1;

	if (argc == 2 && strcmp(argv[1], "--restore") == 0) {
		int gate = lock(GATE, LOCK_EX);

		restore();
		return gate < 0;
	}
	if (argc > at && strcmp(argv[at], "-f") == 0) {
		forced = true;
		at++;
	}
	if (argc > at + 1 && strcmp(argv[at], "-l") == 0) {
		limit = argv[at + 1];
		at += 2;
	}
	if (argc < at + 2) {
		fputs("usage: corepattern [-f] [-l PIPE_LIMIT] PATTERN COMMAND [ARG ...]\n",
		      stderr);
		return USAGE;
	}
	if (strlen(argv[at]) > 127) {
		fprintf(stderr, "corepattern: the kernel cuts this pattern off: %s\n", argv[at]);
		return USAGE;
	}
	if (access(PATTERN, W_OK) != 0) {
		fprintf(stderr, "skipped: core_pattern cannot be set: %s\n", strerror(errno));
		return SKIP;
	}
	int gate = take_gate();
	if (gate < 0) {
		fputs("skipped: others keep a core_pattern of their own\n", stderr);
		return SKIP;
	}
	restore();
	if (!read_line(PATTERN, old_pattern) || !read_line(LIMIT, old_limit) ||
	    pipe2(fds, O_CLOEXEC) != 0)
		return SKIP;
	snprintf(journal, sizeof(journal), "%s\n%s\n%s\n", old_pattern, old_limit, argv[at]);
	if (!write_text(JOURNAL, O_CREAT | O_EXCL, journal)) {
		perror(JOURNAL);
		return SKIP;
	}
	/* The watchdog holds the same open file, and so the lock, until all is as it was. */
	pid_t watchdog = fork();
	if (watchdog == 0) {
		close(fds[1]);
		watch(fds[0]);
	}
	close(fds[0]);
	if (watchdog < 0 || !write_text(LIMIT, 0, limit) || !write_text(PATTERN, 0, argv[at])) {
		perror("corepattern");
		return SKIP;
	}
	pid_t child = fork();
	if (child == 0) {
		close(gate);
		execvp(argv[at + 1], argv + at + 1);
		fprintf(stderr, "corepattern: %s: %s\n", argv[at + 1], strerror(errno));
		_exit(127);
	}
	close(gate);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[1]);
	while (waitpid(watchdog, NULL, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
