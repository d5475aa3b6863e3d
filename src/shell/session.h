/* Inside of a session, shared by the files of shell/. */
#ifndef AP_SHELL_SESSION_H
#define AP_SHELL_SESSION_H

#include "shell/shell.h"

enum { AP_MAX_SETTINGS = 32 };

struct ap_setting {
	char *name, *value;
};

/* Where results of a session go: console.c. */
struct ap_console {
	FILE *log; /* the transcript, or NULL */
	char *log_path;
	bool interactive; /* a person is at the prompt */
	bool paging;      /* stop after each screen */
	int rows, column; /* used on this screen */
	bool quit;        /* of the pager: the command's other output is dropped */
	bool quit_line;   /* and what follows it on the line is not run */
};

struct ap_session {
	struct ap_session_options options;
	struct ap_console console;
	struct ap_model *model; /* NULL: a heap snapshot, or nothing */
	void *held;             /* of options.live: a process that stands still for us */
	pid_t held_pid;
	char live_name[16];
	struct ap_study *study; /* NULL: no object graph */
	struct ap_out out;
	uint64_t dot;
	unsigned radix;
	struct ap_selection selection;
	bool read_ahead; /* the heap is read, or cannot be */
	bool width_set;  /* by $w: the terminal's size no longer counts */
	bool v8_warnings;
	struct ap_setting settings[AP_MAX_SETTINGS];
	bool quit;
	int status;
	char *last;         /* the last mdb command, which a bare address repeats */
	uint64_t last_dot;  /* & */
	uint64_t increment; /* of the last format: + and ^ */
	struct ap_variables *variables;
	const char *walk_variable; /* `::walk NAME var`: of the stage that just ran */
	int depth;                 /* scripts within scripts */
};

/* One command, found and with its words; `typed` is what JSON shows as the command. */
struct ap_invocation {
	const struct ap_cmd *cmd;
	enum ap_dialect dialect;
	const char *typed;
	const char *const *words; /* behind the name */
	size_t n_words;
	bool has_address, has_count;
	uint64_t address, count;
	const uint64_t *values; /* of a command that takes the whole pipe */
	size_t n_values;
	const struct ap_rows *rows;
	bool text;   /* never JSON: the output feeds the next stage of a pipeline */
	bool answer; /* `out` gets the envelope, whatever the session prints; its errors go where
			they always go */
};

/* False if it failed. */
bool ap_run_invocation(struct ap_session *session, const struct ap_invocation *invocation,
		       struct ap_out *out);
/* The JSON envelope of a command that nobody typed: prints nothing, changes no status. */
void ap_session_ask(struct ap_session *session, const char *command, struct ap_str *answer);
/* An error outside any command: what the line said could not be understood. */
void ap_line_error(struct ap_session *session, enum ap_dialect dialect, const char *typed,
		   struct ap_err *err, struct ap_out *out);

/* console.c */
void ap_console_open(struct ap_session *session);
void ap_console_close(struct ap_session *session);
/* Before each command: a fresh screen for the pager. */
void ap_console_begin(struct ap_session *session);
/* What goes to stderr, for the transcript; `line` as typed. */
void ap_console_log_line(struct ap_session *session, const char *line);

/* live.c: a held process goes on. */
void ap_session_let_go(struct ap_session *session);

/* rows.c: a plain line with bars in it: verb | filter | verb. */
void ap_run_rows(struct ap_session *session, const char *text, struct ap_out *out);

/* pipeline.c: one command line of mdb, without its shell part. */
void ap_run_mdb(struct ap_session *session, const char *text, struct ap_out *out);

/* expression.c: the expression that *text begins with; *text moves behind it and its blanks. */
struct ap_err *ap_expression(struct ap_session *session, const char **text, struct ap_arena *arena,
			     uint64_t *ret_value);

/* variables.c */
void ap_variables_close(struct ap_variables *variables);

/*
 * words.c: splits a line into words; NULL when memory ran out. In mdb what stands in `$[ ]` stays
 * one word, as it is.
 */
const char **ap_split_words(const char *text, enum ap_dialect dialect, struct ap_arena *arena,
			    size_t *ret_n);
/*
 * The next piece of a line up to `;`, without comment: *ret_command, and behind `!` *ret_shell
 * (NULL if there is none). False at the end of the line.
 */
bool ap_next_piece(const char **line, struct ap_arena *arena, const char **ret_command,
		   const char **ret_shell);
/* The first `c` outside quotes, or NULL. */
const char *ap_find_unquoted(const char *text, char c);

/* prompt.c: ^C sets this, every command looks at it. */
extern volatile sig_atomic_t ap_cancelled;

#endif
