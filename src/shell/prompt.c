/* The prompt: history, editing and completion by libedit; ^C stops the command, not the tool. */
#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/session.h"

enum { HISTORY_LINES = 500, MAX_ENDS = 10 };

volatile sig_atomic_t ap_cancelled;

static void on_interrupt(int signal)
{
	(void)signal;
	/* A second ^C while the first still waits to be seen: the user means it. */
	if (ap_cancelled++ > 1)
		_exit(AP_EXIT_INTERRUPTED);
}

void ap_session_catch_interrupts(void)
{
	/* No SA_RESTART: a read of the terminal must return. */
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

static char *prompt_text(EditLine *editor)
{
	static char text[128];
	void *session = NULL;
	const char *set = NULL;

	if (el_get(editor, EL_CLIENTDATA, &session) == 0 && session)
		set = ap_session_setting(session, "prompt");
	(void)snprintf(text, sizeof(text), "%s", set ? set : "> ");
	return text;
}

/* Completes the name of a command; between several, as far as they agree. */
static unsigned char complete(EditLine *editor, int key)
{
	const LineInfo *info = el_line(editor);
	size_t n = (size_t)(info->cursor - info->buffer);
	const char *word = info->buffer;
	enum ap_dialect dialect = AP_PLAIN;
	char common[64] = "";
	size_t matches = 0;

	(void)key;
	if (n >= 2 && memcmp(word, "::", 2) == 0) {
		dialect = AP_MDB;
		word += 2;
	} else if (n >= 3 && memcmp(word, "v8 ", 3) == 0) {
		dialect = AP_LLNODE;
		word += 3;
	}
	n = (size_t)(info->cursor - word);
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		for (const char *p = (*cmd)->names[dialect]; p && *p;) {
			size_t len = strcspn(p, "|");

			if (len >= n && len < sizeof(common) && memcmp(p, word, n) == 0) {
				size_t same = 0;

				while (matches && same < len && common[same] == p[same])
					same++;
				if (!matches++)
					same = len;
				memcpy(common, p, same);
				common[same] = '\0';
			}
			p += len + (p[len] == '|');
		}
	}
	if (!matches || strlen(common) < n)
		return CC_ERROR;
	if (matches == 1)
		strcat(common, " ");
	if (!common[n])
		return CC_ERROR;
	el_insertstr(editor, common + n);
	return CC_REFRESH;
}

static bool is_on(const struct ap_session *session, const char *setting)
{
	const char *value = ap_session_setting(session, setting);

	return value && strcmp(value, "on") == 0;
}

void ap_session_prompt(struct ap_session *session)
{
	EditLine *editor = el_init("autopsy", stdin, stdout, stderr);
	History *past = history_init();
	HistEvent event;
	bool warned = false;
	int ends = 0;

	if (!editor || !past) {
		if (editor)
			el_end(editor);
		if (past)
			history_end(past);
		ap_session_run_file(session, stdin);
		return;
	}
	history(past, &event, H_SETSIZE, HISTORY_LINES);
	history(past, &event, H_SETUNIQUE, 1);
	el_set(editor, EL_CLIENTDATA, session);
	el_set(editor, EL_PROMPT, prompt_text);
	el_set(editor, EL_EDITOR, "emacs");
	el_set(editor, EL_HIST, history, past);
	el_set(editor, EL_SIGNAL, 0);
	el_set(editor, EL_ADDFN, "ap-complete", "complete a command", complete);
	el_set(editor, EL_BIND, "^I", "ap-complete", NULL);
	el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
	while (!ap_session_is_over(session)) {
		int n = 0;

		ap_cancelled = 0;
		errno = 0;
		const char *line = el_gets(editor, &n);
		if (!line || n <= 0) {
			if (!ap_cancelled && is_on(session, "ignoreeof")) {
				fputs("\n(::quit to leave)\n", stdout);
				clearerr(stdin);
				if (++ends > MAX_ENDS) /* a terminal that went away */
					break;
				continue;
			}
			if (!ap_cancelled) /* ^D */
				break;
			if (warned)
				break;
			fputs("\n(^C again to quit)\n", stdout);
			warned = true;
			el_reset(editor);
			continue;
		}
		warned = false;
		ends = 0;
		bool empty = !line[strspn(line, " \t\n")];
		if (!empty)
			history(past, &event, H_ENTER, line);
		if (empty && session->last && is_on(session, "repeatlast"))
			line = session->last;
		/* The line is the editor's, or the session's own: a command may replace either. */
		char *copy = strdup(line);
		if (copy)
			ap_session_run(session, copy);
		free(copy);
	}
	if (!session->quit)
		fputc('\n', stdout);
	history_end(past);
	el_end(editor);
}
