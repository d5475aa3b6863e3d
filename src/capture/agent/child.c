#include "capture/agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 100, STUCK_MS = 1000 };

static const char too_long[] = "it took too long";

/* What the first version of Landlock knows as writing. */
#define WRITES                                                                                     \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

bool ap_child_can_confine(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static bool confine_writing(const char *directory)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = WRITES};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = WRITES,
		.parent_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	bool ok =
		rules >= 0 && beneath.parent_fd >= 0 &&
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;

	beneath.parent_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	beneath.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE;
	ok = ok && beneath.parent_fd >= 0 &&
	     syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
	return ok && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

/* What a reader of files never needs, and what would help somebody who took it over. */
static bool confine_calls(void)
{
	static const int refused[] = {
		SCMP_SYS(socket),
		SCMP_SYS(connect),
		SCMP_SYS(bind),
		SCMP_SYS(listen),
		SCMP_SYS(accept4),
		SCMP_SYS(ptrace),
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(pidfd_open),
		SCMP_SYS(pidfd_getfd),
		SCMP_SYS(pidfd_send_signal),
		SCMP_SYS(kill),
		SCMP_SYS(mount),
		SCMP_SYS(umount2),
		SCMP_SYS(setns),
		SCMP_SYS(unshare),
		SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(keyctl),
		SCMP_SYS(add_key),
		SCMP_SYS(io_uring_setup),
		SCMP_SYS(chmod),
		SCMP_SYS(fchmodat),
		SCMP_SYS(chown),
		SCMP_SYS(fchownat),
		SCMP_SYS(setxattr),
		SCMP_SYS(utimensat),
		SCMP_SYS(truncate),
		SCMP_SYS(init_module),
		SCMP_SYS(finit_module),
		SCMP_SYS(kexec_load),
		SCMP_SYS(reboot),
		SCMP_SYS(fork),
		SCMP_SYS(vfork),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = filter;

	for (size_t i = 0; ok && i < sizeof(refused) / sizeof(refused[0]); i++)
		ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0) == 0;
	ok = ok && seccomp_load(filter) == 0;
	if (filter)
		seccomp_release(filter);
	return ok;
}

static void limit(int resource, uint64_t most)
{
	struct rlimit rl = {most, most};

	(void)setrlimit(resource, &rl);
}

static _Noreturn void become(char *const *argv, const struct ap_child_limits *l, int out)
{
	char temp[4096 + 8];
	char *environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C.UTF-8", temp, NULL};
	int null = open("/dev/null", O_RDWR);
	cap_t none = cap_init();

	snprintf(temp, sizeof(temp), "TMPDIR=%s", l->directory);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0)
		_exit(125);
	if (syscall(SYS_close_range, 3, ~0u, 0) != 0)
		_exit(125);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, l->memory_bytes);
	limit(RLIMIT_FSIZE, l->file_bytes);
	limit(RLIMIT_CPU, l->seconds);
	limit(RLIMIT_NOFILE, 256);
	(void)setpriority(PRIO_PROCESS, 0, 10);
	/* Root without capabilities reads only what is root's, the spool among it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    !none || cap_set_proc(none) < 0 || chdir("/") < 0 || !confine_writing(l->directory) ||
	    !confine_calls())
		_exit(125);
	execve(argv[0], argv, environment);
	_exit(126);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool is_stopped(const struct ap_child_limits *l)
{
	return l->stop && *l->stop;
}

/* Until the end of the output or the deadline: what is wrong, or NULL. */
static const char *collect(int fd, const struct ap_child_limits *l, uint64_t deadline,
			   struct ap_str *out)
{
	char buf[65536];

	while (!is_stopped(l)) {
		struct pollfd p = {fd, POLLIN, 0};
		uint64_t now = now_ms();

		if (now >= deadline)
			return too_long;
		if (poll(&p, 1, deadline - now < STEP_MS ? (int)(deadline - now) : STEP_MS) <= 0)
			continue;
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		if (out->n + (size_t)n > l->output_bytes)
			return "it printed too much";
		ap_str_add(out, buf, (size_t)n);
	}
	return NULL;
}

/*
 * Its end, which may come long after its output's, and, if it waits for a disk, long after SIGKILL:
 * nobody waits for that who is to stop himself; it is sure to come. `*ret_ms`: since SIGKILL.
 */
static bool reap(pid_t pid, const struct ap_child_limits *l, uint64_t deadline, const char **wrong,
		 int *ret_status, uint64_t *ret_ms)
{
	uint64_t killed = 0;

	for (int ms = 1;; ms = ms < STEP_MS / 2 ? 2 * ms : STEP_MS) {
		pid_t ended = waitpid(pid, ret_status, WNOHANG);
		uint64_t now = now_ms();

		*ret_ms = killed ? now - killed : 0;
		if (ended == pid || (ended < 0 && errno != EINTR))
			return true;
		if (killed && is_stopped(l) && now - killed > STUCK_MS)
			return false;
		if (!killed && (*wrong || is_stopped(l) || now >= deadline)) {
			if (!*wrong && !is_stopped(l))
				*wrong = too_long;
			kill(pid, SIGKILL);
			killed = now;
		}
		(void)poll(NULL, 0, ms);
	}
}

struct ap_err *ap_child_run(char *const *argv, const struct ap_child_limits *limits,
			    struct ap_str *out, int *ret_status, bool *ret_again)
{
	uint64_t deadline = now_ms() + limits->seconds * 1000ull, dying_ms;
	int fds[2], status = 0;

	*ret_again = false;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return ap_err_errno(errno, "cannot make a pipe");
	pid_t pid = fork();
	if (pid == 0)
		become(argv, limits, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		int e = errno;

		close(fds[0]);
		return ap_err_errno(e, "cannot start %s", argv[0]);
	}
	const char *wrong = collect(fds[0], limits, deadline, out);
	close(fds[0]);
	bool ended = reap(pid, limits, deadline, &wrong, &status, &dying_ms);
	if (!ended || is_stopped(limits))
		return &ap_err_cancelled;
	*ret_again = dying_ms > STUCK_MS;
	if (*ret_again)
		return ap_err_new(AP_E_IO, "the disk stood still while the minicore was read");
	if (wrong)
		return ap_err_new(AP_E_LIMIT, "%s", wrong);
	if (WIFSIGNALED(status))
		return ap_err_new(AP_E_IO, "it was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == 125 || WEXITSTATUS(status) == 126)
		return ap_err_hint(ap_err_new(AP_E_IO, "%s cannot be started confined", argv[0]),
				   "the kernel must have Landlock (5.13 or later, lsm=landlock)");
	*ret_status = WEXITSTATUS(status);
	return out->failed ? &ap_err_nomem : NULL;
}
