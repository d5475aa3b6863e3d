/*
 * Drives a program on a terminal of its own, as a person would: for tests of the prompt.
 *
 *   pty [-r ROWS] [-c COLUMNS] [-o FILE] PROGRAM [ARGUMENT ...] <SCRIPT
 *
 * Lines of the script:
 *   type TEXT         keys, as they stand
 *   line TEXT         the same, and Enter
 *   key NAME          one key: enter tab up down left right space esc backspace, or ^X
 *   wait TEXT         until the terminal got this, behind what earlier waits found; at most 30 s
 *   within MS TEXT    the same in so many milliseconds
 *   prompt            until "> " stands at the beginning of the last line, and nothing else comes
 *   lacks TEXT        since the last `line` or `key` this has not come
 *   size ROWS COLS    the window changes
 *   sleep MS
 *   exit STATUS       the program ends with this status
 * FILE gets all that the terminal showed. Exit status: 0, or 1 with the line that failed.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 30000, QUIET_MS = 150, MAX_OUTPUT = 64 << 20 };

static char *output;
static size_t n_output, size_output;
static size_t found; /* waits look behind this */
static size_t since; /* of the last keys */
static int terminal;
static pid_t child;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what comes within the time; false: nothing did, or the terminal is closed. */
static bool take(int ms)
{
	struct pollfd p = {.fd = terminal, .events = POLLIN};

	if (poll(&p, 1, ms < 0 ? 0 : ms) <= 0)
		return false;
	if (size_output - n_output < 65536) {
		char *more = realloc(output, size_output * 2 + 131072);

		if (!more || size_output > MAX_OUTPUT) {
			fprintf(stderr, "pty: too much output\n");
			exit(1);
		}
		output = more;
		size_output = size_output * 2 + 131072;
	}
	ssize_t n = read(terminal, output + n_output, size_output - n_output - 1);
	if (n <= 0)
		return false;
	n_output += (size_t)n;
	output[n_output] = '\0';
	return true;
}

static bool wait_for(const char *text, long ms)
{
	long end = now_ms() + ms;

	for (;;) {
		char *at = n_output > found
				   ? memmem(output + found, n_output - found, text, strlen(text))
				   : NULL;

		if (at) {
			found = (size_t)(at - output) + strlen(text);
			return true;
		}
		if (now_ms() >= end || (!take((int)(end - now_ms())) && now_ms() >= end))
			return false;
	}
}

/* The editor may draw the prompt anew, and move about: what counts is that it stands there at the
 * end. */
static bool wait_prompt(void)
{
	long end = now_ms() + WAIT_MS;

	while (now_ms() < end) {
		if (take(QUIET_MS))
			continue;
		size_t n = n_output;
		if (n > since && n >= 2 && memcmp(output + n - 2, "> ", 2) == 0) {
			found = n;
			return true;
		}
	}
	return false;
}

static void keys(const char *s, size_t n)
{
	since = n_output;
	if (write(terminal, s, n) != (ssize_t)n) {
		perror("pty: write");
		exit(1);
	}
}

static const char *key_of(const char *name)
{
	static const struct {
		const char *name, *keys;
	} known[] = {{"enter", "\r"},    {"tab", "\t"},       {"up", "\033[A"},
		     {"down", "\033[B"}, {"right", "\033[C"}, {"left", "\033[D"},
		     {"space", " "},     {"esc", "\033"},     {"backspace", "\177"}};
	static char control[2];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) == 0)
			return known[i].keys;
	}
	control[0] = name[0] == '^' && name[1] ? (char)(name[1] & 31) : name[0];
	return control;
}

static bool ended(int want)
{
	long end = now_ms() + WAIT_MS;
	int status;

	while (now_ms() < end) {
		(void)take(20);
		if (waitpid(child, &status, WNOHANG) == child) {
			child = 0;
			return WIFEXITED(status) && WEXITSTATUS(status) == want;
		}
	}
	return false;
}

static bool run(char *line)
{
	char *rest = strchr(line, ' ');

	if (rest)
		*rest++ = '\0';
	else
		rest = line + strlen(line);
	if (strcmp(line, "type") == 0 || strcmp(line, "line") == 0) {
		keys(rest, strlen(rest));
		if (line[0] == 'l')
			keys("\r", 1);
		return true;
	}
	if (strcmp(line, "key") == 0) {
		const char *k = key_of(rest);

		keys(k, strlen(k));
		return true;
	}
	if (strcmp(line, "wait") == 0)
		return wait_for(rest, WAIT_MS);
	if (strcmp(line, "within") == 0) {
		char *text;
		long ms = strtol(rest, &text, 10);

		return wait_for(text + (*text == ' '), ms);
	}
	if (strcmp(line, "prompt") == 0)
		return wait_prompt();
	if (strcmp(line, "lacks") == 0) {
		while (take(QUIET_MS))
			;
		return n_output <= since ||
		       !memmem(output + since, n_output - since, rest, strlen(rest));
	}
	if (strcmp(line, "size") == 0) {
		struct winsize size = {0};
		int rows = 0, columns = 0;

		if (sscanf(rest, "%d %d", &rows, &columns) != 2)
			return false;
		size.ws_row = (unsigned short)rows;
		size.ws_col = (unsigned short)columns;
		return ioctl(terminal, TIOCSWINSZ, &size) == 0;
	}
	if (strcmp(line, "sleep") == 0) {
		long end = now_ms() + strtol(rest, NULL, 10);

		while (now_ms() < end)
			(void)take((int)(end - now_ms()));
		return true;
	}
	if (strcmp(line, "exit") == 0)
		return ended(atoi(rest));
	fprintf(stderr, "pty: what is \"%s\"?\n", line);
	return false;
}

int main(int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	const char *path = NULL;
	char *line = NULL;
	size_t n_line = 0;
	int option, status = 0, number = 0;

	while ((option = getopt(argc, argv, "+r:c:o:")) != -1) {
		if (option == 'r')
			size.ws_row = (unsigned short)atoi(optarg);
		else if (option == 'c')
			size.ws_col = (unsigned short)atoi(optarg);
		else if (option == 'o')
			path = optarg;
		else
			return 64;
	}
	if (optind == argc)
		return 64;
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child < 0) {
		perror("pty");
		return 1;
	}
	if (child == 0) {
		execv(argv[optind], argv + optind);
		perror(argv[optind]);
		_exit(127);
	}
	while (status == 0 && getline(&line, &n_line, stdin) > 0) {
		char *copy = strndup(line, strcspn(line, "\n"));

		number++;
		if (copy && *copy && *copy != '#' && !run(copy)) {
			fprintf(stderr, "pty: line %d failed: %s", number, line);
			size_t tail = n_output > 600 ? n_output - 600 : 0;
			for (size_t i = tail; i < n_output; i++)
				fputc(output[i] == '\033' ? '~' : output[i], stderr);
			status = 1;
		}
		free(copy);
	}
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	FILE *file = path ? fopen(path, "w") : NULL;
	if (file) {
		(void)fwrite(output ? output : "", 1, n_output, file);
		(void)fclose(file);
	}
	free(line);
	free(output);
	return status;
}
