/*
 * The command table: one command = one file = one const record with its spellings in the three
 * dialects, options, help, example and output.
 *
 * Ownership: records are static. What a command makes lives in ctx->arena, which dies with the
 * command. A session outlives its commands; shell/ implements it, cmd/ only declares what a command
 * may ask of it.
 *
 * A record has one data function and one JSON shape; each dialect has its own options, order and
 * text. Data functions print nothing.
 */
#ifndef AP_CMD_CMD_H
#define AP_CMD_CMD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/model.h"
#include "out/out.h"

enum ap_dialect { AP_PLAIN, AP_MDB, AP_LLNODE, AP_N_DIALECTS };

/* Help is grouped by the question a command answers. */
enum ap_group {
	AP_GROUP_DIED,   /* what died */
	AP_GROUP_MEMORY, /* what is in memory */
	AP_GROUP_ALIVE,  /* why is it alive */
	AP_GROUP_DOING,  /* what was it doing */
	AP_GROUP_LAYOUT, /* V8's own layouts */
	AP_GROUP_NATIVE, /* registers, mappings, symbols */
	AP_GROUP_SESSION,
	AP_N_HELP_GROUPS,
};

/* In which dialects an option or spelling exists. */
enum {
	AP_IN_PLAIN = 1 << AP_PLAIN,
	AP_IN_MDB = 1 << AP_MDB,
	AP_IN_LLNODE = 1 << AP_LLNODE,
	AP_IN_ALL = AP_IN_PLAIN | AP_IN_MDB | AP_IN_LLNODE,
};

enum ap_option_kind { AP_OPTION_FLAG, AP_OPTION_NUMBER, AP_OPTION_TEXT };

struct ap_option {
	char letter;           /* 0: only the long name */
	const char *long_name; /* without dashes, or NULL; not in mdb */
	enum ap_option_kind kind;
	unsigned dialects;
	const char *argument; /* its name in help, NULL for flags */
	const char *help;
};

enum { AP_MAX_OPTIONS = 16 };

/* Parsed words of one command line; indexes follow the record's option array. */
struct ap_args {
	bool given[AP_MAX_OPTIONS];
	uint64_t number[AP_MAX_OPTIONS];
	const char *text[AP_MAX_OPTIONS];
	const char **words; /* what is left, NULL-ended */
	size_t n_words;
};

enum ap_address { AP_ADDRESS_NONE, AP_ADDRESS_OPTIONAL, AP_ADDRESS_REQUIRED };

struct ap_session;
struct ap_rows;

struct ap_ctx {
	struct ap_session *session;
	struct ap_model *model; /* NULL when no target is open */
	struct ap_arena *arena;
	enum ap_dialect dialect;
	struct ap_args args;
	/* mdb: in front of "::"; dot without it. Elsewhere values are words: ap_ctx_value(). */
	bool has_address;
	uint64_t address;
	bool has_count; /* mdb: behind the comma, for records that count themselves; else 1 */
	uint64_t count;
	const uint64_t *values; /* mdb: all that came down the pipe, for records that take it whole
				 */
	size_t n_values;
	const struct ap_rows *rows; /* plain: what came down the pipe; NULL: there is none */
	bool json; /* the answer will be JSON: data functions may spare what only text shows */
	struct ap_out *out;                     /* results */
	const volatile sig_atomic_t *cancelled; /* ^C */
	AP_VEC(struct ap_text) warnings;        /* on stderr, resp. in the JSON envelope */
};

struct ap_cmd {
	/*
	 * Spellings separated by '|', the first is the main one; NULL where there is none. A
	 * spelling may hold blanks ("source list"). In mdb "x" is typed ::x, and "$x" as it stands.
	 */
	const char *names[AP_N_DIALECTS];
	enum ap_group group;
	enum ap_address address;
	const char *summary;                 /* one line, at most 60 characters */
	const char *synopsis[AP_N_DIALECTS]; /* what follows the name; NULL: from the options */
	const char *help;                    /* paragraphs */
	const struct ap_option *options;     /* ended by an entry without letter and long_name */
	const char *example;                 /* a line that runs on any core, and as a test */
	bool needs_model;                    /* most do */
	bool snapshot_too;                   /* or a heap snapshot without a model */
	bool counts;     /* mdb: ",count" is this command's own, not how often it runs */
	bool takes_rows; /* plain: stands behind a bar and runs once for all rows of the pipe */
	bool takes_pipe; /* mdb: runs once for all values of the pipe */
	bool bare;       /* mdb: what follows the name is one word as it stands: a format, a file */
	bool needs_graph; /* of the objects: its example runs on a heap snapshot */
	struct ap_err *(*data)(struct ap_ctx *ctx, void **ret_data);
	void (*json)(struct ap_ctx *ctx, const void *data, struct ap_json *j); /* one value: `data`
										*/
	void (*text[AP_N_DIALECTS])(struct ap_ctx *ctx, const void *data);     /* NULL: as plain */
};

/* NULL-ended, in the order of the reference. */
extern const struct ap_cmd *const ap_cmd_table[];

/*
 * The command whose spelling the first words are, the longest one that fits; *ret_used words make
 * it up. NULL if there is none.
 */
const struct ap_cmd *ap_cmd_find(enum ap_dialect dialect, const char *const *words, size_t n,
				 size_t *ret_used);
