/* autopsy keep: setup of a host from within a container, for as long as that runs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/setup/host.h"
#include "capture/setup/journal.h"
#include "os/outfile.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

enum { LOOK_MS = 10000, CONFIG_BYTES = 1 << 20 };

static const char usage_text[] =
	"usage: autopsy keep --install DIR [--from CONF] [--sysctl DIR] [--replace] [--yield]\n"
	"Copies itself and CONF into DIR, makes the host hand its crashes to that copy, and puts everything\n"
	"back when it is told to end (SIGTERM). For a pod: DIR must have the same path on the host.\n"
	"  --from CONF    becomes DIR/autopsy.conf, anew whenever it changes\n"
	"  --sysctl DIR   where the host's /proc/sys/kernel/core_pattern, kernel/core_pipe_limit and\n"
	"                 fs/suid_dumpable are mounted\n"
	"  --replace      a handler of before gets nothing; without it, what the rules pass\n"
	"  --yield        who takes core_pattern away keeps it; without it, it is taken back\n";

struct keep {
	const char *dir, *from;
	bool replace, yield;
	char program[PATH_MAX], config[PATH_MAX], temp[PATH_MAX + 8];
};

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	stopped = sig;
}

/* By rename: the kernel may be running the old one at this moment, and a reader sees the old or the
 * new one. */
static struct ap_err *install(struct keep *k, const char *path, int from, const void *text,
			      size_t bytes, mode_t mode)
{
	char buf[65536];
	ssize_t n = 0;

	snprintf(k->temp, sizeof(k->temp), "%s.new", path);
	(void)unlink(k->temp);
	int fd = open(k->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return ap_err_errno(errno, "cannot make %s", k->temp);
	struct ap_err *err = from < 0 ? ap_write_all(fd, text, bytes) : NULL;
	while (!err && from >= 0 && (n = read(from, buf, sizeof(buf))) > 0)
		err = ap_write_all(fd, buf, (uint64_t)n);
	if (!err && n < 0)
		err = ap_err_errno(errno, "cannot read what becomes %s", path);
	if (!err && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		err = ap_err_errno(errno, "cannot write %s", k->temp);
	if (close(fd) < 0 && !err)
		err = ap_err_errno(errno, "cannot write %s", k->temp);
	if (!err && rename(k->temp, path) < 0)
		err = ap_err_errno(errno, "cannot make %s", path);
	if (err)
		(void)unlink(k->temp);
	return err;
}

static struct ap_err *install_program(struct keep *k)
{
	char self[PATH_MAX];

	AP_TRY(ap_tool_self(self, sizeof(self)));
	if (strcmp(self, k->program) == 0)
		return NULL;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return ap_err_errno(errno, "cannot read %s", self);
	struct ap_err *err = install(k, k->program, from, NULL, 0, 0755);
	close(from);
	return err;
}

/*
 * The operator's text, and behind it the handler of before, which setup wrote into our copy:
 * another text of the operator must not lose it.
 */
static struct ap_err *install_config(struct keep *k, bool *ret_changed)
{
	AP_STR_AUTO wanted = {0};
	AP_STR_AUTO there = {0};
	const char *chain = NULL;

	*ret_changed = false;
	if (k->from && !ap_setting_read(k->from, &wanted))
		return ap_err_errno(errno, "cannot read %s", k->from);
	if (wanted.n && wanted.s[wanted.n - 1] != '\n')
		ap_str_addc(&wanted, '\n');
	bool exists = ap_setting_read(k->config, &there);
	for (const char *p = there.n ? there.s : ""; (p = strstr(p, "chain = ")); p++) {
		if (p == there.s || p[-1] == '\n')
			chain = p;
	}
	if (chain && (!wanted.n || !strstr(wanted.s, "chain = ")))
		ap_str_add(&wanted, chain, strcspn(chain, "\n") + (strchr(chain, '\n') != NULL));
	if (wanted.failed)
		return &ap_err_nomem;
	if (wanted.n > CONFIG_BYTES)
		return ap_err_new(AP_E_LIMIT, "%s is too large", k->from);
	if (exists &&
	    ap_text_eq((struct ap_text){wanted.s, wanted.n}, (struct ap_text){there.s, there.n}))
		return NULL;
	*ret_changed = true;
	return install(k, k->config, -1, wanted.s ? wanted.s : "", wanted.n, 0600);
}

static struct ap_err *apply(const struct keep *k, bool undo)
{
	AP_STR_AUTO said = {0};
	struct ap_err *err = ap_setup_once(k->config, k->program, k->replace, undo, &said);

	fputs(said.s ? said.s : "", stdout);
	fflush(stdout);
	return err;
}

static bool is_ours(const struct keep *k, const struct ap_host *host)
{
	return host->way == AP_WAY_OURS && strcmp(host->handler, k->program) == 0 &&
	       strcmp(host->handler_config, k->config) == 0;
}

static struct ap_err *keep(struct keep *k)
{
	bool changed, given_up = false;
	struct ap_host host;

	AP_TRY(install_program(k));
	AP_TRY(install_config(k, &changed));
	AP_TRY(apply(k, false));
	while (!stopped) {
		(void)poll(NULL, 0, LOOK_MS);
		AP_ERR_AUTO odd = stopped ? NULL : install_config(k, &changed);
		if (odd)
			fprintf(stderr, "autopsy keep: %s\n", odd->message);
		ap_host_read(&host);
		if (stopped || given_up || is_ours(k, &host))
			continue;
		given_up = k->yield;
		fprintf(stderr, "autopsy keep: core_pattern is \"%s\" now: %s\n", host.pattern,
			k->yield ? "left alone" : "taken back");
		AP_ERR_AUTO again = k->yield ? NULL : apply(k, false);
		if (again)
			fprintf(stderr, "autopsy keep: %s\n", again->message);
	}
	return apply(k, true);
}

int ap_tool_keep(int argc, char **argv)
{
	struct sigaction stop = {.sa_handler = on_stop};
	struct keep k = {.dir = NULL};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--install") == 0 && i + 1 < argc)
			k.dir = argv[++i];
		else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
			k.from = argv[++i];
		else if (strcmp(argv[i], "--sysctl") == 0 && i + 1 < argc)
			ap_settings_below(argv[++i]);
		else if (strcmp(argv[i], "--replace") == 0)
			k.replace = true;
		else if (strcmp(argv[i], "--yield") == 0)
			k.yield = true;
		else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return fputs(usage_text, stdout), 0;
		else
			return ap_tool_usage("keep", usage_text, "unknown option %s", argv[i]);
	}
	if (!k.dir || k.dir[0] != '/' || strlen(k.dir) > PATH_MAX / 2)
		return ap_tool_usage("keep", usage_text, "--install needs an absolute path");
	if (geteuid() != 0)
		return ap_tool_fail("keep", ap_err_new(AP_E_IO, "only root can set core_pattern"));
	snprintf(k.program, sizeof(k.program), "%s/autopsy-host", k.dir);
	snprintf(k.config, sizeof(k.config), "%s/autopsy.conf", k.dir);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	struct ap_err *err = keep(&k);
	return err ? ap_tool_fail("keep", err) : 0;
}
