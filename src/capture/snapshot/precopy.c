/*
 * Copy while it runs, stop, copy what changed: the pause is a scan of the page tables and the pages
 * that were written since they were copied.
 *
 * The file is written in place: memory as it was first seen, each page overwritten when it turns
 * out to have changed; what is new at the stop goes behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/number.h"
#include "capture/snapshot/inject.h"
#include "capture/snapshot/track.h"
#include "capture/snapshot/verify.h"

enum {
	ROUNDS = 4,
	SMALL_DIRTY = 2 << 20, /* a further round would not gain more than it costs */
	IOVS = 512,
};

struct precopy {
	struct ap_snap *s;
	struct ap_track track;
	struct ap_verify verify;
	int fd;
	struct ap_segs live;  /* as first copied, with offsets */
	struct ap_segs final; /* what the headers will say */
	struct ap_segs dirty; /* to be copied at the stop, with offsets */
	struct ap_segs zero;  /* to become zeros: discarded since the copy */
	uint64_t end;         /* of the file */
	uint8_t *pause_buf;   /* what is copied at the stop waits here */
	uint64_t pause_cap;
};

static void precopy_close(struct precopy *p)
{
	ap_track_close(&p->track);
	ap_verify_close(&p->verify);
	ap_segs_close(&p->live);
	ap_segs_close(&p->final);
	ap_segs_close(&p->dirty);
	ap_segs_close(&p->zero);
	if (p->pause_buf)
		munmap(p->pause_buf, p->pause_cap);
}

/* Copies the live segments; `done` of `total` for the progress line. */
static struct ap_err *copy_live(struct precopy *p, const struct ap_runs *selected)
{
	struct ap_snap *s = p->s;
	uint64_t total = ap_segs_bytes(&p->live), done = 0;
	size_t cursor = 0;
	uint64_t ignored = 0; /* it runs: what cannot be read now is seen again at the stop */

	for (size_t i = 0; i < p->live.n; i++) {
		struct ap_corew_segment *seg = &p->live.at[i];

		seg->offset = p->end;
		p->end += seg->bytes;
		for (uint64_t o = 0; o < seg->bytes;) {
			uint64_t n =
				seg->bytes - o < AP_COPY_BYTES ? seg->bytes - o : AP_COPY_BYTES;

			ap_snap_read_present(s->pid, s->mem_fd, selected, &cursor, seg->vaddr + o,
					     s->buf, n, &ignored);
			AP_TRY(ap_snap_put(p->fd, s->buf, n, seg->offset + o));
			o += n;
			done += n;
			AP_TRY(ap_snap_check_cancel(s));
		}
		if (s->options->progress)
			s->options->progress(s->options->arg, "copying (running)", done, total);
	}
	return NULL;
}

