#include "capture/handler/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The log lies on the disk that does not answer: the kernel's own takes the line. */
static void say(pid_t dying, int ms)
{
	char line[160];
	int n = snprintf(
		line, sizeof(line),
		"<4>autopsy: the spool's disk stood still for %.1f s: process %d was let go, its core is lost\n",
		ms / 1000.0, dying);
	int fd = open("/dev/kmsg", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, line, (size_t)n);
		close(fd);
	}
}

_Noreturn static void watch(pid_t dying, pid_t capture, int talk, int ms)
{
	/* The process cannot be another's as long as its core is read; afterwards this tells. */
	int pidfd = (int)syscall(SYS_pidfd_open, dying, 0);
	char words[256];

	for (;;) {
		struct pollfd p[2] = {{talk, POLLIN, 0}, {pidfd, POLLIN, 0}};
		int rc = poll(p, 2, ms);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc == 0)
			break;
		if (rc < 0 || p[1].revents || read(talk, words, sizeof(words)) <= 0)
			_exit(0);
	}
	if (pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	else
		kill(dying, SIGKILL);
	if (getppid() == capture)
		kill(capture, SIGKILL);
	say(dying, ms);
	_exit(1);
}

struct ap_err *ap_guard_start(pid_t dying, int pipe, double seconds, struct ap_guard *ret_guard)
{
	pid_t capture = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return ap_err_errno(errno, "cannot make a socket");
	pid_t pid = fork();
	if (pid == 0) {
		close(pipe);
		close(ends[1]);
		watch(dying, capture, ends[0], (int)(seconds * 1000));
	}
	close(ends[0]);
	if (pid < 0) {
		int e = errno;

		close(ends[1]);
		return ap_err_errno(e, "cannot start the guard");
	}
	*ret_guard = (struct ap_guard){ends[1], pid};
	return NULL;
}

void ap_guard_tell(int talk)
{
	if (talk >= 0)
		(void)send(talk, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void ap_guard_end(struct ap_guard *guard)
{
	if (guard->talk < 0)
		return;
	close(guard->talk);
	guard->talk = -1;
	kill(guard->pid, SIGKILL);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
