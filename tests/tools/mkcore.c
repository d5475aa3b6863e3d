/*
 * mkcore: run a program until it dies and leave its core in a file.
 *
 *   mkcore [-d DIR] [-m METHOD] [-t SECONDS] [-k SIG -w FILE [-a MS]] -o CORE -- PROGRAM [ARG ...]
 *   mkcore --restore
 *
 * The one way tests, bench and demo get their cores. Ways, tried in this order unless -m names one:
 *   pattern  the kernel writes core files (core_pattern is not a pipe): used as it is
 *   pipe     core_pattern is a pipe and we may write it: a plain pattern is set for the moment.
 * Users of the moment are counted by file locks; a watchdog process puts the old pattern back when
 * the last one ends, however it ends; should the watchdog be killed as well, the journal is played
 * back by the next run or by --restore gdb      the program runs under gdb, which writes the core
 * when the program stops at its deadly signal
 *
 * -d DIR   where the program runs (default: a fresh directory beside CORE, removed afterwards)
 * -k SIG   send the program this signal once FILE of -w exists, MS milliseconds later
 *
 * Exit status: 0 a core was made, 1 the program did not die with a core, 77 no way to make cores
 * here, 64 usage. The way taken is said on stderr.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SKIP = 77, EXIT_USAGE = 64 };

#define OUR_PATTERN "core.%p"

struct options {
	const char *core;
	const char *dir;
	const char *method;
	const char *wait_file;
	char **argv;
	int timeout_s;
	int signal;
	int after_ms;
};

static const char *pattern_path = "/proc/sys/kernel/core_pattern";
static bool pattern_is_fake;
static volatile sig_atomic_t stop_signal;

static void on_stop(int sig)
{
	stop_signal = sig;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	fputs("mkcore: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

__attribute__((format(printf, 2, 3))) static _Noreturn void die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("mkcore: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_ms(int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000L};

	nanosleep(&ts, NULL);
}

/* First line of a file, without the line end. */
static bool read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static bool write_line(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	char line[PATH_MAX];
	int n = snprintf(line, sizeof(line), "%s\n", text);
	bool ok;

	if (fd < 0)
		return false;
	ok = n > 0 && (size_t)n < sizeof(line) && write(fd, line, (size_t)n) == n;
	return close(fd) == 0 && ok;
}

/* ---- setting core_pattern for the moment ---- */

struct moment {
	char gate[PATH_MAX];    /* held while deciding */
	char users[PATH_MAX];   /* shared lock: somebody needs our pattern */
	char journal[PATH_MAX]; /* the pattern to put back */
	int keep_fd;            /* its end tells the watchdog that we are gone */
	pid_t watchdog;
};

/* Beside the faked file in tests; else where a reboot, which resets the pattern, also clears the
 * journal. */
static void moment_paths(struct moment *m)
{
	char dir[PATH_MAX / 2] = "/run";

	if (pattern_is_fake) {
		snprintf(dir, sizeof(dir), "%s", pattern_path);
		dirname(dir);
	} else if (access(dir, W_OK) != 0) {
		snprintf(dir, sizeof(dir), "/var/tmp");
	}
	snprintf(m->gate, sizeof(m->gate), "%s/autopsy-mkcore.gate", dir);
	snprintf(m->users, sizeof(m->users), "%s/autopsy-mkcore.users", dir);
	snprintf(m->journal, sizeof(m->journal), "%s/autopsy-mkcore.journal", dir);
}

