/* Where the bytes go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/number.h"
#include "capture/snapshot/private.h"

/* Level 3 gains nothing on V8 heaps and costs a third more. */
enum { ZSTD_LEVEL = 1, HOLE_BYTES = 64 << 10 };

struct ap_err *ap_sink_open(struct ap_sink *sink, int fd, bool compress, uint64_t total)
{
	*sink = (struct ap_sink){.fd = fd};
	if (!compress)
		return NULL;
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	sink->n_buf = ZSTD_CStreamOutSize();
	sink->buf = malloc(sink->n_buf);
	sink->zstd = ctx;
	if (!ctx || !sink->buf)
		return &ap_err_nomem;
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	/* So that a reader knows the core's size before it has unpacked it. */
	if (total)
		(void)ZSTD_CCtx_setPledgedSrcSize(ctx, total);
	return NULL;
}

static struct ap_err *sink_compress(struct ap_sink *sink, const void *data, size_t bytes,
				    ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {data, bytes, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {sink->buf, sink->n_buf, 0};

		left = ZSTD_compressStream2(sink->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return ap_err_new(AP_E_IO, "compression failed: %s",
					  ZSTD_getErrorName(left));
		if (out.pos)
			AP_TRY(ap_write_all(sink->fd, sink->buf, out.pos));
		sink->out += out.pos;
	} while (end == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return NULL;
}

struct ap_err *ap_sink_write(struct ap_sink *sink, const void *data, size_t bytes)
{
	sink->in += bytes;
	if (sink->zstd)
		return sink_compress(sink, data, bytes, ZSTD_e_continue);
	uint64_t at = sink->out;
	sink->out += bytes;
	return sink->sparse ? ap_snap_put(sink->fd, data, bytes, at)
			    : ap_write_all(sink->fd, data, bytes);
}

struct ap_err *ap_sink_finish(struct ap_sink *sink)
{
	if (sink->zstd)
		return sink_compress(sink, NULL, 0, ZSTD_e_end);
	return sink->sparse ? ap_snap_extend(sink->fd, sink->out) : NULL;
}

struct ap_err *ap_snap_put(int fd, const uint8_t *data, uint64_t bytes, uint64_t offset)
{
	return ap_pwrite_sparse(fd, data, bytes, offset, HOLE_BYTES);
}

struct ap_err *ap_snap_extend(int fd, uint64_t bytes)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size < bytes &&
	    ftruncate(fd, (off_t)bytes) < 0)
		return ap_err_errno(errno, "cannot write the output");
	return NULL;
}

void ap_sink_close(struct ap_sink *sink)
{
	if (sink->zstd)
		(void)ZSTD_freeCCtx(sink->zstd);
	free(sink->buf);
	*sink = (struct ap_sink){0};
}

static uint64_t round_up(uint64_t v)
{
	return (v + AP_PAGE - 1) & ~(uint64_t)(AP_PAGE - 1);
}

uint64_t ap_snap_front(size_t n_segments, size_t notes_bytes)
{
	/* A quarter more: until the stop the process goes on mapping memory. */
	return round_up(sizeof(Elf64_Ehdr) +
			ap_corew_table_bytes(n_segments + n_segments / 4 + 256, 0) + notes_bytes +
			notes_bytes / 4 + 65536);
}

struct ap_err *ap_snap_put_headers(struct ap_snap *s, int fd, const struct ap_segs *segs,
				   uint64_t front, uint64_t end, uint64_t *ret_end)
{
	AP_STR_AUTO ehdr = {0};
	AP_STR_AUTO table = {0};
	uint64_t at = sizeof(Elf64_Ehdr);

	/* Headers may stand anywhere; at the end if there turned out to be more than foreseen. */
	if (at + ap_corew_table_bytes(segs->n, s->notes.n) > front) {
		at = round_up(end);
		end = at + ap_corew_table_bytes(segs->n, s->notes.n);
	}
	AP_TRY(ap_corew_headers(segs->at, segs->n, &s->notes, at, &ehdr, &table));
	AP_TRY(ap_snap_extend(fd, end));
	AP_TRY(ap_pwrite_all(fd, table.s, table.n, at));
	AP_TRY(ap_pwrite_all(fd, ehdr.s, ehdr.n, 0));
	s->result.n_segments = segs->n;
	s->result.memory_bytes = ap_segs_bytes(segs);
	s->result.core_bytes = end;
	*ret_end = end;
	return NULL;
}

struct ap_err *ap_snap_pump(struct ap_snap *s, int fd, uint64_t bytes, int out)
{
	struct ap_sink sink;
	struct ap_err *err = ap_sink_open(&sink, out, s->options->compress, bytes);

	for (uint64_t at = 0; at < bytes && !err;) {
		uint64_t want = bytes - at < AP_COPY_BYTES ? bytes - at : AP_COPY_BYTES;
		ssize_t n = pread(fd, s->buf, want, (off_t)at);

		if (n <= 0) {
			err = ap_err_new(AP_E_IO, "cannot read the temporary file back");
			break;
		}
		err = ap_sink_write(&sink, s->buf, (size_t)n);
		at += (uint64_t)n;
		if (s->options->progress)
			s->options->progress(s->options->arg, "writing", at, bytes);
		if (!err)
			err = ap_snap_check_cancel(s);
	}
	if (!err)
		err = ap_sink_finish(&sink);
	s->result.file_bytes = sink.out;
	ap_sink_close(&sink);
	return err;
}

struct ap_err *ap_snap_check_space(struct ap_snap *s, const char *path, uint64_t bytes)
{
	uint64_t have = ap_free_space(path);
	char a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];

	(void)s;
	if (have >= bytes + bytes / 32)
		return NULL;
	return ap_err_hint(
		ap_err_new(AP_E_IO, "the core needs about %s and the file system of %s has %s",
			   ap_bytes_human(bytes, a), path, ap_bytes_human(have, b)),
		"write elsewhere with -o, or stream: autopsy snapshot PID --compress zstd -o - "
		"| ssh HOST 'cat > core.zst'");
}

struct ap_err *ap_snap_scratch(struct ap_snap *s, uint64_t bytes, int *ret_fd)
{
	const char *dir = getenv("TMPDIR");
	char probe[PATH_MAX];

	snprintf(probe, sizeof(probe), "%s/x", dir && *dir ? dir : "/var/tmp");
	AP_TRY(ap_snap_check_space(s, probe, bytes));
	return ap_scratch_open(NULL, ret_fd);
}
