/* Stop, clone, let go; read the clone at leisure. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/number.h"
#include "capture/snapshot/child.h"
#include "capture/snapshot/verify.h"
#include "os/cgroup.h"

enum {
	HEADROOM_LEAST = 64 << 20,
	SHARED_LIMIT = 16 << 20,   /* of shared memory is copied at the stop */
	MISSING_LIMIT = 512 << 20, /* of memory that the clone lacks, too */
};

/* Memory read from the stopped parent because the clone does not have it as it was. */
struct saved {
	struct ap_segs segs; /* offset: into buf */
	uint8_t *buf;
	uint64_t bytes;
};

static void saved_close(struct saved *v)
{
	ap_segs_close(&v->segs);
	free(v->buf);
}

/* gap: bytes before start that hold nothing yet; a segment may run over them, the clone has none.
 */
static struct ap_err *save(struct ap_snap *s, struct saved *v, uint64_t gap, uint64_t start,
			   uint64_t end)
{
	uint64_t n = gap + end - start;

	if (v->bytes + n > MISSING_LIMIT)
		return ap_err_new(AP_E_LIMIT, "over %d MB of process %d are not in its clone",
				  MISSING_LIMIT >> 20, s->pid);
	uint8_t *grown = realloc(v->buf, v->bytes + n);
	if (!grown)
		return &ap_err_nomem;
	v->buf = grown;
	memset(v->buf + v->bytes, 0, gap);
	ap_snap_read(s->pid, s->mem_fd, start, v->buf + v->bytes + gap, end - start,
		     &s->result.unreadable_bytes);
	if (!ap_segs_push(&v->segs, (struct ap_corew_segment){start - gap, n, v->bytes, 0, false}))
		return &ap_err_nomem;
	v->bytes += n;
	return NULL;
}

static bool in_child(const struct ap_child *child, const struct ap_mapping *m)
{
	uint64_t at = m->start;

	for (size_t i = ap_maps_find(&child->maps, at); i < child->maps.n && at < m->end; i++) {
		if (child->maps.at[i].start > at)
			return false;
		at = child->maps.at[i].end;
	}
	return at >= m->end;
}

/*
 * While all stand still: what the clone lacks (memory mapped between the flip of the flag and the
 * stop, other people's MADV_DONTFORK) and what it shares with the parent.
 */
static struct ap_err *save_rest(struct ap_snap *s, struct ap_child *child, struct saved *v)
{
	uint64_t shared = 0;

	for (size_t i = 0; i < s->maps.n; i++) {
		const struct ap_mapping *m = &s->maps.at[i];
		AP_RUNS_AUTO runs = {0};
		AP_RUNS_AUTO selected = {0};
		struct ap_maps one = s->maps;
		struct ap_mapping copy = *m;
		bool is_shared = m->flags & AP_MAP_SHARED;

		if ((!is_shared && in_child(child, m)) || m->start == s->scratch_start ||
		    m->end > 0x7ffffffff000ull)
			continue;
		one.at = &copy;
		one.n = 1;
		AP_TRY(ap_pagemap_scan(&s->pagemap, m->start, m->end, true, &runs));
		AP_TRY(ap_snap_select(s, &one, &runs, &selected));
		uint64_t bytes = ap_runs_bytes(&selected);
		if (is_shared && shared + bytes > SHARED_LIMIT) {
			s->not_atomic_bytes += bytes;
			continue;
		}
		shared += is_shared ? bytes : 0;
		for (size_t k = 0; k < selected.n; k++) {
			uint64_t gap = k ? selected.at[k].start - selected.at[k - 1].end : 0;

			if (is_shared || gap > AP_GAP_PAGES * AP_PAGE)
				gap = 0;
			AP_TRY(save(s, v, gap, selected.at[k].start, selected.at[k].end));
		}
	}
	return NULL;
}

static struct ap_err *lost(struct ap_snap *s)
{
	/* A file can be begun again; a pipe has seen the first half. */
	s->may_fall_back = s->options->path != NULL;
	return ap_err_new(AP_E_IO,
			  "the clone is gone: the kernel took it, not process %d, when memory "
			  "ran out",
			  s->pid);
}

