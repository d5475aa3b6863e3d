/*
 * One line: which dialect it is in, its shell part, and off to the command.
 *
 * The first word decides: `v8` -> llnode; a plain verb or one of lldb's -> that; else mdb.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "shell/session.h"

/* llnode registered these without `v8` too. */
static bool is_llnode_alias(const char *word)
{
	static const char *const aliases[] = {"jsstack", "jsprint", "jssource", "findjsobjects",
					      "findjsinstances"};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(word, aliases[i]) == 0)
			return true;
	}
	return false;
}

/* How deep scripts may call scripts. */
enum { MAX_SCRIPT_DEPTH = 16 };

/* Could this be mdb's? An expression, ::dcmd, $c, a format: anything but a lone unknown word. */
static bool looks_like_mdb(const char *text)
{
	uint64_t number;
	size_t n = strcspn(text, " \t");
	char word[64];

	if (strstr(text, "::") || strchr("$.+-~#*&^<>=/\\?,'[%(0123456789:", text[0]))
		return true;
	if (n >= sizeof(word))
		return false;
	memcpy(word, text, n);
	word[n] = '\0';
	/* main/i, main=K, main+8, node::Abort=K, main,5/X */
	if (strpbrk(word, "=/?,+*:`$|"))
		return true;
	return ap_parse_address(word, &number);
}

static void unknown(struct ap_session *session, enum ap_dialect dialect, const char *word,
		    const char *typed, struct ap_arena *arena, struct ap_out *out)
{
	const char *near = ap_cmd_suggest(dialect, word, arena);
	const char *help = dialect == AP_LLNODE ? "v8 help" : "help";
	struct ap_err *err = ap_err_new(AP_E_USAGE, "%s: there is no such command%s", word,
					dialect == AP_LLNODE ? " of v8" : "");

	if (near)
		err = ap_err_hint(err, "did you mean %s%s? `%s` lists all",
				  dialect == AP_LLNODE ? "v8 " : "", near, help);
	else
		err = ap_err_hint(err, "`%s` lists all", help);
	ap_line_error(session, dialect, typed, err, out);
}

static void run_words(struct ap_session *session, enum ap_dialect dialect, const char *const *words,
		      size_t n, const char *typed, struct ap_arena *arena, struct ap_out *out)
{
	struct ap_invocation inv = {.dialect = dialect, .typed = typed};
	size_t used = 0;

	inv.cmd = n ? ap_cmd_find(dialect, words, n, &used) : NULL;
	if (!inv.cmd) {
		/* `v8` alone is a question for help. */
		unknown(session, dialect, n ? words[0] : "v8", typed, arena, out);
		return;
	}
	inv.words = words + used;
	inv.n_words = n - used;
	ap_run_invocation(session, &inv, out);
}

static void run_command(struct ap_session *session, const char *text, struct ap_out *out);

/* Is this the second word behind `filter`? */
static bool is_comparison(const char *text, const char *at)
{
	const char *stage = text;
	int words = 0;

	for (const char *bar = text; (bar = ap_find_unquoted(bar, '|')) && bar < at; bar++)
		stage = bar + 1;
	stage += strspn(stage, " \t");
	size_t n = strcspn(stage, " \t");
	if (!(n == 5 && strncmp(stage, "where", n) == 0) &&
	    !(n == 6 && strncmp(stage, "filter", n) == 0))
		return false;
	for (const char *p = stage; p < at; p++)
		words += !isspace((unsigned char)*p) &&
			 (p == stage || isspace((unsigned char)p[-1]));
	return words == 2;
}

/* Behind a plain verb: `objects > FILE`, `>> FILE` appends. NULL if there is none. */
static const char *redirection(const char *text)
{
	const char *at = text;

	while ((at = ap_find_unquoted(at, '>'))) {
		/* `filter count > 10` compares. */
		if (at > text && isspace((unsigned char)at[-1]) && !is_comparison(text, at))
			return at;
		at += 1 + (at[1] == '>');
	}
	return NULL;
}

static void run_into_file(struct ap_session *session, const char *text, const char *at,
			  struct ap_arena *arena, struct ap_out *out)
{
	bool append = at[1] == '>';
	const char *command = ap_strndup(arena, text, (size_t)(at - text));
	size_t n = 0;
	const char **words = ap_split_words(at + 1 + append, AP_PLAIN, arena, &n);
	struct ap_out file;

	if (!command || !words) {
		ap_line_error(session, AP_PLAIN, text, &ap_err_nomem, out);
		return;
	}
	if (n != 1) {
		ap_line_error(session, AP_PLAIN, text,
			      ap_err_new(AP_E_USAGE, "one file must follow >"), out);
		return;
	}
	FILE *stream = fopen(words[0], append ? "ae" : "we");
	if (!stream) {
		ap_line_error(session, AP_PLAIN, text,
			      ap_err_errno(errno, "%s cannot be written", words[0]), out);
		return;
	}
	ap_out_init(&file, stream);
	run_command(session, command, &file);
	ap_out_flush(&file);
	int error = file.error;
	ap_out_close(&file);
	if (fclose(stream) != 0 && !error)
		error = errno;
	if (error)
		ap_line_error(session, AP_PLAIN, text,
			      ap_err_errno(error, "%s cannot be written", words[0]), out);
}

