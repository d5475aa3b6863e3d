/*
 * Where a session's results go: the terminal, one screen at a time, and the transcript of ::log.
 *
 * The pager is mdb's own: it asks at the foot of a full screen, and `q` ends the command that
 * prints.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/escape.h"
#include "shell/session.h"

static const char more[] = " >> More [<space>, <cr>, q, n, c, a] ? ";

/* One key, without waiting for a line; 0: ^C, or the terminal went away. */
static char read_key(void)
{
	struct termios old, raw;
	char key = 0;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return 0;
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
		return 0;
	ssize_t n;
	do
		n = read(STDIN_FILENO, &key, 1);
	while (n < 0 && errno == EINTR && !ap_cancelled);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	return n == 1 ? key : 0;
}

/* False: the rest of the command's output is not wanted. */
static bool ask(struct ap_session *session)
{
	struct ap_console *c = &session->console;

	for (;;) {
		ap_out_write(&session->out, more, sizeof(more) - 1);
		(void)fflush(session->out.file);
		char key = read_key();
		ap_out_write(&session->out, "\r\033[K", 4);
		switch (key) {
		case ' ':
			c->rows = 0;
			return true;
		case '\r':
		case '\n':
			c->rows = session->out.height - 2;
			return true;
		case 'c':
		case 'C':
			c->paging = false;
			return true;
		case 'a':
		case 'A':
			c->quit_line = true;
			return false;
		case 'q':
		case 'Q':
		case 'n':
		case 'N':
		case 4: /* ^D */
		case 0:
			return false;
		default:
			break; /* not understood: ask again */
		}
	}
}

/* How many rows of the screen a line takes, colours not counted. */
static int rows_of(const char *s, size_t n, int width)
{
	size_t columns = 0;

	for (size_t i = 0; i < n;) {
		if (s[i] == '\033') {
			while (i < n && s[i] != 'm')
				i++;
			i += i < n;
			continue;
		}
		size_t from = i;
		while (i < n && s[i] != '\033')
			i++;
		columns += ap_columns((struct ap_text){s + from, i - from});
	}
	return columns && width > 0 ? (int)((columns + (size_t)width - 1) / (size_t)width) : 1;
}

static void write_pages(struct ap_session *session, const char *s, size_t n)
{
	struct ap_console *c = &session->console;

	while (n && !c->quit) {
		const char *newline = memchr(s, '\n', n);
		size_t part = newline ? (size_t)(newline - s) + 1 : n;
		int rows = rows_of(s, part - (newline != NULL), session->out.width);

		if (c->paging && session->out.height > 2 && c->rows &&
		    c->rows + rows > session->out.height - 1 && !ask(session)) {
			c->quit = true;
			/* A command that still works for what is not wanted any more stops. */
			ap_cancelled = 1;
			return;
		}
		ap_out_write(&session->out, s, part);
		c->rows += newline ? rows : 0;
		s += part;
		n -= part;
	}
}

static void sink(struct ap_out *out, const char *s, size_t n)
{
	struct ap_session *session = out->sink_arg;
	struct ap_console *c = &session->console;

	if (c->log)
		(void)fwrite(s, 1, n, c->log);
	if (c->paging)
		write_pages(session, s, n);
	else if (!c->quit)
		ap_out_write(out, s, n);
}

void ap_console_open(struct ap_session *session)
{
	session->out.sink = sink;
	session->out.sink_arg = session;
}

static void close_log(struct ap_console *c)
{
	if (c->log)
		(void)fclose(c->log);
	free(c->log_path);
	c->log = NULL;
	c->log_path = NULL;
}

void ap_console_close(struct ap_session *session)
{
	close_log(&session->console);
}

void ap_console_begin(struct ap_session *session)
{
	struct ap_console *c = &session->console;
	const char *pager = ap_session_setting(session, "pager");

	c->rows = 0;
	c->quit = c->quit_line = false;
	c->paging =
		c->interactive && session->out.terminal && !(pager && strcmp(pager, "off") == 0);
}

void ap_console_log_line(struct ap_session *session, const char *line)
{
	if (session->console.log)
		fprintf(session->console.log, "> %s%s", line,
			*line && line[strlen(line) - 1] == '\n' ? "" : "\n");
}

const char *ap_session_log_path(const struct ap_session *session)
{
	return session->console.log_path;
}

struct ap_err *ap_session_log(struct ap_session *session, const char *path)
{
	struct ap_console *c = &session->console;
	FILE *file = NULL;
	char *copy = NULL;

	if (path) {
		file = fopen(path, "ae");
		if (!file)
			return ap_err_errno(errno, "failed to open %s", path);
		copy = strdup(path);
		if (!copy) {
			(void)fclose(file);
			return &ap_err_nomem;
		}
	}
	ap_out_flush(&session->out);
	close_log(c);
	c->log = file;
	c->log_path = copy;
	return NULL;
}