/* From the clone, with the saved pieces laid over it. */
static void read_both(struct ap_snap *s, struct ap_child *child, const struct saved *v,
		      const struct ap_runs *selected, size_t *cursor, uint64_t addr, uint8_t *buf,
		      uint64_t bytes)
{
	uint64_t at = addr, end = addr + bytes;

	for (size_t i = 0; i < v->segs.n && at < end; i++) {
		const struct ap_corew_segment *seg = &v->segs.at[i];
		uint64_t seg_end = seg->vaddr + seg->bytes;

		if (seg_end <= at || seg->vaddr >= end)
			continue;
		if (seg->vaddr > at) {
			ap_snap_read_present(0, child->mem_fd, selected, cursor, at,
					     buf + (at - addr), seg->vaddr - at,
					     &s->result.unreadable_bytes);
			at = seg->vaddr;
		}
		uint64_t n = (seg_end < end ? seg_end : end) - at;
		memcpy(buf + (at - addr), v->buf + seg->offset + (at - seg->vaddr), n);
		at += n;
	}
	if (at < end)
		ap_snap_read_present(0, child->mem_fd, selected, cursor, at, buf + (at - addr),
				     end - at, &s->result.unreadable_bytes);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct ap_run *)a)->start, y = ((const struct ap_run *)b)->start;

	return (x > y) - (x < y);
}

/* Pages of the clone and the saved pieces, as runs in order without overlaps. */
static struct ap_err *merge(struct ap_snap *s, struct ap_child *child, const struct saved *v,
			    struct ap_runs *ret)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};
	uint64_t end = 0;

	AP_TRY(ap_snap_scan(s, &child->pagemap, &child->maps, &runs));
	AP_TRY(ap_snap_select(s, &s->maps, &runs, &selected));
	for (size_t i = 0; i < v->segs.n; i++) {
		if (!ap_runs_push(&selected, v->segs.at[i].vaddr,
				  v->segs.at[i].vaddr + v->segs.at[i].bytes, 0))
			return &ap_err_nomem;
	}
	if (selected.n)
		qsort(selected.at, selected.n, sizeof(*selected.at), by_address);
	for (size_t i = 0; i < selected.n; i++) {
		uint64_t a = selected.at[i].start > end ? selected.at[i].start : end;

		if (a >= selected.at[i].end)
			continue;
		end = selected.at[i].end;
		if (!ap_runs_push(ret, a, end, 0))
			return &ap_err_nomem;
	}
	return NULL;
}

/* The layout is known before the first byte: headers first, and a pipe will do. */
static struct ap_err *write_out(struct ap_snap *s, struct ap_child *child, const struct saved *v,
				const struct ap_verify *verify, int out)
{
	AP_RUNS_AUTO selected = {0};
	AP_CLEANUP(ap_segs_close) struct ap_segs segs = {0};
	AP_CLEANUP(ap_sink_close) struct ap_sink sink = {0};
	AP_STR_AUTO ehdr = {0};
	AP_STR_AUTO table = {0};
	size_t cursor = 0;

	AP_TRY(merge(s, child, v, &selected));
	AP_TRY(ap_snap_segments(s, &s->maps, &selected, &segs));
	AP_TRY(ap_snap_make_notes(s, AP_SNAPSHOT_FORK));
	uint64_t at = sizeof(Elf64_Ehdr) + ap_corew_table_bytes(segs.n, s->notes.n);
	uint64_t front = (at + AP_PAGE - 1) & ~(uint64_t)(AP_PAGE - 1),
		 total = ap_segs_bytes(&segs);

	at = front;
	for (size_t i = 0; i < segs.n; i++) {
		segs.at[i].offset = at;
		at += segs.at[i].bytes;
	}
	if (s->options->path && !s->options->compress)
		AP_TRY(ap_snap_check_space(s, s->options->path, at));
	AP_TRY(ap_corew_headers(segs.at, segs.n, &s->notes, sizeof(Elf64_Ehdr), &ehdr, &table));
	ap_str_pad(&table, front - ehdr.n - table.n, '\0');
	if (table.failed)
		return &ap_err_nomem;
	AP_TRY(ap_sink_open(&sink, out, s->options->compress, at));
	sink.sparse = s->options->path && !s->options->compress;
	AP_TRY(ap_sink_write(&sink, ehdr.s, ehdr.n));
	AP_TRY(ap_sink_write(&sink, table.s, table.n));
	for (size_t i = 0; i < segs.n; i++) {
		for (uint64_t o = 0; o < segs.at[i].bytes;) {
			uint64_t n = segs.at[i].bytes - o;

			if (n > AP_COPY_BYTES)
				n = AP_COPY_BYTES;
			uint64_t before = s->result.unreadable_bytes;
			read_both(s, child, v, &selected, &cursor, segs.at[i].vaddr + o, s->buf, n);
			if (s->result.unreadable_bytes != before && !ap_child_alive(child))
				return lost(s);
			AP_TRY(ap_sink_write(&sink, s->buf, n));
			o += n;
			AP_TRY(ap_snap_check_cancel(s));
		}
		if (s->options->progress)
			s->options->progress(s->options->arg, "writing (running)", sink.in, total);
	}
	AP_TRY(ap_sink_finish(&sink));
	if (s->options->path && !s->options->compress)
		AP_TRY(ap_verify_check(s, verify, out, &segs));
	s->result.core_bytes = at;
	s->result.file_bytes = sink.out;
	s->result.memory_bytes = total;
	s->result.n_segments = segs.n;
	return NULL;
}