static int lock_file(const char *path, int how)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	while (flock(fd, how) != 0) {
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* With the gate held: put the old pattern back if nobody uses ours any more. */
static void restore_if_unused(const struct moment *m)
{
	char saved[PATH_MAX], current[PATH_MAX];
	int users = lock_file(m->users, LOCK_EX | LOCK_NB);

	if (users < 0)
		return;
	if (read_line(m->journal, saved, sizeof(saved))) {
		/* If it is not ours any more somebody else decided: leave it. */
		if (read_line(pattern_path, current, sizeof(current)) &&
		    strcmp(current, OUR_PATTERN) == 0)
			if (!write_line(pattern_path, saved, O_TRUNC))
				say("cannot put core_pattern back to '%s': %s", saved,
				    strerror(errno));
		unlink(m->journal);
	}
	close(users);
}

static void watch(const struct moment *m, int fd, int users)
{
	char byte;
	int gate, null;

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Whoever reads our output must not have to wait for the watchdog. */
	null = open("/dev/null", O_RDWR);
	if (null >= 0)
		for (int i = 0; i < 3; i++)
			dup2(null, i);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	gate = lock_file(m->gate, LOCK_EX);
	close(users);
	restore_if_unused(m);
	close(gate);
	_exit(0);
}

/*
 * Keeps other tests from setting a pattern of their own until the descriptor is closed, after those
 * that have one are done. -1: not ours to lock, so that nobody else who shares these locks could
 * set one either.
 */
static int hold_pattern(void)
{
	struct moment m;

	moment_paths(&m);
	int gate = lock_file(m.gate, LOCK_EX);
	int users = gate < 0 ? -1 : lock_file(m.users, LOCK_SH);
	if (gate >= 0)
		close(gate);
	return users;
}

/* False with a reason if the pattern cannot be set here. */
static bool moment_begin(struct moment *m, char *ret_reason, size_t size)
{
	char current[PATH_MAX];
	int gate, users, fds[2];
	bool ok = true;

	if (access(pattern_path, W_OK) != 0) {
		snprintf(ret_reason, size, "core_pattern cannot be set: %s", strerror(errno));
		return false;
	}
	moment_paths(m);
	gate = lock_file(m->gate, LOCK_EX);
	if (gate < 0) {
		snprintf(ret_reason, size, "%s: %s", m->gate, strerror(errno));
		return false;
	}
	restore_if_unused(m);
	if (!read_line(pattern_path, current, sizeof(current))) {
		snprintf(ret_reason, size, "%s: %s", pattern_path, strerror(errno));
		close(gate);
		return false;
	}
	if (access(m->journal, F_OK) != 0) {
		ok = write_line(m->journal, current, O_CREAT | O_EXCL | O_NOFOLLOW) &&
		     write_line(pattern_path, OUR_PATTERN, O_TRUNC);
		if (!ok) {
			snprintf(ret_reason, size, "core_pattern is '%s' and cannot be set: %s",
				 current, strerror(errno));
			unlink(m->journal);
			close(gate);
			return false;
		}
	}
	users = lock_file(m->users, LOCK_SH);
	if (users < 0 || pipe2(fds, O_CLOEXEC) != 0)
		die(1, "%s: %s", m->users, strerror(errno));
	m->watchdog = fork();
	if (m->watchdog == 0) {
		close(fds[1]);
		close(gate);
		watch(m, fds[0], users);
	}
	if (m->watchdog < 0)
		die(1, "fork: %s", strerror(errno));
	close(fds[0]);
	close(users); /* the watchdog holds the same open file, and so the lock */
	close(gate);
	m->keep_fd = fds[1];
	return true;
}

static void moment_end(struct moment *m)
{
	close(m->keep_fd);
	while (waitpid(m->watchdog, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- finding the core ---- */

static void append(char *buf, size_t size, const char *text, bool literal)
{
	size_t n = strlen(buf);

	for (; *text && n + 2 < size; text++) {
		if (literal && strchr("*?[\\", *text))
			buf[n++] = '\\';
		buf[n++] = *text;
	}
	buf[n] = '\0';
}

/* core(5): turn the pattern into a glob; the pid is known, the rest of the specifiers is not worth
 * knowing. */
static void pattern_to_glob(const char *pattern, const char *dir, pid_t pid, char *ret_glob,
			    size_t size)
{
	char pid_text[32], uses_pid[8] = "0";
	bool has_pid = false;

	ret_glob[0] = '\0';
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	if (pattern[0] != '/') {
		append(ret_glob, size, dir, true);
		append(ret_glob, size, "/", true);
	}
	for (; *pattern; pattern++) {
		char one[2] = {*pattern, '\0'};

		if (*pattern != '%') {
			append(ret_glob, size, one, true);
			continue;
		}
		pattern++;
		if (*pattern == '\0')
			break;
		if (*pattern == '%') {
			append(ret_glob, size, "%", true);
		} else if (*pattern == 'p') {
			append(ret_glob, size, pid_text, true);
			has_pid = true;
		} else if (strchr("ugdsthePiIEcCF", *pattern)) {
			append(ret_glob, size, "*", false);
		}
	}
	read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof(uses_pid));
	if (!has_pid && uses_pid[0] == '1') {
		append(ret_glob, size, ".", true);
		append(ret_glob, size, pid_text, true);
	}
}

/* A whole enough core of that process? The process id stands in NT_PRPSINFO. */
static bool is_core_of(const char *path, pid_t pid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	bool found = false;

	if (fd < 0)
		return false;
	if (pread(fd, &eh, sizeof(eh), 0) != (ssize_t)sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_type != ET_CORE)
		goto out;
	for (unsigned i = 0; i < eh.e_phnum && !found; i++) {
		off_t at = (off_t)(eh.e_phoff + (uint64_t)i * sizeof(ph)), end;

		if (pread(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))
			break;
		if (ph.p_type != PT_NOTE)
			continue;
		at = (off_t)ph.p_offset;
		end = at + (off_t)ph.p_filesz;
		while (at < end && !found) {
			Elf64_Nhdr nh;
			int32_t note_pid;

			if (pread(fd, &nh, sizeof(nh), at) != (ssize_t)sizeof(nh))
				break;
			at += (off_t)sizeof(nh) + (off_t)((nh.n_namesz + 3U) & ~3U);
			/* pr_pid is 24 bytes into elf_prpsinfo on 64 bit */
			if (nh.n_type == NT_PRPSINFO && nh.n_descsz >= 28 &&
			    pread(fd, &note_pid, sizeof(note_pid), at + 24) ==
				    (ssize_t)sizeof(note_pid))
				found = note_pid == (int32_t)pid;
			at += (off_t)((nh.n_descsz + 3U) & ~3U);
		}
	}
out:
	close(fd);
	return found;
}

static bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t size = 0, at = 0;
	static char buf[1 << 16], zero[1 << 16];
	struct stat st;
	bool ok = in >= 0 && out >= 0 && fstat(in, &st) == 0;

	if (ok)
		size = st.st_size;
	while (ok && at < size) {
		ssize_t n = pread(in, buf, sizeof(buf), at);

		if (n <= 0)
			ok = false;
		else if (memcmp(buf, zero, (size_t)n) != 0)
			ok = pwrite(out, buf, (size_t)n, at) == n;
		at += n;
	}
	ok = ok && ftruncate(out, size) == 0;
	if (in >= 0)
		close(in);
	if (out >= 0)
		ok = close(out) == 0 && ok;
	return ok;
}

static bool take_core(const char *pattern, const char *dir, pid_t pid, const char *to)
{
	char expr[PATH_MAX * 2];
	bool taken = false;
	glob_t g;

	pattern_to_glob(pattern, dir, pid, expr, sizeof(expr));
	if (glob(expr, 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && !taken; i++) {
		if (!is_core_of(g.gl_pathv[i], pid))
			continue;
		if (to == NULL) {
			unlink(g.gl_pathv[i]);
			taken = true;
		} else if (rename(g.gl_pathv[i], to) == 0) {
			taken = true;
		} else if (errno == EXDEV && copy_file(g.gl_pathv[i], to)) {
			unlink(g.gl_pathv[i]);
			taken = true;
		}
	}
	globfree(&g);
	return taken;
}

/* ---- running ---- */

/* Between fork and exec. */
static void prepare_child(const char *dir)
{
	struct rlimit lim;
	int fd;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(dir) != 0)
		_exit(126);
	if (getrlimit(RLIMIT_CORE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_CORE, &lim);
		lim.rlim_cur = lim.rlim_max = RLIM_INFINITY;
		setrlimit(RLIMIT_CORE, &lim); /* only root may raise the hard one */
	}
	/* the kernel's default: private and shared anonymous memory, ELF headers, private huge
	 * pages */
	fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "0x33", 4);
		close(fd);
	}
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

/* Waits for the child; sends the signal asked for to target() when its time has come. False on
 * timeout. */
static bool wait_child(const struct options *o, pid_t child, const char *pid_file, int *ret_status)
{
	double start = now(), seen = 0;
	bool sent = o->signal == 0;

	for (;;) {
		pid_t r = waitpid(child, ret_status, WNOHANG);

		if (r == child)
			return true;
		if (r < 0 && errno != EINTR)
			die(1, "waitpid: %s", strerror(errno));
		if (!sent && seen == 0 && access(o->wait_file, F_OK) == 0)
			seen = now();
		if (!sent && seen > 0 && (now() - seen) * 1000 >= o->after_ms) {
			pid_t target = child;
			char text[32];

			if (pid_file != NULL && read_line(pid_file, text, sizeof(text)))
				target = (pid_t)atoi(text);
			kill(target, o->signal);
			sent = true;
		}
		if (stop_signal || now() - start > o->timeout_s) {
			if (!stop_signal)
				say("still running after %d seconds: ended", o->timeout_s);
			kill(-child, SIGKILL);
			kill(child, SIGKILL);
			while (waitpid(child, ret_status, 0) < 0 && errno == EINTR)
				;
			return false;
		}
		sleep_ms(5);
	}
}

/* Does a process that aborts in dir leave a core where the pattern says? Cheap, so asked instead of
 * guessed. */
static bool probe(const char *pattern, const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prepare_child(dir);
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) && WCOREDUMP(status) && take_core(pattern, dir, pid, NULL);
}

