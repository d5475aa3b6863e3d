/*
 * A session: one target, a dot, a selected frame, settings; lines in three dialects run against it.
 *
 * Ownership: the session owns its model and its settings until ap_session_close(); it borrows the
 * streams. Results go to `out`, diagnostics to `err`; nothing else prints.
 */
#ifndef AP_SHELL_SHELL_H
#define AP_SHELL_SHELL_H

#include <stdio.h>

#include "cmd/cmd.h"

/* Exit statuses; with several commands the worst counts. */
enum {
	AP_EXIT_OK = 0,
	AP_EXIT_INCOMPLETE = 1, /* a result lacks something that could not be read */
	AP_EXIT_FAILED = 2,
	AP_EXIT_USAGE = 64,
	AP_EXIT_INTERRUPTED = 130,
};

/* How running processes become targets; the session calls both from one thread. */
struct ap_live_ops {
	/* `stay`: it stands still until release; else it went on already and *ret_held is NULL. */
	struct ap_err *(*attach)(pid_t pid, bool stay, const volatile sig_atomic_t *cancelled,
				 struct ap_model **ret_model, void **ret_held);
	void (*release)(void *held);
};

struct ap_session_options {
	const struct ap_live_ops *live; /* NULL: cores only */
	const char *target;             /* as typed; shown in JSON */
	bool json;
	bool show_secrets;
	bool mdb; /* called as `mdb`: only its language and `v8` */
	FILE *out, *err;
};

/* Takes the model over; it may be NULL: then only commands without a target run. */
struct ap_err *ap_session_open(const struct ap_session_options *options, struct ap_model *model,
			       struct ap_session **ret_session);
void ap_session_close(struct ap_session *session);
/* Takes the study over: the target is, or has got, an object graph. */
void ap_session_set_study(struct ap_session *session, struct ap_study *study);

/* ^C stops the running command instead of the tool. */
void ap_session_catch_interrupts(void);
/* Says on `err` what the target lacks as a whole: a cut core, a V8 that we do not know. */
void ap_session_check_target(struct ap_session *session);

/* One line, perhaps with several commands. */
void ap_session_run(struct ap_session *session, const char *line);
/* All lines of a script; false if all of them are blank. */
bool ap_session_run_file(struct ap_session *session, FILE *file);
/* Reads lines from the terminal until the user leaves. */
void ap_session_prompt(struct ap_session *session);

/* The worst status so far. */
int ap_session_status(const struct ap_session *session);
void ap_session_raise_status(struct ap_session *session, int status);
bool ap_session_is_over(const struct ap_session *session); /* quit, or nobody reads any more */

/* "autopsy: MESSAGE: CAUSE" and its hint, in the form of a dialect. */
/* The envelope of a command that could not even begin, because the target did not open. */
void ap_print_json_error(FILE *out, const char *target, const char *command,
			 const struct ap_err *error);
void ap_print_error(FILE *err, enum ap_dialect dialect, const char *command,
		    const struct ap_err *error);

#endif
