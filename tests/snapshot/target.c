/*
 * target KIND READY_FILE [N]: a process that is hard to take a snapshot of.
 *
 *   seccomp    a filter answers EPERM to userfaultfd and clone
 *   killer     a filter kills for userfaultfd and for clone
 *   vfork      waits between vfork and exec of a child that sleeps
 *   maps       N mappings, each with a page of its own
 *   churn      threads begin and end all the time
 *   timers     counts SIGALRM from a 1 ms timer, a pipe that ticks, and interrupted calls
 *   kinds      memory that must be in a core, and memory that must not
 *   late       memory outside forks that is never older than a millisecond, with holes in it
 *   rewrite    N MB, rewritten again and again
 *   single     one thread, in user code
 *   reserve    N MB reserved twice, once accessible and once not, one page of each in use
 *   readall    N is the pid of another process: reads its whole memory, as a debugger's gcore does,
 * and ends
 *
 * READY_FILE gets the pid and, from `timers`, a line of counters on SIGUSR2.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *ready_path;

static void ready(const char *text)
{
	char temp[4096];

	snprintf(temp, sizeof(temp), "%s.tmp", ready_path);
	FILE *f = fopen(temp, "w");
	if (!f)
		exit(2);
	fprintf(f, "%d %s\n", (int)getpid(), text);
	fclose(f);
	rename(temp, ready_path);
}

static void filter(uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		exit(3);
}

static void *idle(void *arg)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;

	(void)arg;
	pthread_mutex_lock(&m);
	for (;;)
		pthread_cond_wait(&c, &m);
	return NULL;
}

static void start_idle(void)
{
	pthread_t t;

	pthread_create(&t, NULL, idle, NULL);
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static void *short_life(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
	return arg;
}

static void *churner(void *arg)
{
	for (;;) {
		pthread_t t[8];
		int n = 0;

		for (; n < 8 && pthread_create(&t[n], NULL, short_life, NULL) == 0; n++)
			;
		for (int i = 0; i < n; i++)
			pthread_join(t[i], NULL);
	}
	return arg;
}

static void churn(void)
{
	pthread_t t;

	pthread_create(&t, NULL, churner, NULL);
	start_idle();
	ready("churn");
	sleep_for_ever();
}

static void vforks(void)
{
	ready("vfork");
	if (vfork() == 0) {
		execl("/bin/sleep", "sleep", "0.01", (char *)NULL);
		_exit(1);
	}
	for (;;) {
		if (vfork() == 0) {
			/* Not exec: the parent hangs in the kernel until we end. */
			nanosleep(&(struct timespec){.tv_sec = 3}, NULL);
			_exit(0);
		}
		while (wait(NULL) > 0)
			;
	}
}

static void maps(long n)
{
	for (long i = 0; i < n; i++) {
		/* Two pages, one of them not accessible, so that no two merge. */
		char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		if (p == MAP_FAILED)
			exit(4);
		memcpy(p, "MAPPINGWITNESS", 14);
		mprotect(p + 4096, 4096, PROT_NONE);
	}
	start_idle();
	ready("maps");
	sleep_for_ever();
}

static volatile sig_atomic_t alarms, ask;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void on_ask(int sig)
{
	(void)sig;
	ask = 1;
}

