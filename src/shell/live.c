/* The running process that a session may hold. */
#include <stdio.h>
#include <string.h>

#include "shell/session.h"

pid_t ap_session_live(const struct ap_session *session)
{
	return session->held ? session->held_pid : 0;
}

void ap_session_let_go(struct ap_session *session)
{
	if (session->held)
		session->options.live->release(session->held);
	session->held = NULL;
}

static bool nostop(const struct ap_session *session)
{
	const char *value = ap_session_setting(session, "nostop");

	return value && strcmp(value, "on") == 0;
}

struct ap_err *ap_session_attach(struct ap_session *session, pid_t pid)
{
	struct ap_model *model;
	void *held;

	if (!session->options.live)
		return ap_err_new(AP_E_UNSUPPORTED,
				  "this program cannot look at running processes");
	if (session->held && session->held_pid == pid)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "%d is held already", (int)pid),
				   "::release lets it go on");
	AP_TRY(session->options.live->attach(pid, !nostop(session), &ap_cancelled, &model, &held));
	ap_session_let_go(session);
	ap_session_set_study(session, NULL);
	ap_model_close(session->model);
	session->model = model;
	session->held = held;
	session->held_pid = pid;
	session->selection = (struct ap_selection){0};
	session->read_ahead = false;
	session->dot = 0;
	snprintf(session->live_name, sizeof(session->live_name), "%d", (int)pid);
	session->options.target = session->live_name;
	return NULL;
}

struct ap_err *ap_session_release(struct ap_session *session)
{
	if (!session->held)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "no process is held"),
				   "::attach PID holds one");
	ap_session_let_go(session);
	return NULL;
}
