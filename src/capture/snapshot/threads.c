/* Registers and notes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/json.h"
#include "capture/snapshot/pmap.h"
#include "capture/snapshot/private.h"

static struct ap_snap_thread *find(struct ap_snap *s, pid_t tid)
{
	for (size_t i = 0; i < s->n_threads; i++) {
		if (s->threads[i].host_tid == tid)
			return &s->threads[i];
	}
	return NULL;
}

struct ap_err *ap_snap_take_thread(struct ap_snap *s, pid_t tid, int signal)
{
	uint8_t xstate[AP_XSTATE_MAX];
	struct ap_snap_thread t = {.host_tid = tid, .core = {.tid = tid, .signal = signal}};
	struct ap_snap_thread *grown;

	if (!ap_tracee_regs(tid, &t.core.regs))
		return NULL; /* it died under our hands */
	t.core.have_fpregs = ap_tracee_fpregs(tid, t.core.fpregs);
	t.core.n_xstate = ap_tracee_xstate(tid, xstate);
	(void)ptrace(PTRACE_GETSIGMASK, tid, (void *)8, &t.core.sig_blocked);
	if (t.core.n_xstate) {
		t.xstate_copy = malloc(t.core.n_xstate);
		if (!t.xstate_copy)
			return &ap_err_nomem;
		memcpy(t.xstate_copy, xstate, t.core.n_xstate);
		t.core.xstate = t.xstate_copy;
	}
	grown = realloc(s->threads, (s->n_threads + 1) * sizeof(*grown));
	if (!grown) {
		free(t.xstate_copy);
		return &ap_err_nomem;
	}
	s->threads = grown;
	s->threads[s->n_threads++] = t;
	return NULL;
}

struct ap_err *ap_snap_take_threads(struct ap_snap *s, const struct ap_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++) {
		if (stop->at[i].gone || find(s, stop->at[i].tid))
			continue;
		AP_TRY(ap_snap_take_thread(s, stop->at[i].tid, stop->at[i].signal));
	}
	/* The main thread's registers come first in a core. */
	struct ap_snap_thread *main_thread = find(s, s->pid);
	if (!main_thread)
		return ap_err_new(AP_E_NOTFOUND, "process %d ended just now", s->pid);
	struct ap_snap_thread t = *main_thread;
	*main_thread = s->threads[0];
	s->threads[0] = t;
	return NULL;
}

/* After the stop: what does not need it. */
static void name_threads(struct ap_snap *s)
{
	for (size_t i = 0; i < s->n_threads; i++) {
		struct ap_proc_status st;
		struct ap_proc_stat times;
		struct ap_corew_thread *t = &s->threads[i].core;
		AP_ERR_AUTO a = ap_proc_status(s->pid, s->threads[i].host_tid, &st);
		AP_ERR_AUTO b = ap_proc_stat(s->pid, s->threads[i].host_tid, &times);

		/* In another pid namespace the process knows its threads by other numbers. */
		if (!a) {
			t->tid = st.ns_pid;
			t->sig_pending = st.sig_pending;
		}
		if (!b) {
			t->utime = times.utime;
			t->stime = times.stime;
		}
	}
}

/* What a reader of the core may want to know about how it was made; JSON, so that it can grow. */
static void note_of_ours(struct ap_snap *s, enum ap_snapshot_mode mode)
{
	AP_STR_AUTO text = {0};
	struct ap_json j;
	struct utsname uts;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ap_json_init(&j, &text, NULL);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "tool", "autopsy " AP_VERSION);
	ap_json_cstr(&j, "kind", "snapshot");
	ap_json_cstr(&j, "mode", ap_snapshot_mode_name(mode));
	ap_json_int(&j, "time_ms", (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	ap_json_int(&j, "host_pid", s->pid);
	ap_json_double(&j, "uptime_s", ap_proc_uptime(&s->stat));
	if (uname(&uts) == 0) {
		ap_json_cstr(&j, "host", uts.nodename);
		ap_json_cstr(&j, "kernel", uts.release);
	}
	ap_json_uint(&j, "not_atomic_bytes", s->not_atomic_bytes);
	ap_json_end_object(&j);
	if (text.failed)
		s->notes.failed = true;
	else
		ap_corew_note(&s->notes, "AUTOPSY", AP_NOTE_SNAPSHOT, text.s, text.n);
}

/* Sizes and flags of the mappings shortly before the stop, for `autopsy pmap CORE`. */
static void note_pmap(struct ap_snap *s)
{
	AP_STR_AUTO text = {0};

	ap_pmap_text(&s->known, s->pid, &text);
	if (text.failed)
		s->notes.failed = true;
	else
		ap_corew_note(&s->notes, "AUTOPSY", AP_NOTE_PMAP, text.s, text.n);
}

struct ap_err *ap_snap_make_notes(struct ap_snap *s, enum ap_snapshot_mode mode)
{
	struct ap_corew_file *files = calloc(s->maps.n + 1, sizeof(*files));
	struct ap_corew_thread *threads = calloc(s->n_threads + 1, sizeof(*threads));
	struct ap_err *err = &ap_err_nomem;
	size_t n_files = 0;

	if (files && threads) {
		name_threads(s);
		for (size_t i = 0; i < s->n_threads; i++)
			threads[i] = s->threads[i].core;
		for (size_t i = 0; i < s->maps.n; i++) {
			const struct ap_mapping *m = &s->maps.at[i];
			const char *name = ap_mapping_name(&s->maps, m);

			if (*name == '/')
				files[n_files++] =
					(struct ap_corew_file){m->start, m->end, m->offset, name};
		}
		struct ap_corew_process p = {
			.pid = s->status.ns_pid,
			.ppid = s->status.ppid,
			.pgrp = s->stat.pgrp,
			.sid = s->stat.sid,
			.uid = s->status.uid,
			.gid = s->status.gid,
			.state = s->stat.state,
			.nice = s->stat.nice,
			.flags = s->stat.flags,
			.fname = s->status.name,
			.psargs = s->psargs.s,
			.auxv = s->auxv.s,
			.n_auxv = s->auxv.n,
			.files = files,
			.n_files = n_files,
		};
		ap_str_clear(&s->notes);
		err = ap_corew_notes(&p, threads, s->n_threads, &s->notes);
		if (!err) {
			note_of_ours(s, mode);
			note_pmap(s);
			err = s->notes.failed ? &ap_err_nomem : NULL;
		}
	}
	free(files);
	free(threads);
	s->result.n_threads = s->n_threads;
	s->result.n_mappings = s->maps.n;
	return err;
}
