/*
 * libuv's handles and requests as they lie in memory. The offsets are those that the DWARF of the
 * official builds gives for Node 12 to 26; each object is proven by its links (data, loop, type)
 * before it is used.
 *
 * Ownership: texts are built in the caller's arena. Addresses are of the target.
 */
#ifndef AP_NODE_LOOP_H
#define AP_NODE_LOOP_H

#include "node/environment.h"

/* uv_handle_type */
enum ap_uv_type {
	AP_UV_ASYNC = 1,
	AP_UV_CHECK,
	AP_UV_FS_EVENT,
	AP_UV_FS_POLL,
	AP_UV_HANDLE,
	AP_UV_IDLE,
	AP_UV_PIPE,
	AP_UV_POLL,
	AP_UV_PREPARE,
	AP_UV_PROCESS,
	AP_UV_STREAM,
	AP_UV_TCP,
	AP_UV_TIMER,
	AP_UV_TTY,
	AP_UV_UDP,
	AP_UV_SIGNAL,
	AP_UV_N_TYPES,
};

/* "tcp", "pipe" ...; NULL for a number that is none. */
const char *ap_uv_type_name(unsigned type);

struct ap_uv_handle {
	ap_addr address, loop;
	enum ap_uv_type type;
	bool active, referenced, closing;
	/* Of the types that have it; -1 else. */
	int fd, pid, signal;
	struct ap_text path;   /* watched file, socket file; s == NULL: none */
	const char *state;     /* of streams: "listening", "connecting", "open" ...; NULL else */
	uint64_t queued_bytes; /* written by JavaScript, not yet taken by the kernel */
	bool has_queued_bytes;
};

/* The handle at `address`, if it is one. */
bool ap_uv_handle_read(const struct ap_image *image, ap_addr address, struct ap_arena *arena,
		       struct ap_uv_handle *ret);
/* The handle of a HandleWrap: a pointer in it or a part of it, whose `data` is the wrap. */
bool ap_uv_handle_of(const struct ap_image *image, ap_addr wrap, ap_addr loop,
		     struct ap_arena *arena, struct ap_uv_handle *ret);
/* An embedded handle proven by its links, for finding the loop. */
bool ap_uv_is_linked_handle(const struct ap_image *image, ap_addr address, ap_addr *ret_loop,
			    unsigned *ret_type);

struct ap_uv_request {
	ap_addr address;
	const char *kind;      /* "fs", "getaddrinfo", "connect" ... */
	const char *operation; /* of fs: "open", "read" ...; NULL else */
	int fd;                /* of fs; -1 else */
	struct ap_text path, new_path, host, service;
};

/* The request inside a ReqWrap: its `data` is the wrap. */
bool ap_uv_request_of(const struct ap_image *image, ap_addr wrap, struct ap_arena *arena,
		      struct ap_uv_request *ret);

#endif
