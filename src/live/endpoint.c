#include "live/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/clock.h"

enum { POLL_MS = 10, TICK_MS = 100, GRACE_MS = 300, WORDS_LIMIT = 1 << 20, DEFAULT_PORT = 9229 };

/* The port that "--inspect=host:port" and its like ask for: *ret stays as it was if none is named.
 */
static bool inspect_option(const char *word, uint16_t *ret_port, bool *ret_opens)
{
	static const struct {
		const char *name;
		bool opens;
	} options[] = {{"--inspect-port", false},
		       {"--debug-port", false},
		       {"--inspect-brk", true},
		       {"--inspect-wait", true},
		       {"--inspect", true}};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t n = strlen(options[i].name);

		if (strncmp(word, options[i].name, n) != 0 ||
		    (word[n] && word[n] != '=' && word[n] != ' '))
			continue;
		const char *value = word[n] == '=' ? word + n + 1 : "";
		size_t length = strcspn(value, " ");
		for (const char *p = value; p < value + length; p++)
			value = *p == ':' ? p + 1 : value;
		if (*value >= '0' && *value <= '9')
			*ret_port = (uint16_t)strtoul(value, NULL, 10);
		*ret_opens |= options[i].opens;
		return true;
	}
	return false;
}

/* What the process was started with says about its port: its arguments, and NODE_OPTIONS. */
static void asked_port(pid_t pid, uint16_t *ret_port, bool *ret_opens)
{
	AP_STR_AUTO words = {0};
	AP_STR_AUTO environment = {0};
	static const char node_options[] = "NODE_OPTIONS=";
	char path[64];

	*ret_port = DEFAULT_PORT;
	*ret_opens = false;
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	ap_err_free(ap_proc_read(path, WORDS_LIMIT, &environment));
	for (size_t at = 0; at < environment.n; at += strlen(environment.s + at) + 1) {
		const char *p = environment.s + at;

		if (strncmp(p, node_options, sizeof(node_options) - 1) != 0)
			continue;
		for (p += sizeof(node_options) - 1; *p; p += strspn(p, " ")) {
			inspect_option(p, ret_port, ret_opens);
			p += strcspn(p, " ");
		}
	}
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	ap_err_free(ap_proc_read(path, WORDS_LIMIT, &words));
	for (size_t at = words.n ? strlen(words.s) + 1 : 0; at < words.n;
	     at += strlen(words.s + at) + 1) {
		const char *word = words.s + at;

		if (*word != '-')
			break; /* the script: what follows is its own */
		inspect_option(word, ret_port, ret_opens);
	}
}

static void use(const struct ap_listener *l, bool was_open, struct ap_endpoint *ret)
{
	ap_listener_address(l, ret->address);
	ret->port = l->port;
	ret->inode = l->inode;
	ret->was_open = was_open;
}

/*
 * An inspector that listens already. Only where it was asked for, or on its customary port: a
 * program's other ports are its own business, and a stray request is never sent to them.
 */
static struct ap_err *open_already(const struct ap_target *t, const struct ap_listeners *own,
				   uint16_t port, bool opens, struct ap_endpoint *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < own->n; i++) {
		/* port 0: any that was free, on the loopback */
		if (port ? own->at[i].port != port
			 : !opens || !ap_listener_on_loopback(&own->at[i]))
			continue;
		use(&own->at[i], true, ret);
		n++;
	}
	if (n > 1)
		return ap_err_hint(
			ap_err_new(
				AP_E_UNSUPPORTED,
				"process %d listens on %zu ports, any of which may be its inspector",
				t->pid, n),
			"--port N names it; the process printed it when it started");
	return NULL;
}

/*
 * The socket that was not there before. A program may open sockets of its own at the same moment:
 * one on another port than was asked for counts only when it is the loopback's, and no better one
 * comes for a while.
 */
static const struct ap_listener *opened(const struct ap_listeners *before,
					const struct ap_listeners *now, uint16_t port, bool waited)
{
	const struct ap_listener *other = NULL;

	for (size_t i = 0; i < now->n; i++) {
		const struct ap_listener *l = &now->at[i];

		if (ap_listeners_find(before, l->inode))
			continue;
		if (l->port == port || (!port && ap_listener_on_loopback(l)))
			return l;
		if (ap_listener_on_loopback(l))
			other = l;
	}
	return waited ? other : NULL;
}

