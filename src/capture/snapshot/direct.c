/* Stop, read, let go. The last resort: works wherever ptrace does; the pause is the copy. */
#include <unistd.h>

#include "capture/snapshot/private.h"

static struct ap_err *copy(struct ap_snap *s, int fd, const struct ap_runs *selected,
			   struct ap_segs *segs, uint64_t front, uint64_t deadline_ns,
			   uint64_t *ret_end)
{
	uint64_t at = front, total = ap_segs_bytes(segs), done = 0;
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
			done += n;
			if (ap_now_ns() > deadline_ns)
				return ap_err_hint(
					ap_err_new(
						AP_E_LIMIT,
						"the pause reached its limit after %llu of %llu MB; the "
						"process runs again, nothing was kept",
						(unsigned long long)(done >> 20),
						(unsigned long long)(total >> 20)),
					"--max-pause allows more; precopy and fork need less");
			AP_TRY(ap_snap_check_cancel(s));
		}
		if (s->options->progress)
			s->options->progress(s->options->arg, "copying (stopped)", done, total);
	}
	s->result.paused_bytes = done;
	*ret_end = at;
	return NULL;
}

static struct ap_err *stopped(struct ap_snap *s, int fd, uint64_t front, struct ap_segs *segs,
			      uint64_t deadline_ns, uint64_t *ret_end)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};

	AP_TRY(ap_maps_read(s->pid, &s->maps));
	AP_TRY(ap_snap_scan(s, &s->pagemap, &s->maps, &runs));
	AP_TRY(ap_snap_select(s, &s->maps, &runs, &selected));
	AP_TRY(ap_snap_segments(s, &s->maps, &selected, segs));
	return copy(s, fd, &selected, segs, front, deadline_ns, ret_end);
}

struct ap_err *ap_snap_direct(struct ap_snap *s, int out, bool seekable)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};
	AP_CLEANUP(ap_segs_close) struct ap_segs segs = {0};
	AP_STOP_AUTO stop = {0};
	unsigned limit = ap_snap_max_pause_ms(s, AP_SNAPSHOT_DIRECT);
	bool staged = !seekable || s->options->compress;
	int fd = out;
	uint64_t end = 0;

	/* How much will it be? Counted while it runs, so that the pause is only the copy. */
	AP_TRY(ap_snap_scan(s, &s->pagemap, &s->known, &runs));
	AP_TRY(ap_snap_select(s, &s->known, &runs, &selected));
	AP_TRY(ap_snap_segments(s, &s->known, &selected, &segs));
	uint64_t front = ap_snap_front(segs.n, 65536 + s->known.names.n + s->known.n * 96);
	uint64_t expected = front + ap_segs_bytes(&segs);
	segs.n = 0;
	if (staged) {
		/* Neither a slow reader nor the compressor may prolong the pause. */
		AP_TRY(ap_snap_scratch(s, expected, &fd));
		ap_snap_say(s, "the stopped copy goes to a temporary file first");
	} else {
		AP_TRY(ap_snap_check_space(s, s->options->path, expected));
	}
	struct ap_err *err = ap_watchdog_arm(limit + 2000);
	if (!err)
		err = ap_stop_all(s->pid, 0, false, AP_STOP_TIMEOUT_MS, &stop);
	if (!err) {
		uint64_t deadline = stop.began_ns + limit * 1000000ull;

		err = ap_snap_take_threads(s, &stop);
		if (!err)
			err = stopped(s, fd, front, &segs, deadline, &end);
		ap_stop_resume(&stop);
		s->result.pause_ms = (double)(stop.ended_ns - stop.began_ns) / 1e6;
	}
	ap_err_free(ap_watchdog_arm(0));
	if (!err)
		err = ap_snap_make_notes(s, AP_SNAPSHOT_DIRECT);
	if (!err)
		err = ap_snap_put_headers(s, fd, &segs, front, end, &end);
	s->result.file_bytes = end;
	if (!err && staged)
		err = ap_snap_pump(s, fd, end, out);
	if (staged)
		close(fd);
	return err;
}
