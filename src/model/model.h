/*
 * The seam: what a dead (or live) JavaScript program looks like to everything above: threads ->
 * frames -> scopes -> variables -> values -> sources. Commands, reports, DevTools and editors see
 * the target only through this; a core (model/core.h) and a crash file stand behind it.
 *
 * Ownership: a model owns its target. Every result is built in the arena that the caller passes and
 * lives as long as that arena; texts may also point into the target, which outlives it. Results are
 * written only on success.
 *
 * Errors: functions fail only when nothing useful can be said. A single slot that cannot be read
 * becomes a value of type AP_T_UNREADABLE with a reason, and is counted in the model's gaps.
 */
#ifndef AP_MODEL_MODEL_H
#define AP_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The types of docs/json/print.md, in its words (ap_type_name()). */
#define AP_TYPES(X)                                                                                \
	X(NUMBER, "number")                                                                        \
	X(STRING, "string")                                                                        \
	X(BOOLEAN, "boolean")                                                                      \
	X(UNDEFINED, "undefined")                                                                  \
	X(NULL, "null")                                                                            \
	X(BIGINT, "bigint")                                                                        \
	X(SYMBOL, "symbol")                                                                        \
	X(HOLE, "hole")                                                                            \
	X(INTERNAL, "internal")                                                                    \
	X(OPTIMISED_OUT, "optimised-out")                                                          \
	X(UNREADABLE, "unreadable")                                                                \
	X(OBJECT, "object")                                                                        \
	X(ARRAY, "array")                                                                          \
	X(FUNCTION, "function")                                                                    \
	X(CLASS, "class")                                                                          \
	X(BOUND_FUNCTION, "bound-function")                                                        \
	X(ERROR, "error")                                                                          \
	X(DATE, "date")                                                                            \
	X(REGEXP, "regexp")                                                                        \
	X(MAP, "map")                                                                              \
	X(WEAKMAP, "weakmap")                                                                      \
	X(SET, "set")                                                                              \
	X(WEAKSET, "weakset")                                                                      \
	X(WEAKREF, "weakref")                                                                      \
	X(FINALIZATION_REGISTRY, "finalization-registry")                                          \
	X(PROMISE, "promise")                                                                      \
	X(PROXY, "proxy")                                                                          \
	X(GENERATOR, "generator")                                                                  \
	X(ASYNC_GENERATOR, "async-generator")                                                      \
	X(ASYNC_FUNCTION, "async-function")                                                        \
	X(ARGUMENTS, "arguments")                                                                  \
	X(BOXED, "boxed")                                                                          \
	X(ARRAYBUFFER, "arraybuffer")                                                              \
	X(SHAREDARRAYBUFFER, "sharedarraybuffer")                                                  \
	X(TYPEDARRAY, "typedarray")                                                                \
	X(BUFFER, "buffer")                                                                        \
	X(DATAVIEW, "dataview")                                                                    \
	X(MODULE, "module")                                                                        \
	X(ITERATOR, "iterator")                                                                    \
	X(WASM, "wasm")                                                                            \
	X(GLOBAL, "global")                                                                        \
	X(API, "api")

enum ap_type {
#define X(id, name) AP_T_##id,
	AP_TYPES(X)
#undef X
};

const char *ap_type_name(enum ap_type type);
/* Everything from AP_T_OBJECT on is a JavaScript object with properties. */
static inline bool ap_type_is_object(enum ap_type type)
{
	return type >= AP_T_OBJECT;
}

/* A value in its short form. `ref` names it to the model: for a core the tagged word. */
struct ap_value {
	enum ap_type type;
	bool has_ref;     /* false for numbers held raw and for what is not there */
	bool has_address; /* an object of the heap; its address is ref without the tag */
	bool is_smi;
	bool truncated; /* `text` was cut */
	uint64_t ref;
	uint64_t address;
	uint64_t length;            /* strings: UTF-16 code units */
	struct ap_text constructor; /* objects; s == NULL else */
	struct ap_text text;        /* see docs/json/print.md; a reason for AP_T_UNREADABLE, V8's
				       type name for AP_T_INTERNAL */
};

