#include "tools/debug_pod.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "os/outfile.h"

/* With our standard streams, or with `input` on its standard input. */
static struct ap_err *kubectl(char *const *argv, const struct ap_str *input, bool quiet,
			      int *ret_status)
{
	int in[2] = {-1, -1}, status;

	if (input && pipe2(in, O_CLOEXEC) < 0)
		return ap_err_errno(errno, "cannot make a pipe");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int null = quiet ? open("/dev/null", O_RDWR) : -1;

		if ((input && dup2(in[0], 0) < 0) ||
		    (quiet && (dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(null, 0) < 0)))
			_exit(126);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		_exit(127);
	}
	struct ap_err *err = pid < 0 ? ap_err_errno(errno, "cannot start kubectl") : NULL;
	if (input)
		close(in[0]);
	/* What it does not read it says itself. */
	if (!err && input)
		ap_err_free(ap_write_all(in[1], input->s, input->n));
	if (input)
		close(in[1]);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (*ret_status == 127)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no kubectl"),
				   "it must be on the PATH");
	return NULL;
}

static void put_env(struct ap_json *j, const char *name, const char *value)
{
	ap_json_object(j, NULL);
	ap_json_cstr(j, "name", name);
	ap_json_cstr(j, "value", value);
	ap_json_end_object(j);
}

static void put_common(struct ap_json *j)
{
	ap_json_array(j, "volumeMounts");
	ap_json_object(j, NULL);
	ap_json_cstr(j, "name", "shared-data");
	ap_json_cstr(j, "mountPath", "/shared");
	ap_json_end_object(j);
	ap_json_end_array(j);
	ap_json_object(j, "securityContext");
	ap_json_bool(j, "allowPrivilegeEscalation", false);
	ap_json_end_object(j);
	ap_json_end_object(j);
}

static void put_pod(struct ap_str *out, const struct ap_debug_pod *p)
{
	char zip[AP_DEBUG_NAME_MAX * 2 + 8], exe[AP_DEBUG_NAME_MAX + 16],
		core[AP_DEBUG_NAME_MAX * 4 + 16];
	struct ap_json j;

	snprintf(zip, sizeof(zip), "%s.zip", p->base);
	snprintf(exe, sizeof(exe), "/shared/%s", p->exe);
	snprintf(core, sizeof(core), "%s/%s.core", p->base, p->base);
	ap_json_init(&j, out, NULL);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "apiVersion", "v1");
	ap_json_cstr(&j, "kind", "Pod");
	ap_json_object(&j, "metadata");
	ap_json_cstr(&j, "name", p->name);
	ap_json_cstr(&j, "namespace", p->namespace_);
	ap_json_object(&j, "labels");
	ap_json_cstr(&j, "app.kubernetes.io/name", "autopsy-debug");
	ap_json_end_object(&j);
	ap_json_end_object(&j);
	ap_json_object(&j, "spec");
	ap_json_cstr(&j, "restartPolicy", "Never");
	ap_json_bool(&j, "automountServiceAccountToken", false);
	ap_json_array(&j, "volumes");
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "name", "shared-data");
	ap_json_object(&j, "emptyDir");
	ap_json_end_object(&j);
	ap_json_end_object(&j);
	ap_json_end_array(&j);
	ap_json_array(&j, "containers");
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "name", "debug-container");
	ap_json_cstr(&j, "image", p->debug_image);
	ap_json_array(&j, "command");
	ap_json_cstr(&j, NULL, "./init.sh");
	ap_json_end_array(&j);
	ap_json_array(&j, "env");
	put_env(&j, "CORE_URL", p->url);
	put_env(&j, "CORE_FILE", zip);
	put_env(&j, "EXE_LOCATION", exe);
	put_env(&j, "CORE_LOCATION", core);
	ap_json_end_array(&j);
	put_common(&j);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "name", "core-container");
	ap_json_cstr(&j, "image", p->image);
	ap_json_array(&j, "command");
	ap_json_cstr(&j, NULL, "/bin/sh");
	ap_json_cstr(&j, NULL, "-c");
	ap_json_cstr(&j, NULL,
		     "cp \"$(command -v \"$EXE_NAME\")\" /shared/; while :; do sleep 3600; done");
	ap_json_end_array(&j);
	ap_json_array(&j, "env");
	put_env(&j, "EXE_NAME", p->exe);
	ap_json_end_array(&j);
	put_common(&j);
	ap_json_end_array(&j);
	ap_json_end_object(&j);
	ap_json_end_object(&j);
	ap_json_newline(&j);
}

