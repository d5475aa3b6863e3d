#include "tools/agent_ship.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/ship.h"
#include "tools/snapshot_private.h"

enum { LOOK_MS = 2000, STALE_MS = 6 * 3600 * 1000, END_MS = 10000, STEP_MS = 50 };

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	stopped = sig;
}

static void abort_stale(struct ap_shipper *s)
{
	unsigned n = 0;
	struct ap_err *err = ap_ship_abort_stale(s, &n);

	if (err && err != &ap_err_cancelled)
		fprintf(stderr, "autopsy agent: uploads that nobody will finish: %s\n",
			err->message);
	else if (n)
		printf("%u uploads aborted that nobody will finish\n", n);
	fflush(stdout);
	ap_err_free(err);
}

static int ship(struct ap_crashes *c)
{
	struct ap_shipper s = {.crashes = c, .stop = &stopped};
	struct sigaction stop = {.sa_handler = on_stop};
	int since_sweep = STALE_MS;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	while (!stopped) {
		unsigned shipped = 0, failed = 0;
		struct ap_err *err = ap_ship_round(&s, false, &shipped, &failed);

		if (err && err != &ap_err_cancelled)
			fprintf(stderr, "autopsy agent: %s\n", err->message);
		ap_err_free(err);
		if (since_sweep >= STALE_MS && !failed && !stopped && c->config.ship.bucket[0]) {
			abort_stale(&s);
			since_sweep = 0;
		}
		(void)poll(NULL, 0, LOOK_MS);
		since_sweep += LOOK_MS;
	}
	ap_ship_close(&s);
	return 0;
}

void ap_agent_ship_keep(struct ap_crashes *crashes, pid_t *pid)
{
	pid_t agent = getpid();
	int status;

	if (!ap_ship_wanted(&crashes->config))
		return;
	if (*pid > 0 && waitpid(*pid, &status, WNOHANG) == *pid) {
		fprintf(stderr, "autopsy agent: shipping ended (status %#x) and is started again\n",
			status);
		*pid = -1;
	}
	if (*pid > 0)
		return;
	fflush(stdout);
	*pid = fork();
	if (*pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == agent ? ship(crashes) : 1);
	}
	if (*pid < 0)
		fprintf(stderr, "autopsy agent: no process for shipping now, later again\n");
}

static bool ends_within(pid_t pid, int ms)
{
	for (int waited = 0;; waited += STEP_MS) {
		pid_t ended = waitpid(pid, NULL, WNOHANG);

		if (ended == pid || (ended < 0 && errno != EINTR))
			return true;
		if (waited >= ms)
			return false;
		(void)poll(NULL, 0, STEP_MS);
	}
}

void ap_agent_ship_end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGTERM);
	if (ends_within(pid, END_MS))
		return;
	(void)kill(pid, SIGKILL);
	if (!ends_within(pid, STEP_MS))
		fprintf(stderr,
			"autopsy agent: shipping (process %d) waits for a disk that stands still, "
			"and ends when that goes on\n",
			pid);
}

static struct ap_err *ship_one(struct ap_shipper *s, const char *id, int *ret_failed)
{
	struct ap_crashes *c = s->crashes;
	struct ap_record r;
	bool shipped;

	AP_TRY(ap_record_read(&c->spool, id, &c->arena, &r));
	struct ap_err *err = ap_ship_crash(s, &r, true, &shipped);
	if (!err && !shipped)
		printf("%s was shipped before\n", r.uuid);
	*ret_failed = err != NULL;
	return err;
}

struct ap_err *ap_agent_ship_now(struct ap_crashes *crashes, const volatile sig_atomic_t *stop,
				 bool sweep, const char *id, int *ret_failed)
{
	struct ap_shipper s = {.crashes = crashes, .stop = stop};
	unsigned shipped = 0, failed = 0;

	*ret_failed = 0;
	if (!ap_ship_wanted(&crashes->config))
		return sweep ? ap_err_hint(ap_err_new(AP_E_USAGE, "there is nowhere to ship to"),
					   "s3_bucket = NAME in autopsy.conf")
			     : NULL;
	struct ap_err *err =
		id ? ship_one(&s, id, ret_failed) : ap_ship_round(&s, true, &shipped, &failed);
	if (!err && sweep && !id && crashes->config.ship.bucket[0] && !failed)
		abort_stale(&s);
	if (failed)
		*ret_failed = 1;
	ap_ship_close(&s);
	return err;
}
