#include "capture/handler/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NOBODY = 65534 };

void ap_confine_user(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	char *end;
	unsigned long number = strtoul(user, &end, 10);

	*ret_uid = *ret_gid = NOBODY;
	if (*user && !*end) {
		*ret_uid = *ret_gid = (uid_t)number;
		return;
	}
	/* The file itself, not the name service: that may ask a network, and a process is waiting.
	 */
	FILE *file = fopen("/etc/passwd", "re");
	if (!file)
		return;
	for (struct passwd *pw; (pw = fgetpwent(file));) {
		if (strcmp(pw->pw_name, user) == 0) {
			*ret_uid = pw->pw_uid;
			*ret_gid = pw->pw_gid;
			break;
		}
	}
	(void)fclose(file);
}

static struct ap_err *drop_user(const struct ap_confinement *c)
{
	if (geteuid() != 0)
		return NULL;
	if (!c->uid || !c->gid)
		return ap_err_new(AP_E_USAGE, "the worker's user is root");
	if (setgroups(0, NULL) < 0 || setresgid(c->gid, c->gid, c->gid) < 0 ||
	    setresuid(c->uid, c->uid, c->uid) < 0)
		return ap_err_errno(errno, "cannot become user %u", c->uid);
	return NULL;
}

static struct ap_err *drop_capabilities(void)
{
	cap_t none = cap_init();
	int rc = none ? cap_set_proc(none) : -1, e = errno;

	if (none)
		cap_free(none);
	return rc < 0 ? ap_err_errno(e, "cannot drop the capabilities") : NULL;
}

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void limit(int resource, uint64_t most)
{
	struct rlimit rl = {most, most};

	(void)setrlimit(resource, &rl);
}

static int allow(scmp_filter_ctx filter)
{
	static const int calls[] = {
		/* of what is open already */
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(pread64),
		SCMP_SYS(pwrite64),
		SCMP_SYS(lseek),
		SCMP_SYS(close),
		SCMP_SYS(fstat),
		SCMP_SYS(fstatfs),
		SCMP_SYS(poll),
		SCMP_SYS(sendto),
		SCMP_SYS(recvfrom),
		/* memory */
		SCMP_SYS(mmap),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(brk),
		SCMP_SYS(mprotect),
		/* threads, signals and time */
		SCMP_SYS(futex),
		SCMP_SYS(set_robust_list),
		SCMP_SYS(rseq),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(sched_yield),
		SCMP_SYS(gettid),
		SCMP_SYS(getpid),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(clock_nanosleep),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(getrusage),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		/* what abort() and the stack protector's message need */
		SCMP_SYS(tgkill),
		SCMP_SYS(uname),
		SCMP_SYS(getrandom),
		/* qsort asks how much memory there is */
		SCMP_SYS(sysinfo),
	};
	/* What a C library tries now and then and can do without: time zones, processors,
	 * terminals. */
	static const int refused[] = {
		SCMP_SYS(open),       SCMP_SYS(openat),
		SCMP_SYS(access),     SCMP_SYS(stat),
		SCMP_SYS(newfstatat), SCMP_SYS(ioctl),
		SCMP_SYS(prlimit64),  SCMP_SYS(sched_getaffinity),
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	for (size_t i = 0; rc == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	/* Threads, no processes. Flags of clone3 lie in memory, out of a filter's sight. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static struct ap_err *filter_calls(void)
{
	if (SANITIZED)
		return NULL; /* the sanitizer's own calls do not fit a filter */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = filter ? allow(filter) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc < 0 ? ap_err_errno(-rc, "cannot set the filter of system calls") : NULL;
}

struct ap_err *ap_confine(const struct ap_confinement *c)
{
	pid_t parent = getppid();

	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 32);
#if !defined(__SANITIZE_ADDRESS__)
	limit(RLIMIT_AS, c->memory_bytes);
#endif
	if (c->file_bytes)
		limit(RLIMIT_FSIZE, c->file_bytes);
	signal(SIGXFSZ, SIG_IGN);
	AP_TRY(drop_user(c));
	AP_TRY(drop_capabilities());
	/* After the change of user, which forgets it. The entry's end is ours, and frees the dying
	 * process. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		return ap_err_errno(errno, "cannot confine the worker");
	if (getppid() != parent)
		return ap_err_new(AP_E_CANCELLED, "the handler is gone");
	return filter_calls();
}
