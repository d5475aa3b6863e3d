#include "capture/setup/host.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/handler/args.h"
#include "capture/setup/journal.h"

const char *ap_core_way_name(enum ap_core_way way)
{
	static const char *const names[] = {"autopsy", "file",  "apport", "systemd-coredump",
					    "abrt",    "other", "socket", "none"};

	return names[way];
}

static int64_t setting(const char *path)
{
	AP_STR_AUTO text = {0};

	return ap_setting_read(path, &text) && text.n ? strtoll(text.s, NULL, 10) : -1;
}

/* The first word behind '|', and "-cFILE" if the second is that. */
static void split_handler(struct ap_host *h)
{
	const char *s = h->pattern + 1;

	s += strspn(s, " ");
	size_t n = strcspn(s, " ");
	snprintf(h->handler, sizeof(h->handler), "%.*s", (int)n, s);
	s += n;
	s += strspn(s, " ");
	bool handle = strncmp(s, "handle ", 7) == 0;
	if (handle && strncmp(s + 7, "-c", 2) == 0)
		snprintf(h->handler_config, sizeof(h->handler_config), "%.*s",
			 (int)strcspn(s + 9, " "), s + 9);
	h->handler_runs = access(h->handler, X_OK) == 0;
	const char *slash = strrchr(h->handler, '/');
	const char *name = slash ? slash + 1 : h->handler;
	if (handle && strncmp(name, "autopsy", 7) == 0)
		h->way = AP_WAY_OURS;
	else if (strcmp(name, "apport") == 0)
		h->way = AP_WAY_APPORT;
	else if (strcmp(name, "systemd-coredump") == 0)
		h->way = AP_WAY_SYSTEMD;
	else if (strncmp(name, "abrt", 4) == 0)
		h->way = AP_WAY_ABRT;
	else
		h->way = AP_WAY_OTHER;
}

void ap_host_read(struct ap_host *ret_host)
{
	struct ap_host h = {.root = geteuid() == 0};
	AP_STR_AUTO pattern = {0};
	struct rlimit rl;

	if (ap_setting_read("/proc/sys/kernel/core_pattern", &pattern) && pattern.n)
		snprintf(h.pattern, sizeof(h.pattern), "%.*s", (int)strcspn(pattern.s, "\n"),
			 pattern.s);
	h.way = !h.pattern[0] ? AP_WAY_NONE : h.pattern[0] == '@' ? AP_WAY_SOCKET : AP_WAY_FILE;
	if (h.pattern[0] == '|')
		split_handler(&h);
	h.pipe_limit = setting("/proc/sys/kernel/core_pipe_limit");
	h.suid_dumpable = setting("/proc/sys/fs/suid_dumpable");
	h.ptrace_scope = setting("/proc/sys/kernel/yama/ptrace_scope");
	h.uses_pid = setting("/proc/sys/kernel/core_uses_pid");
	if (getrlimit(RLIMIT_CORE, &rl) == 0) {
		h.limit_soft = rl.rlim_cur == RLIM_INFINITY ? UINT64_MAX : rl.rlim_cur;
		h.limit_hard = rl.rlim_max == RLIM_INFINITY ? UINT64_MAX : rl.rlim_max;
	}
	*ret_host = h;
}

struct ap_err *ap_host_pattern(const char *program, const char *config, char *buf, size_t bytes)
{
	const char *blank = strpbrk(program, " \t\n%");

	if (!blank && config)
		blank = strpbrk(config, " \t\n%");
	if (blank)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "core_pattern cannot name %s", program),
			"the kernel splits it at blanks: install autopsy where the path has none");
	int n = snprintf(buf, bytes, "|%s handle %s%s%s%s", program, config ? "-c" : "",
			 config ? config : "", config ? " " : "", AP_HANDLE_SPECIFIERS);
	if (n < 0 || (size_t)n >= bytes || n > AP_CORE_PATTERN_MAX)
		return ap_err_hint(
			ap_err_new(AP_E_LIMIT,
				   "core_pattern would have %d characters, the kernel cuts it off "
				   "after %d",
				   n, AP_CORE_PATTERN_MAX),
			"install autopsy under a shorter path, /usr/bin for instance");
	return NULL;
}

struct ap_err *ap_host_check_program(const char *program)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", program);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return ap_err_new(AP_E_IO, "%s is no program", program);
	/* The kernel runs it as root for every crash: who can replace it is root. */
	for (;;) {
		if (stat(path, &st) < 0 || st.st_uid != 0 ||
		    (st.st_mode & 022 && !(S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX)))
			return ap_err_hint(
				ap_err_new(AP_E_IO,
					   "%s can be changed by others than root, and the "
					   "kernel would run it as root",
					   path),
				"install it below /usr, owned by root");
		char *slash = strrchr(path, '/');
		if (!slash || slash == path)
			return NULL;
		*slash = '\0';
	}
}
