/*
 * The prompt: history, editing and completion by libedit. ^C stops the command, not the tool. While
 * nobody types, the heap is read, so that the first question about it is answered sooner.
 */
#include "shell/prompt.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "heap/heap.h"
#include "model/core.h"
#include "shell/complete.h"
#include "shell/session.h"

enum { HISTORY_LINES = 500, MAX_ENDS = 10, MAX_SHOWN = 200 };

volatile sig_atomic_t ap_cancelled;
static volatile sig_atomic_t resized;

static void on_interrupt(int signal)
{
	(void)signal;
	/* A second ^C while the first still waits to be seen: the user means it. */
	if (ap_cancelled++ > 1)
		_exit(AP_EXIT_INTERRUPTED);
}

static void on_resize(int signal)
{
	(void)signal;
	resized = 1;
}

void ap_session_catch_interrupts(void)
{
	/* No SA_RESTART: a read of the terminal must return. */
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

static struct ap_session *session_of(EditLine *editor)
{
	void *session = NULL;

	return el_get(editor, EL_CLIENTDATA, &session) == 0 ? session : NULL;
}

static char *prompt_text(EditLine *editor)
{
	static char text[128];
	struct ap_session *session = session_of(editor);
	const char *set = session ? ap_session_setting(session, "prompt") : NULL;

	(void)snprintf(text, sizeof(text), "%s", set ? set : "> ");
	return text;
}

/* ---- reading the heap meanwhile ---- */

struct idle {
	volatile sig_atomic_t typed;
};

static bool input_waits(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

/* Until there is input, or a signal came; none is lost between the look and the wait. */
static void wait_for_input(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t block, old;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &block, &old);
	if (!ap_cancelled && !resized)
		(void)ppoll(&p, 1, NULL, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static void look_for_input(void *arg, const char *what, uint64_t done, uint64_t total,
			   uint64_t objects)
{
	struct idle *idle = arg;

	(void)what;
	(void)done;
	(void)total;
	(void)objects;
	if (ap_cancelled || resized || input_waits())
		idle->typed = 1;
}

/* Until a key is pressed, or all is read. What goes wrong here is said by the command that needs
 * it. */
static void read_ahead(struct ap_session *session)
{
	struct ap_model *model = session->model;
	struct idle idle = {0};
	const struct ap_heap_watch watch = {
		.cancelled = &idle.typed, .report = look_for_input, .arg = &idle};
	const struct ap_heap_group *groups;
	struct ap_heap_summary summary;
	struct ap_heap *heap;
	size_t n;

	if (session->read_ahead || !model || !ap_core_model_image(model))
		return;
	AP_ERR_AUTO none = ap_core_model_heap(model, &heap);
	AP_ERR_AUTO walk = none ? NULL : ap_heap_walk(heap, &watch);
	if (!none && !walk)
		ap_heap_summary(heap, &summary);
	bool whole = !none && !walk && ap_heap_is_complete(&summary);
	AP_ERR_AUTO group = whole ? ap_heap_groups(heap, &watch, false, &groups, &n) : NULL;
	session->read_ahead = none || walk || (whole && (!group || group->code != AP_E_CANCELLED));
}

/* One character; libedit calls this for every key. */
static int next_char(EditLine *editor, wchar_t *ret)
{
	unsigned char bytes[4];
	size_t n = 0, want = 1;

	while (n < want) {
		if (resized) {
			resized = 0;
			el_resize(editor);
		}
		if (!n && !input_waits() && !ap_cancelled)
			read_ahead(session_of(editor));
		wait_for_input();
		if (ap_cancelled) {
			errno = EINTR;
			return -1;
		}
		if (!input_waits())
			continue;
		ssize_t got = read(STDIN_FILENO, &bytes[n], 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : 0;
		if (!n++)
			want = bytes[0] >= 0xf0   ? 4
			       : bytes[0] >= 0xe0 ? 3
			       : bytes[0] >= 0xc0 ? 2
						  : 1;
	}
	const char *p = (const char *)bytes;
	*ret = (wchar_t)ap_utf8_next(&p, p + n);
	return 1;
}

/* ---- completion ---- */

static void show_candidates(struct ap_session *session, const struct ap_candidates *c)
{
	struct ap_out *out = &session->out;
	size_t widest = 1, shown = c->names.n < MAX_SHOWN ? c->names.n : MAX_SHOWN;

	ap_out_measure(out);
	for (size_t i = 0; i < shown; i++) {
		size_t n = ap_columns(c->names.at[i]);

		widest = n > widest ? n : widest;
	}
	size_t columns = (size_t)out->width / (widest + 2) ? (size_t)out->width / (widest + 2) : 1;
	size_t rows = (shown + columns - 1) / columns;
	ap_out_s(out, "\n");
	for (size_t r = 0; r < rows; r++) {
		for (size_t i = r; i < shown; i += rows) {
			if (i + rows < shown)
				ap_out_cell(out, c->names.at[i], (int)widest + 2, false);
			else
				ap_out_text(out, c->names.at[i]);
		}
		ap_out_s(out, "\n");
	}
	if (shown < c->names.n)
		ap_out_f(out, "... and %zu more\n", c->names.n - shown);
	ap_out_flush(out);
}

static unsigned char complete(EditLine *editor, int key)
{
	struct ap_session *session = session_of(editor);
	const LineInfo *info = el_line(editor);
	struct ap_candidates c;
	struct ap_arena arena;
	unsigned char result = CC_ERROR;

	(void)key;
	if (!session)
		return CC_ERROR;
	ap_arena_init(&arena, 0);
	session->console.paging = false;
	ap_complete(session, info->buffer, (size_t)(info->cursor - info->buffer), &arena, &c);
	if (c.names.n) {
		struct ap_text common = c.names.at[0];

		for (size_t i = 1; i < c.names.n; i++) {
			size_t same = 0;

			while (same < common.n && same < c.names.at[i].n &&
			       common.s[same] == c.names.at[i].s[same])
				same++;
			common.n = same;
		}
		const char *end = c.names.n == 1 && !c.open ? " " : "";
		const char *rest = ap_printf(&arena, "%.*s%s", (int)(common.n - c.typed),
					     common.s + c.typed, end);
		if (rest && *rest && el_insertstr(editor, rest) == 0) {
			result = CC_REFRESH;
		} else if (c.names.n > 1) {
			show_candidates(session, &c);
			result = CC_REDISPLAY;
		}
	}
	ap_arena_close(&arena);
	ap_cancelled = 0;
	return result;
}

/* ---- the loop ---- */

static bool is_on(const struct ap_session *session, const char *setting)
{
	const char *value = ap_session_setting(session, setting);

	return value && strcmp(value, "on") == 0;
}

static void bind_keys(EditLine *editor, bool vi)
{
	el_set(editor, EL_EDITOR, vi ? "vi" : "emacs");
	el_set(editor, EL_BIND, "^I", "ap-complete", NULL);
	el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

/* One line from the user, or NULL: the session is over. */
static const char *next_line(struct ap_session *session, EditLine *editor)
{
	bool warned = false;

	ap_cancelled = 0;
	for (int ends = 0; ends <= MAX_ENDS;) {
		int n = 0;

		errno = 0;
		const char *line = el_gets(editor, &n);
		if (line && n > 0)
			return line;
		if (!ap_cancelled && is_on(session, "ignoreeof")) {
			fputs("\n(::quit to leave)\n", stdout);
			clearerr(stdin);
			ends++; /* a terminal that went away ends for ever */
			continue;
		}
		if (!ap_cancelled || warned) /* ^D */
			return NULL;
		ap_cancelled = 0; /* before it is asked for: the answer may come at once */
		fputs("\n(^C again to quit)\n", stdout);
		warned = true;
		el_reset(editor);
	}
	return NULL;
}

static void run_lines(struct ap_session *session, EditLine *editor, History *past)
{
	HistEvent event;
	bool vi = false;
	const char *line;

	while (!ap_session_is_over(session) && (line = next_line(session, editor))) {
		bool empty = !line[strspn(line, " \t\n")];

		if (!empty)
			history(past, &event, H_ENTER, line);
		if (empty && session->last && is_on(session, "repeatlast"))
			line = session->last;
		if (!session->width_set)
			ap_out_measure(&session->out);
		/* The line is the editor's, or the session's own: a command may replace either. */
		char *copy = strdup(line);
		if (copy)
			ap_session_run(session, copy);
		free(copy);
		if (vi != is_on(session, "vi"))
			bind_keys(editor, vi = !vi);
	}
}

void ap_session_prompt(struct ap_session *session)
{
	struct sigaction resize = {.sa_handler = on_resize};
	char history_path[4096];

	/* Only so that the editor knows the width of what is typed. */
	(void)setlocale(LC_CTYPE, "");
	EditLine *editor = el_init("autopsy", stdin, stdout, stderr);
	History *past = history_init();
	HistEvent event;
	if (!editor || !past) {
		if (editor)
			el_end(editor);
		if (past)
			history_end(past);
		(void)ap_session_run_file(session, stdin);
		return;
	}
	history(past, &event, H_SETSIZE, HISTORY_LINES);
	history(past, &event, H_SETUNIQUE, 1);
	bool kept = ap_history_path(history_path, sizeof(history_path));
	if (kept)
		history(past, &event, H_LOAD, history_path);
	el_set(editor, EL_CLIENTDATA, session);
	el_set(editor, EL_PROMPT, prompt_text);
	el_set(editor, EL_HIST, history, past);
	el_set(editor, EL_SIGNAL, 0);
	el_set(editor, EL_GETCFN, next_char);
	el_set(editor, EL_ADDFN, "ap-complete", "complete a word", complete);
	bind_keys(editor, is_on(session, "vi"));
	(void)el_source(editor, NULL); /* ~/.editrc */
	sigemptyset(&resize.sa_mask);
	sigaction(SIGWINCH, &resize, NULL);
	session->console.interactive = true;
	run_lines(session, editor, past);
	session->console.interactive = false;
	if (!session->quit)
		fputc('\n', stdout);
	if (kept)
		ap_history_save(past, history_path);
	history_end(past);
	el_end(editor);
}
