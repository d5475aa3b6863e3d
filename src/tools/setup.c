/* autopsy setup, start, stop, remove: making this host hand its crashes over, and undoing it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "capture/setup/host.h"
#include "capture/setup/journal.h"
#include "capture/spool/config.h"
#include "capture/spool/spool.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

#define SYSCTL_FILE "/etc/sysctl.d/99-autopsy.conf"

static const char default_config[] =
	"# autopsy: what happens to crashes of this host. `autopsy status` says what is wrong in here.\n"
	"# Every key can be set by the environment too: AUTOPSY_KEY. docs/fleet.md explains them.\n"
	"#spool = /var/lib/autopsy\n"
	"#user = nobody\n"
	"#full = yes\n"
	"#core_max = 64G\n"
	"#rate = 5/1h\n"
	"#reserve = 10%\n"
	"#quota = 10%\n"
	"#keep = 1000\n"
	"#keep_time = 14d\n"
	"#rule = skip exe /usr/bin/python*\n";

struct setup {
	const char *name;    /* of the subcommand */
	const char *file;    /* another configuration, for a trial; NULL: the usual one */
	const char *program; /* what the kernel is to start; NULL: this one */
	bool chain, replace, json;
	struct ap_config config;
	struct ap_host host;
	struct ap_journal journal;
	struct ap_str said; /* what was done, a line each */
	bool incomplete;
};