enum ap_property_kind { AP_PROPERTY_DATA, AP_PROPERTY_ACCESSOR, AP_PROPERTY_NATIVE };

struct ap_property {
	struct ap_text name;
	enum ap_property_kind kind;
	bool has_value; /* false: accessor, or a native one that only V8 could compute */
	struct ap_value value;
	struct ap_value getter, setter; /* AP_T_NULL when absent */
	bool symbol, private_name, enumerable, writable, configurable;
};

struct ap_element {
	uint64_t index;
	bool accessor; /* stands in the properties too */
	struct ap_value value;
};

struct ap_entry {
	bool has_key; /* false: a Set's */
	struct ap_value key, value;
};

enum ap_extra_kind {
	AP_EXTRA_NULL,
	AP_EXTRA_TEXT,
	AP_EXTRA_INT,
	AP_EXTRA_BOOL,
	AP_EXTRA_VALUE,
	AP_EXTRA_VALUES,  /* array of values */
	AP_EXTRA_WAITERS, /* promise: awaited_by */
};

/* Who waits for a promise. */
struct ap_waiter {
	struct ap_text function, script;
	int line, column; /* 1-based, 0 unknown */
	struct ap_value generator;
};

/* A key that only this type has ("source", "state", "bound_this" ...), as docs/json/print.md. */
struct ap_extra {
	const char *key;
	enum ap_extra_kind kind;
	struct ap_text text;
	int64_t number; /* also the boolean */
	const struct ap_value *values;
	const struct ap_waiter *waiters;
	size_t n;
};

/* Unknown: the target does not tell, as crash files; null in JSON, and so is the mode then. */
enum ap_integrity { AP_EXTENSIBLE, AP_NON_EXTENSIBLE, AP_SEALED, AP_FROZEN, AP_INTEGRITY_UNKNOWN };

/* A value in its full form. */
struct ap_detail {
	struct ap_value self; /* its text uncut up to the limit of the full form */
	AP_VEC(struct ap_property) properties;
	AP_VEC(struct ap_element) elements;
	AP_VEC(struct ap_entry) entries; /* maps and sets */
	AP_VEC(struct ap_extra) extras;
	bool has_entries;
	int64_t length; /* -1: none */
	uint64_t hole;  /* the reference that stands for a missing element; 0: none has one */
	bool truncated;
	struct ap_value prototype;
	struct ap_text prototype_of; /* s == NULL: not a prototype */
	enum ap_integrity integrity;
	bool dictionary_mode;
};

struct ap_detail_limits {
	size_t items;      /* per list; 0: no limit */
	size_t text_units; /* of strings, in UTF-16 code units */
	size_t bytes;      /* of bytes_hex */
};

extern const struct ap_detail_limits ap_detail_default_limits;

enum ap_frame_kind {
	AP_FRAME_JS,
	AP_FRAME_NATIVE,
	AP_FRAME_BUILTIN,
	AP_FRAME_INTERNAL,
	AP_FRAME_ASYNC,
};

enum ap_tier {
	AP_TIER_NONE,
	AP_TIER_INTERPRETED,
	AP_TIER_BASELINE,
	AP_TIER_MAGLEV,
	AP_TIER_TURBOFAN,
};

const char *ap_frame_kind_name(enum ap_frame_kind kind);
const char *ap_tier_name(enum ap_tier tier); /* NULL for AP_TIER_NONE */

struct ap_variable {
	struct ap_text name;
	struct ap_value value;
};