/* The signal was sent and nothing came of it: say why, from what can be seen. */
static struct ap_err *explain(const struct ap_target *t, uint16_t port, unsigned timeout_ms)
{
	AP_LISTENERS_AUTO all = {0};
	AP_LISTENERS_AUTO own = {0};
	AP_ERR_AUTO a = ap_listeners_read(t->pid, true, &all);
	AP_ERR_AUTO b = ap_listeners_read(t->pid, false, &own);
	char doing[160];

	for (size_t i = 0; !a && !b && i < all.n; i++) {
		if (all.at[i].port != port || ap_listeners_find(&own, all.at[i].inode))
			continue;
		pid_t owner = ap_socket_owner(all.at[i].inode);
		struct ap_proc_status status = {.name = "a process we may not see"};

		if (owner)
			ap_err_free(ap_proc_status(owner, 0, &status));
		return ap_err_new(
			AP_E_UNSUPPORTED,
			"port %u, where the inspector of process %d would listen, is taken by %s (pid %d); Node does "
			"not try another one",
			port, t->pid, status.name, owner);
	}
	ap_target_doing(t, doing, sizeof(doing));
	if (t->own_handler == AP_OWN_UNKNOWN)
		return ap_err_new(
			AP_E_LIMIT,
			"process %d took SIGUSR1 and opened no inspector in %u ms: it has a handler of its own, or is "
			"blocked in native code (%s)",
			t->pid, timeout_ms, doing);
	return ap_err_new(
		AP_E_LIMIT,
		"process %d took SIGUSR1 and opened no inspector in %u ms: it is blocked in native code (%s), and "
		"will open it when it comes back",
		t->pid, timeout_ms, doing);
}

struct ap_err *ap_endpoint_find(struct ap_target *t, const struct ap_inspector_options *options,
				struct ap_endpoint *ret_endpoint)
{
	AP_LISTENERS_AUTO before = {0};
	const struct ap_listener *found = NULL;
	struct ap_endpoint endpoint = {0};
	uint16_t port;
	bool opens;

	asked_port(t->pid, &port, &opens);
	if (options->port)
		port = options->port;
	AP_TRY(ap_listeners_read(t->pid, false, &before));
	AP_TRY(open_already(t, &before, port, opens, &endpoint));
	if (endpoint.port) {
		*ret_endpoint = endpoint;
		return NULL;
	}
	AP_TRY(ap_target_may_signal(t));
	AP_TRY(ap_target_signal(t));
	uint64_t began = ap_now_ms(), ticked = began;
	for (uint64_t ms = 0; !found && ms < options->timeout_ms; ms = ap_now_ms() - began) {
		AP_LISTENERS_AUTO now = {0};

		ap_sleep_ms(POLL_MS);
		if (options->cancelled && options->cancelled(options->arg))
			return &ap_err_cancelled;
		if (options->tick && ap_now_ms() - ticked >= TICK_MS) {
			options->tick(options->arg);
			ticked = ap_now_ms();
		}
		if (ap_target_wait_end(t, 0))
			return ap_err_new(AP_E_NOTFOUND, "process %d ended", t->pid);
		AP_TRY(ap_listeners_read(t->pid, false, &now));
		found = opened(&before, &now, port, ms > GRACE_MS);
		if (found)
			use(found, false, ret_endpoint);
	}
	return found ? NULL : explain(t, port, options->timeout_ms);
}

struct ap_err *ap_endpoint_enter(const struct ap_target *t)
{
	char ours[64], theirs[64], path[64];

	if (!ap_proc_link(getpid(), "ns/net", ours, sizeof(ours)) ||
	    !ap_proc_link(t->pid, "ns/net", theirs, sizeof(theirs)) || strcmp(ours, theirs) == 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", t->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -1 : setns(fd, CLONE_NEWNET), e = errno;
	if (fd >= 0)
		close(fd);
	if (result == 0)
		return NULL;
	return ap_err_hint(
		ap_err_errno(
			e,
			"process %d is in another network namespace (%s) and we may not enter it",
			t->pid, theirs),
		"run this as root, or inside that container");
}
