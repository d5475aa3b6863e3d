/* One snapshot: the best mode that works, each falling back to the next with a sentence. */
#include "capture/snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/snapshot/private.h"

static const char *const mode_names[] = {"auto", "precopy", "fork", "direct"};

const char *ap_snapshot_mode_name(enum ap_snapshot_mode mode)
{
	return mode_names[mode];
}

bool ap_snapshot_mode_named(const char *name, enum ap_snapshot_mode *ret_mode)
{
	for (unsigned i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*ret_mode = (enum ap_snapshot_mode)i;
			return true;
		}
	}
	return false;
}

static struct ap_err *take_mode(struct ap_snap *s, enum ap_snapshot_mode mode, int out,
				bool seekable)
{
	s->result.mode = mode;
	switch (mode) {
	case AP_SNAPSHOT_PRECOPY:
		return ap_snap_precopy(s, out, seekable);
	case AP_SNAPSHOT_FORK:
		return ap_snap_fork(s, out);
	default:
		return ap_snap_direct(s, out, seekable);
	}
}

static struct ap_err *take(struct ap_snap *s, int out, bool seekable)
{
	enum ap_snapshot_mode mode = s->options->mode;
	struct ap_err *err;

	if (mode != AP_SNAPSHOT_AUTO)
		return take_mode(s, mode, out, seekable);
	mode = AP_SNAPSHOT_PRECOPY;
	if (s->status.state == 'T') {
		ap_snap_say(s, "direct: the process is stopped anyway (state T)");
		mode = AP_SNAPSHOT_DIRECT;
	}
	for (;; mode++) {
		err = take_mode(s, mode, out, seekable);
		if (!err || mode == AP_SNAPSHOT_DIRECT || !s->may_fall_back ||
		    err == &ap_err_cancelled)
			return err;
		ap_snap_say(s, "%s instead of %s: %s", mode_names[mode + 1], mode_names[mode],
			    err->message);
		ap_err_free(err);
		AP_TRY(ap_snap_again(s));
		if (seekable && (ftruncate(out, 0) < 0 || lseek(out, 0, SEEK_SET) < 0))
			return ap_err_errno(errno, "cannot begin the file again");
	}
}

struct ap_err *ap_snapshot_take(const struct ap_snapshot_options *options,
				struct ap_snapshot_result *ret_result)
{
	AP_OUTFILE_AUTO file = {0};
	struct ap_snap s;
	struct ap_err *err = ap_snap_open(&s, options);
	int out = options->fd;

	if (!err && options->path) {
		err = ap_outfile_open(options->path, options->replace, &file);
		out = file.fd;
	}
	if (!err)
		err = take(&s, out, options->path != NULL);
	if (!err && options->path)
		err = ap_outfile_commit(&file, options->replace, true);
	s.result.total_ms = (double)(ap_now_ns() - s.began_ns) / 1e6;
	if (!err)
		*ret_result = s.result;
	ap_snap_close(&s);
	return err;
}
