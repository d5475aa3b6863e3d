#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_LIMIT = 64 * 1024, TID_LIMIT = 1 << 20 };

struct ap_err *ap_proc_read(const char *path, size_t limit, struct ap_str *out)
{
	size_t before = out->n;
	char chunk[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	while (out->n - before < limit) {
		size_t want = limit - (out->n - before);
		ssize_t n = read(fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;

			close(fd);
			out->n = before;
			return ap_err_errno(e, "cannot read %s", path);
		}
		if (n == 0)
			break;
		ap_str_add(out, chunk, (size_t)n);
	}
	close(fd);
	if (out->failed)
		return &ap_err_nomem;
	if (!out->s)
		ap_str_add(out, "", 0);
	return NULL;
}

static void task_path(pid_t pid, pid_t tid, const char *file, char *buf, size_t bytes)
{
	if (tid)
		snprintf(buf, bytes, "/proc/%d/task/%d/%s", pid, tid, file);
	else
		snprintf(buf, bytes, "/proc/%d/%s", pid, file);
}

static const char *field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return line + n + 1;
	}
	return NULL;
}

static uint64_t field_int(const char *text, const char *key, int base)
{
	const char *v = field(text, key);

	return v ? strtoull(v, NULL, base) : 0;
}

static void status_ids(const char *v, unsigned *real, unsigned *effective)
{
	char *end;

	if (!v)
		return;
	*real = (unsigned)strtoul(v, &end, 10);
	*effective = (unsigned)strtoul(end, NULL, 10);
}

struct ap_err *ap_proc_status(pid_t pid, pid_t tid, struct ap_proc_status *ret_status)
{
	AP_STR_AUTO text = {0};
	char path[64];
	struct ap_proc_status s = {0};

	task_path(pid, tid, "status", path, sizeof(path));
	AP_TRY(ap_proc_read(path, STATUS_LIMIT, &text));
	if (!text.n)
		return ap_err_new(AP_E_IO, "%s is empty", path);
	const char *v = field(text.s, "Name");
	if (v) {
		v += strspn(v, "\t ");
		snprintf(s.name, sizeof(s.name), "%.*s", (int)strcspn(v, "\n"), v);
	}
	v = field(text.s, "State");
	s.state = v ? v[strspn(v, "\t ")] : '?';
	s.tgid = (pid_t)field_int(text.s, "Tgid", 10);
	s.ppid = (pid_t)field_int(text.s, "PPid", 10);
	s.tracer = (pid_t)field_int(text.s, "TracerPid", 10);
	s.ns_pid = tid ? tid : pid;
	v = field(text.s, "NSpid");
	while (v && *v && *v != '\n') {
		char *end;
		long n = strtol(v, &end, 10);

		if (end == v)
			break;
		s.ns_pid = (pid_t)n;
		s.ns_depth++;
		v = end;
	}
	status_ids(field(text.s, "Uid"), &s.uid, &s.euid);
	status_ids(field(text.s, "Gid"), &s.gid, &s.egid);
	s.n_threads = (unsigned)field_int(text.s, "Threads", 10);
	s.rss = field_int(text.s, "VmRSS", 10) * 1024;
	s.rss_anon = field_int(text.s, "RssAnon", 10) * 1024;
	s.rss_file = field_int(text.s, "RssFile", 10) * 1024;
	s.rss_shmem = field_int(text.s, "RssShmem", 10) * 1024;
	s.swap = field_int(text.s, "VmSwap", 10) * 1024;
	s.vm_size = field_int(text.s, "VmSize", 10) * 1024;
	s.sig_pending = field_int(text.s, "SigPnd", 16);
	s.sig_blocked = field_int(text.s, "SigBlk", 16);
	s.sig_ignored = field_int(text.s, "SigIgn", 16);
	s.sig_caught = field_int(text.s, "SigCgt", 16);
	s.cap_eff = field_int(text.s, "CapEff", 16);
	s.seccomp = (int)field_int(text.s, "Seccomp", 10);
	v = field(text.s, "x86_Thread_features");
	s.shadow_stack = v && memmem(v, strcspn(v, "\n"), "shstk", 5);
	*ret_status = s;
	return NULL;
}

struct ap_err *ap_proc_stat(pid_t pid, pid_t tid, struct ap_proc_stat *ret_stat)
{
	AP_STR_AUTO text = {0};
	char path[64];
	struct ap_proc_stat s = {0};
	double tick = (double)sysconf(_SC_CLK_TCK);

	task_path(pid, tid, "stat", path, sizeof(path));
	AP_TRY(ap_proc_read(path, STATUS_LIMIT, &text));
	/* The name stands in brackets and may hold brackets itself: the last one ends it. */
	char *p = strrchr(text.s, ')');
	if (!p || p[1] != ' ' || !p[2])
		return ap_err_new(AP_E_FORMAT, "%s is not in the form that proc(5) describes",
				  path);
	s.state = p[2];
	p += 3;
	for (int i = 4; i <= 38; i++) {
		char *end;
		uint64_t v = strtoull(p, &end, 10);

		if (end == p)
			break;
		p = end;
		switch (i) {
		case 4:
			s.ppid = (pid_t)v;
			break;
		case 5:
			s.pgrp = (pid_t)v;
			break;
		case 6:
			s.sid = (pid_t)v;
			break;
		case 9:
			s.flags = (unsigned)v;
			break;
		case 14:
			s.utime = (double)v / tick;
			break;
		case 15:
			s.stime = (double)v / tick;
			break;
		case 19:
			s.nice = (long)v;
			break;
		case 22:
			s.start_ticks = v;
			break;
		case 38:
			s.exit_signal = (int)v;
			break;
		default:
			break;
		}
	}
	*ret_stat = s;
	return NULL;
}

double ap_proc_uptime(const struct ap_proc_stat *stat)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	double up = (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
		    (double)stat->start_ticks / (double)sysconf(_SC_CLK_TCK);
	return up > 0 ? up : 0;
}

static int compare_tids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

struct ap_err *ap_proc_tids(pid_t pid, pid_t **ret_tids, size_t *ret_n)
{
	char path[64];
	pid_t *tids = NULL;
	size_t n = 0, cap = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return ap_err_errno(errno, "cannot list the threads of process %d", pid);
	for (struct dirent *e; (e = readdir(dir)) && n < TID_LIMIT;) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			pid_t *grown = realloc(tids, cap * sizeof(*tids));
			if (!grown) {
				free(tids);
				closedir(dir);
				return &ap_err_nomem;
			}
			tids = grown;
		}
		tids[n++] = tid;
	}
	closedir(dir);
	if (n)
		qsort(tids, n, sizeof(*tids), compare_tids);
	*ret_tids = tids;
	*ret_n = n;
	return NULL;
}

bool ap_proc_link(pid_t pid, const char *name, char *buf, size_t bytes)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	ssize_t n = readlink(path, buf, bytes - 1);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

bool ap_proc_syscall(pid_t pid, pid_t tid, long *ret_nr, uint64_t args[static 2])
{
	AP_STR_AUTO text = {0};
	char path[64], *end;

	task_path(pid, tid, "syscall", path, sizeof(path));
	AP_ERR_AUTO err = ap_proc_read(path, 512, &text);
	if (err || !text.n || text.s[0] < '0' || text.s[0] > '9')
		return false;
	*ret_nr = strtol(text.s, &end, 10);
	args[0] = strtoull(end, &end, 16);
	args[1] = strtoull(end, NULL, 16);
	return true;
}
