/* May we, and what is it? Every refusal names the fact that proves it and the way out. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/snapshot/private.h"

enum { CAP_SYS_PTRACE_BIT = 19, ARGS_LIMIT = 4096, AUXV_LIMIT = 4096 };

void ap_snap_say(const struct ap_snap *s, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!s->options->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->options->say(s->options->arg, line);
}

struct ap_err *ap_snap_check_cancel(const struct ap_snap *s)
{
	return s->options->cancelled && s->options->cancelled(s->options->arg) ? &ap_err_cancelled
									       : NULL;
}

unsigned ap_snap_max_pause_ms(const struct ap_snap *s, enum ap_snapshot_mode mode)
{
	if (s->options->max_pause_ms)
		return s->options->max_pause_ms;
	return mode == AP_SNAPSHOT_DIRECT ? 60000 : 2000;
}

/* From the file alone: a static program has no name service. */
static const char *user_name(uid_t uid, char *buf, size_t bytes)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *pw = NULL;

	while (file && (pw = fgetpwent(file)) && pw->pw_uid != uid)
		;
	if (pw)
		snprintf(buf, bytes, "%s", pw->pw_name);
	else
		snprintf(buf, bytes, "uid %u", uid);
	if (file)
		(void)fclose(file);
	return buf;
}

static int yama_scope(void)
{
	AP_STR_AUTO text = {0};
	AP_ERR_AUTO err = ap_proc_read("/proc/sys/kernel/yama/ptrace_scope", 16, &text);

	return err || !text.n ? 0 : atoi(text.s);
}

static bool in_other_user_ns(pid_t pid)
{
	char ours[64], theirs[64];

	return ap_proc_link(getpid(), "ns/user", ours, sizeof(ours)) &&
	       ap_proc_link(pid, "ns/user", theirs, sizeof(theirs)) && strcmp(ours, theirs) != 0;
}

/* Why /proc/PID/mem or ptrace said no. The facts are read, not guessed. */
static struct ap_err *refusal(struct ap_snap *s, int errnum)
{
	struct ap_proc_status us;
	char a[64], b[64], path[64];
	struct stat st;
	int scope = yama_scope();

	AP_ERR_AUTO err = ap_proc_status(getpid(), 0, &us);
	bool cap = !err && us.cap_eff >> CAP_SYS_PTRACE_BIT & 1;
	bool same = s->status.uid == geteuid() && s->status.euid == geteuid();

	if (!cap && !same)
		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "process %d belongs to %s, we are %s (Uid in /proc/%d/status)",
				   s->pid, user_name(s->status.euid, a, sizeof(a)),
				   user_name(geteuid(), b, sizeof(b)), s->pid),
			"run as that user (sudo -u '#%u' autopsy snapshot %d), as root, or with "
			"CAP_SYS_PTRACE",
			s->status.euid, s->pid);
	snprintf(path, sizeof(path), "/proc/%d/mem", s->pid);
	if (!cap && stat(path, &st) == 0 && st.st_uid != geteuid())
		return ap_err_hint(
			ap_err_new(
				AP_E_IO,
				"process %d is not dumpable: its program has file capabilities or is "
				"setuid (%s belongs to uid %u, the process to uid %u)",
				s->pid, path, st.st_uid, s->status.uid),
			"run as root, or with CAP_SYS_PTRACE");
	if (!cap && s->status.cap_eff & ~us.cap_eff)
		return ap_err_hint(
			ap_err_new(
				AP_E_IO,
				"process %d has capabilities that we lack (file capabilities, CapEff "
				"%016llx in /proc/%d/status)",
				s->pid, (unsigned long long)s->status.cap_eff, s->pid),
			"run as root, or with CAP_SYS_PTRACE");
	if (scope == 3)
		return ap_err_hint(ap_err_new(AP_E_IO, "tracing is switched off on this machine "
						       "(/proc/sys/kernel/yama/ptrace_scope is 3)"),
				   "nothing but a reboot with another value changes that");
	if (!cap && scope >= 1)
		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "only %s may trace process %d "
				   "(/proc/sys/kernel/yama/ptrace_scope is %d)",
				   scope == 1 ? "its parent or root" : "root", s->pid, scope),
			"run as root; or as root: sysctl kernel.yama.ptrace_scope=0%s",
			scope == 1 ? "; or let the program call prctl(PR_SET_PTRACER, ...)" : "");
	if (in_other_user_ns(s->pid))
		return ap_err_hint(
			ap_err_new(
				AP_E_IO,
				"process %d lives in another user namespace (/proc/%d/ns/user is not "
				"ours) and our capabilities do not reach there",
				s->pid, s->pid),
			"run as root outside all containers");
	if (!err && us.seccomp)
		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "a seccomp filter around us forbids tracing (Seccomp is %d in "
				   "/proc/self/status)",
				   us.seccomp),
			"run on the host, or in a container with --cap-add SYS_PTRACE "
			"--security-opt seccomp=unconfined");
	return ap_err_hint(
		ap_err_errno(errnum, "cannot look into process %d", s->pid),
		cap ? "we have CAP_SYS_PTRACE: a security module or the kernel's lockdown "
		      "forbids it; see the kernel log"
		    : "run as root");
}

