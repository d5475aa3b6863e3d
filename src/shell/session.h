/* Inside of a session, shared by the files of shell/. */
#ifndef AP_SHELL_SESSION_H
#define AP_SHELL_SESSION_H

#include "shell/shell.h"

enum { AP_MAX_SETTINGS = 32 };

struct ap_setting {
	char *name, *value;
};

struct ap_session {
	struct ap_session_options options;
	struct ap_model *model; /* NULL: a heap snapshot, or nothing */
	struct ap_study *study; /* NULL: no object graph */
	struct ap_out out;
	uint64_t dot;
	unsigned radix;
	struct ap_selection selection;
	bool v8_warnings;
	struct ap_setting settings[AP_MAX_SETTINGS];
	bool quit;
	int status;
	char *last; /* the last mdb command, which a bare address repeats */
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
	bool text; /* never JSON: the output feeds the next stage of a pipeline */
};

/* False if it failed. */
bool ap_run_invocation(struct ap_session *session, const struct ap_invocation *invocation,
		       struct ap_out *out);
/* An error outside any command: what the line said could not be understood. */
void ap_line_error(struct ap_session *session, enum ap_dialect dialect, const char *typed,
		   struct ap_err *err, struct ap_out *out);

/* pipeline.c: one command line of mdb, without its shell part. */
void ap_run_mdb(struct ap_session *session, const char *text, struct ap_out *out);

/* expression.c: the expression that *text begins with; *text moves behind it and its blanks. */
struct ap_err *ap_expression(struct ap_session *session, const char **text, struct ap_arena *arena,
			     uint64_t *ret_value);

/* variables.c */
void ap_variables_close(struct ap_variables *variables);

/*
 * words.c: splits a line into words; NULL when memory ran out. In mdb what stands in `$[ ]` stays one
 * word, as it is.
 */
const char **ap_split_words(const char *text, enum ap_dialect dialect, struct ap_arena *arena,
			    size_t *ret_n);
/*
 * The next piece of a line up to `;`, without comment: *ret_command, and behind `!` *ret_shell (NULL if
 * there is none). False at the end of the line.
 */
bool ap_next_piece(const char **line, struct ap_arena *arena, const char **ret_command,
		   const char **ret_shell);
/* The first `c` outside quotes, or NULL. */
const char *ap_find_unquoted(const char *text, char c);

/* prompt.c: ^C sets this, every command looks at it. */
extern volatile sig_atomic_t ap_cancelled;

#endif
