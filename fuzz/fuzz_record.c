/* A crash's JSON files as list and info read them, and the opener's answers as the agent reads
 * them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "capture/agent/stack.h"
#include "capture/spool/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct ap_record record = {.state = "done"};
	struct ap_stack_summary summary;
	struct ap_arena arena;

	ap_arena_init(&arena, 64 << 20);
	ap_err_free(ap_record_parse((const char *)data, bytes, &arena, &record));
	if (!record.state || !ap_record_program(&record))
		abort();
	struct ap_err *err = ap_stack_parse((const char *)data, bytes, &arena, &summary);
	if (!err) {
		AP_STR_AUTO text = {0};

		ap_stack_write(&summary, &text);
		/* What it writes, it reads. */
		ap_err_free(ap_record_parse(text.s, text.n, &arena, &record));
		struct ap_json_memory memory = {text.s, text.n};
		struct ap_json_reader r;
		ap_json_read_init(&r, ap_json_source_memory(&memory), 1 << 20);
		if (!text.failed && (!ap_json_read_skip(&r) || !ap_json_read_end(&r)))
			abort();
		ap_json_read_close(&r);
	}
	ap_err_free(err);
	ap_arena_close(&arena);
	return 0;
}