static void run_command(struct ap_session *session, const char *text, struct ap_out *out)
{
	struct ap_arena arena;
	size_t n, used;

	ap_arena_init(&arena, 0);
	const char **words = ap_split_words(text, AP_PLAIN, &arena, &n);
	if (!words)
		ap_line_error(session, AP_PLAIN, text, &ap_err_nomem, out);
	else if (n && strcmp(words[0], "v8") == 0)
		run_words(session, AP_LLNODE, (const char *const *)words + 1, n - 1, text, &arena,
			  out);
	else if (n && !session->options.mdb && is_llnode_alias(words[0]))
		run_words(session, AP_LLNODE, (const char *const *)words, n, text, &arena, out);
	else if (n && !session->options.mdb &&
		 ap_cmd_find(AP_PLAIN, (const char *const *)words, n, &used) && redirection(text))
		run_into_file(session, text, redirection(text), &arena, out);
	else if (n && !session->options.mdb && ap_find_unquoted(text, '|') &&
		 ap_cmd_find(AP_PLAIN, (const char *const *)words, n, &used))
		ap_run_rows(session, text, out);
	else if (n && !session->options.mdb &&
		 ap_cmd_find(AP_PLAIN, (const char *const *)words, n, &used))
		run_words(session, AP_PLAIN, (const char *const *)words, n, text, &arena, out);
	else if (n && !session->options.mdb && !looks_like_mdb(text))
		unknown(session, AP_PLAIN, words[0], text, &arena, out);
	else if (n)
		ap_run_mdb(session, text, out);
	ap_arena_close(&arena);
}

void ap_session_ask(struct ap_session *session, const char *command, struct ap_str *answer)
{
	bool json = session->options.json, quit = session->quit;
	int status = session->status;
	struct ap_out out;

	ap_out_init(&out, NULL);
	session->options.json = true;
	run_command(session, command, &out);
	session->options.json = json;
	session->quit = quit;
	session->status = status;
	*answer = out.text;
}

/* Runs `command` and feeds what it prints to a shell; its output is the terminal's. */
static void run_with_shell(struct ap_session *session, const char *command, const char *shell,
			   struct ap_out *out)
{
	ap_out_flush(&session->out);
	ap_out_flush(out);
	fflush(session->options.err);
	if (!*command) {
		int status = system(shell);

		if (status == -1)
			ap_line_error(session, AP_MDB, shell,
				      ap_err_errno(errno, "the shell could not be started"),
				      &session->out);
		return;
	}
	struct ap_out captured;
	/* Behind a bar the shell gets rows as they are, JSON: objects | !jq . */
	size_t n = strlen(command);
	bool bar = n && command[n - 1] == '|';
	while (bar && n > 1 && isspace((unsigned char)command[n - 2]))
		n--;
	char *bare = bar ? strndup(command, n - 1) : NULL;
	bool json = session->options.json;
	ap_out_init(&captured, NULL);
	captured.width = session->out.width;
	session->options.json = json || bare;
	run_command(session, bare ? bare : command, &captured);
	session->options.json = json;
	free(bare);
	FILE *pipe = popen(shell, "we");
	if (!pipe) {
		ap_line_error(session, AP_MDB, shell,
			      ap_err_errno(errno, "the shell could not be started"), &session->out);
	} else {
		/* A shell that reads no further (`head`) is none of our business. */
		(void)!fwrite(captured.text.s ? captured.text.s : "", 1, captured.text.n, pipe);
		(void)pclose(pipe);
	}
	ap_out_close(&captured);
}

void ap_session_run(struct ap_session *session, const char *line)
{
	struct ap_arena arena;
	const char *command, *shell;

	ap_arena_init(&arena, 0);
	ap_console_log_line(session, line);
	while (!ap_session_is_over(session) && ap_next_piece(&line, &arena, &command, &shell)) {
		if (!command)
			break;
		ap_cancelled = 0;
		ap_console_begin(session);
		if (shell)
			run_with_shell(session, command, shell, &session->out);
		else if (*command)
			run_command(session, command, &session->out);
		ap_out_flush(&session->out);
		if (session->console.quit_line)
			break;
	}
	ap_out_flush(&session->out);
	ap_arena_close(&arena);
}

/* A script stops where its caller would: at ^C, at the end of the session, not at an error. */
struct ap_err *ap_session_run_into(struct ap_session *session, const char *lines,
				   struct ap_out *out)
{
	struct ap_arena arena;
	const char *command, *shell;
	bool json = session->options.json;

	if (session->depth >= MAX_SCRIPT_DEPTH)
		return ap_err_hint(ap_err_new(AP_E_LIMIT,
					      "scripts may not be nested deeper than %d",
					      MAX_SCRIPT_DEPTH),
				   "does the script run itself?");
	ap_arena_init(&arena, 0);
	session->depth++;
	session->options.json = false;
	while (!ap_session_is_over(session) && !ap_cancelled && !out->broken &&
	       ap_next_piece(&lines, &arena, &command, &shell)) {
		if (!command)
			break;
		if (shell)
			run_with_shell(session, command, shell, out);
		else if (*command)
			run_command(session, command, out);
	}
	session->options.json = json;
	session->depth--;
	ap_arena_close(&arena);
	return NULL;
}

bool ap_session_run_file(struct ap_session *session, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool any = false;

	while (!ap_session_is_over(session) && (n = getline(&line, &size, file)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		ap_session_run(session, line);
		any = any || line[strspn(line, " \t\r")];
	}
	free(line);
	return any;
}
