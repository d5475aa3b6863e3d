#include "live/listeners.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/proc.h"

enum {
	TABLE_LIMIT = 64 << 20, /* bytes of /proc/PID/net/tcp: 400,000 sockets */
	FDS_LIMIT = 1 << 20,
	TCP_LISTEN = 0x0a, /* include/net/tcp_states.h */
};

void ap_listeners_close(struct ap_listeners *listeners)
{
	free(listeners->at);
	*listeners = (struct ap_listeners){0};
}

static bool add(struct ap_listeners *l, const struct ap_listener *one)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct ap_listener *grown = realloc(l->at, cap * sizeof(*grown));

		if (!grown)
			return false;
		l->at = grown;
		l->cap = cap;
	}
	l->at[l->n++] = *one;
	return true;
}

/* An address is written as 32-bit words of the machine's own order. */
static bool parse_address(const char **p, const char *end, size_t words, uint8_t *ret)
{
	for (size_t w = 0; w < words; w++) {
		uint32_t v = 0;

		for (int i = 0; i < 8; i++, (*p)++) {
			if (*p >= end || !isxdigit((unsigned char)**p))
				return false;
			v = v << 4 |
			    (uint32_t)(isdigit((unsigned char)**p) ? **p - '0'
								   : (**p | 0x20) - 'a' + 10);
		}
		memcpy(ret + w * 4, &v, 4);
	}
	return true;
}

static bool parse_hex(const char **p, const char *end, uint64_t *ret)
{
	const char *from = *p;

	*ret = 0;
	for (; *p < end && isxdigit((unsigned char)**p) && *p - from < 16; (*p)++)
		*ret = *ret << 4 |
		       (uint64_t)(isdigit((unsigned char)**p) ? **p - '0'
							      : (**p | 0x20) - 'a' + 10);
	return *p > from;
}

static void skip_words(const char **p, const char *end, int n)
{
	while (n-- > 0) {
		while (*p < end && **p == ' ')
			(*p)++;
		while (*p < end && **p != ' ')
			(*p)++;
	}
	while (*p < end && **p == ' ')
		(*p)++;
}

/* "  0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 12345 ..." */
static bool parse_line(const char *p, const char *end, bool v6, struct ap_listener *ret)
{
	struct ap_listener l = {.v6 = v6};
	uint64_t port, state, inode = 0;

	skip_words(&p, end, 1);
	if (!parse_address(&p, end, v6 ? 4 : 1, l.address) || p >= end || *p++ != ':' ||
	    !parse_hex(&p, end, &port))
		return false;
	skip_words(&p, end, 1);
	if (!parse_hex(&p, end, &state) || state != TCP_LISTEN)
		return false;
	skip_words(&p, end, 5);
	for (int digits = 0; p < end && isdigit((unsigned char)*p) && digits < 19; p++, digits++)
		inode = inode * 10 + (uint64_t)(*p - '0');
	l.port = (uint16_t)port;
	l.inode = inode;
	*ret = l;
	return inode && port && port <= UINT16_MAX;
}

bool ap_listeners_parse(const char *text, size_t bytes, bool v6, struct ap_listeners *listeners)
{
	const char *end = text + bytes;

	for (const char *line = text, *next; line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		struct ap_listener one;

		next = stop ? stop + 1 : end;
		if (parse_line(line, stop ? stop : end, v6, &one) && !add(listeners, &one))
			return false;
	}
	return true;
}

const struct ap_listener *ap_listeners_find(const struct ap_listeners *l, uint64_t inode)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].inode == inode)
			return &l->at[i];
	}
	return NULL;
}

/* The socket behind a descriptor, 0: it is none. */
static uint64_t socket_of(int dir, const char *name)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n < 9 || strncmp(link, "socket:[", 8) != 0)
		return 0;
	link[n] = '\0';
	return strtoull(link + 8, NULL, 10);
}

static struct ap_err *held(pid_t pid, const struct ap_listeners *all, struct ap_listeners *ret)
{
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return ap_err_errno(errno, "cannot list the descriptors of process %d", pid);
	bool ok = true;
	for (struct dirent *e; ok && (e = readdir(dir)) && n++ < FDS_LIMIT;) {
		uint64_t inode = socket_of(dirfd(dir), e->d_name);
		const struct ap_listener *l = inode ? ap_listeners_find(all, inode) : NULL;

		if (l && !ap_listeners_find(ret, inode))
			ok = add(ret, l);
	}
	closedir(dir);
	return ok ? NULL : &ap_err_nomem;
}

struct ap_err *ap_listeners_read(pid_t pid, bool all, struct ap_listeners *ret_listeners)
{
	AP_LISTENERS_AUTO everyone = {0};
	AP_LISTENERS_AUTO own = {0};

	for (int v6 = 0; v6 < 2; v6++) {
		AP_STR_AUTO text = {0};
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/net/tcp%s", pid, v6 ? "6" : "");
		AP_ERR_AUTO err = ap_proc_read(path, TABLE_LIMIT, &text);
		if (err && v6)
			break; /* a kernel without IPv6 */
		if (err)
			return ap_err_wrap(ap_err_new(err->code, "%s", err->message),
					   "cannot list the sockets of process %d", pid);
		if (!ap_listeners_parse(text.s, text.n, v6, &everyone))
			return &ap_err_nomem;
	}
	if (!all)
		AP_TRY(held(pid, &everyone, &own));
	*ret_listeners = all ? everyone : own;
	*(all ? &everyone : &own) = (struct ap_listeners){0};
	return NULL;
}

void ap_listener_address(const struct ap_listener *l, char buf[static AP_ADDRESS_MAX])
{
	static const uint8_t any[16];
	uint8_t address[16];

	memcpy(address, l->address, sizeof(address));
	if (memcmp(address, any, l->v6 ? 16 : 4) == 0) {
		if (l->v6)
			address[15] = 1;
		else
			memcpy(address, "\177\0\0\1", 4);
	}
	if (!inet_ntop(l->v6 ? AF_INET6 : AF_INET, address, buf, AP_ADDRESS_MAX))
		snprintf(buf, AP_ADDRESS_MAX, "127.0.0.1");
}

bool ap_listener_on_loopback(const struct ap_listener *l)
{
	static const uint8_t one[16] = {[15] = 1};

	return l->v6 ? memcmp(l->address, one, 16) == 0 : l->address[0] == 127;
}

static bool holds(pid_t pid, uint64_t inode)
{
	char path[64];
	size_t n = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	for (struct dirent *e; !found && (e = readdir(dir)) && n++ < FDS_LIMIT;)
		found = socket_of(dirfd(dir), e->d_name) == inode;
	closedir(dir);
	return found;
}

pid_t ap_socket_owner(uint64_t inode)
{
	DIR *dir = opendir("/proc");
	pid_t owner = 0;

	for (struct dirent *e; dir && !owner && (e = readdir(dir));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && holds(pid, inode))
			owner = pid;
	}
	if (dir)
		closedir(dir);
	return owner;
}
