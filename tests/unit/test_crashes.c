/* What list reads of a crash, and what the agent makes of the opener's answers. */
#include <string.h>

#include "capture/agent/stack.h"
#include "capture/spool/record.h"
#include "unit.h"

static void test_record(void **state)
{
	(void)state;
	static const char meta[] =
		"{\"pid\":41,\"uid\":5,\"signal\":6,\"signal_name\":\"SIGABRT\",\"comm\":\"no\\u0000de\","
		"\"exe\":\"/usr/bin/node\",\"pod\":null,\"cmdline\":[\"pid\",{\"pid\":1}]}\n";
	struct ap_record r = {.pid = -1, .count = -1};
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	assert_ok(ap_record_parse(meta, strlen(meta), &arena, &r));
	assert_int_equal(r.pid, 41); /* not the one inside of cmdline */
	assert_int_equal(r.count, -1);
	assert_string_equal(r.comm, "no"); /* nothing hides behind a NUL */
	assert_null(r.pod);
	assert_string_equal(ap_record_program(&r), "node");
	/* Cut off anywhere: an error, and nothing was taken over. */
	for (size_t n = 0; n < strlen(meta) - 1; n++) {
		struct ap_record other = {.pid = -1};
		struct ap_err *err = ap_record_parse(meta, n, &arena, &other);

		if (!err)
			fail_msg("%zu bytes are enough", n);
		ap_err_free(err);
		assert_int_equal(other.pid, -1);
	}
	/* Of another kind than they should be: unknown, not wrong. */
	static const char odd[] =
		"{\"pid\":\"41\",\"uid\":-3,\"comm\":7,\"exe\":null,\"signal\":1.5}";
	struct ap_record other = {.pid = -1, .uid = -1, .signal = -1};
	struct ap_err *err = ap_record_parse(odd, strlen(odd), &arena, &other);
	assert_true(err || (other.pid == -1 && other.uid == -1));
	ap_err_free(err);
	assert_string_equal(ap_record_program(&other), "?");
	ap_arena_close(&arena);
}

static void summary_of(const char *frames, const char *kind, struct ap_arena *arena,
		       struct ap_stack_summary *ret)
{
	AP_STR_AUTO text = {0};

	ap_str_addf(
		&text,
		"{\"command\":\"report\",\"data\":{\"verdict\":{\"kind\":\"%s\",\"certainty\":\"certain\",\"text\":"
		"\"boom\"}}}\n{\"command\":\"bt\",\"data\":{\"threads\":[{\"crashed\":false,\"frames\":[{\"kind\":"
		"\"js\",\"function\":\"idle\"}]},{\"crashed\":true,\"frames\":[%s]}]}}\n",
		kind, frames);
	assert_ok(ap_stack_parse(text.s, text.n, arena, ret));
}

#define INNER(line)                                                                                \
	"{\"kind\":\"js\",\"function\":\"inner\",\"script\":\"/app/a.js\",\"line\":" line          \
	",\"column\":9}"
#define ABORT "{\"kind\":\"native\",\"symbol\":\"abort\",\"module\":\"/lib/libc.so.6\"}"

static void test_stack(void **state)
{
	(void)state;
	struct ap_stack_summary a, b;
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	summary_of(ABORT "," INNER("7"), "uncaught-error", &arena, &a);
	assert_string_equal(a.kind, "js");
	assert_int_equal(a.n_frames, 1);
	assert_string_equal(a.frames[0].function, "inner");
	assert_int_equal(a.frames[0].line, 7);
	assert_int_equal(strlen(a.fingerprint), 16);
	summary_of(INNER("99"), "uncaught-error", &arena, &b); /* another line, other native frames:
								  the same */
	assert_string_equal(a.fingerprint, b.fingerprint);
	summary_of(INNER("7"), "out-of-heap", &arena, &b); /* another kind: another death */
	assert_string_not_equal(a.fingerprint, b.fingerprint);
	summary_of(ABORT, "signal", &arena, &b);
	assert_string_equal(b.kind, "native");
	assert_string_equal(b.frames[0].function, "abort");
	summary_of("", "unknown", &arena, &b);
	assert_string_equal(b.kind, "unknown");
	assert_string_equal(b.fingerprint, "");
	/* Eight frames count, the ninth does not. */
	summary_of(
		INNER("1") "," INNER("1") "," INNER("1") "," INNER("1") "," INNER("1") "," INNER(
			"1") "," INNER("1") "," INNER("1") ",{\"kind\":\"js\",\"function\":\"x\"}",
		"signal", &arena, &a);
	summary_of(
		INNER("1") "," INNER("1") "," INNER("1") "," INNER("1") "," INNER("1") "," INNER(
			"1") "," INNER("1") "," INNER("1") ",{\"kind\":\"js\",\"function\":\"y\"}",
		"signal", &arena, &b);
	assert_int_equal(a.n_frames, 8);
	assert_string_equal(a.fingerprint, b.fingerprint);
	static const char failed[] =
		"{\"data\":null,\"error\":{\"code\":\"x\",\"message\":\"no V8\"}}\n";
	assert_ok(ap_stack_parse(failed, strlen(failed), &arena, &b));
	assert_string_equal(b.error, "no V8");
	assert_err(ap_stack_parse("{\"data\":", 8, &arena, &b), AP_E_FORMAT);
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
