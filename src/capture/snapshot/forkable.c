/*
 * V8's heap is MADV_DONTFORK since Node 20: a clone would not have it. One idle thread of the
 * target clears the flag, waits for the clone, and sets it again. The whole sequence lies in the
 * target before it starts, with a time limit on the wait, so that it ends without us too.
 */
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/snapshot/child.h"

enum { RANGES_LIMIT = 60000, WAIT_SECONDS = 3, FLIP_TIMEOUT_MS = 1500 };

/* At the start of the scratch memory. */
struct scratch {
	struct timespec flipped; /* clock_gettime() writes it: not zero once all ranges are done */
	struct timespec limit;   /* of the wait */
	uint32_t go, pad;
	uint64_t reserved[3];
};

struct range {
	uint64_t start, bytes;
};

/* Neighbours in one call; PROT_NONE reservations are left alone. */
static size_t collect(const struct ap_snap *s, struct range *ranges, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->known.n && n < max; i++) {
		const struct ap_mapping *m = &s->known.at[i];

		if (!(m->flags & AP_MAP_DONTFORK) || m->flags & (AP_MAP_DEVICE | AP_MAP_SHARED) ||
		    !(m->rss + m->swap) || *ap_mapping_name(&s->known, m) == '/')
			continue;
		if (n && ranges[n - 1].start + ranges[n - 1].bytes == m->start)
			ranges[n - 1].bytes = m->end - ranges[n - 1].start;
		else
			ranges[n++] = (struct range){m->start, m->end - m->start};
	}
	return n;
}

static void chain_advise(struct ap_chain *c, const struct range *ranges, size_t n, int advice)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t args[6] = {ranges[i].start, ranges[i].bytes, (uint64_t)advice};

		ap_chain_call(c, SYS_madvise, args);
	}
}

/* Memory below 2 GB, so that its address passes through 31 bits; it goes away if we do. */
static struct ap_err *get_scratch(struct ap_forkable *f, uint64_t bytes)
{
	struct ap_inject *in = &f->in;
	AP_CLEANUP(ap_chain_close) struct ap_chain c = {0};
	const uint64_t args[6] = {
		0,     bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		~0ull, 0};
	uint64_t base = ap_inject_stack(in, ap_chain_room(in, 1));
	int64_t got = -1;

	if (!base)
		return ap_err_new(AP_E_LIMIT, "thread %d has no room on its stack", in->t.tid);
	ap_chain_begin(&c, in, base);
	ap_chain_call(&c, SYS_mmap, args);
	ap_chain_call_with_result(&c, SYS_munmap); /* its length is still in place */
	ap_chain_end(&c, &in->last, in->sigmask, true);
	AP_TRY(ap_inject_start(in, &c));
	AP_TRY(ap_inject_until(in, SYS_mmap, &got));
	if (got <= 0)
		return ap_err_errno((int)-got, "no memory for the sequence in process %d",
				    in->s->pid);
	f->scratch = (uint64_t)got;
	f->scratch_bytes = bytes;
	in->s->scratch_start = f->scratch;
	in->s->scratch_end = f->scratch + bytes;
	return NULL;
}

static struct ap_err *build(struct ap_forkable *f, const struct range *ranges)
{
	struct ap_inject *in = &f->in;
	AP_CLEANUP(ap_chain_close) struct ap_chain big = {0};
	AP_CLEANUP(ap_chain_close) struct ap_chain home = {0};
	struct scratch head = {.limit = {.tv_sec = WAIT_SECONDS}};
	uint64_t home_base = ap_inject_stack(in, ap_chain_room(in, 2));
	const uint64_t unmap[6] = {f->scratch, f->scratch_bytes};
	const uint64_t clock[6] = {CLOCK_MONOTONIC, f->scratch};
	const uint64_t wait[6] = {f->scratch + offsetof(struct scratch, go),
				  FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0,
				  f->scratch + offsetof(struct scratch, limit)};