__attribute__((format(printf, 2, 3))) static void say(struct setup *s, const char *fmt, ...)
{
	char line[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ap_str_adds(&s->said, line);
	ap_str_addc(&s->said, '\n');
}

static void journal_path(const struct setup *s, char *buf, size_t bytes)
{
	snprintf(buf, bytes, "%s/setup.journal", s->config.spool);
}

static struct ap_err *change(struct setup *s, const char *path, const char *value)
{
	AP_STR_AUTO line = {0};

	ap_str_addf(&line, "%s\n", value);
	if (line.failed)
		return &ap_err_nomem;
	AP_TRY(ap_journal_change(&s->journal, path, (struct ap_text){line.s, line.n}));
	say(s, "%s = %s", path, value);
	return NULL;
}

/* Who is there already: kept as the next in line, replaced, or a reason to stop. */
static struct ap_err *check_other(const struct setup *s)
{
	enum ap_core_way way = s->host.way;

	if (way == AP_WAY_OURS || way == AP_WAY_FILE || way == AP_WAY_NONE || s->chain ||
	    s->replace)
		return NULL;
	return ap_err_hint(
		ap_err_new(AP_E_MISMATCH, "%s takes the cores of this host: %s",
			   way == AP_WAY_OTHER || way == AP_WAY_SOCKET ? "another program"
								       : ap_core_way_name(way),
			   s->host.pattern),
		way == AP_WAY_SOCKET
			? "--replace takes its place (remove gives it back)"
			: "--chain takes its place and hands on what the rules pass; --replace "
			  "takes its place; remove gives it back either way");
}

/* The configuration with the way of before as `chain`, if asked for. */
static struct ap_err *write_config(struct setup *s)
{
	AP_STR_AUTO text = {0};
	char path[PATH_MAX];
	bool exists;

	if (s->file)
		snprintf(path, sizeof(path), "%s", s->file);
	else
		ap_config_path(path, sizeof(path));
	exists = access(path, F_OK) == 0;
	if (exists && !ap_setting_read(path, &text))
		return ap_err_errno(errno, "cannot read %s", path);
	if (!exists)
		ap_str_adds(&text, default_config);
	/* A pattern of ours is no way of before: then the chain is set already. */
	bool chain = s->chain && s->host.way != AP_WAY_OURS && s->host.way != AP_WAY_NONE;
	if (chain)
		ap_str_addf(&text, "%schain = %s\n",
			    text.n && text.s[text.n - 1] != '\n' ? "\n" : "", s->host.pattern);
	if (exists && !chain)
		return NULL;
	AP_TRY(ap_journal_change(&s->journal, path, (struct ap_text){text.s, text.n}));
	say(s, "%s %s", path, exists ? "names the handler of before" : "written");
	return NULL;
}

static struct ap_err *set_kernel(struct setup *s)
{
	char program[PATH_MAX], pattern[1024], sysctl[1400], limit[32];

	if (s->program)
		snprintf(program, sizeof(program), "%s", s->program);
	else
		AP_TRY(ap_tool_self(program, sizeof(program)));
	AP_TRY(ap_host_check_program(program));
	AP_TRY(ap_host_pattern(program, s->file, pattern, sizeof(pattern)));
	/* 0 would mean that the kernel does not wait, and /proc/PID be gone before it is read. */
	snprintf(limit, sizeof(limit), "%lld",
		 s->host.pipe_limit > 0 ? (long long)s->host.pipe_limit : 16);
	/* At the next boot as well; a higher number than other packages' files, so it comes last.
	 */
	snprintf(sysctl, sizeof(sysctl),
		 "# by `autopsy setup`; `autopsy remove` takes it away\nkernel.core_pattern = %s\n"
		 "kernel.core_pipe_limit = %s\nfs.suid_dumpable = 2\n",
		 pattern, limit);
	if (!s->file && access("/etc/sysctl.d", W_OK) == 0) {
		AP_TRY(ap_journal_change(&s->journal, SYSCTL_FILE, ap_text_of(sysctl)));
		say(s, SYSCTL_FILE " written");
	}
	AP_TRY(change(s, "/proc/sys/kernel/core_pipe_limit", limit));
	AP_TRY(change(s, "/proc/sys/fs/suid_dumpable", "2"));
	return change(s, "/proc/sys/kernel/core_pattern", pattern);
}

/* Without root: cores become files, if the limit lets them. */
static struct ap_err *set_user(struct setup *s)
{
	static const char line[] = "ulimit -S -c unlimited # by `autopsy setup`\n";
	const char *home = getenv("HOME");
	AP_STR_AUTO text = {0};
	char path[PATH_MAX];

	if (s->host.way == AP_WAY_OURS)
		say(s, "this host hands its crashes to autopsy already: `sudo autopsy list`");
	else if (s->host.way != AP_WAY_FILE)
		say(s, "cores of this host go to: %s; only root can change that", s->host.pattern);
	else
		say(s, "cores are written as %s%s",
		    s->host.pattern[0] == '/' ? "" : "the program's directory/", s->host.pattern);
	if (!s->host.limit_hard) {
		s->incomplete = true;
		say(s, "the hard limit of core files is 0: only root can raise it (ulimit -H -c)");
		return NULL;
	}
	if (!home || !*home)
		return ap_err_new(AP_E_USAGE, "HOME is not set");
	snprintf(path, sizeof(path), "%s/.profile", home);
	if (access(path, F_OK) == 0 && !ap_setting_read(path, &text))
		return ap_err_errno(errno, "cannot read %s", path);
	if (!text.n || !strstr(text.s, line)) {
		if (text.n && text.s[text.n - 1] != '\n')
			ap_str_addc(&text, '\n');
		ap_str_adds(&text, line);
		AP_TRY(ap_journal_change(&s->journal, path, (struct ap_text){text.s, text.n}));
		say(s, "%s raises the limit of core files from the next login on", path);
	}
	say(s, "in shells that run already: ulimit -c unlimited");
	return NULL;
}

static struct ap_err *do_setup(struct setup *s)
{
	AP_SPOOL_AUTO spool = {-1, -1, ""};

	if (s->host.root)
		AP_TRY(check_other(s));
	AP_TRY(ap_spool_open(s->config.spool, true, &spool));
	say(s, "crashes are kept in %s/crashes", s->config.spool);
	AP_TRY(write_config(s));
	return s->host.root ? set_kernel(s) : set_user(s);
}

static struct ap_err *do_start(struct setup *s)
{
	AP_SPOOL_AUTO spool = {-1, -1, ""};

	if (!s->host.root)
		return ap_err_hint(
			ap_err_new(AP_E_IO, "only root can set core_pattern"),
			"sudo autopsy start; or `autopsy setup` for what can be done without");
	AP_TRY(check_other(s));
	AP_TRY(ap_spool_open(s->config.spool, true, &spool));
	return set_kernel(s);
}

/* `everything`: files as well; else only what the kernel does from now on. */
static void restore(struct setup *s, bool everything)
{
	for (size_t i = s->journal.changes.n; i-- > 0;) {
		const struct ap_change *c = &s->journal.changes.at[i];
		int e;

		if (!everything && strncmp(c->path, "/proc/", 6) != 0 &&
		    strcmp(c->path, SYSCTL_FILE) != 0)
			continue;
		switch (ap_journal_restore(c, &e)) {
		case AP_RESTORED:
			say(s, "%s is as it was before", c->path);
			break;
		case AP_RESTORED_WAS:
			break;
		case AP_RESTORED_FOREIGN:
			say(s, "%s was changed by somebody else since: left alone", c->path);
			break;
		case AP_RESTORED_FAILED:
			say(s, "%s could not be put back: %s", c->path, strerror(e));
			s->incomplete = true;
			break;
		}
	}
}

static struct ap_err *do_stop(struct setup *s)
{
	if (!s->journal.changes.n)
		say(s, "nothing was set up here");
	restore(s, false);
	return NULL;
}

static struct ap_err *do_remove(struct setup *s)
{
	if (!s->journal.changes.n)
		say(s, "nothing was set up here");
	restore(s, true);
	if (s->incomplete)
		return NULL; /* the journal stays for the next try */
	AP_TRY(ap_journal_remove(&s->journal));
	say(s, "the crashes stay in %s", s->config.spool);
	return NULL;
}

static const char usage_text[] =
	"usage: autopsy setup [--chain|--replace] [-c FILE] [--json]   make this host hand its crashes to autopsy\n"
	"       autopsy start [--chain|--replace] [-c FILE] [--json]   again, after stop\n"
	"       autopsy stop [-c FILE] [--json]    put the kernel's settings back, keep the rest\n"
	"       autopsy remove [-c FILE] [--json]  put everything back; crashes stay\n"
	"  --chain    another handler (apport, systemd-coredump) gets what the rules pass on\n"
	"  --replace  another handler gets nothing until remove\n"
	"  -c FILE    another configuration, for a trial: not set again at the next boot\n"
	"What was changed is in setup.journal in the spool; remove restores it byte for byte.\n";

struct ap_err *ap_tool_self(char *buf, size_t bytes)
{
	ssize_t n = readlink("/proc/self/exe", buf, bytes - 1);

	if (n <= 0)
		return ap_err_errno(errno, "/proc/self/exe");
	buf[n] = '\0';
	return NULL;
}

struct ap_err *ap_setup_once(const char *file, const char *program, bool replace, bool undo,
			     struct ap_str *said)
{
	struct setup s = {.name = "keep",
			  .file = file,
			  .program = program,
			  .chain = !replace,
			  .replace = replace};
	char path[PATH_MAX];
	extern char **environ;

	AP_TRY(ap_config_load(file, environ, &s.config));
	ap_host_read(&s.host);
	journal_path(&s, path, sizeof(path));
	struct ap_err *err = ap_journal_open(path, &s.journal);
	if (!err) {
		err = undo ? do_remove(&s) : do_setup(&s);
		ap_journal_close(&s.journal);
	}
	if (!err && undo && s.incomplete)
		err = ap_err_new(AP_E_IO, "not everything could be put back");
	ap_str_add(said, s.said.s ? s.said.s : "", s.said.n);
	ap_str_close(&s.said);
	ap_config_close(&s.config);
	return err;
}

static void print(struct setup *s)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;

	if (!s->json) {
		fputs(s->said.s ? s->said.s : "", stdout);
		return;
	}
	ap_json_init(&j, &out, NULL);
	ap_tool_json_begin(&j, s->name, NULL);
	ap_json_array(&j, "done");
	for (char *line = s->said.s, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		ap_json_cstr(&j, NULL, line);
	}
	ap_json_end_array(&j);
	ap_json_cstr(&j, "spool", s->config.spool);
	ap_json_cstr(&j, "pattern_before", s->host.pattern);
	ap_json_bool(&j, "complete", !s->incomplete);
	ap_tool_json_end(&j, stdout);
}

