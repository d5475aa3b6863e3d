/*
 * Names that V8 gives: the constructor of an object as its heap snapshot labels it, a function as
 * its stack traces call it, a stack frame as error.stack prints it.
 *
 * Ownership: texts are built in the caller's arena, or are constants.
 */
#ifndef AP_V8_NAMING_H
#define AP_V8_NAMING_H

#include "v8/property.h"

/* JSReceiver::GetConstructorName: "Dog", "Object"; s == NULL if `object` is no JavaScript object.
 */
struct ap_text ap_constructor_name(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena);
/*
 * The same to the letter, for prototypes too: they are called after what they are prototypes of.
 * `ret_constructor` is the function that gave the name, 0 if it came from elsewhere
 * (JSReceiver::GetConstructor).
 */
struct ap_text ap_snapshot_name(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena,
				ap_tagged *ret_constructor);
/* What wraps a primitive value: "Number", "String"; s == NULL for objects, null and undefined. */
struct ap_text ap_wrapper_class(struct ap_v8 *v8, ap_tagged value);
/* SharedFunctionInfo::DebugName, of a definition; s == NULL if it is none. */
struct ap_text ap_debug_name(struct ap_v8 *v8, ap_tagged shared, struct ap_arena *arena);
/*
 * The name of the function or class whose `prototype` this object is; s == NULL if it is none.
 * ap_constructor_name() of such an object names what the prototype itself is an instance of.
 */
struct ap_text ap_prototype_of(struct ap_v8 *v8, ap_tagged object, struct ap_arena *arena);
/* JSFunction::GetDebugName: an own `name` that is a string, else the name, else the inferred one.
 */
struct ap_text ap_function_debug_name(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena);
/*
 * `f.name` as far as V8 holds it: an own `name` that is a string, else the name as written,
 * "anonymous" for what `new Function` made. s == NULL if unreadable.
 */
struct ap_text ap_function_name(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena);
/* The `prototype` of a function as far as it exists: V8 makes most of them on demand. */
bool ap_function_prototype(struct ap_v8 *v8, ap_tagged function, ap_tagged *ret);

struct ap_call_site {
	ap_tagged function; /* JSFunction */
	ap_tagged receiver; /* 0: unknown */
	bool is_strict, is_constructor, is_async;
	bool is_toplevel; /* the receiver is the global proxy, null or undefined */
};
/*
 * What stands before the place in a line of error.stack: "Service.make", "new Dog", "async main",
 * "Object.<anonymous>"; empty where V8 prints only the place.
 */
struct ap_text ap_call_site_name(struct ap_v8 *v8, const struct ap_call_site *site,
				 struct ap_arena *arena);
/* "file.js:3:7", "eval at f (file.js:3:7), <anonymous>:1:1", "<anonymous>": position -1 if unknown.
 */
void ap_call_site_place(struct ap_v8 *v8, ap_tagged script, int32_t position,
			struct ap_arena *arena, struct ap_str *out);
bool ap_script_is_eval(struct ap_v8 *v8, ap_tagged script);
/* "eval at f (file.js:3:7)". */
void ap_script_eval_origin(struct ap_v8 *v8, ap_tagged script, struct ap_arena *arena,
			   struct ap_str *out);
/* The receiver of a sloppy function's frame is top-level when it is no object of its own. */
bool ap_receiver_is_toplevel(struct ap_v8 *v8, ap_tagged receiver);

#endif
