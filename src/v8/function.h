/*
 * Functions, scripts, places in their source, scopes and contexts.
 *
 * Ownership as in v8/v8.h. Positions are UTF-16 offsets into the script's source; lines and columns
 * are 1-based, columns count UTF-16 units as V8 does.
 */
#ifndef AP_V8_FUNCTION_H
#define AP_V8_FUNCTION_H

#include "v8/v8.h"

/* FunctionKind, in V8's numbering of 9.4 to 14.6 grouped to what a person distinguishes. */
enum ap_function_kind {
	AP_FN_NORMAL,
	AP_FN_ARROW,
	AP_FN_ASYNC,
	AP_FN_ASYNC_ARROW,
	AP_FN_GENERATOR,
	AP_FN_ASYNC_GENERATOR,
	AP_FN_METHOD,
	AP_FN_ASYNC_METHOD,
	AP_FN_GENERATOR_METHOD,
	AP_FN_ASYNC_GENERATOR_METHOD,
	AP_FN_GETTER,
	AP_FN_SETTER,
	AP_FN_STATIC_INITIALIZER,
	AP_FN_CLASS_CONSTRUCTOR,
	AP_FN_BUILTIN,
	AP_FN_API,
};

/* The words of docs/json/print.md. */
const char *ap_function_kind_name(enum ap_function_kind kind);

struct ap_function_info {
	ap_tagged function; /* 0 when only the SharedFunctionInfo is known */
	ap_tagged shared, context, script;
	ap_tagged scope_info;    /* 0 if none (never compiled lazily, builtins) */
	ap_tagged bytecode;      /* BytecodeArray, 0 if none */
	struct ap_text name;     /* as written; empty if anonymous */
	struct ap_text inferred; /* V8's guess for an anonymous one; may be empty */
	enum ap_function_kind kind;
	bool is_default_constructor, is_toplevel, is_strict, is_native_code;
	bool is_async, is_generator;
	bool is_members_initializer; /* runs the field initializers of a class */
	bool is_exposed_builtin;     /* V8 shows it in stack traces although it has no script */
	int32_t start, end;          /* source positions of the function; -1 unknown */
	int formal_parameters;       /* without the receiver; -1: not adapted */
};

bool ap_function_info(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena,
		      struct ap_function_info *ret);
bool ap_shared_info(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena,
		    struct ap_function_info *ret);

struct ap_place {
	struct ap_text script; /* s == NULL: no name */
	int line, column;      /* 1-based; 0 unknown */
	int32_t position;      /* in the source text, UTF-16 units; -1 unknown */
};

/* The script's name as V8's stack trace shows it (sourceURL wins over nothing else). */
struct ap_text ap_script_name(struct ap_v8 *v8, ap_tagged script, struct ap_arena *arena);
/* Line and column of a position. Counts newlines itself; remembers line starts per script. */
bool ap_script_place(struct ap_v8 *v8, ap_tagged script, int32_t position, struct ap_arena *arena,
		     struct ap_place *ret_place);
/* Source text [start, end) as WTF-8; s == NULL if it is not in the core. */
struct ap_text ap_script_text(struct ap_v8 *v8, ap_tagged script, int32_t start, int32_t end,
			      struct ap_arena *arena);
bool ap_script_length(struct ap_v8 *v8, ap_tagged script, uint32_t *ret_units);

/* bytecode.c: the position of the expression at a bytecode offset. */
bool ap_bytecode_position(struct ap_v8 *v8, ap_tagged bytecode, int32_t offset,
			  int32_t *ret_position);
/* Does the position table decode whole, offsets rising and inside the code? For validation. */
bool ap_bytecode_positions_plausible(struct ap_v8 *v8, ap_tagged bytecode);
/* Position at which a suspended generator stands (its +48 field holds the bytecode offset). */
bool ap_generator_position(struct ap_v8 *v8, ap_tagged generator, int32_t *ret_position);

/* scope.c */
enum ap_scope_type {
	AP_SCOPE_TYPE_CLASS,
	AP_SCOPE_TYPE_EVAL,
	AP_SCOPE_TYPE_FUNCTION,
	AP_SCOPE_TYPE_MODULE,
	AP_SCOPE_TYPE_SCRIPT,
	AP_SCOPE_TYPE_CATCH,
	AP_SCOPE_TYPE_BLOCK,
	AP_SCOPE_TYPE_WITH,
	AP_SCOPE_TYPE_OTHER,
};

struct ap_scope_info {
	ap_tagged address;
	enum ap_scope_type type;
	uint32_t flags;
	int function_kind; /* V8's number */
	int n_parameters, n_locals;
	int32_t start, end;    /* -1 unknown */
	ap_tagged names_table; /* NameToIndexHashTable when there are many locals, else 0 */
	int64_t names, infos;  /* offsets of the two arrays; names == 0 with a table */
	ap_tagged function_name, inferred_name, outer; /* 0 if none */
	int function_slot;        /* context slot of the function's own name, -1 none */
	int64_t module_variables; /* offset of the module variable list, 0 none */
	int n_module_variables;
};

bool ap_scope_info_read(struct ap_v8 *v8, ap_tagged scope_info, struct ap_scope_info *ret);
/* The same of what is known to be one, for threads: no cache is touched, and `outer` may be
 * anything. */
bool ap_scope_info_known(const struct ap_v8 *v8, ap_tagged scope_info, struct ap_scope_info *ret);
/* Name of context local `i` (context slot = min slots (+1 with extension) + i). */
bool ap_scope_local_name(struct ap_v8 *v8, const struct ap_scope_info *scope, int i,
			 ap_tagged *ret_name);
/* Index of the first local's context slot. */
int ap_scope_first_slot(const struct ap_v8 *v8, const struct ap_scope_info *scope);
bool ap_context_slot(struct ap_v8 *v8, ap_tagged context, int slot, uint64_t *ret);
bool ap_context_scope_info(struct ap_v8 *v8, ap_tagged context, ap_tagged *ret);
bool ap_context_previous(struct ap_v8 *v8, ap_tagged context, ap_tagged *ret);
/* The native context that a function or context belongs to. */
bool ap_native_context_of(struct ap_v8 *v8, ap_tagged object, ap_tagged *ret);

/* The native context in which an isolate runs. */
bool ap_isolate_native_context(struct ap_v8 *v8, const struct ap_isolate *isolate, ap_tagged *ret);

/* A tagged or raw (double) value; raw ones come from ContextCells (14.6) and double fields. */
struct ap_slot {
	bool is_raw_double;
	double number;
	ap_tagged tagged;
};
/* The value behind a context slot: unwraps ContextCells. */
bool ap_context_value(struct ap_v8 *v8, ap_tagged context, int slot, struct ap_slot *ret);

#endif