struct ap_err *ap_debug_pod_name(struct ap_debug_pod *p)
{
	uint8_t r[16];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return ap_err_errno(errno, "no random bytes");
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	int n = snprintf(p->name, sizeof(p->name), "debugger-");
	for (unsigned i = 0; i < sizeof(r); i++)
		n += snprintf(p->name + n, sizeof(p->name) - (size_t)n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", r[i]);
	return NULL;
}

#define WORD(s) ((char *)(uintptr_t)(s))

struct ap_err *ap_debug_pod_start(const struct ap_debug_pod *p)
{
	char *argv[] = {WORD("kubectl"), WORD("apply"), WORD("-n"), WORD(p->namespace_),
			WORD("-f"),      WORD("-"),     NULL};
	AP_STR_AUTO pod = {0};
	int status = 0;

	put_pod(&pod, p);
	if (pod.failed)
		return &ap_err_nomem;
	fprintf(stderr, "Sending pod config using kubectl\n");
	AP_TRY(kubectl(argv, &pod, false, &status));
	/* Warnings on standard error are no failure. */
	return status ? ap_err_new(AP_E_IO, "kubectl apply failed (status %d)", status) : NULL;
}

struct ap_err *ap_debug_pod_connect(const struct ap_debug_pod *p)
{
	char *probe[] = {WORD("kubectl"),
			 WORD("exec"),
			 WORD("-n"),
			 WORD(p->namespace_),
			 WORD(p->name),
			 WORD("-c"),
			 WORD("debug-container"),
			 WORD("--"),
			 WORD("true"),
			 NULL};

	for (unsigned i = 0; i < p->tries && !*p->stopped; i++) {
		int status;

		AP_TRY(kubectl(probe, NULL, true, &status));
		if (!status)
			return NULL;
		fprintf(stderr, i ? "Retrying connection...\n" : "Waiting for the container...\n");
		(void)poll(NULL, 0, (int)(p->pause_seconds * 1000));
	}
	if (*p->stopped)
		return &ap_err_cancelled;
	return ap_err_hint(
		ap_err_new(AP_E_IO, "the container did not start after %u attempts", p->tries),
		"kubectl get events -n %s says why: an image that cannot be pulled, for instance",
		p->namespace_);
}

struct ap_err *ap_debug_pod_talk(const struct ap_debug_pod *p, int *ret_status)
{
	size_t n = 0, extra = 0;

	while (p->command && p->command[extra])
		extra++;
	char **argv = calloc(extra + 12, sizeof(*argv));
	if (!argv)
		return &ap_err_nomem;
	argv[n++] = WORD("kubectl");
	argv[n++] = WORD("exec");
	argv[n++] = WORD(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "-it" : "-i");
	argv[n++] = WORD("-n");
	argv[n++] = WORD(p->namespace_);
	argv[n++] = WORD(p->name);
	argv[n++] = WORD("-c");
	argv[n++] = WORD("debug-container");
	argv[n++] = WORD("--");
	for (size_t i = 0; i < extra; i++)
		argv[n++] = p->command[i];
	if (!extra)
		argv[n++] = WORD("/bin/bash");
	struct ap_err *err = kubectl(argv, NULL, false, ret_status);
	free(argv);
	return err;
}

struct ap_err *ap_debug_pod_delete(const struct ap_debug_pod *p)
{
	char *argv[] = {WORD("kubectl"),
			WORD("delete"),
			WORD("pod"),
			WORD("-n"),
			WORD(p->namespace_),
			WORD(p->name),
			WORD("--ignore-not-found"),
			WORD("--wait=false"),
			NULL};
	int status = 1;

	for (int i = 0; i < 3; i++) {
		AP_TRY(kubectl(argv, NULL, false, &status));
		if (!status)
			return NULL;
		(void)poll(NULL, 0, (int)(p->pause_seconds * 1000));
	}
	return ap_err_hint(ap_err_new(AP_E_IO, "the pod could not be deleted"),
			   "kubectl delete pod -n %s %s", p->namespace_, p->name);
}
