#include "live/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live/uv_signals.h"

/* Every Node exports these, for addons; no other program has a reason to. */
static const char node_export[] = "node_module_register";
static const char libnode[] = "/libnode.so";

void ap_target_close(struct ap_target *target)
{
	if (target->pidfd > 0)
		close(target->pidfd);
	target->pidfd = 0;
}

/* The file behind the mapping, as the process has it: right even if it was replaced since. */
static void mapped_path(pid_t pid, const struct ap_mapping *m, const char *name, char *buf,
			size_t bytes)
{
	snprintf(buf, bytes, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)m->start,
		 (unsigned long long)m->end);
	if (access(buf, R_OK) != 0)
		snprintf(buf, bytes, "/proc/%d/root%s", pid, name);
}

struct finding {
	bool node;
	uint64_t tree; /* address, as linked, of libuv's signal handles; 0: no symbol */
};

static bool look_at_symbol(const struct ap_symbol *symbol, void *arg)
{
	struct finding *f = arg;
	size_t n = sizeof(AP_UV_SIGNAL_TREE) - 1;

	if (strcmp(symbol->name, node_export) == 0)
		f->node = true;
	/* clang adds ".0" to the name of a static variable */
	if (strncmp(symbol->name, AP_UV_SIGNAL_TREE, n) == 0 &&
	    (!symbol->name[n] || symbol->name[n] == '.'))
		f->tree = symbol->value;
	return true;
}

/* False: not Node, or not readable. */
static bool examine(struct ap_target *t, const char *file, const char *shown, struct finding *ret)
{
	struct ap_elf *elf;
	AP_ERR_AUTO err = ap_elf_open(file, &elf);

	if (err)
		return false;
	ap_elf_each_symbol(elf, look_at_symbol, ret);
	if (ret->node) {
		t->build_id = ap_elf_build_id(elf);
		snprintf(t->module, sizeof(t->module), "%s", shown);
	}
	/* libnode.so has libuv outside of itself, or elsewhere than the program's entry tells */
	if (ret->node && ret->tree && shown == t->exe)
		t->own_handler = ap_uv_handles_signal(t->pid, elf, ret->tree, SIGUSR1);
	ap_elf_close(elf);
	return ret->node;
}

/* Debian's node is a small program around libnode.so. */
static bool examine_libnode(struct ap_target *t, struct finding *ret)
{
	AP_MAPS_AUTO maps = {0};
	AP_ERR_AUTO err = ap_maps_read(t->pid, &maps);

	for (size_t i = 0; !err && i < maps.n; i++) {
		const char *name = ap_mapping_name(&maps, &maps.at[i]);
		char path[PATH_MAX + 32];

		if (maps.at[i].offset || !strstr(name, libnode))
			continue;
		mapped_path(t->pid, &maps.at[i], name, path, sizeof(path));
		return examine(t, path, name, ret);
	}
	return false;
}

static struct ap_err *not_there(pid_t pid)
{
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no process %d", pid),
			   "`autopsy ps` lists the Node processes here");
}

struct ap_err *ap_target_open(pid_t pid, struct ap_target *ret_target)
{
	AP_TARGET_AUTO t = {.pid = pid};
	struct finding found = {0};
	char path[64];

	AP_ERR_AUTO gone = ap_proc_status(pid, 0, &t.status);
	if (gone)
		return not_there(pid);
	if (t.status.tgid != pid)
		return ap_err_new(AP_E_USAGE, "%d is a thread of process %d: give that", pid,
				  t.status.tgid);
	t.pidfd = pidfd_open(pid, 0);
	if (t.pidfd < 0)
		return errno == ESRCH ? not_there(pid)
				      : ap_err_errno(errno, "cannot hold process %d", pid);
	if (t.status.state == 'Z' || t.status.state == 'X')
		return ap_err_new(AP_E_NOTFOUND, "process %d (%s) has ended already", pid,
				  t.status.name);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (!ap_proc_link(pid, "exe", t.exe, sizeof(t.exe)) || access(path, R_OK) != 0)
		return ap_err_hint(
			ap_err_new(
				AP_E_IO,
				"we may not look at process %d (%s): it belongs to user %u, we are user %u",
				pid, t.status.name, t.status.euid, geteuid()),
			"run this as that user or as root");
	if (!examine(&t, path, t.exe, &found) && !examine_libnode(&t, &found))
		return ap_err_hint(
			ap_err_new(
				AP_E_TYPE,
				"process %d (%s) is not Node: %s does not export %s. Nothing was done to it",
				pid, t.status.name, t.exe, node_export),
			"`autopsy ps` lists the Node processes here");
	*ret_target = t;
	t.pidfd = 0;
	return NULL;
}

