#include "capture/handler/minicore.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/json.h"
#include "elf/core_write.h"
#include "os/outfile.h"

const struct ap_minicore_limits ap_minicore_default_limits = {
	.raw_bytes = 18 << 20,
	.walk = {.text_bytes = 4 << 20,
		 .texts_bytes = 10 << 20,
		 .depth = 14,
		 .cpu_ms = 300,
		 .time_ms = 2000},
};

struct sink {
	int fd;
	ZSTD_CCtx *zstd;
	uint8_t *buf;
	size_t n_buf;
	uint64_t in, out;
};

static struct ap_err *sink_put(struct sink *s, const void *data, size_t bytes,
			       ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {data, bytes, 0};
	size_t left;

	s->in += bytes;
	do {
		ZSTD_outBuffer out = {s->buf, s->n_buf, 0};

		left = ZSTD_compressStream2(s->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return ap_err_new(AP_E_IO, "compression failed: %s",
					  ZSTD_getErrorName(left));
		if (out.pos)
			AP_TRY(ap_write_all(s->fd, s->buf, out.pos));
		s->out += out.pos;
	} while (end == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return NULL;
}

struct segments {
	struct ap_corew_segment *at;
	size_t n, cap;
};

static bool add(struct segments *list, uint64_t start, uint64_t end, uint32_t flags, bool present)
{
	struct ap_corew_segment *last = list->n ? &list->at[list->n - 1] : NULL;

	if (start == end)
		return true;
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		void *at = reallocarray(list->at, cap, sizeof(*list->at));

		if (!at)
			return false;
		list->at = at;
		list->cap = cap;
		last = list->n ? &list->at[list->n - 1] : NULL;
	}
	if (last && present && !last->absent && last->vaddr + last->bytes == start &&
	    last->flags == flags) {
		last->bytes += end - start;
		return true;
	}
	list->at[list->n++] = (struct ap_corew_segment){
		.vaddr = start, .bytes = end - start, .flags = flags, .absent = !present};
	return true;
}

static int phdr_cmp(const void *a, const void *b)
{
	const Elf64_Phdr *x = *(const Elf64_Phdr *const *)a, *y = *(const Elf64_Phdr *const *)b;

	return x->p_vaddr < y->p_vaddr ? -1 : x->p_vaddr > y->p_vaddr;
}

/* Every range of the process, cut into what was kept and what was not, by address. */
static struct ap_err *make_segments(const struct ap_dying *dying, const struct ap_pages *pages,
				    const uint32_t *order, struct segments *ret)
{
	const struct ap_core_header *h = dying->header;
	const Elf64_Phdr **sorted = calloc(h->n_phdrs ? h->n_phdrs : 1, sizeof(*sorted));
	size_t n = 0, p = 0;
	uint64_t done = 0;
	bool ok = sorted;

	for (size_t i = 0; ok && i < h->n_phdrs; i++) {
		uint64_t end;

		if (h->phdrs[i].p_type == PT_LOAD && h->phdrs[i].p_memsz &&
		    !__builtin_add_overflow(h->phdrs[i].p_vaddr, h->phdrs[i].p_memsz, &end))
			sorted[n++] = &h->phdrs[i];
	}
	if (n)
		qsort(sorted, n, sizeof(*sorted), phdr_cmp);
	for (size_t i = 0; ok && i < n; i++) {
		uint64_t at = sorted[i]->p_vaddr, end = at + sorted[i]->p_memsz;
		uint32_t flags = sorted[i]->p_flags;

		if (at < done)
			at = done; /* the kernel never describes an address twice */
		while (p < pages->n && pages->at[order[p]].addr < at)
			p++;
		for (; ok && at < end && p < pages->n && pages->at[order[p]].addr < end; p++) {
			uint64_t page = pages->at[order[p]].addr;
			uint64_t stop = end - page < AP_HANDLE_PAGE ? end : page + AP_HANDLE_PAGE;

			ok = add(ret, at, page, flags, false) && add(ret, page, stop, flags, true);
			at = stop;
		}
		if (at < end)
			ok = ok && add(ret, at, end, flags, false);
		if (end > done)
			done = end;
	}
	free(sorted);
	return ok ? NULL : &ap_err_nomem;
}

static void note(const struct ap_minicore_result *r, struct ap_str *notes)
{
	AP_STR_AUTO text = {0};
	struct ap_json j;

	ap_json_init(&j, &text, NULL);
	ap_json_object(&j, NULL);
	ap_json_uint(&j, "pages", r->pages);
	ap_json_uint(&j, "core_bytes", r->core_bytes);
	ap_json_uint(&j, "depth", r->walk.depth);
	ap_json_cstr(&j, "stopped", r->walk.stopped);
	ap_json_uint(&j, "texts_left_out", r->walk.texts_out);
	ap_json_uint(&j, "texts_left_out_bytes", r->walk.texts_out_bytes);
	ap_json_end_object(&j);
	if (text.failed)
		notes->failed = true;
	else
		ap_corew_note(notes, "AUTOPSY", AP_NOTE_MINICORE, text.s, text.n);
}

static struct ap_err *put_pages(struct sink *sink, const struct ap_pages *pages,
				const uint32_t *order, const struct segments *segments)
{
	size_t p = 0;

	for (size_t i = 0; i < segments->n; i++) {
		const struct ap_corew_segment *s = &segments->at[i];

		if (s->absent)
			continue;
		for (uint64_t at = s->vaddr, end = at + s->bytes; at < end; at += AP_HANDLE_PAGE) {
			while (p < pages->n && pages->at[order[p]].addr < at)
				p++;
			size_t bytes = end - at < AP_HANDLE_PAGE ? end - at : AP_HANDLE_PAGE;

			AP_TRY(sink_put(sink, pages->bytes + (size_t)order[p] * AP_HANDLE_PAGE,
					bytes, ZSTD_e_continue));
		}
	}
	return sink_put(sink, NULL, 0, ZSTD_e_end);
}

static struct ap_err *write_core(const struct ap_dying *dying, const struct ap_pages *pages,
				 const uint32_t *order, struct sink *sink,
				 struct segments *segments, struct ap_minicore_result *r)
{
	static const uint8_t zeros[AP_HANDLE_PAGE];
	AP_STR_AUTO notes = {0};
	AP_STR_AUTO ehdr = {0};
	AP_STR_AUTO table = {0};

	ap_str_add(&notes, (const char *)dying->raw_notes, dying->n_raw_notes);
	ap_str_pad(&notes, -notes.n & 3, '\0');
	note(r, &notes);
	AP_TRY(make_segments(dying, pages, order, segments));
	uint64_t front = sizeof(Elf64_Ehdr) + ap_corew_table_bytes(segments->n, notes.n);
	uint64_t pad = -front & (AP_HANDLE_PAGE - 1), at = front + pad;
	for (size_t i = 0; i < segments->n; i++) {
		segments->at[i].offset = at;
		if (!segments->at[i].absent)
			at += segments->at[i].bytes;
	}
	AP_TRY(ap_corew_headers(segments->at, segments->n, &notes, sizeof(Elf64_Ehdr), &ehdr,
				&table));
	(void)ZSTD_CCtx_setPledgedSrcSize(sink->zstd, at);
	AP_TRY(sink_put(sink, ehdr.s, ehdr.n, ZSTD_e_continue));
	AP_TRY(sink_put(sink, table.s, table.n, ZSTD_e_continue));
	AP_TRY(sink_put(sink, zeros, pad, ZSTD_e_continue));
	return put_pages(sink, pages, order, segments);
}

struct ap_err *ap_minicore_write(const struct ap_dying *dying,
				 const struct ap_minicore_limits *limits, int fd,
				 struct ap_minicore_result *ret_result)
{
	struct ap_minicore_result r = {0};
	struct ap_pages pages = {0};
	struct segments segments = {0};
	uint32_t *order = NULL;
	struct sink sink = {.fd = fd, .n_buf = ZSTD_CStreamOutSize()};

	r.core_bytes = ap_core_file_bytes(dying->header);
	struct ap_err *err = ap_pages_open(limits->raw_bytes / AP_HANDLE_PAGE, &pages);
	if (!err)
		err = ap_walk(dying, &limits->walk, &pages, &r.walk);
	r.pages = pages.n;
	if (!err) {
		order = calloc(pages.n ? pages.n : 1, sizeof(*order));
		sink.zstd = ZSTD_createCCtx();
		sink.buf = malloc(sink.n_buf);
		if (!order || !sink.zstd || !sink.buf)
			err = &ap_err_nomem;
	}
	if (!err) {
		(void)ZSTD_CCtx_setParameter(sink.zstd, ZSTD_c_compressionLevel, 1);
		(void)ZSTD_CCtx_setParameter(sink.zstd, ZSTD_c_checksumFlag, 1);
		ap_pages_sort(&pages, order);
		err = write_core(dying, &pages, order, &sink, &segments, &r);
	}
	r.raw_bytes = sink.in;
	r.stored_bytes = sink.out;
	if (sink.zstd)
		(void)ZSTD_freeCCtx(sink.zstd);
	free(sink.buf);
	free(order);
	free(segments.at);
	ap_pages_close(&pages);
	if (!err)
		*ret_result = r;
	return err;
}
