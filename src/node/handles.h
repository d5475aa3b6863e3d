/*
 * What the event loop serves, as a person sees it: sockets, servers, children, watchers, and the
 * requests that have not come back.
 *
 * Ownership: texts are built in the caller's arena; objects are tagged words.
 */
#ifndef AP_NODE_HANDLES_H
#define AP_NODE_HANDLES_H

#include "node/loop.h"

struct ap_node_endpoint {
	struct ap_text address; /* s == NULL: the process does not hold it */
	int port;               /* -1: unknown */
};

struct ap_node_handle {
	struct ap_node_wrap wrap;
	bool has_uv;
	struct ap_uv_handle uv;
	ap_tagged owner; /* Socket, Server, ChildProcess ...; the wrap's own object if nobody owns
			    it; 0 */
	/* As JavaScript remembers them: a socket only if somebody asked it. */
	struct ap_node_endpoint local, remote;
	struct ap_text host;    /* that a client asked for */
	struct ap_text command; /* of a child */
};

struct ap_node_request {
	struct ap_node_wrap wrap;
	bool has_uv;
	struct ap_uv_request uv;
	ap_tagged owner;
	ap_tagged callback;             /* 0: none */
	struct ap_node_endpoint remote; /* of a connect */
};

struct ap_err *ap_node_handle_next(struct ap_node_wraps *list, struct ap_arena *arena,
				   struct ap_node_handle *ret, bool *ret_more);
struct ap_err *ap_node_request_next(struct ap_node_wraps *list, struct ap_arena *arena,
				    struct ap_node_request *ret, bool *ret_more);
/*
 * The program's own function behind one that Node wraps around it: bound ones, `cb` of fs,
 * `callback` of dns. The innermost that was found, at worst `function` itself. `request` may be 0.
 */
ap_tagged ap_node_callback(struct ap_v8 *v8, ap_tagged function, ap_tagged request,
			   struct ap_arena *arena);

#endif
