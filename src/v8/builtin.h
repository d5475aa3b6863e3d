/*
 * The built-in objects one by one: what each keeps in its fields beyond properties and elements.
 *
 * Ownership as in v8/v8.h; texts are built in the caller's arena. A function returns false when
 * what it needs cannot be read; outputs are then untouched.
 */
#ifndef AP_V8_BUILTIN_H
#define AP_V8_BUILTIN_H

#include "v8/element.h"
#include "v8/naming.h"

/* ---- collection.c: Map, Set, WeakMap, WeakSet ---- */

struct ap_table_iter {
	struct ap_v8 *v8;
	ap_tagged table;
	uint64_t i, n, first, stride;
	bool is_map, is_weak;
	bool broken;
};

/* The table of a JSMap, JSSet, JSWeakMap, JSWeakSet; the newest one of an iterator's. */
bool ap_table_begin(struct ap_v8 *v8, ap_tagged table, bool is_map, struct ap_table_iter *ret_iter);
bool ap_table_next(struct ap_table_iter *iter, ap_tagged *ret_key, ap_tagged *ret_value);
/* Live entries, as the table itself counts them. */
bool ap_table_size(struct ap_v8 *v8, ap_tagged table, uint32_t *ret_size);

/* ---- buffer.c ---- */

struct ap_buffer {
	uint64_t byte_length, max_byte_length;
	ap_addr data; /* 0 if empty */
	bool detached, shared, resizable;
};

struct ap_view {
	enum ap_typed type; /* AP_TYPED_NONE: DataView */
	ap_tagged buffer;
	uint64_t byte_offset, byte_length, length;
	ap_addr data;
	bool length_tracking;
};

bool ap_buffer_read(struct ap_v8 *v8, ap_tagged buffer, struct ap_buffer *ret);
bool ap_view_read(struct ap_v8 *v8, ap_tagged view, struct ap_view *ret);
/* Element `i` as a number, or as 64 bits for the two big ones. */
bool ap_view_number(struct ap_v8 *v8, const struct ap_view *view, uint64_t i, double *ret);
bool ap_view_bits(struct ap_v8 *v8, const struct ap_view *view, uint64_t i, uint64_t *ret);

/* ---- primitive.c ---- */

/* Decimal digits; s == NULL if unreadable. */
struct ap_text ap_bigint_text(struct ap_v8 *v8, ap_tagged bigint, struct ap_arena *arena);
/* The description of a symbol; false if unreadable, s == NULL if it has none. */
bool ap_symbol_description(struct ap_v8 *v8, ap_tagged symbol, uint32_t max_units,
			   struct ap_arena *arena, struct ap_text *ret);
/* Time value in milliseconds; NaN if invalid. */
bool ap_date_ms(struct ap_v8 *v8, ap_tagged date, double *ret);
/* "2024-02-29T11:30:00.000Z", "Invalid Date". */
struct ap_text ap_date_text(double ms, struct ap_arena *arena);
/* "gi"; s == NULL if unreadable. */
struct ap_text ap_regexp_flags(struct ap_v8 *v8, ap_tagged regexp, struct ap_arena *arena);

/* ---- promise.c ---- */

enum ap_promise_state { AP_PROMISE_PENDING, AP_PROMISE_FULFILLED, AP_PROMISE_REJECTED };

struct ap_promise {
	enum ap_promise_state state;
	bool handled;
	ap_tagged result; /* or the reactions while pending */
};

bool ap_promise_read(struct ap_v8 *v8, ap_tagged promise, struct ap_promise *ret);

typedef AP_VEC(ap_tagged) ap_tagged_vec;

/*
 * The suspended async functions and generators that go on when a pending promise settles, oldest
 * first: those that await it, and those that await what was chained to it (then, Promise.all).
 */
struct ap_err *ap_promise_awaiters(struct ap_v8 *v8, ap_tagged promise, struct ap_arena *arena,
				   ap_tagged_vec *ret);

/* ---- generator.c ---- */

enum ap_generator_state {
	AP_GENERATOR_START,
	AP_GENERATOR_SUSPENDED,
	AP_GENERATOR_RUNNING,
	AP_GENERATOR_CLOSED,
};

struct ap_generator {
	enum ap_generator_state state;
	ap_tagged function, receiver;
	ap_tagged promise; /* of an async function; 0 else */
	struct ap_text name;
	struct ap_place place; /* where it stands; script.s == NULL when closed */
};

bool ap_generator_read(struct ap_v8 *v8, ap_tagged generator, struct ap_arena *arena,
		       struct ap_generator *ret);

/* ---- error.c ---- */

/*
 * `error.stack` as it would have come at the moment of death; s == NULL if the object never
 * captured one.
 */
struct ap_text ap_error_stack(struct ap_v8 *v8, ap_tagged error, uint32_t max_units,
			      struct ap_arena *arena, bool *ret_cut);
/*
 * `error.name`, `error.message` as a text, own or inherited, and what DOMException keeps apart; s
 * == NULL where only running code could tell.
 */
struct ap_text ap_error_text(struct ap_v8 *v8, ap_tagged error, const char *key, uint32_t max_units,
			     struct ap_arena *arena);
/* ErrorUtils::ToString. */
struct ap_text ap_error_header(struct ap_v8 *v8, ap_tagged error, struct ap_arena *arena);
/* Is this own property the `stack` that V8 computes? */
bool ap_error_is_native_stack(struct ap_v8 *v8, ap_tagged object, const struct ap_own *own);

/* ---- module.c ---- */

struct ap_export_iter {
	struct ap_v8 *v8;
	ap_tagged exports; /* ObjectHashTable: name -> Cell */
	uint64_t i, n, first, stride;
};

/* The Module behind a namespace. */
bool ap_namespace_module(struct ap_v8 *v8, ap_tagged ns, ap_tagged *ret_module);
bool ap_module_exports(struct ap_v8 *v8, ap_tagged module, struct ap_export_iter *ret_iter);
bool ap_export_next(struct ap_export_iter *iter, ap_tagged *ret_name, ap_tagged *ret_value);
/* The script's name of a source text module, the name given to a synthetic one. */
struct ap_text ap_module_script_name(struct ap_v8 *v8, ap_tagged module, struct ap_arena *arena);

#endif
