#include "capture/handler/drain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/handler/guard.h"
#include "os/outfile.h"

enum {
	FRAME_BYTES = 2 << 20,
	MAX_THREADS = 16,
	STACK_BYTES = 256 << 10,
	LOOK_FRAMES = 16, /* how often the disk is asked for its room */
	INDEX_MAGIC = 0x184d2a5e,
	FOOTER_MAGIC = (int)0x8f92eab1,
};

enum slot_state { FREE, FULL, TAKEN };

struct slot {
	enum slot_state state;
	uint8_t *in, *out;
	size_t n;
	uint64_t number; /* of the frame */
};

struct entry {
	uint32_t stored, raw;
};

struct drain {
	int from, to;
	const struct ap_drain_options *options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot *slots;
	unsigned n_slots;
	size_t bound;
	uint64_t read, written; /* frames */
	bool closed;            /* nothing more comes */
	bool failed;            /* a thread could not write: what for stands in `error` or `end` */
	struct ap_err *error;
	struct ap_drain_result result;
	struct entry *index;
	size_t n_index, cap_index;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void fail(struct drain *d, enum ap_drain_end end, struct ap_err *err)
{
	if (d->failed) {
		ap_err_free(err);
	} else {
		d->failed = true;
		d->result.end = end;
		d->error = err;
	}
	pthread_cond_broadcast(&d->changed);
}

static bool remember(struct drain *d, size_t stored, size_t raw)
{
	if (d->n_index == d->cap_index) {
		size_t cap = d->cap_index ? d->cap_index * 2 : 1024;
		void *more = reallocarray(d->index, cap, sizeof(*d->index));

		if (!more)
			return false;
		d->index = more;
		d->cap_index = cap;
	}
	d->index[d->n_index++] = (struct entry){(uint32_t)stored, (uint32_t)raw};
	return true;
}

/* With the lock held: in the order of the frames. */
static void write_frame(struct drain *d, struct slot *s, size_t stored)
{
	struct ap_err *err;
	bool full;

	while (!d->failed && d->written != s->number)
		pthread_cond_wait(&d->changed, &d->lock);
	if (d->failed)
		return;
	if (d->result.stored_bytes + stored > d->options->most_bytes) {
		fail(d, AP_DRAIN_ROOM, NULL);
		return;
	}
	pthread_mutex_unlock(&d->lock);
	/* Nobody else writes: the next frame waits for `written`. */
	errno = 0;
	err = ap_write_all(d->to, s->out, stored);
	full = err && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
	pthread_mutex_lock(&d->lock);
	if (err && full) {
		ap_err_free(err);
		fail(d, AP_DRAIN_DISK, NULL);
	} else if (err) {
		fail(d, AP_DRAIN_DISK, err);
	} else if (!remember(d, stored, s->n)) {
		fail(d, AP_DRAIN_DISK, &ap_err_nomem);
	} else {
		ap_guard_tell(d->options->guard);
		d->result.raw_bytes += s->n;
		d->result.stored_bytes += stored;
		d->written++;
	}
}

static struct slot *next_full(struct drain *d)
{
	struct slot *best = NULL;

