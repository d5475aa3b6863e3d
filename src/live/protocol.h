/*
 * The inspector protocol's messages, read with limits: whoever answers on that port is not trusted.
 *
 * Ownership: texts live in the arena that was given.
 */
#ifndef AP_LIVE_PROTOCOL_H
#define AP_LIVE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A string of a message, and so a message, is never larger. */
enum { AP_PROTOCOL_MAX = 64 << 20 };

/* Texts that are absent have s == NULL. */
struct ap_protocol_message {
	bool is_reply;
	uint64_t id;           /* of a reply */
	struct ap_text method; /* of an event */
	struct ap_text body;   /* the JSON of result or params */
	struct ap_text error;  /* of a refused call */
};
struct ap_err *ap_protocol_read(const char *text, size_t bytes, struct ap_arena *arena,
				struct ap_protocol_message *ret_message);

/* The answer of Runtime.evaluate and Runtime.callFunctionOn. */
struct ap_protocol_value {
	struct ap_text type;      /* string, number, object, undefined ... */
	struct ap_text string;    /* of type string */
	struct ap_text object_id; /* of an object that was not asked for by value */
	struct ap_text exception; /* what was thrown, in words */
};
struct ap_err *ap_protocol_read_value(struct ap_text body, struct ap_arena *arena,
				      struct ap_protocol_value *ret_value);

/*
 * The answer to GET /json/list: the path of the first target's WebSocket, with its leading slash,
 * of harmless characters only. Host and port in it are the peer's claims and are not used.
 */
struct ap_err *ap_protocol_read_targets(const char *text, size_t bytes, struct ap_arena *arena,
					struct ap_text *ret_path);

#endif
