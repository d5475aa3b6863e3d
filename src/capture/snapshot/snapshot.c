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

static struct ap_err *take(struct ap_snap *s, int out, bool seekable)
{
	if (s->options->mode == AP_SNAPSHOT_PRECOPY) {
		s->result.mode = AP_SNAPSHOT_PRECOPY;
		return ap_snap_precopy(s, out, seekable);
	}
	s->result.mode = AP_SNAPSHOT_DIRECT;
	return ap_snap_direct(s, out, seekable);
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