	for (unsigned i = 0; i < d->n_slots; i++) {
		struct slot *s = &d->slots[i];

		if (s->state == FULL && (!best || s->number < best->number))
			best = s;
	}
	return best;
}

static void *compress_frames(void *arg)
{
	struct drain *d = arg;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();

	pthread_mutex_lock(&d->lock);
	if (!zstd)
		fail(d, AP_DRAIN_DISK, &ap_err_nomem);
	while (!d->failed) {
		struct slot *s = next_full(d);

		if (!s && d->closed)
			break;
		if (!s) {
			pthread_cond_wait(&d->changed, &d->lock);
			continue;
		}
		s->state = TAKEN;
		pthread_mutex_unlock(&d->lock);
		size_t stored = ZSTD_compressCCtx(zstd, s->out, d->bound, s->in, s->n, 1);
		pthread_mutex_lock(&d->lock);
		if (ZSTD_isError(stored))
			fail(d, AP_DRAIN_DISK,
			     ap_err_new(AP_E_IO, "compression failed: %s",
					ZSTD_getErrorName(stored)));
		else
			write_frame(d, s, stored);
		s->state = FREE;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	if (zstd)
		(void)ZSTD_freeCCtx(zstd);
	return NULL;
}

/* Fills `buf`; less only at the end of the pipe or the deadline (`*ret_late`). */
static struct ap_err *read_frame(struct drain *d, const struct ap_str *head, size_t *head_at,
				 uint8_t *buf, size_t *ret_n, bool *ret_late)
{
	size_t n = head->n - *head_at < FRAME_BYTES ? head->n - *head_at : FRAME_BYTES;

	if (n)
		memcpy(buf, head->s + *head_at, n);
	*head_at += n;
	*ret_late = false;
	while (n < FRAME_BYTES) {
		struct pollfd p = {d->from, POLLIN, 0};
		uint64_t now = now_ns();

		if (now >= d->options->deadline_ns) {
			*ret_late = true;
			break;
		}
		/* That the kernel takes its time is what the deadline is for. */
		if (poll(&p, 1, 200) == 0) {
			ap_guard_tell(d->options->guard);
			continue;
		}
		ssize_t got = read(d->from, buf + n, FRAME_BYTES - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ap_err_errno(errno, "cannot read the core");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return NULL;
}

static bool disk_is_low(const struct drain *d)
{
	struct statfs fs;

	/* A file system without blocks has no end. */
	return fstatfs(d->to, &fs) == 0 && fs.f_blocks &&
	       (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize <
		       d->options->reserve_bytes + FRAME_BYTES;
}

static struct ap_err *read_core(struct drain *d, const struct ap_str *head)
{
	size_t head_at = 0, n = FRAME_BYTES;
	bool late = false;

	while (!late && n == FRAME_BYTES) {
		struct slot *s = NULL;

		pthread_mutex_lock(&d->lock);
		while (!d->failed && !s) {
			for (unsigned i = 0; i < d->n_slots && !s; i++)
				s = d->slots[i].state == FREE ? &d->slots[i] : NULL;
			if (!s)
				pthread_cond_wait(&d->changed, &d->lock);
		}
		bool failed = d->failed;
		pthread_mutex_unlock(&d->lock);
		if (failed)
			return NULL;
		AP_TRY(read_frame(d, head, &head_at, s->in, &n, &late));
		bool low = d->read % LOOK_FRAMES == 0 && disk_is_low(d);
		pthread_mutex_lock(&d->lock);
		if (low)
			fail(d, AP_DRAIN_DISK, NULL);
		if (n && !d->failed) {
			s->n = n;
			s->number = d->read++;
			s->state = FULL;
		}
		pthread_cond_broadcast(&d->changed);
		pthread_mutex_unlock(&d->lock);
	}
	if (late)
		d->result.end = AP_DRAIN_TIME;
	return NULL;
}

/* The index: a frame that every zstd skips. */
static struct ap_err *write_index(struct drain *d)
{
	uint32_t size = (uint32_t)(d->n_index * sizeof(*d->index) + 9);
	uint32_t front[2] = {INDEX_MAGIC, size};
	uint8_t footer[9] = {0};
	uint32_t n = (uint32_t)d->n_index, magic = (uint32_t)FOOTER_MAGIC;

	memcpy(footer, &n, sizeof(n));
	memcpy(footer + 5, &magic, sizeof(magic));
	AP_TRY(ap_write_all(d->to, front, sizeof(front)));
	AP_TRY(ap_write_all(d->to, d->index, d->n_index * sizeof(*d->index)));
	AP_TRY(ap_write_all(d->to, footer, sizeof(footer)));
	d->result.stored_bytes += sizeof(front) + d->n_index * sizeof(*d->index) + sizeof(footer);
	return NULL;
}

static struct ap_err *slots_open(struct drain *d)
{
	d->bound = ZSTD_compressBound(FRAME_BYTES);
	d->slots = calloc(d->n_slots, sizeof(*d->slots));
	if (!d->slots)
		return &ap_err_nomem;
	for (unsigned i = 0; i < d->n_slots; i++) {
		d->slots[i].in = malloc(FRAME_BYTES);
		d->slots[i].out = malloc(d->bound);
		if (!d->slots[i].in || !d->slots[i].out)
			return &ap_err_nomem;
	}
	return NULL;
}

static void slots_close(struct drain *d)
{
	for (unsigned i = 0; d->slots && i < d->n_slots; i++) {
		free(d->slots[i].in);
		free(d->slots[i].out);
	}
	free(d->slots);
	free(d->index);
}

static struct ap_err *run(struct drain *d, const struct ap_str *head)
{
	pthread_t threads[MAX_THREADS];
	unsigned n = 0,
		 wanted = d->options->threads < MAX_THREADS ? d->options->threads : MAX_THREADS;
	struct ap_err *err = NULL;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (; n < wanted; n++) {
		if (pthread_create(&threads[n], &attr, compress_frames, d) != 0)
			break;
	}
	pthread_attr_destroy(&attr);
	if (n)
		err = read_core(d, head);
	else
		err = ap_err_new(AP_E_IO, "no thread could be started");
	pthread_mutex_lock(&d->lock);
	d->closed = true;
	if (err)
		fail(d, AP_DRAIN_DISK, NULL);
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (!err)
		err = d->error;
	else
		ap_err_free(d->error);
	return err;
}

struct ap_err *ap_drain(int from, const struct ap_str *head, int to,
			const struct ap_drain_options *options, struct ap_drain_result *ret_result)
{
	struct drain d = {
		.from = from,
		.to = to,
		.options = options,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.n_slots = 2 * (options->threads < MAX_THREADS ? options->threads : MAX_THREADS),
	};
	struct ap_err *err = slots_open(&d);

	if (!err)
		err = run(&d, head);
	if (!err && !d.failed) {
		if (d.result.end == AP_DRAIN_WHOLE && d.result.raw_bytes < options->core_bytes)
			d.result.end = AP_DRAIN_SHORT;
		err = write_index(&d);
	}
	d.result.frames = d.n_index;
	slots_close(&d);
	if (!err)
		*ret_result = d.result;
	return err;
}
