/* As direct.c, but the process stays stopped when the copy is done, for as long as the caller
 * likes. */
#include "capture/snapshot/attach.h"

#include <stdlib.h>
#include <unistd.h>

#include "capture/snapshot/private.h"

struct ap_attached {
	struct ap_stop stop;
	int fd;
};

static struct ap_err *copy(struct ap_snap *s, int fd, const struct ap_runs *selected,
			   struct ap_segs *segs, uint64_t front, uint64_t *ret_end)
{
	uint64_t at = front, total = ap_segs_bytes(segs);
	size_t cursor = 0;

	for (size_t i = 0; i < segs->n; i++) {
		struct ap_corew_segment *seg = &segs->at[i];

		seg->offset = at;
		for (uint64_t o = 0; o < seg->bytes;) {
			uint64_t n =
				seg->bytes - o < AP_COPY_BYTES ? seg->bytes - o : AP_COPY_BYTES;

			ap_snap_read_present(s->pid, s->mem_fd, selected, &cursor, seg->vaddr + o,
					     s->buf, n, &s->result.unreadable_bytes);
			AP_TRY(ap_snap_put(fd, s->buf, n, at));
			at += n;
			o += n;
			if (s->options->progress)
				s->options->progress(s->options->arg, "reading", at - front, total);
			AP_TRY(ap_snap_check_cancel(s));
		}
	}
	*ret_end = at;
	return NULL;
}

static struct ap_err *read_stopped(struct ap_snap *s, struct ap_attached *a)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};
	AP_CLEANUP(ap_segs_close) struct ap_segs segs = {0};
	uint64_t end = 0;

	AP_TRY(ap_stop_all(s->pid, 0, false, AP_STOP_TIMEOUT_MS, &a->stop));
	AP_TRY(ap_snap_take_threads(s, &a->stop));
	AP_TRY(ap_maps_read(s->pid, &s->maps));
	AP_TRY(ap_snap_scan(s, &s->pagemap, &s->maps, &runs));
	AP_TRY(ap_snap_select(s, &s->maps, &runs, &selected));
	AP_TRY(ap_snap_segments(s, &s->maps, &selected, &segs));
	AP_TRY(ap_snap_make_notes(s, AP_SNAPSHOT_DIRECT));
	uint64_t front = ap_snap_front(segs.n, s->notes.n);
	AP_TRY(ap_snap_scratch(s, front + ap_segs_bytes(&segs), &a->fd));
	AP_TRY(copy(s, a->fd, &selected, &segs, front, &end));
	return ap_snap_put_headers(s, a->fd, &segs, front, end, &end);
}

struct ap_err *ap_attach(const struct ap_snapshot_options *options,
			 struct ap_attached **ret_attached)
{
	struct ap_attached *a = calloc(1, sizeof(*a));
	struct ap_snap s;

	if (!a)
		return &ap_err_nomem;
	a->fd = -1;
	struct ap_err *err = ap_snap_open(&s, options);
	if (!err)
		err = read_stopped(&s, a);
	ap_snap_close(&s);
	if (err) {
		ap_attached_close(a);
		return err;
	}
	*ret_attached = a;
	return NULL;
}

int ap_attached_core(const struct ap_attached *attached)
{
	return attached->fd;
}

void ap_attached_release(struct ap_attached *attached)
{
	ap_stop_resume(&attached->stop);
}

void ap_attached_close(struct ap_attached *attached)
{
	if (!attached)
		return;
	ap_attached_release(attached);
	ap_stop_close(&attached->stop);
	if (attached->fd >= 0)
		close(attached->fd);
	free(attached);
}
