#include "capture/snapshot/track.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "capture/snapshot/inject.h"

/* linux/userfaultfd.h of 6.7. */
struct uffd_api {
	uint64_t api, features, ioctls;
};

struct uffd_register {
	uint64_t start, len, mode, ioctls;
};

struct uffd_range {
	uint64_t start, len;
};

#define UFFD_API_VERSION 0xaaull
#define UFFD_IOCTL_API _IOWR(0xaa, 0x3f, struct uffd_api)
#define UFFD_IOCTL_REGISTER _IOWR(0xaa, 0x00, struct uffd_register)
#define UFFD_IOCTL_UNREGISTER _IOR(0xaa, 0x01, struct uffd_range)
enum {
	PIECE = 128 << 10,
	WORK_NS = 1000000,
	REST = 5, /* times as long as the work */
	REST_LIMIT_NS = 30000000,
	UFFD_USER_MODE = 1, /* what an unprivileged process may have */
	UFFD_MODE_WP = 2,
};
#define RESTS_NS 20000000000ull /* in all: arming, and giving back */
#define UFFD_WP_UNPOPULATED (1ull << 13)
#define UFFD_WP_ASYNC (1ull << 15)

static struct ap_err *too_old(void)
{
	struct utsname uts;

	uname(&uts);
	return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
				      "precopy needs kernel 6.7 or later, this is %s", uts.release),
			   "--mode fork");
}

static struct ap_err *take_over(struct ap_snap *s, struct ap_inject *in, int *ret_fd)
{
	AP_CLEANUP(ap_chain_close) struct ap_chain c = {0};
	const uint64_t args[6] = {O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE};
	uint64_t base = ap_inject_stack(in, ap_chain_room(in, 1));
	int64_t theirs = -1;

	if (!base)
		return ap_err_new(AP_E_LIMIT, "thread %d has no room on its stack", in->t.tid);
	/* userfaultfd, close of what it gave, and back: the close comes even if we do not. */
	ap_chain_begin(&c, in, base);
	ap_chain_call(&c, SYS_userfaultfd, args);
	ap_chain_call_with_result(&c, SYS_close);
	ap_chain_end(&c, &in->last, in->sigmask, true);
	AP_TRY(ap_inject_start(in, &c));
	AP_TRY(ap_inject_until(in, SYS_userfaultfd, &theirs));
	if (theirs == -EPERM)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					      "process %d may not have a userfaultfd (EPERM%s)",
					      s->pid,
					      s->status.seccomp ? ": its seccomp filter" : ""),
				   "run as root outside the container, or use --mode fork");
	if (theirs < 0)
		return ap_err_errno((int)-theirs, "no userfaultfd in process %d", s->pid);
	*ret_fd = (int)syscall(SYS_pidfd_getfd, s->pidfd, (int)theirs, 0);
	if (*ret_fd < 0)
		return ap_err_errno(errno, "cannot take the userfaultfd over from process %d",
				    s->pid);
	return NULL;
}

struct ap_err *ap_track_open(struct ap_snap *s, struct ap_track *ret_track)
{
	struct ap_inject in;
	struct uffd_api api = {.api = UFFD_API_VERSION,
			       .features = UFFD_WP_ASYNC | UFFD_WP_UNPOPULATED};
	int fd = -1;

	if (!s->pagemap.scan)
		return too_old();
	AP_TRY(ap_watchdog_arm(5000));
	struct ap_err *err = ap_inject_attach(s, 0, &in);
	if (!err) {
		err = take_over(s, &in, &fd);
		ap_inject_release(&in);
	}
	ap_err_free(ap_watchdog_arm(0));
	if (err)
		return err;
	if (ioctl(fd, UFFD_IOCTL_API, &api) < 0) {
		close(fd);
		return too_old();
	}
	*ret_track = (struct ap_track){.fd = fd};
	return NULL;
}

void ap_track_rest(struct ap_track *track, uint64_t *began_ns)
{
	uint64_t worked = ap_now_ns() - *began_ns, rest = worked * REST;

	if (worked < WORK_NS || track->rested_ns > RESTS_NS)
		return;
	if (rest > REST_LIMIT_NS)
		rest = REST_LIMIT_NS;
	nanosleep(&(struct timespec){.tv_nsec = (long)rest}, NULL);
	track->rested_ns += rest;
	*began_ns = ap_now_ns();
}

void ap_track_close(struct ap_track *track)
{
	if (track->fd <= 0)
		return;
	/*
	 * Closing it unregisters everything in one go, under the lock of the address space: with
	 * thousands of mappings the process waits in its next page fault, for a second where page
	 * tables are slow (virtual machines without nested paging). Small pieces with rests between
	 * them leave nearly nothing for the end. A piece is not paused in its middle.
	 */
	uint64_t began = ap_now_ns();
	track->rested_ns = 0;
	for (size_t i = 0; i < track->ranges.n; i++) {
		const struct ap_run *run = &track->ranges.at[i];

		for (uint64_t at = run->start; at < run->end;) {
			uint64_t n = run->end - at < PIECE ? run->end - at : PIECE;
			struct uffd_range range = {at, n};

			ap_hurry(true);
			(void)ioctl(track->fd, UFFD_IOCTL_UNREGISTER, &range); /* unmapped since:
										  fine */
			ap_hurry(false);
			ap_track_rest(track, &began);
			at += n;
		}
	}
	ap_runs_close(&track->ranges);
	close(track->fd);
	track->fd = 0;
}

static bool watchable(const struct ap_maps *maps, const struct ap_mapping *m)
{
	const char *name = ap_mapping_name(maps, m);

	/* The others count as written for ever: they are copied at the stop. */
	return !(m->flags & (AP_MAP_SHARED | AP_MAP_DEVICE | AP_MAP_DONTDUMP | AP_MAP_HUGETLB)) &&
	       m->rss + m->swap &&
	       (*name != '[' || !strcmp(name, "[heap]") || !strcmp(name, "[stack]") ||
		!strncmp(name, "[anon", 5));
}

struct ap_err *ap_track_register(struct ap_snap *s, struct ap_track *track)
{
	for (size_t i = 0; i < s->known.n;) {
		const struct ap_mapping *m = &s->known.at[i++];
		uint64_t end = m->end;

		if (!watchable(&s->known, m))
			continue;
		/* One call for neighbours; the kernel keeps them apart or not, as it did. */
		while (i < s->known.n && s->known.at[i].start == end &&
		       watchable(&s->known, &s->known.at[i]))
			end = s->known.at[i++].end;
		struct uffd_register reg = {m->start, end - m->start, UFFD_MODE_WP, 0};

		if (ioctl(track->fd, UFFD_IOCTL_REGISTER, &reg) == 0) {
			if (!ap_runs_push(&track->ranges, m->start, end, 0))
				return &ap_err_nomem;
		} else if (errno != ENOMEM && errno != EINVAL && errno != EPERM && errno != EBUSY) {
			/* Those: gone meanwhile, or somebody else's. */
			return ap_err_errno(errno, "cannot watch the memory of process %d", s->pid);
		}
	}
	return NULL;
}