static struct ap_err *check_state(struct ap_snap *s)
{
	char name[64] = "a process";

	if (s->status.state == 'Z' || s->status.state == 'X')
		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "process %d has ended and only waits for its parent, pid %d "
				   "(state %c)",
				   s->pid, s->status.ppid, s->status.state),
			"its memory is gone; `autopsy list` shows crashes that were kept");
	if (s->stat.flags & 0x00200000) /* PF_KTHREAD */
		return ap_err_new(AP_E_USAGE, "process %d (%s) is a thread of the kernel", s->pid,
				  s->status.name);
	if (s->pid == getpid())
		return ap_err_new(AP_E_USAGE, "that is this program itself");
	if (s->status.tgid != s->pid)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "%d is a thread of process %d", s->pid,
					      s->status.tgid),
				   "autopsy snapshot %d", s->status.tgid);
	if (s->status.tracer) {
		struct ap_proc_status by;
		AP_ERR_AUTO err = ap_proc_status(s->status.tracer, 0, &by);

		if (!err)
			snprintf(name, sizeof(name), "%s", by.name);
		return ap_err_hint(
			ap_err_new(AP_E_IO,
				   "process %d is already traced by %s, pid %d (TracerPid in "
				   "/proc/%d/status)",
				   s->pid, name, s->status.tracer, s->pid),
			"end that debugger or tracer first; a process has one at a time");
	}
	return NULL;
}

static struct ap_err *check_elf(struct ap_snap *s)
{
	char path[64];
	unsigned char ident[20] = {0};

	snprintf(path, sizeof(path), "/proc/%d/exe", s->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL; /* a program that was deleted on a dead mount: not our question */
	ssize_t n = pread(fd, ident, sizeof(ident), 0);
	close(fd);
	if (n == (ssize_t)sizeof(ident) && (ident[4] != 2 || ident[18] != EM_X86_64))
		return ap_err_new(AP_E_UNSUPPORTED, "process %d is not a 64-bit x86-64 program",
				  s->pid);
	return NULL;
}

static void read_psargs(struct ap_snap *s)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", s->pid);
	ap_err_free(ap_proc_read(path, ARGS_LIMIT, &s->psargs));
	while (s->psargs.n && !s->psargs.s[s->psargs.n - 1])
		s->psargs.n--;
	for (size_t i = 0; i < s->psargs.n; i++) {
		if (!s->psargs.s[i])
			s->psargs.s[i] = ' ';
	}
	if (!s->psargs.n)
		ap_str_adds(&s->psargs, s->status.name);
}

/* Whether it can be done at all: the state, who traces it, and what we may open. */
static struct ap_err *look(struct ap_snap *s, const struct ap_snapshot_options *options)
{
	char path[64];

