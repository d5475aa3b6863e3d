/* -p PID, ::attach, ::release. */
#include "tools/attach.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/number.h"
#include "capture/snapshot/attach.h"
#include "image/image.h"
#include "model/core.h"

struct watch {
	const volatile sig_atomic_t *cancelled;
	bool terminal, standing;
};

static bool cancelled(void *arg)
{
	const struct watch *w = arg;

	return w->cancelled && *w->cancelled;
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct watch *w = arg;
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	if (!w->terminal)
		return;
	w->standing = true;
	fprintf(stderr, "\r%s: %s of %s\033[K", what, ap_bytes_human(done, a),
		ap_bytes_human(total, b));
}

static struct ap_err *attach(pid_t pid, bool stay, const volatile sig_atomic_t *stop,
			     struct ap_model **ret_model, void **ret_held)
{
	struct watch watch = {.cancelled = stop, .terminal = isatty(STDERR_FILENO)};
	const struct ap_snapshot_options options = {
		.pid = pid, .progress = progress, .cancelled = cancelled, .arg = &watch};
	const struct ap_image_options plain = {0};
	struct ap_attached *attached;
	struct ap_image *image = NULL;
	char path[64];

	struct ap_err *err = ap_attach(&options, &attached);
	if (watch.standing)
		fputs("\r\033[K", stderr);
	if (err)
		return err;
	if (!stay)
		ap_attached_release(attached);
	/* The file has no name; the image maps it and keeps a descriptor of its own. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ap_attached_core(attached));
	err = ap_image_open_core(path, &plain, &image);
	if (!err)
		err = ap_core_model_open(image, ret_model);
	if (err || !stay) {
		ap_attached_close(attached);
		attached = NULL;
	}
	if (!err)
		*ret_held = attached;
	return err;
}

static void release(void *held)
{
	ap_attached_close(held);
}

const struct ap_live_ops ap_live_ops = {.attach = attach, .release = release};