/* The nearest spelling to a mistyped one, or NULL. */
const char *ap_cmd_suggest(enum ap_dialect dialect, const char *name, struct ap_arena *arena);
/* The main spelling; NULL if the dialect has none. */
const char *ap_cmd_name(const struct ap_cmd *cmd, enum ap_dialect dialect, struct ap_arena *arena);
/* What follows the name: "[-av] [-f function]", from the record or its options. */
const char *ap_cmd_synopsis(const struct ap_cmd *cmd, enum ap_dialect dialect,
			    struct ap_arena *arena);
/* The usage message for wrong words, as the dialect prints it; one or two lines. */
const char *ap_cmd_usage(const struct ap_cmd *cmd, enum ap_dialect dialect, struct ap_arena *arena);

/* Parses options and words in the dialect's way; numbers in `radix` for mdb, decimal else. */
struct ap_err *ap_args_parse(const struct ap_cmd *cmd, enum ap_dialect dialect, unsigned radix,
			     const char *const *words, size_t n, struct ap_arena *arena,
			     struct ap_args *ret_args);
/* "0x2a", "2a": an address in any dialect. */
bool ap_parse_address(const char *word, uint64_t *ret_address);
/* A number in `radix` with mdb's prefixes 0t, 0x, 0o, 0i and '_' as separator. */
bool ap_parse_number(const char *word, unsigned radix, uint64_t *ret_number);

/*
 * The value that the line speaks of: in mdb the address in front, else dot; elsewhere its first
 * word, an address or the name of a variable of the selected frame (or "error": what was thrown),
 * both with a path behind it. *ret_given false: no word, and in mdb no address. If `ret_path` is
 * not NULL, the path is not followed but handed out, empty or as typed.
 */
struct ap_err *ap_ctx_value(struct ap_ctx *ctx, struct ap_value *ret_value, bool *ret_given,
			    const char **ret_path);
/* The same, but an error if nothing is named. */
struct ap_err *ap_ctx_required_value(struct ap_ctx *ctx, struct ap_value *ret_value);

void ap_warn(struct ap_ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline bool ap_ctx_cancelled(const struct ap_ctx *ctx)
{
	return ctx->cancelled && *ctx->cancelled;
}

/*
 * What a command may ask of its session.
 */
/* The frame that `frame N`, `up`, `down` chose: thread index and position in bt's list. */
struct ap_selection {
	bool chosen;
	size_t thread, frame;
};
struct ap_selection ap_session_selection(const struct ap_session *session);
void ap_session_select(struct ap_session *session, struct ap_selection selection);
uint64_t ap_session_dot(const struct ap_session *session);
void ap_session_set_dot(struct ap_session *session, uint64_t dot);
unsigned ap_session_radix(const struct ap_session *session);
bool ap_session_show_secrets(const struct ap_session *session);
/* Prints of V8-level warnings, toggled by ::v8warnings. */
bool *ap_session_v8_warnings(struct ap_session *session);
/* llnode's settings: "color", "tree-padding"; and `v8 source list`'s place. NULL if not set. */
const char *ap_session_setting(const struct ap_session *session, const char *name);
struct ap_err *ap_session_set(struct ap_session *session, const char *name, const char *value);
/* The object graph of the target, with what was found out about it; NULL: it has none. */
struct ap_study;
struct ap_study *ap_session_study(const struct ap_session *session);
void ap_session_quit(struct ap_session *session);
void ap_session_set_radix(struct ap_session *session, unsigned radix);
void ap_session_set_width(struct ap_session *session, int columns);
/* What the last format moved on by: `+` and `^`. */
uint64_t ap_session_increment(const struct ap_session *session);
void ap_session_set_increment(struct ap_session *session, uint64_t increment);
/* An expression of mdb; all of the text. */
struct ap_err *ap_session_evaluate(struct ap_session *session, const char *text,
				   uint64_t *ret_value);
/* Appends lines and results to a file from now on; NULL: no more. */
struct ap_err *ap_session_log(struct ap_session *session, const char *path);
const char *ap_session_log_path(const struct ap_session *session); /* NULL: there is none */
/*
 * The running process that the session holds stopped: its id, 0: none (a core, or let go).
 * Attaching replaces the target; letting go keeps what was read.
 */
pid_t ap_session_live(const struct ap_session *session);
struct ap_err *ap_session_attach(struct ap_session *session, pid_t pid);
struct ap_err *ap_session_release(struct ap_session *session);
/* Runs lines as if typed; what they print goes to `out`, as text. */
struct ap_err *ap_session_run_into(struct ap_session *session, const char *lines,
				   struct ap_out *out);
/*
 * Variables of mdb: those of the target (registers, b d e m t, thread, pid), those the user set,
 * and 0 and 9, what the last format showed and the last count.
 */
bool ap_session_variable(const struct ap_session *session, const char *name, uint64_t *ret_value);
struct ap_err *ap_session_set_variable(struct ap_session *session, const char *name,
				       uint64_t value);
void ap_session_unset_variable(struct ap_session *session, const char *name);
/* ::typeset: makes the variable if there is none. */
struct ap_err *ap_session_tag_variable(struct ap_session *session, const char *name, bool tagged);
bool ap_session_variable_tag(const struct ap_session *session, const char *name);
/* The i-th of all; false behind the last. */
bool ap_session_variable_at(const struct ap_session *session, size_t i, const char **ret_name,
			    uint64_t *ret_value);
/* `::walk NAME var`: later stages of the pipe find each value in the variable. */
void ap_session_set_walk_variable(struct ap_session *session, const char *name);

#endif
