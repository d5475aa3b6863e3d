/*
 * What the modes share: one snapshot in the making.
 *
 * Ownership: struct ap_snap owns everything in it until ap_snap_close().
 */
#ifndef AP_CAPTURE_SNAPSHOT_PRIVATE_H
#define AP_CAPTURE_SNAPSHOT_PRIVATE_H

#include "base/str.h"
#include "capture/snapshot/snapshot.h"
#include "elf/core_write.h"
#include "os/outfile.h"
#include "os/pagemap.h"
#include "os/proc.h"
#include "os/tracee.h"

enum {
	AP_COPY_BYTES = 4 << 20,
	AP_STOP_TIMEOUT_MS = 250,
	AP_GAP_PAGES = 16, /* untouched pages between two runs that are written as zeros */
};

/* A stretch of the core: present pages and short gaps between them. */
struct ap_segs {
	struct ap_corew_segment *at;
	size_t n, cap;
};

struct ap_snap_thread {
	struct ap_corew_thread core;
	pid_t host_tid;
	uint8_t *xstate_copy;
};

/* Where the bytes go: a file or a pipe, compressed or not. */
struct ap_sink {
	int fd;
	void *zstd; /* ZSTD_CCtx, or NULL */
	uint8_t *buf;
	size_t n_buf;
	uint64_t in, out; /* bytes */
	bool sparse;      /* a fresh file of ours: long stretches of zeros become holes */
};

struct ap_snap {
	const struct ap_snapshot_options *options;
	struct ap_snapshot_result result;
	pid_t pid;
	int mem_fd, pidfd;
	struct ap_pagemap pagemap;
	struct ap_proc_status status;
	struct ap_proc_stat stat;
	unsigned filter;      /* coredump_filter */
	struct ap_maps known; /* read while it ran, with flags */
	struct ap_maps maps;  /* at the stop */
	struct ap_str auxv, psargs;
	struct ap_snap_thread *threads;
	size_t n_threads;
	struct ap_str notes;
	uint64_t began_ns;
	/* Ours inside the target: not part of the core. */
	uint64_t scratch_start, scratch_end;
	/* Copied at the stop although shared with others who went on: said in our note. */
	uint64_t not_atomic_bytes;
	uint8_t *buf;       /* AP_COPY_BYTES */
	bool may_fall_back; /* the error of a mode leaves room for another one */
};

/* target.c: may we, and what is it? */
struct ap_err *ap_snap_open(struct ap_snap *s, const struct ap_snapshot_options *options);
void ap_snap_close(struct ap_snap *s);
/* As after the opening: for another mode. */
struct ap_err *ap_snap_again(struct ap_snap *s);
void ap_snap_say(const struct ap_snap *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct ap_err *ap_snap_check_cancel(const struct ap_snap *s);
unsigned ap_snap_max_pause_ms(const struct ap_snap *s, enum ap_snapshot_mode mode);

/* threads.c: at the stop */
/* Registers of all stopped threads; entries that exist already (by host_tid) are kept. */
struct ap_err *ap_snap_take_threads(struct ap_snap *s, const struct ap_stop *stop);
struct ap_err *ap_snap_take_thread(struct ap_snap *s, pid_t tid, int signal);
struct ap_err *ap_snap_make_notes(struct ap_snap *s, enum ap_snapshot_mode mode);

/* plan.c: which pages belong into the core */
void ap_segs_close(struct ap_segs *segs);
bool ap_segs_push(struct ap_segs *segs, struct ap_corew_segment seg);
uint64_t ap_segs_bytes(const struct ap_segs *segs);
/* Pages of a file can be in it: they are told apart. */
bool ap_snap_has_files(const struct ap_maps *maps, const struct ap_mapping *m);
/* Present pages of the process behind `pagemap` as `maps` lays it out. */
struct ap_err *ap_snap_scan(struct ap_snap *s, const struct ap_pagemap *pagemap,
			    const struct ap_maps *maps, struct ap_runs *runs);
/* Of those, the ones that a core holds; runs never cross a mapping of other permissions. */
struct ap_err *ap_snap_select(struct ap_snap *s, const struct ap_maps *maps,
			      const struct ap_runs *runs, struct ap_runs *ret_selected);
/* Segments without file offsets: short gaps inside an anonymous mapping are bridged. */
struct ap_err *ap_snap_segments(struct ap_snap *s, const struct ap_maps *maps,
				const struct ap_runs *selected, struct ap_segs *segs);

/* reader.c */
/* Reads all `bytes`; what cannot be read becomes zeros and is counted in *unreadable. */
void ap_snap_read(pid_t pid, int mem_fd, uint64_t addr, void *buf, uint64_t bytes,
		  uint64_t *unreadable);
/* For a copy-on-write child: never pins, since a pinned read un-shares every page. */
void ap_snap_read_unpinned(int mem_fd, uint64_t addr, void *buf, uint64_t bytes,
			   uint64_t *unreadable);
/*
 * Only what lies in `runs`, zeros between them: reading a page that was never touched would give
 * the process one. pid 0: unpinned. *cursor goes along with rising addresses, from 0.
 */
void ap_snap_read_present(pid_t pid, int mem_fd, const struct ap_runs *runs, size_t *cursor,
			  uint64_t addr, void *buf, uint64_t bytes, uint64_t *unreadable);

/* output.c */
struct ap_err *ap_sink_open(struct ap_sink *sink, int fd, bool compress, uint64_t total);
struct ap_err *ap_sink_write(struct ap_sink *sink, const void *data, size_t bytes);
/* As ap_pwrite_all() into a file that holds nothing there yet: long stretches of zeros stay holes.
 */
struct ap_err *ap_snap_put(int fd, const uint8_t *data, uint64_t bytes, uint64_t offset);
/* The file has at least `bytes`, also when it ends in a hole. */
struct ap_err *ap_snap_extend(int fd, uint64_t bytes);
struct ap_err *ap_sink_finish(struct ap_sink *sink);
void ap_sink_close(struct ap_sink *sink);
/* Bytes to leave free at the start of a file for headers of about `n_segments`. */
uint64_t ap_snap_front(size_t n_segments, size_t notes_bytes);
/* Headers into a file whose memory lies behind `front` bytes and ends at `end`. */
struct ap_err *ap_snap_put_headers(struct ap_snap *s, int fd, const struct ap_segs *segs,
				   uint64_t front, uint64_t end, uint64_t *ret_end);
/* The finished core in `fd` goes where the user wants it, compressed if he wants. */
struct ap_err *ap_snap_pump(struct ap_snap *s, int fd, uint64_t bytes, int out);
/* An error when the output's file system lacks `bytes`. */
struct ap_err *ap_snap_check_space(struct ap_snap *s, const char *path, uint64_t bytes);
/* A temporary file without a name, where there is room for `bytes`. */
struct ap_err *ap_snap_scratch(struct ap_snap *s, uint64_t bytes, int *ret_fd);

/* The modes. `out` is the file or pipe; each leaves the target running whatever it returns. */
struct ap_err *ap_snap_direct(struct ap_snap *s, int out, bool seekable);
struct ap_err *ap_snap_precopy(struct ap_snap *s, int out, bool seekable);
struct ap_err *ap_snap_fork(struct ap_snap *s, int out);

#endif
