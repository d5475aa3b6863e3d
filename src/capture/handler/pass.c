#include "capture/handler/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/spool/spool.h"
#include "os/outfile.h"

enum { MAX_WORDS = 64, COPY_BYTES = 1 << 20, HOLE_BYTES = 4096 };

/* Names that a process chose must not lead out of the directory. */
static void add_name(struct ap_str *out, const char *name, bool path)
{
	if (path && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !*name)) {
		ap_str_adds(out, "!");
		return;
	}
	for (; *name; name++)
		ap_str_addc(out, path && *name == '/' ? '!' : *name);
}

void ap_pass_expand(const char *word, size_t n, const struct ap_context *c, bool path,
		    struct ap_str *out)
{
	const struct ap_kernel_args *a = &c->args;
	const char *slash = strrchr(c->exe_path, '/');

	for (size_t i = 0; i < n; i++) {
		if (word[i] != '%') {
			ap_str_addc(out, word[i]);
			continue;
		}
		if (++i == n)
			break;
		switch (word[i]) {
		case '%':
			ap_str_addc(out, '%');
			break;
		case 'p':
			ap_str_addf(out, "%d", a->ns_pid);
			break;
		case 'P':
			ap_str_addf(out, "%d", a->pid);
			break;
		case 'i': /* the inner thread id is not told to us; in the initial namespace they
			     agree */
		case 'I':
			ap_str_addf(out, "%d", a->tid);
			break;
		case 'u':
			ap_str_addf(out, "%u", a->uid);
			break;
		case 'g':
			ap_str_addf(out, "%u", a->gid);
			break;
		case 's':
			ap_str_addf(out, "%d", a->signal);
			break;
		case 't':
			ap_str_addf(out, "%lld", (long long)a->time);
			break;
		case 'd':
			ap_str_addf(out, "%d", a->dump_mode >= 0 ? a->dump_mode : 1);
			break;
		case 'c':
			ap_str_addf(out, "%llu", (unsigned long long)a->core_limit);
			break;
		case 'h':
			add_name(out, a->hostname, path);
			break;
		case 'e':
			add_name(out, a->comm, path);
			break;
		case 'f':
			add_name(out, slash ? slash + 1 : c->exe_path, path);
			break;
		case 'E': {
			AP_STR_AUTO text = {0};

			ap_str_adds(&text, c->exe_path[0] ? c->exe_path : "unknown");
			for (char *p = text.s; p && *p; p++)
				*p = *p == '/' ? '!' : *p;
			ap_str_add(out, text.s, text.n);
			break;
		}
		default:
			break; /* as the kernel does */
		}
	}
}

static struct ap_err *run_handler(const char *pattern, const struct ap_context *c, int pipe)
{
	static char nothing[] = "";
	char *argv[MAX_WORDS + 1];
	char *environment[] = {NULL};
	size_t n = 0;

	while (n < MAX_WORDS) {
		AP_STR_AUTO word = {0};

		pattern += strspn(pattern, " ");
		size_t length = strcspn(pattern, " ");
		if (!length)
			break;
		ap_pass_expand(pattern, length, c, false, &word);
		argv[n++] = word.n ? strdup(word.s) : nothing;
		if (!argv[n - 1] || word.failed)
			return &ap_err_nomem;
		pattern += length;
	}
	argv[n] = NULL;
	if (!n || argv[0][0] != '/')
		return ap_err_new(AP_E_USAGE, "`chain` names no handler with an absolute path");
	if (dup2(pipe, STDIN_FILENO) < 0)
		return ap_err_errno(errno, "cannot hand the core on");
	execve(argv[0], argv, environment);
	return ap_err_errno(errno, "cannot start %s", argv[0]);
}

/* A relative name below the working directory, an absolute one below the root, of that process. */
static int open_core(const char *name, const struct ap_context *c)
{
	bool absolute = name[0] == '/';
	struct open_how how = {
		.flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.mode = 0600,
		.resolve = RESOLVE_NO_MAGICLINKS | (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH),
	};
	int at = absolute ? c->root : c->cwd;

	return at < 0 ? -1 : (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
}

/* Pages of zeros become holes, as the kernel makes them. */
static struct ap_err *copy_core(int from, int to, uint64_t most)
{
	uint8_t *buf = malloc(COPY_BYTES);
	struct ap_err *err = buf ? NULL : &ap_err_nomem;
	uint64_t at = 0;

	while (!err && at < most) {
		size_t n = 0, want = most - at < COPY_BYTES ? most - at : COPY_BYTES;
		ssize_t got = 1;

		/* Whole steps, or the holes would be where the pipe's pieces end. */
		while (n < want && (got = read(from, buf + n, want - n)) != 0) {
			if (got > 0)
				n += (size_t)got;
			else if (errno != EINTR)
				break;
		}
		err = ap_pwrite_sparse(to, buf, n, at, HOLE_BYTES);
		at += n;
		if (got <= 0)
			break;
	}
	free(buf);
	if (!err && ftruncate(to, (off_t)at) < 0)
		err = ap_err_errno(errno, "cannot write the core");
	return err;
}

static struct ap_err *write_file(const char *pattern, const struct ap_context *c, int pipe)
{
	const struct ap_kernel_args *a = &c->args;
	AP_STR_AUTO name = {0};
	AP_STR_AUTO uses_pid = {0};
	struct stat st;

	if (!a->core_limit)
		return NULL; /* `ulimit -c 0`: no core file is wanted */
	if (a->dump_mode != 1)
		return ap_err_new(AP_E_IO,
				  "the core of a privileged program is not written into a file");
	ap_pass_expand(pattern, strlen(pattern), c, true, &name);
	AP_ERR_AUTO missing =
		ap_dir_read(AT_FDCWD, "/proc/sys/kernel/core_uses_pid", 16, &uses_pid);
	if (!missing && uses_pid.n && uses_pid.s[0] == '1' && !strstr(pattern, "%p"))
		ap_str_addf(&name, ".%d", a->ns_pid);
	if (name.failed || !name.n)
		return &ap_err_nomem;
	/* With the rights of the one that died, as the kernel does: the directory is its own. */
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setegid(a->gid) < 0 || seteuid(a->uid) < 0))
		return ap_err_errno(errno, "cannot become user %u", a->uid);
	int fd = open_core(name.s, c);
	if (fd < 0)
		return ap_err_errno(errno, "cannot write %s", name.s);
	struct ap_err *err = NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != a->uid)
		err = ap_err_new(AP_E_IO, "%s is there, and no ordinary file of user %u", name.s,
				 a->uid);
	if (!err && ftruncate(fd, 0) < 0)
		err = ap_err_errno(errno, "cannot write %s", name.s);
	if (!err)
		err = copy_core(pipe, fd, a->core_limit);
	close(fd);
	return err;
}

struct ap_err *ap_pass(const char *pattern, const struct ap_context *context, int pipe)
{
	if (!*pattern)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "there is no handler to pass it to"),
				   "name it in autopsy.conf: chain = CORE_PATTERN");
	if (pattern[0] == '|')
		return run_handler(pattern + 1, context, pipe);
	return write_file(pattern, context, pipe);
}
