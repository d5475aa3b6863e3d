/* A bundle from a bucket, read as a stream: names, texts, cores. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ship/unzip.h"

enum { MAX_TEXT = 1 << 20, MAX_CORE = 4 << 20 };

struct input {
	const uint8_t *data;
	size_t bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct ap_err *next(void *arg, const void **ret, size_t *ret_n)
{
	struct input *in = arg;
	size_t n = in->bytes < 97 ? in->bytes : 97;

	*ret = in->data;
	*ret_n = n;
	in->data += n;
	in->bytes -= n;
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct input in = {data, bytes};
	struct ap_unzip u;
	const char *name;
	size_t files = 0;

	struct ap_err *err = ap_unzip_open(&u, next, &in);
	if (err) {
		ap_err_free(err);
		return 0;
	}
	while (!err && files++ < 1000) {
		err = ap_unzip_next(&u, &name);
		if (err || !name)
			break;
		if (ap_bundle_file_of(name) >= AP_BUNDLE_MINI) {
			int fd = memfd_create("core", MFD_CLOEXEC);
			uint64_t n = 0;

			err = ap_unzip_file(&u, fd, MAX_CORE, &n);
			if (!err && (n > MAX_CORE || lseek(fd, 0, SEEK_END) != (off_t)n))
				abort();
			close(fd);
		} else {
			AP_STR_AUTO text = {0};

			err = ap_unzip_text(&u, MAX_TEXT, &text);
			if (!err && text.n > MAX_TEXT)
				abort();
		}
	}
	ap_err_free(err);
	ap_unzip_close(&u);
	return 0;
}