static void *ticker(void *arg)
{
	int fd = *(int *)arg;

	for (uint32_t i = 0;; i++) {
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			exit(5);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return NULL;
}

/* SA_RESTART: a read that a signal interrupts is made again and never fails. */
static void timers(void)
{
	int fds[2];
	pthread_t t;
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval tv = {{0, 1000}, {0, 1000}};
	uint32_t want = 0, got;
	long bad = 0;
	char text[128];

	if (pipe(fds))
		exit(2);
	sigaction(SIGALRM, &sa, NULL);
	sa.sa_handler = on_ask;
	sigaction(SIGUSR2, &sa, NULL);
	pthread_create(&t, NULL, ticker, &fds[1]);
	start_idle();
	setitimer(ITIMER_REAL, &tv, NULL);
	ready("0 0 0");
	for (;;) {
		ssize_t n = read(fds[0], &got, sizeof(got));

		if (n != sizeof(got) || got != want++)
			bad++;
		if (ask) {
			ask = 0;
			snprintf(text, sizeof(text), "%ld %u %ld", (long)alarms, want, bad);
			ready(text);
		}
	}
}

static void kinds(void)
{
	/* Written so that the witnesses exist once each in memory. */
	char *in = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *out = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *none = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *nofork = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *tail = "-WITNESS-9f3a";
	char *reserve =
		mmap(NULL, 1ul << 32, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	sprintf(in, "PRIVATE%s", tail);
	sprintf(out, "DONTDUMP%s", tail);
	madvise(out, 4096, MADV_DONTDUMP);
	sprintf(shared, "SHARED%s", tail);
	sprintf(none, "PROTNONE%s", tail);
	mprotect(none, 4096, PROT_NONE);
	sprintf(nofork, "NOFORK%s", tail);
	madvise(nofork, 4096, MADV_DONTFORK);
	reserve[1ul << 31] = 1; /* 4 GB reserved, one page of it used */
	start_idle();
	ready("kinds");
	sleep_for_ever();
}

/* Mapped after the dumper looked for such memory and before it clones: the clone lacks it. */
static void *make_late(void *arg)
{
	for (;;) {
		char *p = mmap(NULL, 8 * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			exit(4);
		madvise(p, 8 * 4096, MADV_DONTFORK);
		memcpy(p, "LATE", 4);
		memcpy(p + 5 * 4096, "LATE", 4);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		munmap(p, 8 * 4096);
	}
	return arg;
}

static void late(void)
{
	pthread_t t;

	start_idle();
	pthread_create(&t, NULL, make_late, NULL);
	ready("late");
	sleep_for_ever();
}

static void rewrite(long mb)
{
	size_t bytes = (size_t)mb << 20;
	char *p = mmap(NULL, bytes, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(4);
	memset(p, 1, bytes);
	start_idle();
	ready("rewrite");
	for (unsigned char v = 2;; v++) {
		for (size_t i = 0; i < bytes; i += 4096)
			p[i] = (char)v;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static void single(void)
{
	volatile uint64_t n = 0;
	double x = 1.5;

	ready("single");
	for (;;) {
		n++;
		/* Floating point that a lost register would show. */
		x = x * 1.0000001;
		if (x > 3)
			x = 1.5;
		if (x < 1.5)
			abort();
	}
}

static void reserve(long mb)
{
	size_t bytes = (size_t)mb << 20;
	char *open = mmap(NULL, bytes, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *closed = mmap(NULL, bytes, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (open == MAP_FAILED || closed == MAP_FAILED)
		exit(4);
	sprintf(open + bytes / 2, "OPEN%s", "-WITNESS-9f3a");
	sprintf(closed + bytes / 2, "CLOSED%s", "-WITNESS-9f3a");
	mprotect(closed, bytes, PROT_NONE);
	start_idle();
	ready("reserve");
	sleep_for_ever();
}

static void readall(long pid)
{
	static char buf[1 << 20];
	char path[64], line[4096];
	unsigned long start, end;

	snprintf(path, sizeof(path), "/proc/%ld/mem", pid);
	int mem = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
	FILE *f = fopen(path, "r");
	if (mem < 0 || !f)
		exit(6);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || start >> 63)
			continue;
		for (; start < end; start += sizeof(buf)) {
			/* What cannot be read is nobody's memory. */
			if (pread(mem, buf, end - start < sizeof(buf) ? end - start : sizeof(buf),
				  (off_t)start) < 0)
				break;
		}
	}
	ready("readall");
	exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	const char *kind = argv[1];
	long n = argc > 3 ? atol(argv[3]) : 0;

	ready_path = argv[2];
	if (strcmp(kind, "vfork") == 0)
		vforks();
	if (strcmp(kind, "maps") == 0)
		maps(n);
	if (strcmp(kind, "churn") == 0)
		churn();
	if (strcmp(kind, "timers") == 0)
		timers();
	if (strcmp(kind, "kinds") == 0)
		kinds();
	if (strcmp(kind, "late") == 0)
		late();
	if (strcmp(kind, "rewrite") == 0)
		rewrite(n);
	if (strcmp(kind, "single") == 0)
		single();
	if (strcmp(kind, "reserve") == 0)
		reserve(n);
	if (strcmp(kind, "readall") == 0)
		readall(n);
	if (strcmp(kind, "seccomp") == 0 || strcmp(kind, "killer") == 0) {
		start_idle();
		filter(*kind == 's' ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS);
		ready(kind);
		sleep_for_ever();
	}
	return 2;
}