/* The program may have replaced itself (execve) since we looked. */
static bool still_the_same(struct ap_target *t)
{
	char exe[PATH_MAX];

	AP_ERR_AUTO err = ap_proc_status(t->pid, 0, &t->status);
	return !err && ap_proc_link(t->pid, "exe", exe, sizeof(exe)) && strcmp(exe, t->exe) == 0;
}

struct ap_err *ap_target_may_signal(struct ap_target *t)
{
	const uint64_t bit = 1u << (SIGUSR1 - 1);

	if (!still_the_same(t))
		return ap_err_new(AP_E_NOTFOUND,
				  "process %d became another program while we looked at it",
				  t->pid);
	if (t->status.state == 'T' || t->status.state == 't')
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED,
				   "process %d is stopped (state %c%s): it cannot answer", t->pid,
				   t->status.state, t->status.tracer ? ", under a debugger" : ""),
			"kill -CONT %d", t->pid);
	if (t->own_handler == AP_OWN_YES)
		return ap_err_new(
			AP_E_UNSUPPORTED,
			"process %d handles SIGUSR1 itself (a handler stands in libuv's table), so the signal "
			"would not open the inspector. It was not sent",
			t->pid);
	if (t->status.sig_blocked & bit && !(t->status.sig_caught & bit))
		return ap_err_new(
			AP_E_UNSUPPORTED,
			"process %d does not take SIGUSR1 (blocked, no handler): it was started with "
			"--disable-sigusr1. It was not sent",
			t->pid);
	if (!(t->status.sig_caught & bit))
		return ap_err_new(
			AP_E_UNSUPPORTED,
			"process %d does not catch SIGUSR1 (it is %s there): the signal would %s. It was not sent",
			t->pid, t->status.sig_ignored & bit ? "ignored" : "at its default",
			t->status.sig_ignored & bit ? "do nothing" : "kill it");
	return NULL;
}

struct ap_err *ap_target_signal(const struct ap_target *t)
{
	if (pidfd_send_signal(t->pidfd, SIGUSR1, NULL, 0) == 0)
		return NULL;
	if (errno == EPERM)
		return ap_err_hint(
			ap_err_new(
				AP_E_IO,
				"we may not signal process %d: it belongs to user %u, we are user %u",
				t->pid, t->status.euid, geteuid()),
			"run this as that user or as root");
	return ap_err_errno(errno, "cannot signal process %d", t->pid);
}

bool ap_target_wait_end(const struct ap_target *t, int timeout_ms)
{
	struct pollfd p = {.fd = t->pidfd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

void ap_target_doing(const struct ap_target *t, char *buf, size_t bytes)
{
	static const struct {
		long nr;
		const char *name;
	} names[] = {{SYS_wait4, "wait4, for a child"},
		     {SYS_futex, "futex, a lock"},
		     {SYS_read, "read"},
		     {SYS_write, "write"},
		     {SYS_poll, "poll"},
		     {SYS_ppoll, "ppoll"},
		     {SYS_nanosleep, "nanosleep"},
		     {SYS_clock_nanosleep, "clock_nanosleep"},
		     {SYS_epoll_wait, "epoll_wait"},
		     {SYS_epoll_pwait, "epoll_pwait"},
		     {SYS_recvfrom, "recvfrom"},
		     {SYS_connect, "connect"},
		     {SYS_fsync, "fsync"},
		     {SYS_flock, "flock"},
		     {SYS_waitid, "waitid, for a child"}};
	struct ap_proc_status status;
	uint64_t args[2];
	long nr;
	AP_ERR_AUTO err = ap_proc_status(t->pid, t->pid, &status);

	if (!err && !ap_proc_syscall(t->pid, t->pid, &nr, args)) {
		snprintf(buf, bytes, "its main thread is in state %c%s", status.state,
			 status.state == 'R' ? ", running code that does not look at interrupts"
					     : "");
		return;
	}
	const char *name = "";
	for (size_t i = 0; !err && i < sizeof(names) / sizeof(names[0]); i++)
		name = names[i].nr == nr ? names[i].name : name;
	if (err)
		snprintf(buf, bytes, "it is gone");
	else
		snprintf(buf, bytes, "its main thread waits in system call %ld%s%s%s", nr,
			 *name ? " (" : "", name, *name ? ")" : "");
}