static int run_kernel(const struct options *o, const char *pattern)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prepare_child(o->dir);
		execvp(o->argv[0], o->argv);
		fprintf(stderr, "mkcore: %s: %s\n", o->argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		die(1, "fork: %s", strerror(errno));
	if (!wait_child(o, pid, NULL, &status))
		return 1;
	if (WIFEXITED(status)) {
		say("the program did not die of a signal: exit status %d", WEXITSTATUS(status));
		return 1;
	}
	if (!take_core(pattern, o->dir, pid, o->core)) {
		say("%s, %s, and no core was found (core_pattern %s)", strsignal(WTERMSIG(status)),
		    WCOREDUMP(status) ? "core dumped" : "no core dumped", pattern);
		return 1;
	}
	return 0;
}

static bool have_program(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : ""), *save = NULL;
	bool found = false;

	for (char *p = strtok_r(copy, ":", &save); p && !found; p = strtok_r(NULL, ":", &save)) {
		char full[PATH_MAX];

		snprintf(full, sizeof(full), "%s/%s", p, name);
		found = access(full, X_OK) == 0;
	}
	free(copy);
	return found;
}

static int run_gdb(const struct options *o, const char *self)
{
	char pid_file[PATH_MAX], gcore[PATH_MAX + 16];
	size_t argc = 0, n = 0;
	char **argv;
	int status;
	struct stat st;
	pid_t pid;

	while (o->argv[argc])
		argc++;
	argv = calloc(argc + 40, sizeof(*argv));
	if (argv == NULL)
		die(1, "out of memory");
	snprintf(pid_file, sizeof(pid_file), "%s.pid", o->core);
	snprintf(gcore, sizeof(gcore), "gcore %s", o->core);
	/* What a runtime handles by itself must not stop it; what kills it must. */
	const char *script[] = {
		"gdb",
		"-q",
		"-nx",
		"-batch",
		"-ex",
		"set pagination off",
		"-ex",
		"set confirm off",
		"-ex",
		"set disable-randomization off",
		"-ex",
		"set print thread-events off",
		"-ex",
		"handle all nostop noprint pass",
		"-ex",
		"handle SIGABRT SIGSEGV SIGBUS SIGILL SIGFPE SIGTRAP SIGSYS SIGQUIT stop print",
		"-ex",
		"run",
		"-ex",
		gcore,
		"-ex",
		"kill",
		"--args",
		self,
		"--stub",
		pid_file};

	for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++)
		argv[n++] = (char *)(uintptr_t)script[i];
	for (size_t i = 0; i < argc; i++)
		argv[n++] = o->argv[i];
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		prepare_child(o->dir);
		if (null >= 0)
			dup2(null, 0);
		/* gdb talks on stdout; that is not the program's */
		dup2(2, 1);
		/* gdb quotes the arguments for a shell; the stub gives the program its own SHELL
		 * back */
		if (getenv("SHELL"))
			setenv("MKCORE_SHELL", getenv("SHELL"), 1);
		setenv("SHELL", "/bin/sh", 1);
		execvp("gdb", argv);
		_exit(127);
	}
	free(argv);
	if (pid < 0)
		die(1, "fork: %s", strerror(errno));
	if (!wait_child(o, pid, pid_file, &status)) {
		char text[32];

		if (read_line(pid_file, text, sizeof(text)) && atoi(text) > 1)
			kill((pid_t)atoi(text), SIGKILL);
		unlink(pid_file);
		return 1;
	}
	unlink(pid_file);
	if (stat(o->core, &st) != 0 || st.st_size == 0) {
		say("gdb wrote no core: the program did not stop at a deadly signal");
		return 1;
	}
	return 0;
}