static struct ap_err *check_room(struct ap_snap *s)
{
	struct ap_memory_room room = ap_memory_room(s->pid);
	uint64_t need = s->status.rss_anon / 100 * 15;
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	if (need < HEADROOM_LEAST)
		need = HEADROOM_LEAST;
	/* All of it could be rewritten while we read; where the whole group would die, count on it.
	 */
	if (room.oom_group)
		need = s->status.rss_anon;
	if (room.free_bytes >= need)
		return NULL;
	return ap_err_new(AP_E_LIMIT, "a clone may need %s and there are %s left (%s)%s",
			  ap_bytes_human(need, a), ap_bytes_human(room.free_bytes, b),
			  room.limited ? room.path : "MemAvailable",
			  room.oom_group ? "; memory.oom.group would take the whole group" : "");
}

static struct ap_err *stopped(struct ap_snap *s, struct ap_stop *stop, struct ap_forkable *f,
			      struct ap_child *child, struct saved *v, struct ap_verify *verify)
{
	AP_RUNS_AUTO runs = {0};
	AP_RUNS_AUTO selected = {0};

	for (size_t i = 0; i < stop->n; i++) {
		if (stop->at[i].tid == f->in.t.tid)
			f->in.t.stopped = stop->at[i].stopped;
	}
	AP_TRY(ap_snap_take_threads(s, stop));
	AP_TRY(ap_child_make(s, f, child));
	AP_TRY(ap_maps_read(s->pid, &s->maps));
	AP_TRY(save_rest(s, child, v));
	if (!s->options->verify)
		return NULL;
	AP_TRY(ap_snap_scan(s, &s->pagemap, &s->maps, &runs));
	AP_TRY(ap_snap_select(s, &s->maps, &runs, &selected));
	verify->skip_start = f->in.regs.fs_base & ~(uint64_t)(AP_PAGE - 1);
	verify->skip_end = verify->skip_start + 2 * AP_PAGE;
	return ap_verify_take(s, &selected, verify);
}

struct ap_err *ap_snap_fork(struct ap_snap *s, int out)
{
	AP_CLEANUP(ap_child_close) struct ap_child child = {.s = s, .mem_fd = -1};
	AP_CLEANUP(saved_close) struct saved saved = {0};
	AP_CLEANUP(ap_verify_close) struct ap_verify verify = {0};
	struct ap_forkable f = {0};
	unsigned limit = ap_snap_max_pause_ms(s, AP_SNAPSHOT_FORK);

	s->may_fall_back = true;
	AP_TRY(check_room(s));
	AP_TRY(ap_watchdog_arm(limit + 4000));
	struct ap_err *err = ap_forkable_begin(s, &f);
	if (!err) {
		AP_STOP_AUTO stop = {0};

		ap_hurry(true);
		err = ap_stop_all(s->pid, f.in.t.tid, f.in.t.stopped, AP_STOP_TIMEOUT_MS, &stop);
		if (!err) {
			err = stopped(s, &stop, &f, &child, &saved, &verify);
			ap_forkable_end(&f);
			ap_stop_resume(&stop);
			s->result.pause_ms = (double)(stop.ended_ns - stop.began_ns) / 1e6;
			s->result.paused_bytes = saved.bytes;
		}
	}
	struct ap_gadgets gadgets = f.in.gadgets;
	ap_forkable_end(&f);
	ap_hurry(false);
	ap_err_free(ap_watchdog_arm(0));
	if (err)
		return err;
	s->may_fall_back = false;
	ap_child_let_go_of_files(&child, &gadgets);
	return write_out(s, &child, &saved, &verify, out);
}
