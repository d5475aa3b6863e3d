#include "capture/handler/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/handler/head.h"
#include "capture/handler/meta.h"
#include "capture/handler/minicore.h"
#include "os/outfile.h"

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
}

static bool read_memory(void *arg, uint64_t addr, void *buf, size_t bytes)
{
	const int *mem = arg;
	uint8_t *p = buf;

	while (bytes) {
		ssize_t n = pread(*mem, p, bytes, (off_t)addr);

		if (n <= 0)
			return false;
		p += n;
		addr += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return true;
}

/* Consumes the error. */
static void say(char text[static AP_WORKER_TEXT], struct ap_err *err)
{
	snprintf(text, AP_WORKER_TEXT, "%s", err->message);
	ap_err_free(err);
}

static void tell(const struct ap_worker *w, const void *message, size_t bytes)
{
	if (send(w->talk, message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		_exit(1);
}

static struct ap_err *write_meta(const struct ap_worker *w, const struct ap_dying *dying)
{
	AP_STR_AUTO text = {0};

	ap_meta_write(w->uuid, w->context, dying, &text);
	if (text.failed)
		return &ap_err_nomem;
	return ap_write_all(w->meta, text.s, text.n);
}

static struct ap_err *write_mini(const struct ap_worker *w, const struct ap_dying *dying,
				 struct ap_worker_mini *m)
{
	struct ap_minicore_limits limits = ap_minicore_default_limits;
	struct ap_minicore_result r;
	uint64_t began = now_us();

	limits.raw_bytes = w->mini_raw_bytes;
	if (w->mini_seconds * 500 < (double)limits.walk.time_ms)
		limits.walk.time_ms = (uint64_t)(w->mini_seconds * 500);
	AP_TRY(ap_minicore_write(dying, &limits, w->mini, &r));
	m->have_mini = 1;
	m->mini_stopped = r.walk.stopped != NULL;
	m->mini_raw_bytes = r.raw_bytes;
	m->mini_bytes = r.stored_bytes;
	m->mini_pages = r.pages;
	m->texts_left_out = r.walk.texts_out;
	m->mini_us = now_us() - began;
	return NULL;
}

static void first_part(const struct ap_worker *w, struct ap_head *head, struct ap_worker_mini *m)
{
	int mem = w->context->mem;
	struct ap_err *err = ap_head_read(w->pipe, head);
	struct ap_dying dying = {
		.header = &head->header,
		.notes = &head->notes,
		.raw_notes = head->raw_notes,
		.n_raw_notes = head->n_raw_notes,
		.read = read_memory,
		.arg = &mem,
	};
	bool known = !err;

	if (err)
		say(m->error, err);
	m->core_bytes = head->core_bytes;
	err = write_meta(w, known ? &dying : NULL);
	if (err)
		say(m->error, err);
	else
		m->have_meta = 1;
	if (!known)
		return;
	struct ap_build_id id = ap_meta_program_id(&dying);
	if (id.n)
		ap_build_id_hex(id, m->build_id);
	if (w->mini < 0)
		return; /* facts only */
	err = mem >= 0 ? write_mini(w, &dying, m)
		       : ap_err_new(AP_E_IO, "the memory of the process could not be opened");
	if (err)
		say(m->error, err);
}

static void second_part(const struct ap_worker *w, const struct ap_head *head,
			const struct ap_worker_go *go)
{
	struct ap_drain_options options = {
		.threads = go->threads,
		.core_bytes = head->core_bytes,
		.most_bytes = go->most_bytes,
		.reserve_bytes = go->reserve_bytes,
		.deadline_ns = go->deadline_ns,
		.guard = w->guard,
	};
	struct ap_drain_result r = {0};
	struct ap_worker_full m = {0};
	struct ap_err *err = ap_drain(w->pipe, &head->bytes, w->core, &options, &r);

	if (err) {
		m.failed = 1;
		say(m.error, err);
	}
	m.end = (uint32_t)r.end;
	m.raw_bytes = r.raw_bytes;
	m.stored_bytes = r.stored_bytes;
	m.frames = r.frames;
	tell(w, &m, sizeof(m));
}

_Noreturn void ap_worker_run(const struct ap_worker *w)
{
	struct ap_worker_mini m = {0};
	struct ap_worker_go go = {0};
	struct ap_head head;

	struct ap_err *err = ap_confine(&w->confinement);
	if (err) {
		/* Rather nothing than a parser of hostile bytes with root's rights. */
		say(m.error, err);
		tell(w, &m, sizeof(m));
		_exit(1);
	}
	first_part(w, &head, &m);
	tell(w, &m, sizeof(m));
	if (recv(w->talk, &go, sizeof(go), 0) == (ssize_t)sizeof(go) && go.full)
		second_part(w, &head, &go);
	_exit(0);
}
