/*
 * One HTTP GET and one WebSocket, over libwebsockets, with deadlines.
 *
 * Ownership: struct ap_websocket owns the connection until ap_websocket_close().
 */
#ifndef AP_LIVE_WEBSOCKET_H
#define AP_LIVE_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ap_websocket_peer {
	const char *address; /* numeric */
	uint16_t port;
	unsigned timeout_ms; /* of each step */
	bool (*cancelled)(void *arg);
	void *arg;
};

/* Appends the body of `path`, of at most `limit` bytes; fails unless the answer is 200. */
struct ap_err *ap_http_get(const struct ap_websocket_peer *peer, const char *path, size_t limit,
			   struct ap_str *out);

struct ap_websocket;

struct ap_err *ap_websocket_open(const struct ap_websocket_peer *peer, const char *path,
				 size_t max_message, struct ap_websocket **ret_socket);
void ap_websocket_close(struct ap_websocket *socket);
/* Queues one text message. */
struct ap_err *ap_websocket_send(struct ap_websocket *socket, const char *text, size_t bytes);
/*
 * The next message, which stays valid until the next call; text.s == NULL: the peer closed. Fails
 * with AP_E_LIMIT when nothing came in time.
 */
struct ap_err *ap_websocket_receive(struct ap_websocket *socket, unsigned timeout_ms,
				    struct ap_text *ret_text);

#endif
