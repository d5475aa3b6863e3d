#include "capture/handler/context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/spool/spool.h"

enum {
	SMALL_BYTES = 64 << 10,
	CMDLINE_BYTES = 256 << 10,
	ENVIRON_BYTES = 256 << 10,
	MAPS_BYTES = 16 << 20,
	MAX_DESCRIPTORS = 100000,
};

/* As much of a file as there may be: a longer one is cut, a missing one is empty. */
static void slurp(int dir, const char *name, size_t limit, struct ap_str *out)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char buf[16384];

	for (size_t n = 0; fd >= 0 && n < limit;) {
		ssize_t got = read(fd, buf, sizeof(buf) < limit - n ? sizeof(buf) : limit - n);

		if (got <= 0)
			break;
		ap_str_add(out, buf, (size_t)got);
		n += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
}

static void link_of(int dir, const char *name, char buf[static PATH_MAX])
{
	ssize_t n = readlinkat(dir, name, buf, PATH_MAX - 1);

	buf[n > 0 ? n : 0] = '\0';
}

static uint64_t count_entries(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t n = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (struct dirent *e; (e = readdir(d)) && n < MAX_DESCRIPTORS;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

struct ap_text ap_context_status(const struct ap_context *context, const char *name)
{
	size_t n = strlen(name);
	const char *s = context->status.s, *end = s ? s + context->status.n : NULL;

	while (s && s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const char *stop = newline ? newline : end;

		/* The name's own line is escaped by the kernel: no process writes a line of its
		 * own. */
		if ((size_t)(stop - s) > n && memcmp(s, name, n) == 0 && s[n] == ':') {
			s += n + 1;
			while (s < stop && (*s == '\t' || *s == ' '))
				s++;
			return (struct ap_text){s, (size_t)(stop - s)};
		}
		s = newline ? newline + 1 : end;
	}
	return (struct ap_text){NULL, 0};
}

struct ap_err *ap_context_open(const struct ap_kernel_args *args, struct ap_context *ret_context)
{
	struct ap_context c = {.args = *args, .mem = -1, .exe = -1, .cwd = -1, .root = -1};
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", args->pid);
	c.proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.proc < 0)
		return ap_err_hint(
			ap_err_errno(errno, "process %d is gone", args->pid),
			"kernel.core_pipe_limit must not be 0, or the kernel does not wait; "
			"`autopsy setup` sets it");
	/* Everything below is relative to this descriptor: the number is not used again. */
	slurp(c.proc, "status", SMALL_BYTES, &c.status);
	if (!ap_text_is(ap_context_status(&c, "CoreDumping"), "1")) {
		ap_context_close(&c);
		return ap_err_new(AP_E_IO, "process %d is not dumping core", args->pid);
	}
	c.mem = openat(c.proc, "mem", O_RDONLY | O_CLOEXEC);
	c.exe = openat(c.proc, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	c.cwd = openat(c.proc, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	c.root = openat(c.proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.exe >= 0 && (fstat(c.exe, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(c.exe);
		c.exe = -1;
	}
	c.exe_bytes = c.exe >= 0 ? (uint64_t)st.st_size : 0;
	link_of(c.proc, "exe", c.exe_path);
	link_of(c.proc, "cwd", c.cwd_path);
	link_of(c.proc, "root", c.root_path);
	slurp(c.proc, "stat", SMALL_BYTES, &c.stat);
	slurp(c.proc, "cmdline", CMDLINE_BYTES, &c.cmdline);
	slurp(c.proc, "environ", ENVIRON_BYTES, &c.environ);
	slurp(c.proc, "maps", MAPS_BYTES, &c.maps);
	slurp(c.proc, "limits", SMALL_BYTES, &c.limits);
	slurp(c.proc, "cgroup", SMALL_BYTES, &c.cgroup);
	c.n_descriptors = count_entries(c.proc, "fd");
	ap_identity_parse(c.cgroup.s ? c.cgroup.s : "", c.cgroup.n, &c.identity);
	*ret_context = c;
	return NULL;
}

void ap_context_close(struct ap_context *context)
{
	int *const fds[] = {&context->proc, &context->mem, &context->exe, &context->cwd,
			    &context->root};
	struct ap_str *const texts[] = {&context->status,  &context->stat, &context->cmdline,
					&context->environ, &context->maps, &context->limits,
					&context->cgroup};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ap_str_close(texts[i]);
}
