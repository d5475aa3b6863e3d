/* autopsy status: where the next core goes, and a proof of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/number.h"
#include "capture/setup/host.h"
#include "capture/spool/config.h"
#include "capture/spool/retention.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

enum { TEST_SECONDS = 15 };

static const char usage_text[] =
	"usage: autopsy status [--test] [-c FILE] [--json]\n"
	"Where the next core of this host goes and what is in the way.\n"
	"  --test   crashes a small process of its own and looks for its core\n"
	"Exit status: 0 cores are collected (or written), 1 they are not, or the test found none.\n";

struct status {
	struct ap_config config;
	struct ap_host host;
	bool have_spool, tested, found;
	struct ap_room room;
	size_t n_crashes;
	char last[AP_UUID_SIZE];
	char where[PATH_MAX];   /* the core of --test */
	struct ap_str warnings; /* a line each */
};

__attribute__((format(printf, 2, 3))) static void warn(struct status *s, const char *fmt, ...)
{
	char line[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ap_str_adds(&s->warnings, line);
	ap_str_addc(&s->warnings, '\n');
}

static void look(struct status *s)
{
	const struct ap_host *h = &s->host;
	AP_SPOOL_AUTO spool = {-1, -1, ""};
	char(*uuids)[AP_UUID_SIZE] = NULL;

	for (size_t i = 0; i < s->config.complaints.n; i++)
		warn(s, "autopsy.conf: %s", s->config.complaints.at[i]);
	if (h->way == AP_WAY_OURS && !h->handler_runs)
		warn(s, "%s is not there: cores are lost; run `autopsy setup` again", h->handler);
	if (h->way == AP_WAY_OURS && h->pipe_limit == 0)
		warn(s,
		     "kernel.core_pipe_limit is 0: the kernel does not wait for the handler, no minicores");
	if (h->way == AP_WAY_FILE && !h->limit_soft)
		warn(s, "the limit of core files here is 0: ulimit -c unlimited");
	if (h->way == AP_WAY_FILE && h->suid_dumpable == 2 && h->pattern[0] != '/')
		warn(s, "programs with raised privileges leave no core (fs.suid_dumpable is 2)");
	if (h->ptrace_scope > 1)
		warn(s, "kernel.yama.ptrace_scope is %" PRId64 ": running processes cannot be read",
		     h->ptrace_scope);
	AP_ERR_AUTO err = ap_spool_open(s->config.spool, false, &spool);
	if (err) {
		if (h->way == AP_WAY_OURS)
			warn(s, "%s", err->message);
		return;
	}
	AP_ERR_AUTO room = ap_spool_room(&spool, &s->config, &s->room);
	AP_ERR_AUTO list = ap_spool_list(&spool, &uuids, &s->n_crashes);
	if (!list && s->n_crashes)
		memcpy(s->last, uuids[s->n_crashes - 1], AP_UUID_SIZE);
	free(uuids);
	s->have_spool = !room && !list;
	if (s->have_spool && !ap_room_left(&s->room))
		warn(s, "there is no room for full cores: only facts and minicores are kept");
}

/* A child that dies in `dir`; its process id, 0 on failure. */
static pid_t crash_child(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit rl;

		if (chdir(dir) < 0)
			_exit(1);
		if (getrlimit(RLIMIT_CORE, &rl) == 0) {
			rl.rlim_cur = rl.rlim_max;
			(void)setrlimit(RLIMIT_CORE, &rl);
		}
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (pid < 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? pid : 0;
}

/* The newest crash that was not there before and is ours by its process id. */
static bool find_in_spool(struct status *s, pid_t pid)
{
	AP_SPOOL_AUTO spool = {-1, -1, ""};
	char(*uuids)[AP_UUID_SIZE] = NULL;
	char wanted[48];
	bool found = false;
	size_t n = 0;

	AP_ERR_AUTO open = ap_spool_open(s->config.spool, false, &spool);
	if (open)
		return false;
	AP_ERR_AUTO list = ap_spool_list(&spool, &uuids, &n);
	snprintf(wanted, sizeof(wanted), "\"pid\":%d,", pid);
	for (size_t i = n; !list && i-- > 0 && !found && strcmp(uuids[i], s->last) > 0;) {
		AP_STR_AUTO meta = {0};
		char name[AP_UUID_SIZE + 16];

		snprintf(name, sizeof(name), "%s/meta.json", uuids[i]);
		AP_ERR_AUTO err = ap_dir_read(spool.crashes, name, 1 << 20, &meta);
		if (!err && meta.s && strstr(meta.s, wanted)) {
			snprintf(s->where, sizeof(s->where), "%s/crashes/%s", s->config.spool,
				 uuids[i]);
			found = true;
		}
	}
	free(uuids);
	return found;
}

/* Whatever appeared in a directory that was empty; it goes again. */
static bool find_in_dir(struct status *s, const char *path)
{
	DIR *dir = opendir(path);
	bool found = false;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
			continue;
		snprintf(s->where, sizeof(s->where), "%s (in the program's directory)", e->d_name);
		found = true;
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void test(struct status *s)
{
	char dir[] = "/tmp/autopsy-status.XXXXXX";
	pid_t pid;

	if (!mkdtemp(dir)) {
		warn(s, "cannot make a directory for the test: %s", strerror(errno));
		return;
	}
	pid = crash_child(dir);
	s->tested = true;
	for (int i = 0; i < TEST_SECONDS * 10 && pid && !s->found; i++) {
		if (s->host.way == AP_WAY_OURS)
			s->found = find_in_spool(s, pid);
		s->found = s->found || find_in_dir(s, dir);
		if (s->found || (i > 20 && s->host.way != AP_WAY_OURS))
			break;
		nanosleep(&(struct timespec){0, 100000000}, NULL);
	}
	(void)rmdir(dir);
	if (!s->found && s->host.way != AP_WAY_OURS &&
	    (s->host.way != AP_WAY_FILE || s->host.pattern[0] == '/'))
		warn(s, "the core of the test went where only that handler or pattern knows");
}

static bool collects(const struct status *s)
{
	if (s->tested)
		return s->found;
	return s->host.way == AP_WAY_OURS ? s->host.handler_runs && s->host.pipe_limit != 0
					  : s->host.way == AP_WAY_FILE && s->host.limit_soft;
}

static void print_json(struct status *s)
{
	const struct ap_host *h = &s->host;
	AP_STR_AUTO out = {0};
	struct ap_json j;

	ap_json_init(&j, &out, NULL);
	ap_tool_json_begin(&j, "status", NULL);
	ap_json_cstr(&j, "collected_by", ap_core_way_name(h->way));
	ap_json_cstr(&j, "core_pattern", h->pattern);
	ap_json_cstr(&j, "handler", h->handler[0] ? h->handler : NULL);
	ap_json_bool(&j, "collects", collects(s));
	ap_json_int(&j, "core_pipe_limit", h->pipe_limit);
	ap_json_int(&j, "suid_dumpable", h->suid_dumpable);
	ap_json_int(&j, "ptrace_scope", h->ptrace_scope);
	ap_json_cstr(&j, "spool", s->config.spool);
	ap_json_uint(&j, "crashes", s->n_crashes);
	ap_json_cstr(&j, "last", s->last[0] ? s->last : NULL);
	if (s->have_spool) {
		ap_json_uint(&j, "used_bytes", s->room.used_bytes);
		ap_json_uint(&j, "room_bytes", ap_room_left(&s->room));
	}
	if (s->tested) {
		ap_json_bool(&j, "test_found", s->found);
		ap_json_cstr(&j, "test_core", s->where[0] ? s->where : NULL);
	}
	ap_json_array(&j, "problems");
	for (char *line = s->warnings.s, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		ap_json_cstr(&j, NULL, line);
	}
	ap_json_end_array(&j);
	ap_tool_json_end(&j, stdout);
}

static void print_text(const struct status *s)
{
	const struct ap_host *h = &s->host;
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	switch (h->way) {
	case AP_WAY_OURS:
		printf("cores of this host go to autopsy (%s)\n", h->handler);
		break;
	case AP_WAY_FILE:
		printf("cores are written as files: %s%s\n",
		       h->pattern[0] == '/' ? "" : "the program's directory/", h->pattern);
		break;
	case AP_WAY_NONE:
		puts("no cores are written (core_pattern is empty)");
		break;
	default:
		printf("cores of this host go to %s: %s\n", ap_core_way_name(h->way), h->pattern);
	}
	if (s->have_spool)
		printf("%zu crash%s in %s: %s; room for %s more\n", s->n_crashes,
		       s->n_crashes == 1 ? "" : "es", s->config.spool,
		       ap_bytes_human(s->room.used_bytes, a),
		       ap_bytes_human(ap_room_left(&s->room), b));
	if (s->tested && s->found)
		printf("test: a process crashed, and its core is here: %s\n", s->where);
	else if (s->tested)
		puts("test: a process crashed, and its core was NOT found");
	fputs(s->warnings.s ? s->warnings.s : "", stdout);
	if (h->way != AP_WAY_OURS)
		printf("next: sudo autopsy setup%s   collect them here\n",
		       h->way == AP_WAY_FILE || h->way == AP_WAY_NONE ? "" : " --chain");
	else
		puts("next: autopsy list");
}

int ap_tool_status(int argc, char **argv)
{
	struct status s = {.n_crashes = 0};
	const char *file = NULL;
	bool json = false, do_test = false;
	extern char **environ;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--test") == 0)
			do_test = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			file = argv[++i];
		else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return fputs(usage_text, stdout), 0;
		else
			return ap_tool_usage("status", usage_text, "unknown option %s", argv[i]);
	}
	if (json)
		ap_tool_json_errors();
	ap_host_read(&s.host);
	/* What the kernel starts reads the file that its pattern names. */
	if (!file && s.host.handler_config[0])
		file = s.host.handler_config;
	struct ap_err *err = ap_config_load(file, environ, &s.config);
	if (err)
		return ap_tool_fail("status", err);
	look(&s);
	if (do_test)
		test(&s);
	if (json)
		print_json(&s);
	else
		print_text(&s);
	bool good = collects(&s);
	ap_str_close(&s.warnings);
	ap_config_close(&s.config);
	return good ? 0 : 1;
}