	if (!home_base)
		return ap_err_new(AP_E_LIMIT, "thread %d has no room on its stack", in->t.tid);
	/* On its own stack: give the scratch memory back, then the thread's own registers. Entered
	 * through a `ret`, so it begins with the three words of a sigreturn. */
	const uint64_t enter[3] = {in->gadgets.pop_rax_ret, SYS_rt_sigreturn,
				   in->gadgets.syscall_ret};
	ap_chain_begin(&home, in, home_base + sizeof(enter));
	ap_chain_call(&home, SYS_munmap, unmap);
	ap_chain_end(&home, &in->last, in->sigmask, true);

	ap_chain_begin(&big, in, f->scratch + sizeof(head));
	chain_advise(&big, ranges, f->n_ranges, MADV_DOFORK);
	ap_chain_call(&big, SYS_clock_gettime, clock);
	ap_chain_call(&big, SYS_futex, wait);
	chain_advise(&big, ranges, f->n_ranges, MADV_DONTFORK);
	ap_chain_call(&big, SYS_clock_gettime, clock);
	ap_chain_jump(&big, home_base);

	if (home.failed || big.failed)
		return &ap_err_nomem;
	AP_TRY(ap_pwrite_all(in->s->mem_fd, enter, sizeof(enter), home_base));
	AP_TRY(ap_inject_write(in, &home));
	AP_TRY(ap_pwrite_all(in->s->mem_fd, &head, sizeof(head), f->scratch));
	return ap_inject_start(in, &big);
}

static bool waits(const struct ap_forkable *f)
{
	uint64_t args[2];
	long nr;

	return ap_proc_syscall(f->in.s->pid, f->in.t.tid, &nr, args) && nr == SYS_futex &&
	       args[0] == f->scratch + offsetof(struct scratch, go);
}

static struct ap_err *wait_flipped(struct ap_forkable *f)
{
	uint64_t deadline = ap_now_ns() + FLIP_TIMEOUT_MS * 1000000ull;
	struct timespec done = {0};
	uint64_t unreadable = 0;

	for (;;) {
		ap_snap_read_unpinned(f->in.s->mem_fd, f->scratch, &done, sizeof(done),
				      &unreadable);
		/* On a busy machine a while may pass before it waits, and the clone needs it there.
		 */
		if ((done.tv_sec || done.tv_nsec) && waits(f))
			return NULL;
		if (unreadable || ap_now_ns() > deadline)
			return ap_err_new(AP_E_LIMIT,
					  "process %d did not make its heap forkable within "
					  "%d ms",
					  f->in.s->pid, FLIP_TIMEOUT_MS);
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
}

struct ap_err *ap_forkable_begin(struct ap_snap *s, struct ap_forkable *ret_f)
{
	struct ap_forkable *f = ret_f;
	static struct range ranges[RANGES_LIMIT];

	*f = (struct ap_forkable){0};
	f->n_ranges = collect(s, ranges, RANGES_LIMIT);
	AP_TRY(ap_inject_attach(s, PTRACE_O_TRACECLONE, &f->in));
	f->attached = true;
	/* Its registers are in the core as it had them. */
	AP_TRY(ap_snap_take_thread(s, f->in.t.tid, 0));
	if (!f->n_ranges)
		return NULL; /* before Node 20; it waits, stopped, for the clone */
	size_t room = sizeof(struct scratch) + (2 * f->n_ranges + 3) * (304 + 24);
	AP_TRY(get_scratch(f, (room + AP_PAGE - 1) & ~(uint64_t)(AP_PAGE - 1)));
	AP_TRY(build(f, ranges));
	if (ptrace(PTRACE_CONT, f->in.t.tid, NULL, NULL) < 0)
		return ap_err_new(AP_E_NOTFOUND, "thread %d is gone", f->in.t.tid);
	f->in.t.stopped = false;
	return wait_flipped(f);
}

void ap_forkable_end(struct ap_forkable *f)
{
	uint32_t go = 1;

	if (!f->attached)
		return;
	/* A wait that is restarted sees this and ends; one that was interrupted ends anyway. */
	if (f->scratch)
		ap_err_free(ap_pwrite_all(f->in.s->mem_fd, &go, sizeof(go),
					  f->scratch + offsetof(struct scratch, go)));
	ap_inject_release(&f->in);
	f->attached = false;
}
