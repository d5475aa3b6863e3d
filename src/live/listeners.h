/*
 * The TCP sockets on which a process listens, from /proc: in its own network namespace, whichever
 * that is.
 *
 * Ownership: struct ap_listeners owns its table until ap_listeners_close().
 */
#ifndef AP_LIVE_LISTENERS_H
#define AP_LIVE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { AP_ADDRESS_MAX = 48 };

struct ap_listener {
	uint64_t inode;
	uint16_t port;
	bool v6;
	uint8_t address[16]; /* network order; 4 bytes of it for IPv4 */
};

struct ap_listeners {
	struct ap_listener *at;
	size_t n, cap;
};

/* Those that the process holds; `all`: of everyone in its network namespace. */
struct ap_err *ap_listeners_read(pid_t pid, bool all, struct ap_listeners *ret_listeners);
/* The text of a /proc/PID/net/tcp or tcp6: adds its listening sockets. False: out of memory. */
bool ap_listeners_parse(const char *text, size_t bytes, bool v6, struct ap_listeners *listeners);
void ap_listeners_close(struct ap_listeners *listeners);
#define AP_LISTENERS_AUTO AP_CLEANUP(ap_listeners_close) struct ap_listeners

const struct ap_listener *ap_listeners_find(const struct ap_listeners *listeners, uint64_t inode);
/* Where to connect to: a socket that listens on all addresses is reached through the loopback. */
void ap_listener_address(const struct ap_listener *listener, char buf[static AP_ADDRESS_MAX]);
bool ap_listener_on_loopback(const struct ap_listener *listener);
/* Who holds a socket, 0: nobody we may look at. */
pid_t ap_socket_owner(uint64_t inode);

#endif