static int run(int argc, char **argv, struct ap_err *(*act)(struct setup *))
{
	struct setup s = {.name = argv[0]};
	char path[PATH_MAX];
	extern char **environ;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			s.file = argv[++i];
		else if (strcmp(argv[i], "--chain") == 0)
			s.chain = true;
		else if (strcmp(argv[i], "--replace") == 0)
			s.replace = true;
		else if (strcmp(argv[i], "--json") == 0)
			s.json = true;
		else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return fputs(usage_text, stdout), 0;
		else
			return ap_tool_usage(s.name, usage_text, "unknown option %s", argv[i]);
	}
	if (s.chain && s.replace)
		return ap_tool_usage(s.name, usage_text, "--chain or --replace, not both");
	if (s.file && s.file[0] != '/')
		return ap_tool_usage(s.name, usage_text, "-c needs an absolute path");
	if (s.json)
		ap_tool_json_errors();
	struct ap_err *err = ap_config_load(s.file, environ, &s.config);
	if (err)
		return ap_tool_fail(s.name, err);
	ap_host_read(&s.host);
	journal_path(&s, path, sizeof(path));
	err = ap_journal_open(path, &s.journal);
	if (!err) {
		err = act(&s);
		ap_journal_close(&s.journal);
	}
	if (!err || !s.json)
		print(&s);
	ap_str_close(&s.said);
	ap_config_close(&s.config);
	return err ? ap_tool_fail(s.name, err) : s.incomplete ? 1 : 0;
}

int ap_tool_setup(int argc, char **argv)
{
	return run(argc, argv, do_setup);
}

int ap_tool_start(int argc, char **argv)
{
	return run(argc, argv, do_start);
}

int ap_tool_stop(int argc, char **argv)
{
	return run(argc, argv, do_stop);
}

int ap_tool_remove(int argc, char **argv)
{
	return run(argc, argv, do_remove);
}
