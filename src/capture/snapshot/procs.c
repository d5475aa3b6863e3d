#include "capture/snapshot/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mask.h"

enum { PROCS_LIMIT = 65536, CMDLINE_LIMIT = 16384 };

void ap_procs_close(struct ap_procs *procs)
{
	free(procs->at);
	*procs = (struct ap_procs){0};
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "node", "nodejs", "node-22", "node (deleted)": by the program, since the title may be anything.
 */
static bool is_node(const char *exe, const char *comm)
{
	const char *name = *exe ? base_name(exe) : comm;
	size_t n = strncmp(name, "nodejs", 6) == 0 ? 6 : strncmp(name, "node", 4) == 0 ? 4 : 0;

	return n && !isalpha((unsigned char)name[n]) && name[n] != '_';
}

/* The first word that is no option: the script; else the whole title. */
static void script_of(pid_t pid, struct ap_proc *p)
{
	AP_STR_AUTO text = {0};
	AP_STR_AUTO masked = {0};
	char path[64];
	const char *end, *word;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	AP_ERR_AUTO err = ap_proc_read(path, CMDLINE_LIMIT, &text);
	snprintf(p->script, sizeof(p->script), "%s", p->status.name);
	if (err || !text.n)
		return;
	end = text.s + text.n;
	word = text.s + strlen(text.s) + 1;
	if (word >= end) {
		/* process.title writes one word over all. */
		ap_mask_word(&masked, (struct ap_text){0}, ap_text_of(text.s));
		snprintf(p->script, sizeof(p->script), "%s", masked.s ? masked.s : "");
		return;
	}
	for (; word < end; word += strlen(word) + 1) {
		bool takes_value = strcmp(word, "-r") == 0 || strcmp(word, "--require") == 0 ||
				   strcmp(word, "--import") == 0 || strcmp(word, "-C") == 0 ||
				   strcmp(word, "--loader") == 0;

		if (strcmp(word, "-e") == 0 || strcmp(word, "--eval") == 0 ||
		    strcmp(word, "-p") == 0) {
			snprintf(p->script, sizeof(p->script), "%s ...", word);
			return;
		}
		if (*word && *word != '-') {
			ap_mask_word(&masked, (struct ap_text){0}, ap_text_of(word));
			snprintf(p->script, sizeof(p->script), "%s", masked.s ? masked.s : "");
			return;
		}
		if (takes_value && word + strlen(word) + 1 < end)
			word += strlen(word) + 1;
	}
}

static bool same_ns(pid_t pid, const char *ns)
{
	char ours[64], theirs[64];

	if (!ap_proc_link(getpid(), ns, ours, sizeof(ours)) ||
	    !ap_proc_link(pid, ns, theirs, sizeof(theirs)))
		return true; /* not known: not claimed */
	return strcmp(ours, theirs) == 0;
}

static int oldest_first(const void *a, const void *b)
{
	const struct ap_proc *x = a, *y = b;

	if (x->stat.start_ticks != y->stat.start_ticks)
		return x->stat.start_ticks < y->stat.start_ticks ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool look_at(pid_t pid, struct ap_proc *ret)
{
	struct ap_proc p = {.pid = pid};
	AP_ERR_AUTO a = ap_proc_status(pid, 0, &p.status);

	if (a || p.status.state == 'Z' || p.status.state == 'X')
		return false;
	(void)ap_proc_link(pid, "exe", p.exe, sizeof(p.exe));
	if (!is_node(p.exe, p.status.name))
		return false;
	AP_ERR_AUTO b = ap_proc_stat(pid, 0, &p.stat);
	if (b)
		return false;
	p.uptime = ap_proc_uptime(&p.stat);
	p.cpu = p.stat.utime + p.stat.stime;
	p.contained = !same_ns(pid, "ns/pid") || !same_ns(pid, "ns/mnt");
	p.inspector = p.status.sig_caught >> (SIGUSR1 - 1) & 1;
	script_of(pid, &p);
	*ret = p;
	return true;
}

struct ap_err *ap_procs_read(struct ap_procs *ret_procs)
{
	AP_PROCS_AUTO procs = {0};
	DIR *dir = opendir("/proc");

	if (!dir)
		return ap_err_errno(errno, "cannot list /proc");
	for (struct dirent *e; (e = readdir(dir)) && procs.n < PROCS_LIMIT;) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		struct ap_proc p;

		if (pid <= 0 || pid == getpid() || !look_at(pid, &p))
			continue;
		if (procs.n == procs.cap) {
			size_t cap = procs.cap ? procs.cap * 2 : 32;
			struct ap_proc *grown = realloc(procs.at, cap * sizeof(*grown));

			if (!grown) {
				closedir(dir);
				return &ap_err_nomem;
			}
			procs.at = grown;
			procs.cap = cap;
		}
		procs.at[procs.n++] = p;
	}
	closedir(dir);
	if (procs.n)
		qsort(procs.at, procs.n, sizeof(*procs.at), oldest_first);
	*ret_procs = procs;
	procs = (struct ap_procs){0};
	return NULL;
}

static struct ap_err *none_found(const char *what)
{
	return ap_err_hint(
		ap_err_new(AP_E_NOTFOUND, "no Node process %s%s%s",
			   *what ? "matches \"" : "runs here", what, *what ? "\"" : ""),
		"`autopsy ps` lists them; a program of another name is given by its pid");
}

struct ap_err *ap_procs_find(const char *what, pid_t *ret_pid)
{
	AP_PROCS_AUTO procs = {0};
	AP_STR_AUTO list = {0};
	char *end;
	long pid = strtol(what, &end, 10);
	size_t found = 0;

	if (*what && !*end) {
		if (pid <= 0 || pid > 1 << 22)
			return ap_err_new(AP_E_USAGE, "%s is not a process id", what);
		*ret_pid = (pid_t)pid;
		return NULL;
	}
	AP_TRY(ap_procs_read(&procs));
	for (size_t i = 0; i < procs.n; i++) {
		const struct ap_proc *p = &procs.at[i];

		if (!strstr(p->script, what) && !strstr(p->status.name, what))
			continue;
		if (found++ < 8)
			ap_str_addf(&list, "%s%d (%s)", found > 1 ? ", " : "", p->pid, p->script);
		pid = p->pid;
	}
	if (!found)
		return none_found(what);
	if (found > 1)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "%zu Node processes match \"%s\": %s",
					      found, what, list.s ? list.s : ""),
				   "give the pid of one, or --oldest");
	*ret_pid = (pid_t)pid;
	return NULL;
}

struct ap_err *ap_procs_oldest(pid_t *ret_pid)
{
	AP_PROCS_AUTO procs = {0};

	AP_TRY(ap_procs_read(&procs));
	if (!procs.n)
		return none_found("");
	*ret_pid = procs.at[0].pid;
	return NULL;
}