	*s = (struct ap_snap){.options = options, .pid = options->pid, .mem_fd = -1, .pidfd = -1};
	s->began_ns = ap_now_ns();
	AP_ERR_AUTO gone = ap_proc_status(s->pid, 0, &s->status);
	if (gone)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no process %d", s->pid),
				   "`autopsy ps` lists the Node processes of this machine");
	AP_TRY(ap_proc_stat(s->pid, 0, &s->stat));
	AP_TRY(check_state(s));
	/* A descriptor that keeps the pid from being somebody else's tomorrow. */
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", s->pid);
	s->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->mem_fd < 0)
		return refusal(s, errno);
	AP_TRY(check_elf(s));
	AP_ERR_AUTO denied = ap_pagemap_open(s->pid, &s->pagemap);
	if (denied)
		return refusal(s, EACCES);
	return NULL;
}

struct ap_err *ap_snapshot_prospect(pid_t pid, struct ap_snapshot_prospect *ret_prospect)
{
	const struct ap_snapshot_options options = {.pid = pid};
	struct ap_snapshot_prospect p = {.mode = AP_SNAPSHOT_PRECOPY};
	struct ap_snap s;
	struct ap_err *err = look(&s, &options);

	if (!err && s.status.state == 'T') {
		p.mode = AP_SNAPSHOT_DIRECT;
		snprintf(p.reason, sizeof(p.reason), "it is stopped anyway (state T)");
	} else if (!err && (s.status.shadow_stack || (s.status.seccomp && geteuid() != 0))) {
		p.mode = AP_SNAPSHOT_DIRECT;
		snprintf(p.reason, sizeof(p.reason), "%s",
			 s.status.shadow_stack ? "shadow stacks"
					       : "a seccomp filter that only root suspends");
	} else if (!err && !s.pagemap.scan) {
		p.mode = AP_SNAPSHOT_FORK;
		snprintf(p.reason, sizeof(p.reason), "the kernel is older than 6.7");
	}
	ap_snap_close(&s);
	if (!err)
		*ret_prospect = p;
	return err;
}

struct ap_err *ap_snap_open(struct ap_snap *s, const struct ap_snapshot_options *options)
{
	AP_STR_AUTO filter = {0};
	char path[64];

	AP_TRY(look(s, options));
	AP_TRY(ap_maps_read_smaps(s->pid, &s->known));
	if (!s->known.n)
		return ap_err_new(AP_E_IO, "process %d has no memory any more: it is exiting",
				  s->pid);
	snprintf(path, sizeof(path), "/proc/%d/auxv", s->pid);
	AP_TRY(ap_proc_read(path, AUXV_LIMIT, &s->auxv));
	snprintf(path, sizeof(path), "/proc/%d/coredump_filter", s->pid);
	AP_ERR_AUTO none = ap_proc_read(path, 32, &filter);
	s->filter = none || !filter.n ? 0x33 : (unsigned)strtoul(filter.s, NULL, 16);
	read_psargs(s);
	s->buf = malloc(AP_COPY_BYTES);
	return s->buf && !s->psargs.failed ? NULL : &ap_err_nomem;
}

static void forget_threads(struct ap_snap *s)
{
	for (size_t i = 0; i < s->n_threads; i++)
		free(s->threads[i].xstate_copy);
	free(s->threads);
	s->threads = NULL;
	s->n_threads = 0;
}

struct ap_err *ap_snap_again(struct ap_snap *s)
{
	forget_threads(s);
	ap_maps_close(&s->maps);
	ap_maps_close(&s->known);
	s->result = (struct ap_snapshot_result){0};
	s->scratch_start = s->scratch_end = 0;
	s->not_atomic_bytes = 0;
	s->may_fall_back = false;
	return ap_maps_read_smaps(s->pid, &s->known);
}

void ap_snap_close(struct ap_snap *s)
{
	if (s->mem_fd >= 0)
		close(s->mem_fd);
	if (s->pidfd >= 0)
		close(s->pidfd);
	ap_pagemap_close(&s->pagemap);
	ap_maps_close(&s->known);
	ap_maps_close(&s->maps);
	ap_str_close(&s->auxv);
	ap_str_close(&s->psargs);
	ap_str_close(&s->notes);
	forget_threads(s);
	free(s->buf);
}
