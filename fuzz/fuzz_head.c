/*
 * The first bytes of a core, as they come out of the pipe, then the walk and the minicore over
 * memory that holds the same bytes again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/handler/head.h"
#include "capture/handler/meta.h"
#include "capture/handler/minicore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct memory {
	const uint8_t *data;
	size_t bytes;
};

/* Every address holds something: the input, over and over. */
static bool read_memory(void *arg, uint64_t addr, void *buf, size_t bytes)
{
	const struct memory *m = arg;
	uint8_t *p = buf;

	if (!m->bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		p[i] = m->data[(addr + i) % m->bytes];
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int in = -1, out = -1;
	struct ap_minicore_limits limits = {
		.raw_bytes = 64 * AP_HANDLE_PAGE,
		.walk = {.text_bytes = 65536,
			 .texts_bytes = 65536,
			 .depth = 4,
			 .cpu_ms = 3,
			 .time_ms = 50},
	};
	struct memory memory = {data, bytes};
	struct ap_minicore_result r;
	struct ap_head head;

	if (in < 0) {
		in = memfd_create("in", 0);
		out = memfd_create("out", 0);
	}
	if (bytes > 1 << 16 || ftruncate(in, 0) != 0 || ftruncate(out, 0) != 0 ||
	    pwrite(in, data, bytes, 0) != (ssize_t)bytes)
		return 0;
	lseek(in, 0, SEEK_SET);
	lseek(out, 0, SEEK_SET);
	struct ap_err *err = ap_head_read(in, &head);
	if (head.bytes.n > bytes || (head.bytes.n && memcmp(head.bytes.s, data, head.bytes.n) != 0))
		abort(); /* what was read has to be what was there: the core begins with it */
	if (!err) {
		struct ap_dying dying = {&head.header,     &head.notes, head.raw_notes,
					 head.n_raw_notes, read_memory, &memory};
		struct ap_context context = {.args = {.comm = "x", .hostname = "y"}};
		AP_STR_AUTO meta = {0};

		ap_meta_write("00000000-0000-7000-8000-000000000000", &context, &dying, &meta);
		ap_err_free(ap_minicore_write(&dying, &limits, out, &r));
	}
	ap_err_free(err);
	ap_head_close(&head);
	return 0;
}
