#include "cmd/heap_common.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "model/core.h"

struct progress {
	struct timespec start, shown;
	bool standing;
};

/* One line on the terminal at a time, whoever draws it. */
static struct progress progress;

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void report(void *arg, const char *what, uint64_t done, uint64_t total, uint64_t objects)
{
	struct progress *p = arg;
	char size[AP_NUMBER_MAX], left[AP_NUMBER_MAX];
	double seconds = since(&p->start);

	if (seconds < 0.5 || since(&p->shown) < 0.1 || !done || !total)
		return;
	clock_gettime(CLOCK_MONOTONIC, &p->shown);
	p->standing = true;
	fprintf(stderr, "\r%s: %.0f %%, ", what, 100.0 * (double)done / (double)total);
	if (objects)
		fprintf(stderr, "%" PRIu64 " objects, ", objects);
	fprintf(stderr, "%s/s, %s left \033[K",
		ap_bytes_human((uint64_t)((double)done / seconds), size),
		ap_duration_human(seconds * (double)(total - done) / (double)done, left));
}

void ap_heap_watch(struct ap_ctx *ctx, struct ap_heap_watch *ret_watch)
{
	bool terminal = ctx->out->terminal && isatty(STDERR_FILENO);

	progress = (struct progress){0};
	clock_gettime(CLOCK_MONOTONIC, &progress.start);
	*ret_watch = (struct ap_heap_watch){
		.cancelled = ctx->cancelled,
		.report = terminal ? report : NULL,
		.arg = &progress,
	};
}

void ap_heap_watch_end(struct ap_ctx *ctx)
{
	(void)ctx;
	if (progress.standing)
		fputs("\r\033[K", stderr);
	progress.standing = false;
}

struct ap_err *ap_require_heap(struct ap_ctx *ctx, struct ap_heap **ret_heap)
{
	struct ap_heap_summary summary;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	struct ap_err *err;

	AP_TRY(ap_core_model_heap(ctx->model, &heap));
	ap_heap_watch(ctx, &watch);
	err = ap_heap_walk(heap, &watch);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	ap_heap_summary(heap, &summary);
	if (summary.scanned)
		ap_warn(ctx,
			"no page layout was recognised: objects were found by scanning, some may be missing");
	if (!ap_heap_is_complete(&summary))
		ap_warn(ctx,
			"stopped: %" PRIu64 " of %" PRIu64
			" pages were not walked; the next command goes on",
			summary.pages_left, summary.pages);
	*ret_heap = heap;
	return NULL;
}

enum ap_heap_live ap_live_shown(const struct ap_heap_liveness *l, bool all)
{
	return l->known && !all ? AP_LIVE_YES : AP_LIVE_UNKNOWN;
}

void ap_json_live(struct ap_json *j, enum ap_heap_live live)
{
	if (live == AP_LIVE_UNKNOWN)
		ap_json_null(j, "live");
	else
		ap_json_bool(j, "live", live == AP_LIVE_YES);
}

const char *ap_live_word(const struct ap_heap_liveness *l, bool all)
{
	return ap_live_shown(l, all) == AP_LIVE_YES ? "live " : "";
}

const char *ap_live_remark(struct ap_ctx *ctx, const struct ap_heap_liveness *l, bool all)
{
	const char *remark = "";

	if (!l->known)
		remark = ap_printf(ctx->arena,
				   "\nDead ones are among them: what lives is not known (%s).",
				   l->why_unknown ? l->why_unknown : "nobody has looked");
	else if (all)
		remark = "\nDead ones that were not yet collected are among them.";
	return remark ? remark : "";
}