struct ap_frame {
	enum ap_frame_kind kind;
	enum ap_tier tier;
	bool inlined;
	uint64_t fp, pc; /* 0 for async frames */
	bool exact_pc;   /* pc is the next instruction, not a return address */
	unsigned level;  /* among the functions of one machine frame: 0 is the innermost */
	/* JS, builtin with a function, async: */
	struct ap_text function; /* as V8's own stack trace prints it */
	struct ap_text name;     /* the function's plain name, empty if anonymous */
	struct ap_text script;   /* V8's script name, s == NULL if none */
	int line, column;        /* 1-based, 0 unknown: of what is executed */
	/* UTF-16 units into the script where its text, and so the line, is not there; 0 or less:
	 * none. */
	int32_t position;
	bool user_code;         /* neither node's own nor node_modules */
	struct ap_value callee; /* the JSFunction; AP_T_UNREADABLE if unknown */
	bool has_receiver;
	struct ap_value receiver;
	AP_VEC(struct ap_variable) arguments;
	/* native and builtin: */
	struct ap_text module, symbol; /* symbol demangled; s == NULL if none */
	uint64_t offset;               /* from the symbol, else from the module's start */
	struct ap_text internal_name;  /* internal frames: "EntryFrame", "ExitFrame" ... */
};

typedef AP_VEC(struct ap_frame) ap_frame_vec;

enum ap_thread_role { AP_ROLE_MAIN, AP_ROLE_WORKER, AP_ROLE_NATIVE };

const char *ap_thread_role_name(enum ap_thread_role role);

struct ap_thread_info {
	pid_t tid;
	enum ap_thread_role role;
	bool crashed; /* the one that took the signal */
	uint64_t pc, sp;
	struct ap_text top;   /* innermost native symbol, or empty */
	struct ap_text doing; /* "running JavaScript", "waiting for events" ...; s == NULL unknown
			       */
};

typedef AP_VEC(struct ap_thread_info) ap_thread_vec;

enum ap_scope_kind {
	AP_SCOPE_LOCAL,
	AP_SCOPE_CLOSURE,
	AP_SCOPE_BLOCK,
	AP_SCOPE_CATCH,
	AP_SCOPE_CLASS,
	AP_SCOPE_EVAL,
	AP_SCOPE_MODULE,
	AP_SCOPE_SCRIPT,
	AP_SCOPE_WITH,
	AP_SCOPE_GLOBAL,
};

const char *ap_scope_kind_name(enum ap_scope_kind kind);

struct ap_scope {
	enum ap_scope_kind kind;
	uint64_t context;     /* address of the Context, 0 for locals */
	struct ap_text owner; /* the function it belongs to, if known */
	AP_VEC(struct ap_variable) variables;
};

typedef AP_VEC(struct ap_scope) ap_scope_vec;

/* A function's script, whole, with the part that the function is and the executing line. */
struct ap_source {
	struct ap_text script;
	struct ap_text text;       /* the whole source */
	int first_line, last_line; /* of the function, 1-based in the file */
	int line, column;          /* executing place when asked for a frame, else 0 */
	int text_first_line;       /* line number of text's first line: 1, or an offset */
};

enum ap_verdict_kind {
	AP_VERDICT_UNCAUGHT_ERROR,
	AP_VERDICT_UNHANDLED_REJECTION,
	AP_VERDICT_OUT_OF_HEAP,
	AP_VERDICT_ABORT,
	AP_VERDICT_SIGNAL,
	AP_VERDICT_LIVE,
	AP_VERDICT_UNKNOWN,
};

enum ap_certainty { AP_CERTAIN, AP_LIKELY, AP_GUESS };

const char *ap_verdict_kind_name(enum ap_verdict_kind kind);
const char *ap_certainty_name(enum ap_certainty certainty);

struct ap_verdict {
	enum ap_verdict_kind kind;
	enum ap_certainty certainty;
	struct ap_text text;     /* one sentence */
	struct ap_text evidence; /* why we say so; may be empty */
	bool has_error;
	struct ap_value error; /* the thrown value */
	struct ap_text error_name, error_message, error_stack;
	AP_VEC(struct ap_text) causes;  /* "Name: message" down the cause chain */
	uint64_t heap_used, heap_limit; /* bytes; 0 unknown */
};

/* A fact with the place it was taken from; s == NULL when nothing reliable says it. */
struct ap_sourced {
	struct ap_text value, source;
};

struct ap_memory_kind {
	const char *name; /* "JS heap", "Native heap" ... */
	uint64_t bytes;   /* in the core or served from files */
};

