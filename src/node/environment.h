/*
 * node::Environment: the object that Node keeps for each isolate that runs JavaScript, its event
 * loop, and the lists of what that loop serves.
 *
 * Ownership: plain structs; they borrow V8's session. Addresses are those of C++ objects in the
 * target. What the lists say is the target's word: every link is checked against the one back,
 * every list bounded.
 */
#ifndef AP_NODE_ENVIRONMENT_H
#define AP_NODE_ENVIRONMENT_H

#include "v8/v8.h"

struct ap_node_env {
	struct ap_v8 *v8;
	const struct ap_isolate *isolate;
	ap_addr address;
	ap_tagged native_context;
	ap_addr loop;  /* its uv_loop_t; 0 unknown */
	ap_addr timer; /* the uv_timer_t that runs all JavaScript timers; 0 unknown */
};

/*
 * From the isolate's native context, whose embedder data point to the Environment; proven by the
 * lists in it. An error where Node's metadata (nodedbg_*) are missing or nothing there is an
 * Environment.
 */
struct ap_err *ap_node_environment(struct ap_v8 *v8, const struct ap_isolate *isolate,
				   struct ap_node_env *ret);

/* A C++ object that a JavaScript object stands for. */
struct ap_node_wrap {
	ap_addr address;
	ap_tagged object; /* 0: none any more */
	ap_addr vtable;   /* its first word */
};

/* The HandleWraps, resp. ReqWraps, in the order they were made; at most `max` of them. */
struct ap_node_wraps {
	const struct ap_node_env *env;
	ap_addr head, node;
	int64_t offset; /* of the list node in the wrap */
	size_t left;
	bool broken; /* the list does not close */
};
void ap_node_handles_begin(const struct ap_node_env *env, struct ap_node_wraps *ret);
void ap_node_requests_begin(const struct ap_node_env *env, struct ap_node_wraps *ret);
bool ap_node_wraps_next(struct ap_node_wraps *list, struct ap_node_wrap *ret);

/* The loop's clock in ms at its last turn. */
bool ap_node_loop_time(const struct ap_node_env *env, uint64_t *ret_ms);

/* The own property whose key is a symbol of that description. */
bool ap_node_symbol_value(struct ap_v8 *v8, ap_tagged object, const char *description,
			  ap_tagged *ret);
/* What Node itself would show for a wrap's object: object[owner_symbol], as long as there is one.
 */
ap_tagged ap_node_owner(struct ap_v8 *v8, ap_tagged object);
/* The variable of that name in the contexts of a function. */
bool ap_node_closure_variable(struct ap_v8 *v8, ap_tagged function, const char *name,
			      ap_tagged *ret);
/*
 * An object that one of Node's own callbacks sees as a variable (timers, ticks): Environment and
 * what it owns keep these callbacks as persistent handles.
 */
bool ap_node_internal_variable(const struct ap_node_env *env, const char *name, ap_tagged *ret);

#endif