/* The part of `live` that holds addr, or the first behind it. */
static size_t live_find(const struct precopy *p, uint64_t addr)
{
	size_t lo = 0, hi = p->live.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->live.at[mid].vaddr + p->live.at[mid].bytes <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Another round while it runs: protects again what was written, and copies it. */
static struct ap_err *round_again(struct precopy *p, uint64_t *ret_bytes)
{
	AP_RUNS_AUTO runs = {0};
	struct ap_snap *s = p->s;
	uint64_t ignored = 0, bytes = 0;

	for (size_t i = 0; i < p->live.n;) {
		/* Neighbours in one call. */
		uint64_t start = p->live.at[i].vaddr, end = start + p->live.at[i].bytes;

		for (i++; i < p->live.n && p->live.at[i].vaddr == end; i++)
			end += p->live.at[i].bytes;
		AP_ERR_AUTO gone =
			ap_pagemap_scan_protect(&s->pagemap, start, end, false, true, &runs);
		(void)gone; /* unmapped since: the stop will see */
	}
	for (size_t i = 0; i < runs.n; i++) {
		uint64_t at = runs.at[i].start;

		while (at < runs.at[i].end) {
			const struct ap_corew_segment *seg = &p->live.at[live_find(p, at)];
			uint64_t n = runs.at[i].end - at;

			if (n > seg->vaddr + seg->bytes - at)
				n = seg->vaddr + seg->bytes - at;
			if (n > AP_COPY_BYTES)
				n = AP_COPY_BYTES;
			ap_snap_read(s->pid, s->mem_fd, at, s->buf, n, &ignored);
			AP_TRY(ap_pwrite_all(p->fd, s->buf, n, seg->offset + (at - seg->vaddr)));
			at += n;
			bytes += n;
		}
	}
	*ret_bytes = bytes;
	return NULL;
}

static struct ap_err *add_live(struct precopy *p, const struct ap_corew_segment *live,
			       uint64_t from, uint64_t to)
{
	struct ap_corew_segment *last = p->final.n ? &p->final.at[p->final.n - 1] : NULL;
	uint64_t offset = live->offset + (from - live->vaddr);

	if (from >= to)
		return NULL;
	if (last && last->vaddr + last->bytes == from && last->offset + last->bytes == offset &&
	    last->flags == live->flags) {
		last->bytes += to - from;
		return NULL;
	}
	return ap_segs_push(&p->final,
			    (struct ap_corew_segment){from, to - from, offset, live->flags, false})
		       ? NULL
		       : &ap_err_nomem;
}

/* New: behind everything else. Of it, the pages of `selected` are copied; gaps are a hole already.
 */
static struct ap_err *add_fresh(struct precopy *p, const struct ap_runs *selected, size_t *cursor,
				uint64_t from, uint64_t to, uint32_t flags)
{
	uint64_t offset = p->end;

	p->end += to - from;
	if (!ap_segs_push(&p->final,
			  (struct ap_corew_segment){from, to - from, offset, flags, false}))
		return &ap_err_nomem;
	while (*cursor < selected->n && selected->at[*cursor].end <= from)
		++*cursor;
	for (size_t i = *cursor; i < selected->n && selected->at[i].start < to; i++) {
		uint64_t a = selected->at[i].start > from ? selected->at[i].start : from;
		uint64_t b = selected->at[i].end < to ? selected->at[i].end : to;

		if (!ap_segs_push(&p->dirty, (struct ap_corew_segment){
						     a, b - a, offset + (a - from), flags, false}))
			return &ap_err_nomem;
	}
	return NULL;
}

/*
 * What the core will hold, page by page: `selected` are the present pages at the stop, each written
 * since its copy or not, `now` the segments they make. A gap inside a live segment was discarded
 * since: short ones become zeros, long ones leave the core.
 */
static struct ap_err *lay_out(struct precopy *p, const struct ap_runs *selected,
			      const struct ap_segs *now)
{
	size_t l = 0, k = 0, cursor = 0;

	while (l < p->live.n || k < now->n) {
		const struct ap_corew_segment *live = l < p->live.n ? &p->live.at[l] : NULL;
		const struct ap_corew_segment *n = k < now->n ? &now->at[k] : NULL;

		if (n && (!live || n->vaddr + n->bytes <= live->vaddr)) {
			AP_TRY(add_fresh(p, selected, &cursor, n->vaddr, n->vaddr + n->bytes,
					 n->flags));
			k++;
			continue;
		}
		if (!n || live->vaddr + live->bytes <= n->vaddr) {
			l++; /* all of it is gone */
			continue;
		}
		/* They overlap; the pieces of `n` outside are new. */
		uint64_t a = n->vaddr > live->vaddr ? n->vaddr : live->vaddr;
		uint64_t n_end = n->vaddr + n->bytes, l_end = live->vaddr + live->bytes;
		uint64_t b = n_end < l_end ? n_end : l_end;

		if (n->vaddr < a)
			AP_TRY(add_fresh(p, selected, &cursor, n->vaddr, a, n->flags));
		AP_TRY(add_live(p, live, a, b));
		if (b == l_end)
			l++;
		if (b < n_end) {
			/* The rest of `n` meets the next live segment, or is new. */
			struct ap_corew_segment *rest = &now->at[k];

			rest->bytes = n_end - b;
			rest->vaddr = b;
		} else {
			k++;
		}
	}
	return NULL;
}

/* In live segments: what was written since, and the gaps of `now` that the file still fills. */
static struct ap_err *find_dirty(struct precopy *p, const struct ap_runs *selected)
{
	size_t k = 0;

	for (size_t i = 0; i < p->live.n; i++) {
		const struct ap_corew_segment *live = &p->live.at[i];
		uint64_t end = live->vaddr + live->bytes, covered = live->vaddr;

		while (k < selected->n && selected->at[k].end <= live->vaddr)
			k++;
		for (size_t j = k; j <= selected->n; j++) {
			bool past = j == selected->n || selected->at[j].start >= end;
			uint64_t a = past ? end : selected->at[j].start;

			if (a > covered &&
			    !ap_segs_push(&p->zero, (struct ap_corew_segment){
							    covered, a - covered,
							    live->offset + (covered - live->vaddr),
							    0, false}))
				return &ap_err_nomem;
			if (past)
				break;
			if (a < live->vaddr)
				a = live->vaddr;
			uint64_t b = selected->at[j].end < end ? selected->at[j].end : end;
			covered = b;
			if (!(selected->at[j].categories & AP_PAGE_WRITTEN))
				continue;
			if (!ap_segs_push(
				    &p->dirty,
				    (struct ap_corew_segment){
					    a, b - a, live->offset + (a - live->vaddr), 0, false}))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

/* Into the buffer, many ranges a call. */
static struct ap_err *copy_dirty(struct precopy *p)
{
	struct ap_snap *s = p->s;
	uint64_t total = ap_segs_bytes(&p->dirty), at = 0;
	struct iovec remote[IOVS];
	size_t i = 0;

	if (total > p->pause_cap) {
		if (p->pause_buf)
			munmap(p->pause_buf, p->pause_cap);
		p->pause_cap = total;
		p->pause_buf = mmap(NULL, total, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p->pause_buf == MAP_FAILED) {
			p->pause_buf = NULL;
			return &ap_err_nomem;
		}
	}
	while (i < p->dirty.n) {
		struct iovec local = {p->pause_buf + at, 0};
		size_t n = 0;

		for (; n < IOVS && i + n < p->dirty.n && local.iov_len < 1 << 30; n++) {
			remote[n] = (struct iovec){(void *)(uintptr_t)p->dirty.at[i + n].vaddr,
						   p->dirty.at[i + n].bytes};
			local.iov_len += p->dirty.at[i + n].bytes;
		}
		ssize_t got = process_vm_readv(s->pid, &local, 1, remote, n, 0);
		if (got != (ssize_t)local.iov_len) {
			/* Something in it is not readable this way: one by one. */
			uint64_t to = at;

			for (size_t j = 0; j < n; j++) {
				ap_snap_read(s->pid, s->mem_fd, p->dirty.at[i + j].vaddr,
					     p->pause_buf + to, p->dirty.at[i + j].bytes,
					     &s->result.unreadable_bytes);
				to += p->dirty.at[i + j].bytes;
			}
		}
		at += local.iov_len;
		i += n;
	}
	s->result.paused_bytes = total;
	return NULL;
}

/* All that happens while it stands still. */
static struct ap_err *stopped(struct precopy *p, const struct ap_stop *stop)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};
	AP_CLEANUP(ap_segs_close) struct ap_segs now = {0};
	struct ap_snap *s = p->s;

	AP_TRY(ap_snap_take_threads(s, stop));
	AP_TRY(ap_maps_read(s->pid, &s->maps));
	AP_TRY(ap_snap_scan(s, &s->pagemap, &s->maps, &runs));
	AP_TRY(ap_snap_select(s, &s->maps, &runs, &selected));
	AP_TRY(find_dirty(p, &selected));
	AP_TRY(ap_snap_segments(s, &s->maps, &selected, &now));
	AP_TRY(lay_out(p, &selected, &now));
	AP_TRY(copy_dirty(p));
	return ap_verify_take(s, &selected, &p->verify);
}

/* After the stop: what waited in memory goes into the file, in place. */
static struct ap_err *settle(struct precopy *p)
{
	uint64_t at = 0;

	for (size_t i = 0; i < p->zero.n; i++) {
		memset(p->s->buf, 0, AP_COPY_BYTES);
		for (uint64_t o = 0; o < p->zero.at[i].bytes;) {
			uint64_t n = p->zero.at[i].bytes - o;

			if (n > AP_COPY_BYTES)
				n = AP_COPY_BYTES;
			AP_TRY(ap_pwrite_all(p->fd, p->s->buf, n, p->zero.at[i].offset + o));
			o += n;
		}
	}
	for (size_t i = 0; i < p->dirty.n; i++) {
		AP_TRY(ap_pwrite_all(p->fd, p->pause_buf + at, p->dirty.at[i].bytes,
				     p->dirty.at[i].offset));
		at += p->dirty.at[i].bytes;
	}
	return NULL;
}

static struct ap_err *run(struct precopy *p, const struct ap_runs *selected, uint64_t front)
{
	AP_STOP_AUTO stop = {0};
	struct ap_snap *s = p->s;
	unsigned limit = ap_snap_max_pause_ms(s, AP_SNAPSHOT_PRECOPY);
	uint64_t dirty = 0, before = UINT64_MAX;

	p->end = front;
	AP_TRY(copy_live(p, selected));
	for (int i = 0; i < ROUNDS; i++) {
		AP_TRY(round_again(p, &dirty));
		if (dirty < SMALL_DIRTY || dirty > before / 4 * 3)
			break; /* it writes as fast as we copy */
		before = dirty;
	}
	/* Room for what the stop will find, touched now and not then. */
	p->pause_cap = dirty * 2 + (2 << 20);
	p->pause_buf = mmap(NULL, p->pause_cap, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p->pause_buf == MAP_FAILED) {
		p->pause_buf = NULL;
		p->pause_cap = 0;
	}
	AP_TRY(ap_watchdog_arm(limit + 2000));
	ap_hurry(true);
	struct ap_err *err = ap_stop_all(s->pid, 0, false, AP_STOP_TIMEOUT_MS, &stop);
	if (!err) {
		err = stopped(p, &stop);
		ap_stop_resume(&stop);
		s->result.pause_ms = (double)(stop.ended_ns - stop.began_ns) / 1e6;
	}
	ap_hurry(false);
	ap_err_free(ap_watchdog_arm(0));
	ap_track_close(&p->track);
	return err;
}

/* Lists what there is and protects it: from here on, writes are seen. */
static struct ap_err *arm(struct precopy *p, struct ap_runs *selected)
{
	AP_RUNS_AUTO runs = {0};
	struct ap_snap *s = p->s;

	AP_TRY(ap_track_register(s, &p->track));
	uint64_t began = ap_now_ns();
	for (size_t i = 0; i < s->known.n; i++) {
		const struct ap_mapping *m = &s->known.at[i];
		AP_ERR_AUTO gone = NULL;

		if (!(m->rss + m->swap) || m->end > 0x7ffffffff000ull)
			continue;
		if (m->flags & AP_MAP_SHARED)
			continue; /* copied at the stop, like everything that cannot be watched */
		gone = ap_pagemap_scan_protect(&s->pagemap, m->start, m->end,
					       ap_snap_has_files(&s->known, m), false, &runs);
		ap_track_rest(&p->track, &began);
	}
	AP_TRY(ap_snap_select(s, &s->known, &runs, selected));
	return ap_snap_segments(s, &s->known, selected, &p->live);
}

struct ap_err *ap_snap_precopy(struct ap_snap *s, int out, bool seekable)
{
	AP_CLEANUP(precopy_close) struct precopy p = {.s = s, .fd = out};
	AP_RUNS_AUTO selected = {0};
	bool staged = !seekable || s->options->compress;
	char size[AP_NUMBER_MAX];

	s->may_fall_back = true;
	AP_TRY(ap_track_open(s, &p.track));
	/* The mappings may have moved while we looked for a way in. */
	ap_maps_close(&s->known);
	AP_TRY(ap_maps_read_smaps(s->pid, &s->known));
	AP_TRY(arm(&p, &selected));
	uint64_t front = ap_snap_front(p.live.n, 65536 + s->known.names.n + s->known.n * 96);
	uint64_t expected = front + ap_segs_bytes(&p.live);

	if (staged) {
		/* Changed pages are written in place, which neither a pipe nor a compressor can. */
		AP_TRY(ap_snap_scratch(s, expected, &p.fd));
		ap_snap_say(s, "the copy (%s) goes to a temporary file first",
			    ap_bytes_human(expected, size));
	} else {
		s->may_fall_back = false;
		AP_TRY(ap_snap_check_space(s, s->options->path, expected));
	}
	s->may_fall_back = false;
	struct ap_err *err = run(&p, &selected, front);
	if (!err)
		err = settle(&p);
	if (!err)
		err = ap_snap_make_notes(s, AP_SNAPSHOT_PRECOPY);
	if (!err)
		err = ap_snap_put_headers(s, p.fd, &p.final, front, p.end, &p.end);
	if (!err)
		err = ap_verify_check(s, &p.verify, p.fd, &p.final);
	s->result.file_bytes = p.end;
	if (!err && staged)
		err = ap_snap_pump(s, p.fd, p.end, out);
	if (staged)
		close(p.fd);
	return err;
}
