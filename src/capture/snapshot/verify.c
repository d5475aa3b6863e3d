#include "capture/snapshot/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t hash_page(const uint8_t *p)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < AP_PAGE; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h;
}

void ap_verify_close(struct ap_verify *v)
{
	ap_runs_close(&v->runs);
	free(v->hashes);
	v->hashes = NULL;
	v->n_pages = 0;
}

struct ap_err *ap_verify_take(struct ap_snap *s, const struct ap_runs *selected,
			      struct ap_verify *ret)
{
	uint64_t at = 0, unreadable = 0;

	if (!s->options->verify)
		return NULL;
	ret->hashes = malloc((ap_runs_bytes(selected) / AP_PAGE + 1) * sizeof(*ret->hashes));
	if (!ret->hashes)
		return &ap_err_nomem;
	for (size_t i = 0; i < selected->n; i++) {
		const struct ap_run *run = &selected->at[i];

		if (!ap_runs_push(&ret->runs, run->start, run->end, 0))
			return &ap_err_nomem;
		for (uint64_t a = run->start; a < run->end;) {
			uint64_t n = run->end - a < AP_COPY_BYTES ? run->end - a : AP_COPY_BYTES;

			ap_snap_read(s->pid, s->mem_fd, a, s->buf, n, &unreadable);
			for (uint64_t o = 0; o < n; o += AP_PAGE)
				ret->hashes[at++] = hash_page(s->buf + o);
			a += n;
		}
	}
	ret->n_pages = at;
	return NULL;
}

static const struct ap_corew_segment *segment_of(const struct ap_segs *segs, uint64_t addr)
{
	for (size_t i = 0; i < segs->n; i++) {
		if (addr - segs->at[i].vaddr < segs->at[i].bytes)
			return &segs->at[i];
	}
	return NULL;
}

struct ap_err *ap_verify_check(struct ap_snap *s, const struct ap_verify *v, int fd,
			       const struct ap_segs *segs)
{
	uint64_t at = 0, missing = 0, differ = 0, first = 0;
	const struct ap_corew_segment *seg = NULL;
	uint8_t page[AP_PAGE];

	for (size_t i = 0; i < v->runs.n; i++) {
		for (uint64_t a = v->runs.at[i].start; a < v->runs.at[i].end; a += AP_PAGE, at++) {
			if (!seg || a - seg->vaddr >= seg->bytes)
				seg = segment_of(segs, a);
			bool good =
				seg && pread(fd, page, AP_PAGE,
					     (off_t)(seg->offset + (a - seg->vaddr))) == AP_PAGE;

			missing += !good;
			if (a >= v->skip_start && a < v->skip_end)
				continue;
			if (good && hash_page(page) != v->hashes[at])
				first = differ++ ? first : a;
		}
	}
	if (missing || differ)
		return ap_err_new(AP_E_FORMAT,
				  "of %" PRIu64 " pages %" PRIu64 " are missing and %" PRIu64
				  " differ, the first at 0x%" PRIx64,
				  v->n_pages, missing, differ, first);
	if (v->n_pages)
		ap_snap_say(s, "verified: %" PRIu64 " pages, all as they were at the stop",
			    v->n_pages);
	return NULL;
}