struct ap_info {
	const char *container; /* what the target is: "crash file", "panic dump"; NULL: a core */
	pid_t pid, ppid;
	uid_t uid;  /* meaningless unless it is a core */
	int signal; /* 0: did not die */
	bool died;
	struct ap_text executable, node_version, v8_version, arch;
	struct ap_text command_line; /* secrets masked unless the model was told otherwise */
	AP_VEC(struct ap_text) argv, exec_argv;
	AP_VEC(struct ap_variable) versions; /* process.versions, name -> string value */
	struct ap_sourced hostname, died_at, uptime, cwd, title;
	double uptime_seconds; /* meaningful if uptime.value.s */
	int64_t died_at_unix;
	AP_VEC(struct ap_memory_kind) memory;
	uint64_t core_bytes, core_expected_bytes;
	uint64_t minicore_of; /* bytes of the core that this is a minicore of; 0: it is none */
	bool truncated;
	size_t n_isolates;
	struct ap_text layout; /* "exact", or what is unknown */
	AP_VEC(struct ap_text) warnings;
};

/* What could not be read while answering, and did not have to be absent. */
struct ap_gaps {
	uint64_t absent; /* reads of pages the core does not hold */
	uint64_t bad;    /* things that did not decode */
	uint64_t first_address;
};

struct ap_frames_options {
	bool native;  /* with native and internal frames */
	bool values;  /* receiver and arguments */
	bool async;   /* with the awaiting functions below */
	size_t limit; /* 0: no limit */
};

struct ap_model;
struct ap_activity_ops;

struct ap_model_ops {
	void (*close)(struct ap_model *);
	struct ap_err *(*info)(struct ap_model *, struct ap_arena *, struct ap_info *ret);
	struct ap_err *(*verdict)(struct ap_model *, struct ap_arena *, struct ap_verdict *ret);
	struct ap_err *(*threads)(struct ap_model *, struct ap_arena *, ap_thread_vec *ret);
	struct ap_err *(*frames)(struct ap_model *, size_t thread, const struct ap_frames_options *,
				 struct ap_arena *, ap_frame_vec *ret);
	/* The scopes of a function value, or with `frame` of the executing code: locals first. */
	struct ap_err *(*scopes)(struct ap_model *, uint64_t ref, const struct ap_frame *frame,
				 struct ap_arena *, ap_scope_vec *ret);
	struct ap_err *(*describe)(struct ap_model *, uint64_t ref, struct ap_arena *,
				   struct ap_value *ret);
	struct ap_err *(*detail)(struct ap_model *, uint64_t ref, const struct ap_detail_limits *,
				 struct ap_arena *, struct ap_detail *ret);
	struct ap_err *(*source)(struct ap_model *, uint64_t ref, const struct ap_frame *frame,
				 struct ap_arena *, struct ap_source *ret);
	/* What it waited for (model/activity.h); NULL: the target does not tell. */
	const struct ap_activity_ops *activity;
	/* A value that the target has under a name of its own ("state"); may be NULL. */
	struct ap_err *(*named)(struct ap_model *, struct ap_text name, struct ap_arena *,
				struct ap_value *ret);
};

struct ap_model {
	const struct ap_model_ops *ops;
	struct ap_gaps gaps; /* reset by whoever runs a command */
	bool incomplete; /* cut off, or of a V8 not seen before: every answer may lack something */
};

static inline void ap_model_close(struct ap_model *model)
{
	if (model)
		model->ops->close(model);
}

/* "Dog {name: "Rex"}": one line for people, at most about 100 columns; NULL without memory. */
struct ap_text ap_value_preview(struct ap_model *model, const struct ap_value *value,
				struct ap_arena *arena);
/* Follows "a.b[3]['x y'].#p" from `ref`; a step that leads nowhere is an error naming the step. */
struct ap_err *ap_value_follow(struct ap_model *model, uint64_t ref, const char *path,
			       struct ap_arena *arena, struct ap_value *ret_value);
/* The extra of that key, or NULL. */
const struct ap_extra *ap_detail_extra(const struct ap_detail *detail, const char *key);
/* Neither node's own script nor one under node_modules. */
bool ap_script_is_user_code(struct ap_text script);

#endif
