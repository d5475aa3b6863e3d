/*
 * What a program waited for when it ended: handles of its event loop, requests under way, timers.
 *
 * Ownership: rows and texts are built in the caller's arena. Where a target does not know, texts
 * have s == NULL, numbers are -1, values are AP_T_NULL.
 */
#ifndef AP_MODEL_ACTIVITY_H
#define AP_MODEL_ACTIVITY_H

#include "model/model.h"

struct ap_endpoint {
	struct ap_text address; /* s == NULL: the process does not hold it */
	int port;
};

/* A place in the source with the function that stands there. */
struct ap_code_place {
	struct ap_text function, script;
	int line, column; /* 1-based, 0 unknown */
};

struct ap_handle {
	pid_t tid;            /* of the thread whose loop has it; 0 unknown */
	uint64_t address;     /* of the C++ object */
	struct ap_text class; /* "node::TCPWrap" */
	struct ap_text kind;  /* "tcp", "pipe", "process" ... */
	struct ap_text state; /* of streams: "listening", "open" ... */
	bool referenced;      /* keeps the process alive */
	bool active, closing;
	int fd, pid, signal;
	struct ap_endpoint local, remote;
	struct ap_text host, path, command;
	int64_t queued_bytes;   /* written by JavaScript, not yet taken by the kernel */
	struct ap_value object; /* that stands for it */
	struct ap_value owner;  /* that the program knows: Socket, Server ... */
};

struct ap_request {
	pid_t tid;
	uint64_t address;
	struct ap_text class, kind;
	struct ap_text operation; /* "open", "read" ... */
	struct ap_text path, new_path, host, service;
	int fd;
	struct ap_endpoint remote;
	struct ap_value object, owner, callback;
	struct ap_code_place place; /* of the callback */
};

enum ap_timer_kind { AP_TIMER_KIND_TIMEOUT, AP_TIMER_KIND_INTERVAL, AP_TIMER_KIND_IMMEDIATE };

const char *ap_timer_kind_name(enum ap_timer_kind kind);

struct ap_timer {
	pid_t tid;
	enum ap_timer_kind kind;
	double after_ms; /* -1: immediates */
	bool has_due;
	double due_in_ms; /* from the loop's last turn; negative: late */
	bool referenced;
	struct ap_value object, callback;
	struct ap_code_place place; /* of the callback */
};

typedef AP_VEC(struct ap_handle) ap_handle_vec;
typedef AP_VEC(struct ap_request) ap_request_vec;
typedef AP_VEC(struct ap_timer) ap_timer_vec;

/* How many of each, without looking at them closely. */
struct ap_activity_counts {
	uint64_t servers, sockets, children, watchers, requests, timers, immediates;
	bool more; /* there are too many to count quickly: these are the least */
};

struct ap_activity_ops {
	struct ap_err *(*count)(struct ap_model *, struct ap_activity_counts *ret);
	struct ap_err *(*handles)(struct ap_model *, struct ap_arena *, ap_handle_vec *ret);
	struct ap_err *(*requests)(struct ap_model *, struct ap_arena *, ap_request_vec *ret);
	/* Those due first come first. */
	struct ap_err *(*timers)(struct ap_model *, struct ap_arena *, ap_timer_vec *ret);
};

#endif