static int usage(void)
{
	fputs("usage: mkcore [-d DIR] [-m pattern|pipe|gdb] [-t SECONDS] [-k SIG -w FILE [-a MS]] -o CORE -- PROGRAM [ARG ...]\n"
	      "       mkcore --restore\n",
	      stderr);
	return EXIT_USAGE;
}

static int make_core(const struct options *o, const char *self)
{
	char pattern[PATH_MAX] = "", reason[PATH_MAX + 128] = "core_pattern cannot be read";
	bool any = o->method == NULL, ours = any || strcmp(o->method, "pattern") == 0;
	int held = ours ? hold_pattern() : -1;
	bool known = read_line(pattern_path, pattern, sizeof(pattern));
	int rc;

	if (known && ours) {
		if (pattern[0] == '|')
			snprintf(reason, sizeof(reason), "core_pattern is a pipe: '%s'", pattern);
		else if (probe(pattern, o->dir)) {
			say("core by the kernel's own pattern '%s'", pattern);
			rc = run_kernel(o, pattern);
			if (held >= 0)
				close(held);
			return rc;
		} else
			snprintf(reason, sizeof(reason),
				 "core_pattern '%s' leaves no core file here", pattern);
	}
	if (held >= 0)
		close(held);
	if (known && (any || strcmp(o->method, "pipe") == 0)) {
		struct moment m;

		if (moment_begin(&m, reason, sizeof(reason))) {
			if (pattern_is_fake || probe(OUR_PATTERN, o->dir)) {
				say("core by a pattern set for the moment");
				rc = run_kernel(o, OUR_PATTERN);
				moment_end(&m);
				return rc;
			}
			snprintf(reason, sizeof(reason),
				 "no core file even with a plain core_pattern (core size limit?)");
			moment_end(&m);
		}
	}
	if (any || strcmp(o->method, "gdb") == 0) {
		if (have_program("gdb")) {
			say("core by gdb (%s)", any ? reason : "asked for");
			return run_gdb(o, self);
		}
		say("skipped: %s, and there is no gdb", reason);
		return EXIT_SKIP;
	}
	say("skipped: %s", reason);
	return EXIT_SKIP;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static const char *absolute(const char *path)
{
	char cwd[PATH_MAX / 2], *out;

	if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	if (asprintf(&out, "%s/%s", cwd, path) < 0)
		die(1, "out of memory");
	return out;
}

int main(int argc, char **argv)
{
	struct options o = {.timeout_s = 120, .after_ms = 0};
	struct sigaction sa = {.sa_handler = on_stop};
	const char *fake = getenv("MKCORE_PATTERN_FILE");
	char temp[PATH_MAX] = "", self[PATH_MAX] = "";
	struct moment m;
	int opt, rc;

	if (fake != NULL) {
		pattern_path = fake;
		pattern_is_fake = true;
	}
	if (argc == 2 && strcmp(argv[1], "--restore") == 0) {
		moment_paths(&m);
		int gate = lock_file(m.gate, LOCK_EX);

		if (gate < 0)
			die(1, "%s: %s", m.gate, strerror(errno));
		restore_if_unused(&m);
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "--stub") == 0) {
		/* under gdb: tell which process is the program, then become it */
		char text[32];

		snprintf(text, sizeof(text), "%d", (int)getpid());
		if (!write_line(argv[2], text, O_CREAT | O_TRUNC))
			die(1, "%s: %s", argv[2], strerror(errno));
		if (getenv("MKCORE_SHELL"))
			setenv("SHELL", getenv("MKCORE_SHELL"), 1);
		else
			unsetenv("SHELL");
		unsetenv("MKCORE_SHELL");
		unsetenv("LINES");
		unsetenv("COLUMNS");
		execvp(argv[3], argv + 3);
		die(127, "%s: %s", argv[3], strerror(errno));
	}
	while ((opt = getopt(argc, argv, "+o:d:m:t:k:w:a:")) != -1) {
		switch (opt) {
		case 'o':
			o.core = absolute(optarg);
			break;
		case 'd':
			o.dir = absolute(optarg);
			break;
		case 'm':
			o.method = optarg;
			break;
		case 't':
			o.timeout_s = atoi(optarg);
			break;
		case 'k':
			o.signal = atoi(optarg);
			break;
		case 'w':
			o.wait_file = absolute(optarg);
			break;
		case 'a':
			o.after_ms = atoi(optarg);
			break;
		default:
			return usage();
		}
	}
	o.argv = argv + optind;
	if (o.core == NULL || o.argv[0] == NULL || o.timeout_s <= 0 ||
	    (o.signal != 0) != (o.wait_file != NULL))
		return usage();
	if (o.method && strcmp(o.method, "pattern") && strcmp(o.method, "pipe") &&
	    strcmp(o.method, "gdb"))
		return usage();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die(1, "/proc/self/exe: %s", strerror(errno));
	if (o.dir == NULL) {
		snprintf(temp, sizeof(temp), "%s.XXXXXX", o.core);
		if (mkdtemp(temp) == NULL)
			die(1, "%s: %s", temp, strerror(errno));
		o.dir = temp;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	unlink(o.core);
	rc = make_core(&o, self);
	if (temp[0])
		remove_dir(temp);
	return rc;
}
