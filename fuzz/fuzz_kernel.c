/*
 * What a dying process has a hand in before any file of it is opened: the kernel's arguments, its
 * control group, command line, environment, maps, and what all that becomes in meta.json.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "capture/handler/meta.h"
#include "capture/handler/pass.h"
#include "capture/handler/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *copy = malloc(bytes + 1), *argv[AP_HANDLE_ARGS];
	struct ap_context context = {.args = {.comm = "", .hostname = ""}};
	AP_STR_AUTO meta = {0};
	AP_STR_AUTO name = {0};
	size_t n = 0, at = 0;

	if (!copy)
		return 0;
	memcpy(copy, data, bytes);
	copy[bytes] = '\0';
	/* Twelve words, then the rest as every file of /proc. */
	for (; n < AP_HANDLE_ARGS && at < bytes; n++) {
		argv[n] = copy + at;
		at += strlen(copy + at) + 1;
	}
	if (n == AP_HANDLE_ARGS && at < bytes) {
		struct ap_err *err = ap_kernel_args_parse((int)n, argv, &context.args);
		struct ap_str *const files[] = {&context.status, &context.cmdline, &context.environ,
						&context.maps,   &context.limits,  &context.cgroup};

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			ap_str_add(files[i], copy + at, bytes - at);
		ap_identity_parse(copy + at, bytes - at, &context.identity);
		ap_meta_write("00000000-0000-7000-8000-000000000000", &context, NULL, &meta);
		/* Whatever went in, JSON comes out. */
		struct ap_json_memory memory = {meta.s, meta.n};
		struct ap_json_reader r;
		ap_json_read_init(&r, ap_json_source_memory(&memory), 1 << 20);
		if (!ap_json_read_skip(&r) || !ap_json_read_end(&r))
			abort();
		ap_json_read_close(&r);
		ap_pass_expand(copy + at, strlen(copy + at), &context, true, &name);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			ap_str_close(files[i]);
		ap_err_free(err);
	}
	free(copy);
	return 0;
}
